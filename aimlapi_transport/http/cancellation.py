"""Cancellation that is not lost before Python 3.11.

There a task cannot count its cancellations, so anyio takes one that comes while its own scope ends (each connect ends
one) for that scope's, and the call goes on as if nobody had cancelled it: for ever, where the server is silent.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar


class _Closable(Protocol):
    async def aclose(self) -> None: ...


T = TypeVar("T", bound=_Closable)
_endings: set[asyncio.Task[None]] = set()  # a loop holds its tasks weakly
_AGAIN = 0.05  # seconds


async def cancellable(answer: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns; before Python 3.11 by a task of its own, so that the caller's is in no scope."""
    if sys.version_info >= (3, 11):
        return await answer
    return await in_own_task(answer)


async def in_own_task(answer: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns, by a task of its own, cancelled until it ends; what it still returns is closed."""
    task = asyncio.ensure_future(answer)
    try:
        await asyncio.wait([task])
        return task.result()
    except asyncio.CancelledError:
        ending = asyncio.ensure_future(_end(task))
        _endings.add(ending)
        ending.add_done_callback(_endings.discard)
        await asyncio.shield(ending)
        raise
    finally:
        del task  # its error holds this frame


async def _end(task: asyncio.Task[T]) -> None:
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_AGAIN)
    if not task.cancelled() and task.exception() is None:
        await task.result().aclose()
