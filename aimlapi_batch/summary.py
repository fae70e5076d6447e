"""How a job stands, for those who run it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Summary:
    """How a job stands.

    Attributes:
        total: rows there are, as far as that is known; `already` were answered before this run.
        asked, answered, errors: rows of this run.
        cost_usd: US dollars of this run; input_tokens, output_tokens its tokens.
        under_way, concurrency: requests now, and how many the provider takes.
        stopped: why it ended early: `budget`, `interrupted`; None where it did not.
    """

    total: int | None = None
    already: int = 0
    asked: int = 0
    answered: int = 0
    errors: int = 0
    cost_usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    under_way: int = 0
    concurrency: float = 0.0
    begun: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    stopped: str | None = None
    estimated_usd: float | None = None

    @property
    def rows_per_second(self) -> float:
        """Answers a second."""
        return (self.answered + self.errors) / max(self.seconds, 1e-9)

    @property
    def left(self) -> int | None:
        """Rows still to be answered."""
        return None if self.total is None else max(self.total - self.already - self.answered - self.errors, 0)


Progress = Callable[[Summary], None]
