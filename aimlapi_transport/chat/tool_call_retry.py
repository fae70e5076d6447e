"""What a model reads whose tool call cannot be run, so that it writes the call again. Pure."""

from __future__ import annotations

_WRITTEN_LIMIT = 500  # characters of the model's own text in an answer to it

NOT_RUN = "This call was not run, because another one of the same answer is broken. Call the tool again."
"""The result of a call beside a broken one."""


def broken_call_result(error: str, arguments: str) -> str:
    """The result of a broken call.

    Args:
        error: what is wrong with it.
        arguments: as the model wrote them.
    """
    return (
        f"This call was not run: {error}. You wrote: {arguments[:_WRITTEN_LIMIT]}\n"
        "Call the tool again, with one JSON object that fits its schema."
    )
