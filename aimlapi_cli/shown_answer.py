"""An answer as it grows: Markdown on a terminal, with its reasoning dimmed; plain text in a pipe."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.control import Control
from rich.live import Live
from rich.markdown import Markdown
from rich.segment import ControlType, Segment
from rich.text import Text

from aimlapi_cli.streams import printable

_BLOCK = re.compile(r"\n[ \t]*\n")
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
# DECAWM: without it, a line whose characters the terminal draws wider than Rich counts them takes no second row.
_NO_WRAP, _WRAP = (Segment(f"\x1b[?7{mode}", None, [(ControlType.CARRIAGE_RETURN,)]) for mode in "lh")


class ShownAnswer:
    """Paragraphs that are whole are printed for good; only the last, which still grows, is drawn anew."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._region = _Region()
        self._live = Live(self._region, console=out, refresh_per_second=8, transient=True)
        self.text = ""
        self._printed = 0  # characters of the text
        self._reasoning = ""
        self._ends_line = True

    def __enter__(self) -> ShownAnswer:
        if self._out.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._out.is_terminal:
            self._region.parts = ()  # else Rich draws all of it, also what is higher than the terminal, a last time
            self._live.stop()
            self._print(self._rest())
        elif not self._ends_line:
            self._out.file.write("\n")

    def add(self, text: str, reasoning: str) -> None:
        """Another piece."""
        self.text += text
        if not self._out.is_terminal:
            self._out.file.write(text)
            self._out.file.flush()
            self._ends_line = text.endswith("\n") if text else self._ends_line
            return
        self._reasoning += reasoning
        whole = self._whole_blocks()
        if whole > self._printed:
            self._region.parts = ()
            self._live.refresh()
            self._print([*self._thought(), _markdown(self.text[self._printed : whole])])
            self._printed, self._reasoning = whole, ""
        self._region.parts = self._rest()

    def _print(self, parts: Sequence[RenderableType]) -> None:
        """Prints for good, below a blank line unless it is the first."""
        if parts:
            self._out.print(_Lines(parts, self._region.follows), end="")
            self._region.follows = True

    def _whole_blocks(self) -> int:
        """Where the last blank line is that is in no code block."""
        end = self._printed
        for found in _BLOCK.finditer(self.text, self._printed):
            if len(_FENCE.findall(self.text, self._printed, found.end())) % 2 == 0:
                end = found.end()
        return end

    def _thought(self) -> list[RenderableType]:
        thought = printable(self._reasoning.strip())
        return [Text(thought, style="dim italic")] if thought else []

    def _rest(self) -> list[RenderableType]:
        rest = self.text[self._printed :]
        return [*self._thought(), *([_markdown(rest)] if rest.strip() else [])]


class _Region:
    """What is drawn anew, in place: the last lines of `parts`, at most half of the terminal."""

    def __init__(self) -> None:
        self.parts: Sequence[RenderableType] = ()
        self.follows = False  # whether something is printed above
        self._widths: list[int] = []  # of the lines that are drawn

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self._more_rows(options.size.width)
        lines = _lines(self.parts, self.follows, console, options)[-max(options.size.height // 2, 1) :]
        self._widths = [Segment.get_line_length(line) for line in lines]
        if not lines:
            return
        yield _NO_WRAP
        for place, line in enumerate(lines):
            if place:
                yield Segment.line()
            yield from line
        yield _WRAP

    def _more_rows(self, width: int) -> RenderResult:
        """Erases the rows that the drawn lines have more than there are lines: since the terminal became narrower.

        Rich is at the first of as many rows as there were lines. xterm and screen cut lines, and do not wrap them.
        """
        if os.environ.get("XTERM_VERSION") or os.environ.get("STY"):
            return
        more = sum(max(-(-line // width) - 1, 0) for line in self._widths)
        if more:
            up = [(ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)]
            yield Control(*up * more).segment


class _Lines:
    """Parts as they are printed for good."""

    def __init__(self, parts: Sequence[RenderableType], follows: bool) -> None:
        self._parts, self._follows = parts, follows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in _lines(self._parts, self._follows, console, options):
            yield from line
            yield Segment.line()


def _lines(
    parts: Sequence[RenderableType], follows: bool, console: Console, options: ConsoleOptions
) -> list[list[Segment]]:
    """The lines of parts; below a blank one, where they follow others, and whatever Rich puts before a list."""
    lines = [_stripped(line) for line in console.render_lines(Group(*parts), options, pad=False)] if parts else []
    while lines and not lines[0]:
        lines.pop(0)
    return [[], *lines] if follows and lines else lines


def _stripped(line: list[Segment]) -> list[Segment]:
    """A line without blanks at its end, which would be copied, and which a narrower terminal would wrap, too."""
    kept = list(line)
    while kept and not kept[-1].control and not (kept[-1].style and kept[-1].style.bgcolor):
        text, style, _ = kept.pop()
        if text.rstrip(" "):
            return [*kept, Segment(text.rstrip(" "), style)]
    return kept


def _markdown(text: str) -> Markdown:
    return Markdown(printable(text), hyperlinks=False)  # an address is seen, not hidden behind words
