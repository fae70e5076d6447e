"""Whose line called: a warning is about the user's own, and a framework's wish is not the user's. Pure."""

from __future__ import annotations

import sys
from types import FrameType

_OURS = ("aimlapi_transport", "langchain_aimlapi", "llama_index_aimlapi")
_FRAMEWORKS = (
    *("langchain", "langchain_core", "langchain_classic", "langchain_community", "langgraph", "langsmith"),
    *("llama_index", "llama_index_instrumentation", "workflows", "pydantic", "pydantic_core", "tenacity", "anyio"),
)
_AGENTS = frozenset(("langchain", "langgraph"))
_PASSED = frozenset((*_OURS, *_FRAMEWORKS, *sys.stdlib_module_names)) - {"__main__"}


def stacklevel() -> int:
    """The `stacklevel` with which the caller's `warnings.warn` points at the user's own line.

    In a thread or a task of a framework's own no user's line is on the stack: then the outermost one.
    """
    level = 1
    frame = sys._getframe(1)
    while frame.f_back is not None and _top(frame) in _PASSED:
        frame = frame.f_back
        level += 1
    return level


def is_asked_by_an_agent() -> bool:
    """Whether the code that called this package is LangChain's own agents', not the user's."""
    frame = sys._getframe(1)
    while frame.f_back is not None and _top(frame) in _OURS:
        frame = frame.f_back
    return _top(frame) in _AGENTS


def _top(frame: FrameType) -> str:
    name: str = frame.f_globals.get("__name__", "")
    return name.partition(".")[0]
