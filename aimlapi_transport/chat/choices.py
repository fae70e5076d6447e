"""Of a stream of several answers one: for callers that add pieces up, and would mix them. Pure."""

from __future__ import annotations

from dataclasses import replace

from aimlapi_transport.chat.response import Delta


class OneChoice:
    """Passes the deltas of one answer on, and a completion that holds it alone: the one of the lowest index.

    That is 0, so pieces of another wait until one of it comes, and are dropped then. Where only one answer was asked
    for, and a second piece of another comes first, that one is the answer: some hosts number it otherwise.

    Args:
        asked_for: how many answers were asked for.
    """

    def __init__(self, asked_for: int) -> None:
        self._is_one_of_several = asked_for > 1
        self._index: int | None = None  # of the answer, once it is chosen
        self._waiting: dict[int, list[Delta]] = {}

    def of(self, deltas: list[Delta]) -> list[Delta]:
        """Which of these deltas to pass on."""
        passed: list[Delta] = []
        for delta in deltas:
            completion = delta.completion
            if completion is not None:
                if self._waiting:
                    passed += self._choose(min(self._waiting))
                if len(completion.choices) > 1:
                    chosen = [choice for choice in completion.choices if choice.index == self._index]
                    choices = tuple(chosen or completion.choices[:1])
                    delta = replace(delta, completion=replace(completion, choices=choices))
                passed.append(delta)
            elif delta.choice == self._index:
                passed.append(delta)
            elif self._index is None:
                waiting = self._waiting.setdefault(delta.choice, [])
                waiting.append(delta)
                if delta.choice == 0 or (len(waiting) > 1 and not self._is_one_of_several):
                    passed += self._choose(delta.choice)
        return passed

    def _choose(self, index: int) -> list[Delta]:
        """Takes this answer, of which these deltas have waited."""
        self._index, waiting = index, self._waiting[index]
        self._waiting = {}
        return waiting
