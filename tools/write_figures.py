"""Writes the figures that pages quote, each from its one source: `make pictures`; a test compares them.

To quote another figure, add a row: a pattern, whose group is the figure as pages write it, and where it comes from.
Every match on every page is checked, so two pages cannot disagree.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "notebooks" / "source").glob("*.py")),
]


class Figure(NamedTuple):
    """A pattern whose group is the figure, with its source; blanks of the pattern match line ends, too."""

    pattern: str
    value: Callable[[], str]


def published(kind: str) -> str:
    """How many replies of the provider's documentation are replayed."""
    names = [path.stem for path in (ROOT / "cassettes" / "published").glob("*.yaml")]
    responses = sum("--responses-" in name for name in names)
    return str(responses if kind == "responses" else len(names) - responses)


def exchanges() -> str:
    """How many exchanges of media models the documentation shows."""
    return str(len((ROOT / "tests" / "media" / "exchanges.jsonl").read_text(encoding="utf-8").splitlines()))


@lru_cache(maxsize=1)
def _endpoints() -> list[list[str]]:
    survey: dict[str, Any] = json.loads((ROOT / "aimlapi_transport" / "models.json").read_text(encoding="utf-8"))
    return [facts.get("endpoints", []) for facts in survey["models"].values()]


def _served(end: str) -> list[bool]:
    return [any(path.endswith(end) for path in paths) for paths in _endpoints()]


def chat_models() -> str:
    """How many chat models the documentation lists, in hundreds: providers add some each week."""
    return str(sum(_served("/chat/completions")) // 100 * 100)


def responses_models(*, also_under_chat: bool) -> str:
    """How many models are served under /v1/responses: only there, or under both endpoints."""
    both = zip(_served("/responses"), _served("/chat/completions"), strict=True)
    return str(sum(there and chat is also_under_chat for there, chat in both))


def media_models(operation: str | None = None) -> str:
    """How many models make or read media: all, or those of one operation."""
    from aimlapi_transport.media.operations import known_models

    return str(len(known_models(operation)))


def faults() -> str:
    """How many faults the reliability contract has."""
    from tests.reliability.faults import FAULTS

    return str(len(FAULTS))


def fault_calls() -> str:
    """How many calls of chats each framework is tried with."""
    from tests.reliability.faults import FAULTS
    from tests.reliability.forms import FORMS

    forms = [form for form in FORMS if form.framework == "langchain" and form.kind != "embed"]
    return str(sum(fault.expected(form.kind) is not None for fault in FAULTS for form in forms))


def life_checks() -> str:
    """How many checks of the life cycle there are."""
    from tests.reliability.life import CHECKS

    return str(len(CHECKS))


def notebooks() -> str:
    """How many notebooks there are."""
    return str(len(list((ROOT / "notebooks").glob("*.ipynb"))))


def recipes() -> str:
    """How many questions the recipes answer."""
    pages = (page for page in (ROOT / "docs" / "recipes").glob("*.md") if page.name != "index.md")
    return str(sum(len(re.findall(r"^## ", page.read_text(encoding="utf-8"), re.M)) for page in pages))


def peer(name: str, key: str) -> str:
    """What another class came to in a run of the reliability contract; see tests/compared/results.json."""
    results = json.loads((ROOT / "tests" / "compared" / "results.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = results["classes"][name]
    return str(found[key])


_METHODS = ("images", "video", "speech", "transcribe", "ocr", "music")
FIGURES = (
    Figure(r"(\d+) chat completions and \d+ responses", lambda: published("chat")),
    Figure(r"\d+ chat completions and (\d+) responses", lambda: published("responses")),
    Figure(r"(\d+) exchanges (?:that|it) ", exchanges),
    Figure(r"(\d+) chat models", chat_models),
    Figure(r"(\d+) models, such as `openai/gpt-5-pro`", lambda: responses_models(also_under_chat=False)),
    Figure(r"`/v1/responses`; (\d+) more", lambda: responses_models(also_under_chat=True)),
    Figure(r"(\d+) of the provider's models", media_models),
    *(Figure(rf"^\| `{name}` \|[^\n]*\| (\d+) \|$", lambda name=name: media_models(name)) for name in _METHODS),  # type: ignore[misc]  # a default binds the name
    Figure(r"(\d+) faults of a server", faults),
    Figure(r"(\d+) calls (?:in|for) each framework", fault_calls),
    Figure(r"all (\d+) calls and all \d+ checks", fault_calls),
    Figure(r"(\d+) checks\b", life_checks),
    Figure(r"(\d+) notebooks", notebooks),
    Figure(r"(\d+) short recipes", recipes),
    *(
        Figure(rf"^\| `{name}` [\d.]+ \|{skipped} ({shape}) ", lambda name=name, key=key: peer(name, key))  # type: ignore[misc]  # as above
        for name in ("ChatOpenAI", "OpenAILike")
        for key, skipped, shape in (("faults", "", r"\d+"), ("life", r"[^|]*\|", r"\d+"))
    ),
)


def found(text: str) -> Iterator[tuple[Figure, re.Match[str]]]:
    """The figures of a page, in the order of the rows."""
    for figure in FIGURES:
        pattern = figure.pattern.replace(" ", r"[ \n]+(?:# )?") if "|" not in figure.pattern[:4] else figure.pattern
        for match in re.finditer(pattern, text, re.M):
            yield figure, match


def written(text: str) -> str:
    """The page with its figures as their sources have them now."""
    places = {match.span(1): figure.value() for figure, match in found(text)}
    for (start, end), value in sorted(places.items(), reverse=True):
        text = text[:start] + value + text[end:]
    return text


def main() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        if written(text) != text:
            page.write_text(written(text), encoding="utf-8")
            print(page.relative_to(ROOT))


if __name__ == "__main__":
    main()
