"""What httpx, httpcore and asyncio have no documented way for, for httpx and httpx2 alike."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

_LIBRARIES = frozenset(("httpx", "httpx2", "httpcore", "httpcore2", "h11"))


def error_names(error: BaseException) -> frozenset[str]:
    """The names of an exception's classes that are of httpx, httpx2 and beneath; empty for any other exception."""
    kind = type(error)
    return frozenset(base.__name__ for base in kind.__mro__ if base.__module__.partition(".")[0] in _LIBRARIES)


def is_client(value: object, name: str) -> bool:
    """Whether a value is the `Client` or `AsyncClient` of httpx, or of httpx2 where somebody imported that."""
    modules = (sys.modules.get(library) for library in ("httpx", "httpx2"))
    return any(isinstance(value, getattr(module, name)) for module in modules if module is not None)


def close_in_closed_loop(loop: Any, stream: Any) -> None:
    """Closes the socket of an httpcore network stream whose event loop is closed.

    asyncio leaves the last step to its loop (`call_soon`), which a closed one refuses: the socket would be left to the
    garbage collector, which warns of it. So the loop, which nobody can use any more, takes that step at once. A loop
    whose methods cannot be replaced (uvloop's) leaves it to the collector.
    """
    with suppress(AttributeError, TypeError):
        loop.call_soon = lambda callback, *arguments, context=None: callback(*arguments)
        try:
            steps = stream.aclose().__await__()
            with suppress(StopIteration, Exception):
                for _ in range(8):  # it only lets the loop run once in between
                    next(steps)
        finally:
            del loop.call_soon
