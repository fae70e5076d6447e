"""What pages show of a run: the README's section, the short tables for users, and all rows for contributors.

Everything between two marks is written here, from one run's JSON: `make bench PUBLISH=1`, or
`python -m tests.benchmarks --from tests/benchmarks/results/<date>.json` for an earlier run. A test compares the pages with
the newest run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.report import Result, by_framework, markdown, number

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results"
# The rows that users ask about, with their names for users; a figure is one of CPU time unless its title says otherwise.
SHOWN = {
    "import": "Import, beyond the framework's own",
    "cold": "Start of a process to the first token",
    "construct": "Making a model object",
    "call": "Call, small",
    "acall": "Call, small, async",
    "history": "Call with 201 messages",
    "image": "Call with an image of 4 MB",
    "stream-text": "Stream, text, for each chunk",
    "astream-text": "Stream, text, async, for each chunk",
    "stream-arguments": "Stream, tool arguments, for each chunk",
    "stream-responses": "Stream of /v1/responses, for each chunk",
    "many": "500 streams at once",
    "paced-memory": "Memory of 500 streams at once",
    "crowd": "200 calls of 200 ms, 50 at a time, wall time",
    "embed": "Embeddings, for each vector",
}
_TITLES = {"langchain": "LangChain", "llama_index": "LlamaIndex"}
_PEERS = {"langchain": "ChatOpenAI", "llama_index": "OpenAILike"}


def times(ours: Result, other: Result) -> float | None:
    """How many times our figure another one is: the median of the turns in which both were measured."""
    if not ours.figure or other.figure is None:
        return None
    beside = dict(zip(ours.turns, ours.figures, strict=True))
    found = [figure / beside[turn] for turn, figure in zip(other.turns, other.figures, strict=True) if beside.get(turn)]
    return median(found) if found else other.figure / ours.figure


def user_tables(results: Sequence[Result], about: Mapping[str, Any]) -> str:
    """A short table for each framework: our figure, and how many times as much the others cost."""
    table = by_framework(results)
    lines = [_when(about), ""]
    for framework, title in _TITLES.items():
        names = list(dict.fromkeys(r.subject.name for r in results if r.subject.framework == framework))
        roles = {r.subject.name: r.subject.role for r in results}
        ours = next(name for name in names if roles[name] == "ours")
        others = [name for name in names if roles[name] == "peer"] + [name for name in names if roles[name] == "floor"]
        heads = [f"`{name}`" if roles[name] == "peer" else "floor" for name in others]
        lines += [f"**{title}**", "", f"| | `{ours}` | " + " | ".join(heads) + " |", "|---" * (len(others) + 2) + "|"]
        for key, name in SHOWN.items():
            group = table.get((key, framework), {})
            if ours in group:
                lines.append(
                    f"| {name} | {_figure(group[ours])} | " + " | ".join(_cell(group, ours, of) for of in others) + " |"
                )
        lines.append("")
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return "\n".join([*lines, f"Versions: {versions}."])


def speed_section(results: Sequence[Result], about: Mapping[str, Any]) -> str:
    """The README's section."""
    table = by_framework(results)
    rows = {
        "a streamed chunk": ("stream-text", "astream-text"),
        "a small call": ("call", "acall"),
        "500 streams at once": ("many",),
    }
    lines = ["## Speed", ""]
    sentences = []
    for framework, peer in _PEERS.items():
        parts = []
        for what, keys in rows.items():
            found = [_times_of(table.get((key, framework), {}), peer) for key in keys]
            known = [value for value in found if value is not None]
            if known:
                parts.append(f"{_range(known)} {'the CPU time ' if not parts else ''}for {what}")
        ours = "ChatAIMLAPI" if framework == "langchain" else "AIMLAPI"
        sentences.append(f"- `{peer}` needs, compared with `{ours}`, {', '.join(parts)}.")
    about_run = f"Measured on {about['date']}, all classes side by side in one run:"
    return "\n".join([*lines, about_run, "", *sentences, "", _LINK])


_LINK = "`make bench` measures it on your machine. [Performance](docs/performance.md) has the tables."


def _times_of(group: Mapping[str, Result], peer: str) -> float | None:
    ours = next((result for result in group.values() if result.subject.role == "ours"), None)
    return times(ours, group[peer]) if ours is not None and peer in group else None


def _range(values: Sequence[float]) -> str:
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return f"{low} times" if low == high else f"{low} to {high} times"


def _when(about: Mapping[str, Any]) -> str:
    return f"Measured on {about['date']} with Python {about['python']}, {about['machine']}."


def _figure(result: Result) -> str:
    if result.figure is None:
        return "fails"
    unit = result.row.unit.replace("us", "µs").partition("/")[0]
    return f"{number(result.figure)} {unit}"


def _cell(group: Mapping[str, Result], ours: str, name: str) -> str:
    result = group.get(name)
    if result is None:
        return "-"
    if result.figure is None:
        return "fails"
    found = times(group[ours], result)
    star = "\\*" if result.whole is False else ""
    return "-" if found is None else f"{found:.2f}x{star}" if found < 10 else f"{found:.0f}x{star}"


PLACES: tuple[tuple[Path, str, Callable[[Sequence[Result], Mapping[str, Any]], str]], ...] = (
    (ROOT / "README.md", "speed", speed_section),
    (ROOT / "docs" / "performance.md", "the latest run", user_tables),
    (ROOT / "docs" / "measuring-speed.md", "the latest run", markdown),
)


def written(text: str, mark: str, content: str) -> str:
    """A page with its marked part replaced."""
    begin, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"a page lacks {begin} ... {end}")
    return f"{before}{begin}\n\n{content.strip()}\n\n{end}{after}"


def publish(results: Sequence[Result], about: Mapping[str, Any]) -> None:
    """Writes what the project shows of a run: its JSON, the pages, and the plot."""
    from tests.benchmarks.plot import plot

    RESULTS.mkdir(exist_ok=True)
    data = {"about": about, "results": [result.to_json() for result in results]}
    (RESULTS / f"{about['date']}.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    results = [Result.from_json(value) for value in data["results"]]  # rounded, as the pages are read again
    plot(results, about, ROOT / "docs" / "images" / "performance.png")
    write_pages(results, about)


def write_pages(results: Sequence[Result], about: Mapping[str, Any]) -> None:
    """Writes the marked parts of the pages."""
    for page, mark, content in PLACES:
        page.write_text(written(page.read_text(encoding="utf-8"), mark, content(results, about)), encoding="utf-8")


def newest() -> tuple[list[Result], dict[str, Any]]:
    """The newest published run."""
    data = json.loads(max(RESULTS.glob("*.json")).read_text())
    return [Result.from_json(value) for value in data["results"]], data["about"]
