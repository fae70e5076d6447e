"""What a person sees of an answer that grows: each line of it once, on any terminal, however it comes."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping

import pytest
from rich.cells import cell_len
from rich.console import Group
from rich.markdown import Markdown

from aimlapi_cli.shown_answer import ShownAnswer
from aimlapi_cli.terminal import Terminal
from tests.cli.screen import Screen

FAMILY = "👨\u200d👩\u200d👧"
ANSWERS = {
    "one long paragraph": " ".join(f"word{n}" for n in range(60)),
    "a code block": "Here:\n\n```python\n" + "\n".join(f"line_{n} = {n}" for n in range(30)) + "\n```\n\nThat is all.",
    "a list": "\n".join(f"- item **{n}** of `the` list" for n in range(20)),
    "East Asian": "東京は日本の首都です。" * 20,
    "emoji": f"A family {FAMILY} and a flag 🇩🇪 and a heart ❤\ufe0f. " * 12,
    "a word that is wider than the terminal": "x" * 300 + " end",
    "paragraphs": "\n\n".join(f"Paragraph number {n}." for n in range(12)),
}


def pieces(text: str, chance: random.Random) -> list[str]:
    found = []
    while text:
        count = chance.randint(1, 40)
        found.append(text[:count])
        text = text[count:]
    return found


def shown(
    answer: str, columns: int, rows: int, seed: int, widths: Mapping[str, int] | None = None, resized: int | None = None
) -> list[str]:
    """The lines of a terminal after an answer."""
    chance = random.Random(seed)
    file = io.StringIO()
    out = Terminal(file=file, force_terminal=True, width=columns, height=rows, _environ={"TERM": "xterm-256color"})
    screen = Screen(columns, rows, widths)

    def draw() -> None:
        screen.feed(file.getvalue())
        file.seek(0)
        file.truncate()

    all_of = pieces(answer, chance)
    growing = ShownAnswer(out)
    growing._live.auto_refresh = False  # drawn when the test says so
    with growing:
        for place, piece in enumerate(all_of):
            growing.add(piece, "")
            growing._live.refresh()
            draw()
            if resized is not None and place == len(all_of) // 2:
                screen.resize(resized)
                out.size = (resized, rows)  # type: ignore[assignment]  # any pair will do
    draw()
    return screen.text()


def plain(lines: list[str]) -> str:
    return "".join("".join(lines).split())


def whole(answer: str, columns: int) -> str:
    """The characters of the answer, printed at once."""
    file = io.StringIO()
    out = Terminal(file=file, force_terminal=True, width=columns, height=1000, _environ={"TERM": "xterm-256color"})
    out.print(Group(Markdown(answer, hyperlinks=False)))
    screen = Screen(columns, 1000)
    screen.feed(file.getvalue())
    return plain(screen.text())


@pytest.mark.parametrize("columns", [8, 20, 80, 200])
@pytest.mark.parametrize("answer", ANSWERS)
def test_each_line_is_shown_once(answer: str, columns: int) -> None:
    for rows in (3, 10, 50):
        assert plain(shown(ANSWERS[answer], columns, rows, columns + rows)) == whole(ANSWERS[answer], columns)


@pytest.mark.parametrize("columns", [8, 20, 80])
def test_a_terminal_that_draws_characters_wider_than_they_are_counted(columns: int) -> None:
    """One that does not join emoji, for example: nothing is left behind above what is drawn anew."""
    widths = dict.fromkeys("👨👩👧🇩🇪❤東京", 2) | {"\u200d": 1, "\ufe0f": 1}
    assert cell_len(FAMILY) < sum(widths.get(one, 1) for one in FAMILY)
    for seed in range(5):
        found = "".join(shown(ANSWERS["emoji"], columns, 24, seed, widths))
        assert found.count("family") == found.count("heart") == 12


@pytest.mark.parametrize(("before", "after"), [(80, 40), (80, 20), (20, 80), (40, 13)])
@pytest.mark.parametrize("answer", ["one long paragraph", "a list", "paragraphs"])
def test_a_terminal_that_is_resized_during_an_answer(answer: str, before: int, after: int) -> None:
    for seed in range(5):
        found = plain(shown(ANSWERS[answer], before, 24, seed, resized=after))
        assert found == whole(ANSWERS[answer], after)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_lines_have_no_blanks_at_their_ends_and_one_line_between_paragraphs(size: int) -> None:
    """However it comes. Blanks would be copied, and wrapped by a terminal that becomes narrower."""
    file = io.StringIO()
    out = Terminal(file=file, force_terminal=True, width=40, height=20, _environ={"TERM": "dumb"})
    answer = "One.\n\nTwo **bold** words.\n\n- a list\n\nThe end.\n"
    with ShownAnswer(out) as growing:
        for begin in range(0, len(answer), size):
            growing.add(answer[begin : begin + size], "")
    assert file.getvalue() == "One.\n\nTwo bold words.\n\n • a list\n\nThe end.\n"
