"""Samples -> tables, verdicts and JSON. Every figure is a median; its spread is the least and the most."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.rows import ROWS, Row
from tests.benchmarks.subjects import BY_NAME, Subject


@dataclass
class Result:
    """A row's samples of one subject.

    Attributes:
        turns: in which turn each sample was taken: those of one turn stand beside each other in time.
        figures: the row's, in its unit; mostly of CPU time.
        walls: the same of wall time; equal to the figures where those are of no CPU time.
        cpu, wall: seconds of each sample.
        server: the busiest the server was, as a share of the time a sample took.
        whole: whether all that was streamed came through; None where that was not checked.
    """

    row: Row
    subject: Subject
    turns: list[int] = field(default_factory=list)
    figures: list[float] = field(default_factory=list)
    walls: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    server: float = 0.0
    whole: bool | None = None
    error: str | None = None

    def take(self, sample: Mapping[str, Any], turn: int) -> None:
        if "error" in sample:
            self.error = sample["error"]
            return
        self.turns.append(turn)
        self.figures.append(self.row.figure(sample))
        self.walls.append(self.row.figure({**sample, "cpu": sample["wall"]}))
        self.cpu.append(sample["cpu"])
        self.wall.append(sample["wall"])
        self.server = max(self.server, sample["server"])
        if sample.get("whole") is False:
            self.whole = False

    def take_check(self, answer: Mapping[str, Any]) -> None:
        self.whole = answer.get("whole")
        self.error = answer.get("error")

    @property
    def figure(self) -> float | None:
        return median(self.figures) if self.figures else None

    @property
    def wall_figure(self) -> float | None:
        """The figure in wall time, where it is one of CPU time."""
        return median(self.walls) if self.walls and self.walls != self.figures else None

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Result:
        """What `to_json` wrote; the row and the subject as they are today."""
        row = next(row for row in ROWS if row.key == value["row"])
        return Result(
            row,
            BY_NAME[value["subject"]],
            turns=value["turns"],
            figures=value["figures"],
            walls=value["walls"],
            cpu=value["cpu_s"],
            wall=value["wall_s"],
            server=value["server_share"],
            whole=value["whole"],
            error=value["error"],
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "row": self.row.key,
            "title": self.row.title,
            "unit": self.row.unit,
            "subject": self.subject.name,
            "median": self.figure,
            "turns": self.turns,
            "figures": [round(value, 4) for value in self.figures],
            "walls": [round(value, 4) for value in self.walls],
            "cpu_s": [round(value, 6) for value in self.cpu],
            "wall_s": [round(value, 6) for value in self.wall],
            "server_share": round(self.server, 3),
            "whole": self.whole,
            "error": self.error,
        }


def about(subjects: Sequence[Subject], *, quick: bool) -> dict[str, Any]:
    """When, where, and with which versions."""
    names = sorted({name for subject in subjects for name in subject.distributions} | {"pydantic", "h11", "httpcore"})
    versions = {}
    for name in names:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {_processor()}, {platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "quick": quick,
        "versions": versions,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def by_framework(results: Sequence[Result]) -> dict[tuple[str, str], dict[str, Result]]:
    """(row, framework) -> subject -> result, in the order measured."""
    table: dict[tuple[str, str], dict[str, Result]] = {}
    for result in results:
        table.setdefault((result.row.key, result.subject.framework), {})[result.subject.name] = result
    return table


def _of(group: Mapping[str, Result], role: str) -> Result | None:
    return next((result for result in group.values() if result.subject.role == role), None)


def ratio(group: Mapping[str, Result], result: Result) -> float | None:
    """A figure over the floor's, turn by turn, and of these the median.

    A shared machine runs now at one speed, now at two thirds of it: then the medians of two subjects may be of different
    speeds, but hardly the samples of a turn.
    """
    floor = _of(group, "floor")
    if floor is None or not floor.figure:
        return None
    beside = dict(zip(floor.turns, floor.figures, strict=True))
    times = [figure / beside[turn] for turn, figure in zip(result.turns, result.figures, strict=True) if turn in beside]
    return median(times) if times else None


def misses(results: Sequence[Result]) -> list[str]:
    """What of ours is not as it should be: above a target, behind a peer, or not linear."""
    found = []
    table = by_framework(results)
    for group in table.values():
        ours = _of(group, "ours")
        if ours is None or ours.figure is None:
            continue
        row, times = ours.row, ratio(group, ours)
        where = f"{row.title}: {ours.subject.name} {number(ours.figure)} {row.unit}"
        if row.ratio is not None and times is not None and times > row.ratio:
            found.append(f"{where} is {times:.2f} times the floor, more than {row.ratio}")
        if row.bound is not None and ours.figure > row.bound:
            found.append(f"{where} is more than {row.bound:g}")
        for peer in group.values():
            if peer.subject.role == "peer" and peer.figure is not None and peer.figure < ours.figure:
                found.append(f"{where} is behind {peer.subject.name} with {number(peer.figure)}")
        if ours.whole is False:
            found.append(f"{where} is not all that was sent")
    for kind, small, large in (("grow", 200, 20_000), ("grow-arguments", 100_000, 1_000_000)):
        for framework in ("langchain", "llama_index"):
            groups = [table.get((f"{kind}-{size}", framework), {}) for size in (small, large)]
            one, other = (_of(group, "ours") for group in groups)
            if one and other and one.figure and other.figure and other.figure > one.figure * 1.1:
                found.append(
                    f"{other.row.title}: {other.subject.name} costs {other.figure / one.figure:.2f} times as much each as {small:,}"
                )
    return found


def verdicts(results: Sequence[Result]) -> str:
    found = misses(results)
    busiest = max((result.server for result in results), default=0)
    lines = [f"The server used at most {busiest:.0%} of a core while a sample was taken."]
    lines += [f"missed: {miss}" for miss in found] or ["Every target is met."]
    return "\n".join(lines)


def terminal(row: Row, results: Sequence[Result]) -> str:
    """A row as it is measured."""
    lines = [f"{row.title}, {row.unit}"]
    for group in by_framework(results).values():
        for result in group.values():
            times = ratio(group, result)
            shown = "" if times is None else f"{times:7.2f}x"
            spread = "" if not result.figures else f"  ({number(min(result.figures))} .. {number(max(result.figures))})"
            wall = "" if result.wall_figure is None else f"  wall {number(result.wall_figure)}"
            note = (
                f"  {result.error[:120]}" if result.error else "  not all came through" if result.whole is False else ""
            )
            lines.append(f"  {result.subject.name:18}{number(result.figure):>12}{shown}{spread}{wall}{note}")
    return "\n".join(lines)


def markdown(results: Sequence[Result], told: Mapping[str, Any]) -> str:
    """A table for each framework."""
    busiest = max((result.server for result in results), default=0)
    lines = [
        f"{told['date']}, Python {told['python']}, {told['machine']}{', a quick run' if told['quick'] else ''}. "
        f"The server used at most {busiest:.0%} of a core while a sample was taken.",
        "",
    ]
    table = by_framework(results)
    for framework in dict.fromkeys(result.subject.framework for result in results):
        subjects = list(dict.fromkeys(r.subject.name for r in results if r.subject.framework == framework))
        lines += ["| what | " + " | ".join(subjects) + " | target |", "|---" * (len(subjects) + 2) + "|"]
        for (_, of), group in table.items():
            if of != framework:
                continue
            row = next(iter(group.values())).row
            cells = [_cell(group, group.get(name)) for name in subjects]
            title = f"{row.title}, {row.unit}" if row.unit else row.title
            lines.append(f"| {title} | " + " | ".join(cells) + f" | {_target(row)} |")
        lines.append("")
    names = ", ".join(f"{name} {number}" for name, number in told["versions"].items())
    lines += [
        "Median of CPU time, or of what the row names (times the floor, turn by turn; least to most; wall time). "
        "\\* not all that was sent came through.",
        "",
        f"Versions: {names}.",
        "",
        *(misses(results) and ["Missed targets:", "", *(f"- {miss}." for miss in misses(results)), ""]),
    ]
    return "\n".join(lines)


def _target(row: Row) -> str:
    targets = [f"<= {row.ratio}x"] if row.ratio is not None else []
    targets += [f"<= {row.bound:g}"] if row.bound is not None else []
    return ", ".join(targets)


def _cell(group: Mapping[str, Result], result: Result | None) -> str:
    if result is None:
        return "-"
    if result.figure is None:
        return "fails"
    times = ratio(group, result)
    told = "" if times is None or result.subject.role == "floor" else f"{times:.2f}x; "
    shown = number(result.figure)
    if result.subject.role == "ours":
        shown = f"**{shown}**"
    star = "\\*" if result.whole is False else ""
    wall = "" if result.wall_figure is None else f"; wall {number(result.wall_figure)}"
    return f"{shown}{star} ({told}{number(min(result.figures))} to {number(max(result.figures))}{wall})"


def number(value: float | None) -> str:
    """A figure with as many digits as it deserves."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
