"""The transport's errors -> LangChain's of the same name."""

from __future__ import annotations

from aimlapi_transport import errors as transport
from langchain_aimlapi.stream_errors import KINDS


class translated:
    """Raises the transport's errors as LangChain's too, with everything they carry.

    No generator: from Python 3.13 on, the frame that drives one stays with the error it holds, in a circle.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, trace: object) -> None:
        try:
            if isinstance(error, transport.AIMLAPIError):
                raise_translated(error)
        finally:
            del error, trace  # or frame, error and traceback would hold each other, and the model's connections


def raise_translated(error: transport.AIMLAPIError) -> None:
    """Raises LangChain's error for one of the transport's; nothing where it has none."""
    kind = KINDS.get(type(error))
    if kind is None or kind is type(error):
        return
    ours = kind(error.message)
    # What a base class says of its kind is no more than a default: the error itself knows better.
    ours.__dict__.update({"is_retryable": error.is_retryable, **error.__dict__})
    try:
        raise ours from None
    finally:
        del ours, error  # as above
