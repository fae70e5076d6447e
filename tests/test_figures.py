"""Each figure that pages quote comes from one source; `make pictures` writes them again."""

from __future__ import annotations

from types import ModuleType

import pytest

from tests.test_pictures import tool


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    return tool("write_figures")


def test_pages_quote_what_their_sources_say(figures: ModuleType) -> None:
    wrong = []
    for page in figures.PAGES:
        for figure, match in figures.found(page.read_text(encoding="utf-8")):
            if match[1] != figure.value():
                wrong.append(f"{page.relative_to(figures.ROOT)}: {match[0]!r}, but it is {figure.value()}")
    assert wrong == [], "run `make pictures`"


def test_each_figure_is_quoted(figures: ModuleType) -> None:
    """A row that no page needs goes; so does one whose pattern no longer fits the sentence."""
    quoted = {figure for page in figures.PAGES for figure, _ in figures.found(page.read_text(encoding="utf-8"))}
    assert [figure.pattern for figure in figures.FIGURES if figure not in quoted] == []


def test_a_figure_is_written_over_the_end_of_a_line(figures: ModuleType) -> None:
    faults = figures.faults()
    assert figures.written("has 1 faults of\na server") == f"has {faults} faults of\na server"
