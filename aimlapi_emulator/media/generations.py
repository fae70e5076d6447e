"""What takes minutes: ordered, and done at the third question for it. By counting, not by a clock."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from aimlapi_emulator.server.errors import Refused

STATES = ("queued", "generating", "completed")
_MOST = 1000  # orders that are kept


@dataclass(slots=True)
class Ordered:
    """One order.

    Attributes:
        answer: what the poll adds once it is done.
        fault: `never-ends` or `fails`; empty where it goes well.
        asked: how often it was asked for.
    """

    kind: str
    answer: dict[str, Any]
    fault: str = ""
    asked: int = 0


class Generations:
    """The orders of one server, the newest 1,000."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Ordered] = OrderedDict()
        self._lock = threading.Lock()

    def order(self, id: str, ordered: Ordered) -> None:
        """Takes an order."""
        with self._lock:
            self._kept[id] = ordered
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)

    def ask(self, id: str, kind: str) -> dict[str, Any]:
        """The reply to a question for an order; raises Refused where there is none of this id."""
        with self._lock:
            ordered = self._kept.get(id)
            if ordered is None or ordered.kind != kind:
                raise Refused(404, f"Generation '{id[:200]}' not found.")
            ordered.asked += 1
            state = STATES[min(ordered.asked, len(STATES)) - 1]
        if ordered.fault == "never-ends" and state == "completed":
            state = "generating"
        if ordered.fault == "fails" and state != "queued":
            error = {"name": "GenerationError", "message": "The emulator was asked to fail this generation."}
            return {"id": id, "status": "error", "error": error, "meta": {"usage": {"credits_used": 0, "usd_spent": 0}}}
        return {"id": id, "status": state, **(ordered.answer if state == "completed" else {})}
