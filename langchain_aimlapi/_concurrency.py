"""Batches of work done side by side, their results in order: in threads, or in tasks of the running loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")
Advance = Callable[[], object]
"""Called after each batch that is done."""


def in_order(
    work: Callable[[Given], Made], batches: Sequence[Given], most: int, advance: Advance = lambda: None
) -> list[Made]:
    """What `work` makes of each batch, at most `most` at a time. The first failure ends it: nothing more is begun."""

    def one(batch: Given) -> Made:
        made = work(batch)
        advance()
        return made

    if most == 1 or len(batches) < 2:
        return [one(batch) for batch in batches]
    with ThreadPoolExecutor(min(most, len(batches)), "aimlapi-embeddings") as pool:
        # each with the caller's context, so that what is traced or counted there is found
        futures = [pool.submit(copy_context().run, one, batch) for batch in batches]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            left_out = [future for future in futures if future.cancel()]
    return [future.result() for future in futures if future not in left_out]


async def ain_order(
    work: Callable[[Given], Awaitable[Made]], batches: Sequence[Given], most: int, advance: Advance = lambda: None
) -> list[Made]:
    """As `in_order`, in tasks. A failure, or the caller's cancellation, cancels those still under way."""
    left = iter(enumerate(batches))
    made: dict[int, Made] = {}

    async def worker() -> None:
        for place, batch in left:
            made[place] = await work(batch)
            advance()

    workers = [asyncio.ensure_future(worker()) for _ in range(min(most, len(batches)))]
    try:
        await asyncio.gather(*workers)
    except BaseException:
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        raise
    return [made[place] for place in range(len(batches))]


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
