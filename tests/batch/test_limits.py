"""Limits of units in a minute, by a simulated clock: the allowance is used, and not passed."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from aimlapi_batch.limiter import Rate
from tests.batch.simulated import run_simulated


def test_units_begin_evenly_and_in_order() -> None:
    async def lived() -> list[tuple[str, float]]:
        clock = asyncio.get_running_loop().time
        rate, begun = Rate(60, clock=clock), list[tuple[str, float]]()

        async def one(name: str, units: float) -> None:
            await rate.take(lambda: units)
            begun.append((name, round(clock(), 6)))

        await asyncio.gather(one("a", 10), one("b", 1), one("c", 2), one("d", 1))
        return begun

    assert run_simulated(lived()) == [("a", 0), ("b", 10), ("c", 11), ("d", 13)]


def test_what_was_not_used_wakes_those_that_wait_and_what_was_used_too_much_delays_them() -> None:
    async def lived() -> list[float]:
        clock = asyncio.get_running_loop().time
        rate, begun = Rate(60, clock=clock), list[float]()

        async def one(units: float) -> None:
            await rate.take(lambda: units)
            begun.append(round(clock(), 6))

        first = asyncio.ensure_future(asyncio.wait([asyncio.ensure_future(one(10)), asyncio.ensure_future(one(1))]))
        await asyncio.sleep(4)
        rate.correct(-8)  # 2 were used: the second may go on now
        await first
        await one(1)  # of what the first left over
        rate.correct(+5)
        await one(1)
        return begun

    assert run_simulated(lived()) == [0, 4, 4, 9]


@pytest.mark.parametrize("estimate", [20.0, 100.0, 1000.0])
@pytest.mark.parametrize("latency", [0.5, 20.0])
@pytest.mark.parametrize("used", [15.0, 100.0])
def test_the_allowance_of_each_minute_is_used_and_not_passed(estimate: float, latency: float, used: float) -> None:
    """Whatever requests are expected to use, and however long their answers take."""
    per_minute, at_once = 6000.0, 256

    async def lived() -> list[tuple[float, float]]:
        clock = asyncio.get_running_loop().time
        rate, begun = Rate(per_minute, clock=clock), list[tuple[float, float]]()
        known: list[float] = []

        async def work() -> None:
            while clock() < 300:
                taken = await rate.take(lambda: known[-1] if known else estimate)
                begun.append((clock(), used))
                await asyncio.sleep(latency)
                rate.correct(used - taken)
                known.append(used)

        await asyncio.gather(*(work() for _ in range(at_once)))
        return begun

    begun = run_simulated(lived())
    for minute in range(1, 6):
        total = sum(units for at, units in begun if at < minute * 60)
        unknown = max(used - estimate, 0) * per_minute / 60 / estimate * latency  # till the first answer came
        wasted = per_minute / 60 * latency if estimate > used else 0
        assert 0.98 * (minute * per_minute - wasted) <= total <= 1.02 * (minute * per_minute + unknown), minute
    assert all(later >= earlier for (earlier, _), (later, _) in pairwise(begun))
