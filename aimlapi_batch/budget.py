"""What a job may spend over all its runs: a request sets aside what it is expected to cost until it is answered."""

from __future__ import annotations

import asyncio
from typing import Any

_LEARNT = 20  # answers, from which on the highest cost of them is what the next one is expected to cost
_MARGIN = 1.25  # on the highest cost of fewer, while others are under way
_ROUNDING = 1 + 1e-9  # what sums of floats are off by


class BudgetSpent(Exception):
    """Nothing is under way, and the next request would pass the budget."""


class Budget:
    """US dollars that may be spent, and what is set aside of them.

    Args:
        limit: None for no budget.
        spent: by the runs before.
        answers, highest: how many they got, and the highest cost of one.
    """

    def __init__(self, limit: float | None, spent: float = 0.0, *, answers: int = 0, highest: float = 0.0) -> None:
        self.limit = limit
        self.spent = spent
        self._set_aside: dict[Any, float] = {}
        self._answers = answers
        self._highest = highest
        self._changed = asyncio.Event()

    async def reserve(self, call: Any, estimate: float | None) -> None:
        """Waits until a call has room: a call that is over may have cost less than was expected.

        Args:
            estimate: US dollars at most, by its tokens; None where that is not known.

        Raises:
            BudgetSpent: no call is under way whose end might make room.
        """
        if self.limit is None:
            return
        while not self._has_room(estimate):
            if not self._set_aside:
                raise BudgetSpent
            self._changed.clear()
            await self._changed.wait()
        self._set_aside[call] = self._expected(estimate) or 0.0

    def _expected(self, estimate: float | None) -> float | None:
        """The cost of the next call; None where nothing tells it."""
        if not self._answers:
            return estimate
        if self._answers >= _LEARNT or not self._set_aside:
            return self._highest
        return self._highest * _MARGIN if estimate is None else min(estimate, self._highest * _MARGIN)

    def _has_room(self, estimate: float | None) -> bool:
        limit = self.limit or 0.0
        if self.spent * _ROUNDING >= limit:
            return False
        expected = self._expected(estimate)
        if not self._answers and not self._set_aside:
            return True  # the first one tells what they cost, and is all that is under way
        if expected is None:
            return False
        return self.spent + sum(self._set_aside.values()) + expected <= limit * _ROUNDING

    def settle(self, call: Any, cost: float | None) -> None:
        """A call is over, and cost so much; None where it failed."""
        if self.limit is None:
            return
        self._set_aside.pop(call, None)
        if cost is not None:
            self.spent += cost
            self._answers += 1
            self._highest = max(self._highest, cost)
        self._changed.set()
