"""Warnings to the user: once for each model and matter, at the nearest line that is neither ours nor a framework's."""

from __future__ import annotations

import sys
import warnings
from types import FrameType

_OURS = ("aimlapi_transport", "aimlapi_batch", "aimlapi_cli", "langchain_aimlapi", "llama_index_aimlapi")
_FRAMEWORKS = (
    *("langchain", "langchain_core", "langchain_classic", "langchain_community", "langgraph", "langsmith"),
    *("llama_index", "llama_index_instrumentation", "workflows", "pydantic", "pydantic_core", "tenacity", "anyio"),
)
_SKIPPED = frozenset((*_OURS, *_FRAMEWORKS, *sys.stdlib_module_names)) - {"__main__"}

_warned: set[tuple[str, str]] = set()


class UnlistedParameterWarning(UserWarning):
    """A parameter or a content part is sent that the provider's documents do not list for the model, or a weaker
    tool choice in place of one that the host does not take."""


def stacklevel() -> int:
    """The `stacklevel` with which the caller's `warnings.warn` points at the user's own line.

    In a thread or a task of a framework's own no user's line is on the stack: then the outermost one.
    """
    level = 1
    frame = sys._getframe(1)
    while frame.f_back is not None and _top(frame) in _SKIPPED:
        frame = frame.f_back
        level += 1
    return level


def _top(frame: FrameType) -> str:
    name: str = frame.f_globals.get("__name__", "")
    return name.partition(".")[0]


def warn(message: str) -> None:
    """A warning about the user's own line."""
    warnings.warn(message, stacklevel=stacklevel())


def warn_unknown_endpoint(model: str) -> None:
    """Warns once that a model goes to /v1/responses for what is asked for, though nobody says it is served there."""
    text = f"{model} is not known to be served under /v1/responses; the call goes there for what it asks for"
    _warn_once(model, "endpoint", f"{text}. `use_responses_api=True` or `False` decides.")


def warn_not_strict(problem: str, *, was_asked: bool) -> None:
    """Warns once of a schema that a model is not held to.

    Args:
        problem: the field, and what it says that strict output cannot.
        was_asked: whether the user asked for strict output, not we by ourselves.
    """
    text = (
        f"{problem}, which strict output does not support: `strict` is left out, and the answer may not fit the schema"
    )
    if was_asked:
        warn_once(problem, "strict", text)
    elif _is_first(problem, "strict"):
        warn(f"{text}.")


def warn_once(model: str, key: str, text: str) -> None:
    """Warns once in the process for each model and key."""
    _warn_once(model, key, f"{text}; `strict_parameters=True` raises instead.")


def _warn_once(model: str, key: str, text: str) -> None:
    if _is_first(model, key):
        warnings.warn(text, UnlistedParameterWarning, stacklevel=stacklevel())


def _is_first(model: str, key: str) -> bool:
    """Whether nothing of this key was said of the model yet."""
    is_first = (model, key) not in _warned
    _warned.add((model, key))
    return is_first


def warn_unknown_context(model: str) -> None:
    """Warns once in the process for each model whose context no packaged source names."""
    if _is_first(model, "context"):
        warn(
            f"The context of {model} is not known: LlamaIndex's default of 3900 tokens is used. Pass "
            "`context_window`, or call `refresh_profile()`, which asks the catalogue."
        )
