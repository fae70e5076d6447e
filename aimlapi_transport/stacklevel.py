"""The `stacklevel` of a warning: the nearest line that is neither ours nor a framework's. Pure."""

from __future__ import annotations

import sys
from types import FrameType

_OURS = ("aimlapi_transport", "langchain_aimlapi", "llama_index_aimlapi")
_FRAMEWORKS = (
    *("langchain", "langchain_core", "langchain_classic", "langchain_community", "langgraph", "langsmith"),
    *("llama_index", "llama_index_instrumentation", "workflows", "pydantic", "pydantic_core", "tenacity", "anyio"),
)
_SKIPPED = frozenset((*_OURS, *_FRAMEWORKS, *sys.stdlib_module_names)) - {"__main__"}


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
