"""Runs code that is written once, for asyncio, for a blocking client.

What does I/O is handed in: a blocking client hands in objects whose coroutines never wait for an event loop.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_blocking(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns, none of whose awaits suspends it: all its I/O blocks."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise RuntimeError("A blocking call waited for an event loop.")
