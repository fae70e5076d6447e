"""A cancelled call ends, whatever the tasks and scopes below it do with the cancellation."""

from __future__ import annotations

import asyncio

import pytest

from aimlapi_transport.cancelling import cancellable, in_own_task


class Answer:
    closed = False

    async def aclose(self) -> None:
        self.closed = True


async def test_what_comes_comes_through() -> None:
    one = Answer()

    async def answers() -> Answer:
        return one

    async def fails() -> Answer:
        raise ValueError("no")

    assert await cancellable(answers()) is await in_own_task(answers()) is one
    for run in (cancellable, in_own_task):
        with pytest.raises(ValueError, match="no"):
            await run(fails())
    assert one.closed is False


@pytest.mark.parametrize("then", ["answers", "waits", "fails"])
async def test_a_cancellation_that_is_lost_below_is_not_lost(then: str) -> None:
    one, begun = Answer(), asyncio.Event()

    async def loses() -> Answer:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if then == "waits":
                await asyncio.Event().wait()
            if then == "fails":
                raise ValueError("no") from None
        return one

    task = asyncio.ensure_future(in_own_task(loses()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (one.closed, asyncio.all_tasks()) == (then == "answers", {asyncio.current_task()})
