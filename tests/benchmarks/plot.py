"""The picture of a run: how many times the floor each integration costs, row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from tests.benchmarks.report import Result, by_framework, ratio
from tests.benchmarks.rows import NEAR

_TITLES = {"langchain": "LangChain", "llama_index": "LlamaIndex"}
_COLOURS = {"ours": ["#0b6e4f"], "peer": ["#e07a3f", "#8c6bb1", "#5b7fb4"]}
# Figures that are compared with the floor; the others have targets of their own.
_ROWS = (
    *("stream-text", "astream-text", "stream-reasoning", "stream-arguments", "stream-burst"),
    *("stream-responses", "stream-responses-arguments"),
    *("call", "acall", "calls", "history", "reply", "image"),
    *("first-token", "first-call", "many", "paced", "embed", "cold"),
)


def plot(results: Sequence[Result], told: Mapping[str, Any], path: Path) -> None:
    """Writes a PNG with a panel for each framework."""
    table = by_framework(results)
    frameworks = [name for name in _TITLES if any(of == name for _, of in table)]
    figure = Figure(figsize=(7.2 * len(frameworks), 13))
    panels = figure.subplots(1, len(frameworks), squeeze=False)
    for panel, framework in zip(panels[0], frameworks, strict=True):
        groups = [table[key, framework] for key in _ROWS if (key, framework) in table]
        _panel(panel, groups, _TITLES[framework])
    versions = told["versions"]
    peers = ("langchain-openai", "langchain-openrouter", "langchain-litellm", "llama-index-llms-openai-like")
    named = ", ".join(f"{name} {versions[name]}" for name in peers if name in versions)
    figure.suptitle(
        "Cost over the least the framework allows (1 = a hand-written minimum; shorter is better)", fontsize=14
    )
    figure.text(
        0.5, 0.008, f"{told['date']}, Python {told['python']}, {told['machine']}. {named}.", ha="center", fontsize=9
    )
    figure.tight_layout(rect=(0, 0.025, 1, 0.98))
    figure.savefig(path, dpi=110)


def _panel(panel: Any, groups: Sequence[Mapping[str, Result]], title: str) -> None:
    names = list(dict.fromkeys(n for group in groups for n, r in group.items() if r.subject.role != "floor"))
    height = 0.8 / len(names)
    for place, name in enumerate(names):
        found = [(at, group[name], ratio(group, group[name])) for at, group in enumerate(groups) if name in group]
        shown = [(at, result, times) for at, result, times in found if times is not None]
        role = shown[0][1].subject.role
        colour = _COLOURS[role][sum(r == role for r in _roles(groups, names[:place])) % len(_COLOURS[role])]
        ys = [at + (place - (len(names) - 1) / 2) * height for at, _, _ in shown]
        panel.barh(ys, [times - 1 for *_, times in shown], height * 0.92, left=1, color=colour, label=name)
        for y, (*_, result, times) in zip(ys, shown, strict=True):
            star = "*" if result.whole is False else ""
            panel.text(
                max(times, 1) * 1.05,
                y,
                f"{times:.2f}{star}" if times < 10 else f"{times:.0f}{star}",
                va="center",
                fontsize=8,
            )
    panel.set_xscale("log")
    panel.set_xlim(0.4, 150)
    panel.set_xticks([0.5, 1, 2, 5, 10, 20, 50, 100], ["0.5x", "1x", "2x", "5x", "10x", "20x", "50x", "100x"])
    panel.minorticks_off()
    panel.axvline(1, color="black", linewidth=0.8)
    panel.axvline(NEAR, color="grey", linewidth=0.8, linestyle=":")
    panel.set_yticks(range(len(groups)), [next(iter(group.values())).row.title for group in groups])
    panel.invert_yaxis()
    panel.set_title(title)
    panel.legend(loc="lower right")
    panel.spines[["top", "right"]].set_visible(False)


def _roles(groups: Sequence[Mapping[str, Result]], names: Sequence[str]) -> list[str]:
    return [next(group[name].subject.role for group in groups if name in group) for name in names]
