"""Figures of many calls: a chart that leaves no outlier and no error out, and percentiles. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

HEIGHT = 60  # steps of a logarithmic scale of seconds in which two errors are one mark


def chart(rows: Sequence[dict[str, Any]], width: int) -> dict[str, Any]:
    """What is drawn of rows, oldest first, in `width` steps of time.

    Returns:
        `points`: of each step with calls: time, least and most seconds (None where none has ended), US dollars so far,
        number of calls. `failures`: time and seconds of each failed call; those that would be drawn on one another are
        one. `p50`, `p95`: seconds.
    """
    if not rows:
        return {"points": [], "failures": [], "p50": None, "p95": None}
    times = [row["at"] for row in rows]
    first, span = min(times), max(max(times) - min(times), 1e-3)
    ended = sorted(row["seconds"] for row in rows if row["seconds"] is not None)
    least, most = max(min(ended, default=0.0), 1e-3), max(ended, default=0.0)
    decades = max(math.log(max(most, least) / least), 1e-9)
    steps: dict[int, list[Any]] = {}
    errors: dict[tuple[int, int], list[float]] = {}
    cost = 0.0
    for row in rows:
        cost += row["cost_usd"] or 0.0
        at, took = int((row["at"] - first) / span * (width - 1)), row["seconds"]
        point = steps.setdefault(at, [row["at"], None, None, cost, 0])
        if took is not None:
            point[1] = took if point[1] is None else min(point[1], took)
            point[2] = took if point[2] is None else max(point[2], took)
        point[3], point[4] = cost, point[4] + 1
        if row["error"]:
            level = int(math.log(max(took or least, least) / least) / decades * HEIGHT)
            errors.setdefault((at, level), [row["at"], took or 0.0])
    return {
        "points": [steps[at] for at in sorted(steps)],
        "failures": list(errors.values()),
        "p50": percentile(ended, 0.5),
        "p95": percentile(ended, 0.95),
    }


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The least value that at least this share of the values does not exceed (nearest rank); None of none."""
    if not ordered:
        return None
    rank = -(-len(ordered) * round(share * 1000) // 1000)  # rounded up, in whole numbers
    return ordered[max(rank, 1) - 1]
