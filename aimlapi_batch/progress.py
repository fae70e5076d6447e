"""How a job goes, on a terminal of any width: a bar where there is room; a line now and then where there is none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import BarColumn, Progress, ProgressColumn, Task
from rich.text import Text

from aimlapi_batch.summary import Summary

_EVERY = 5.0  # seconds between two lines where there is no terminal
_WIDE = 60  # columns, from which on there is a bar


class _Figures(ProgressColumn):
    """Rows done of all, rows a second, cost, time left."""

    max_refresh = 0.1

    def render(self, task: Task) -> Text:
        summary = task.fields.get("summary")
        return Text("" if summary is None else figures(summary), no_wrap=True, overflow="ellipsis")


@contextmanager
def live_progress(out: Any) -> Iterator[Callable[[Summary], None]]:
    """Shows how a job goes, on a console."""
    if not out.is_terminal:
        shown_at = time.monotonic()

        def line(summary: Summary) -> None:
            nonlocal shown_at
            if time.monotonic() - shown_at >= _EVERY:
                shown_at = time.monotonic()
                out.print(figures(summary), markup=False)

        yield line
        return
    bar = (BarColumn(bar_width=None),) if out.width >= _WIDE else ()
    with Progress(*bar, _Figures(), console=out, expand=True) as progress:
        task = progress.add_task("", total=None)

        def update(summary: Summary) -> None:
            done = summary.already + summary.answered + summary.errors
            progress.update(task, completed=done, total=summary.total, summary=summary)

        yield update


def figures(summary: Summary) -> str:
    """How a job stands, in 40 columns: done/total, rows a second, cost, time left; a pause in place of the rate."""
    done = summary.already + summary.answered + summary.errors
    parts = [f"{done}/{'?' if summary.total is None else summary.total}"]
    if summary.pause is not None:
        parts.append(f"paused {summary.pause[0]:.0f} s: {summary.pause[1]}")
    else:
        rate = summary.rows_per_second
        parts.append(f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s")
    parts.append(cost_text(summary.cost_usd, summary.unpriced))
    if summary.left and summary.rows_per_second and summary.pause is None:
        parts.append(f"{duration(summary.left / summary.rows_per_second)} left")
    if summary.errors:
        parts.append(f"{summary.errors} failed")
    return " ".join(parts)


def cost_text(cost: float | None, unpriced: int) -> str:
    """US dollars; `+?` where some answers did not name their cost."""
    if cost is None:
        return "$?"
    text = f"${cost:.4f}" if cost < 100 else f"${cost:,.2f}"
    return text + ("+?" if unpriced else "")


def duration(seconds: float) -> str:
    """A length of time, in hours, minutes and seconds."""
    whole = int(min(seconds, 359_999))
    return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"


def summary_text(summary: Summary) -> str:
    """What a run came to, in a line, and one for each class of failures."""
    parts = [f"{summary.answered:,} answered"]
    if summary.already:
        parts.append(f"{summary.already:,} before")
    if summary.errors:
        parts.append(f"{summary.errors:,} errors")
    if summary.left:
        parts.append(f"{summary.left:,} left")
    rate = f"{summary.rows_per_second:,.1f} rows/s"
    cost = "cost unknown" if summary.cost_usd is None else cost_text(summary.cost_usd, 0)
    if summary.cost_usd is not None and summary.unpriced:
        cost += f" and {summary.unpriced:,} answers of unknown cost"
    if summary.budget_usd is not None:
        cost += f", {cost_text(summary.spent_usd, 0)} of the budget of ${summary.budget_usd:g}"
    ended = {"budget": "; stopped by the budget", "interrupted": "; interrupted"}.get(str(summary.stopped), "")
    lines = [f"{', '.join(parts)}; {rate}, {cost}{ended}"]
    for kind, (count, example) in sorted(summary.failures.items(), key=lambda item: -item[1][0]):
        lines.append(f"  {count:,} {kind}: {' '.join(example.split())[:200]}")
    return "\n".join(lines)
