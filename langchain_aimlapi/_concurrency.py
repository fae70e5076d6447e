"""Batches of work done side by side, their results in order: in threads, or in tasks of the running loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
Advance = Callable[[], object]
"""Called after each batch that is done."""


def map_limited(work: Callable[[T], R], batches: Sequence[T], limit: int, advance: Advance) -> list[R]:
    """The result of each batch, in their order, at most `limit` at a time. The first failure ends it: no more begin."""

    def one(batch: T) -> R:
        result = work(batch)
        advance()
        return result

    if limit == 1 or len(batches) < 2:
        return [one(batch) for batch in batches]
    with ThreadPoolExecutor(min(limit, len(batches)), "aimlapi-embeddings") as pool:
        # each with the caller's context, so that what is traced or counted there is found
        futures = [pool.submit(copy_context().run, one, batch) for batch in batches]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            cancelled = [future for future in futures if future.cancel()]
    return [future.result() for future in futures if future not in cancelled]


async def amap_limited(
    work: Callable[[T], Awaitable[R]], batches: Sequence[T], limit: int, advance: Advance
) -> list[R]:
    """As `map_limited`, in tasks. A failure, or the caller's cancellation, cancels those still under way."""
    pending = enumerate(batches)
    results: dict[int, R] = {}

    async def worker() -> None:  # no semaphore: it would let one more begin before a failure is known
        for index, batch in pending:
            results[index] = await work(batch)
            advance()

    tasks = [asyncio.ensure_future(worker()) for _ in range(min(limit, len(batches)))]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    return [results[index] for index in range(len(batches))]


@contextmanager
def progress(shown: bool, batches: int) -> Iterator[Advance]:
    """A bar over the batches, drawn by tqdm.

    Raises:
        ImportError: a bar is asked for, and tqdm is not installed.
    """
    if not shown:
        yield lambda: None
        return
    try:
        from tqdm.auto import tqdm
    except ImportError:
        raise ImportError(
            "`show_progress_bar` needs tqdm: run `pip install tqdm`, or leave `show_progress_bar` off."
        ) from None
    with tqdm(total=batches, desc="Embedding", unit="batch") as bar:
        lock = threading.Lock()

        def advance() -> None:
            with lock:
                bar.update(1)

        yield advance
