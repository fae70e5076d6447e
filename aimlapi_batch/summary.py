"""How a job stands, for those who run it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Summary:
    """How a job stands.

    Attributes:
        total: rows of this run, as far as that is known; `already` need not be asked: they were answered before, or
            failed for a reason that would be the same.
        asked, answered, errors: rows of this run.
        failures: the classes of `errors`, each with how many rows have one and an example.
        changed: rows that had an answer to another question, and are asked again.
        requests: those sent by this run, retries included.
        cost_usd: US dollars of this run, None where no answer named its cost; `unpriced` answers did not.
        spent_usd: US dollars of all runs, of `budget_usd`.
        input_tokens, output_tokens: of this run.
        under_way, waiting, concurrency: requests that are sent, that wait to be, and how many the provider takes.
        paused_until, pause_reason: by the monotonic clock, until when no request is sent, and why.
        stopped: why it ended early: `budget`, `interrupted`; None where it did not.
        estimated_usd: of a dry run, for what is left; `assumed` says what it is based on.
        notes: what was assumed, moved aside or left out, a sentence each.
    """

    total: int | None = None
    already: int = 0
    asked: int = 0
    answered: int = 0
    errors: int = 0
    cost_usd: float | None = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    under_way: int = 0
    concurrency: float = 0.0
    begun: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    stopped: str | None = None
    estimated_usd: float | None = None
    unpriced: int = 0
    spent_usd: float = 0.0
    budget_usd: float | None = None
    requests: int = 0
    waiting: int = 0
    changed: int = 0
    failures: dict[str, tuple[int, str]] = field(default_factory=dict)
    paused_until: float = 0.0
    pause_reason: str = ""
    assumed: str | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def rows_per_second(self) -> float:
        """Answers a second."""
        return (self.answered + self.errors) / max(self.seconds, 1e-9)

    @property
    def pause(self) -> tuple[float, str] | None:
        """Seconds until requests are sent again, and why they are not; None where they are."""
        seconds = self.paused_until - time.monotonic()
        return (seconds, self.pause_reason) if seconds > 0 else None

    @property
    def left(self) -> int | None:
        """Rows still to be answered."""
        return None if self.total is None else max(self.total - self.already - self.answered - self.errors, 0)

    def count(self, answer: dict[str, Any]) -> None:
        """Another row is done."""
        self.asked += 1
        error = answer["error"]
        if error is None:
            self.answered += 1
        else:
            self.errors += 1
            number, example = self.failures.get(error["class"], (0, error["message"]))
            self.failures[error["class"]] = number + 1, example
        self.seconds = time.monotonic() - self.begun

    def uncount(self, answer: dict[str, Any]) -> None:
        """A row that failed waits again."""
        kind = answer["error"]["class"]
        number, example = self.failures.pop(kind)
        if number > 1:
            self.failures[kind] = number - 1, example
        self.errors, self.asked = self.errors - 1, self.asked - 1

    def count_usage(self, answer: dict[str, Any]) -> None:
        """An answer was paid for, whatever becomes of it."""
        cost, usage = answer["cost_usd"], answer["usage"] or {}
        if cost is None:
            self.unpriced += 1
            if not self.cost_usd:
                self.cost_usd = None
        else:
            self.cost_usd = (self.cost_usd or 0.0) + cost
            self.spent_usd += cost
        self.input_tokens += round(usage.get("input_tokens") or 0)
        self.output_tokens += round(usage.get("output_tokens") or 0)

    def counters(self) -> dict[str, Any]:
        """What the store keeps of a run."""
        names = ("requests", "answered", "input_tokens", "output_tokens", "unpriced")
        return {
            **{name: getattr(self, name) for name in names},
            "seconds": time.monotonic() - self.begun,  # the first answers are kept before they are counted
            "failed": self.errors,
            "cost_usd": self.cost_usd or 0.0,
        }

    def as_dict(self) -> dict[str, Any]:
        """The summary as JSON has it."""
        names = (
            *("total", "already", "answered", "errors", "left", "changed", "requests", "cost_usd", "unpriced"),
            *("spent_usd", "budget_usd", "input_tokens", "output_tokens", "seconds", "rows_per_second", "stopped"),
            *("estimated_usd", "assumed", "notes"),
        )
        failures = {kind: {"count": count, "example": text} for kind, (count, text) in self.failures.items()}
        return {**{name: getattr(self, name) for name in names}, "failures": failures}


Progress = Callable[[Summary], None]
