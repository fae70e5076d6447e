"""An answer as it grows: Markdown on a terminal, with its reasoning dimmed; plain text in a pipe."""

from __future__ import annotations

import re

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markdown import Markdown
from rich.text import Text

from aimlapi_cli.streams import printable

_BLOCK = re.compile(r"\n[ \t]*\n")
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)


class ShownAnswer:
    """Paragraphs that are whole are printed for good; only the last, which still grows, is drawn anew.

    A region that is drawn anew and is higher than the terminal would leave its upper lines behind at each drawing.
    """

    def __init__(self, out: Console) -> None:
        self._out = out
        self._live = Live(console=out, refresh_per_second=8, transient=True, vertical_overflow="crop")
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
            self._live.stop()
            if rest := self._rest():
                self._out.print(Group(*rest))
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
            self._out.print(Group(*self._thought(), _markdown(self.text[self._printed : whole])))
            self._printed, self._reasoning = whole, ""
        self._live.update(Group(*self._rest()))

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


def _markdown(text: str) -> Markdown:
    return Markdown(printable(text), hyperlinks=False)  # an address is seen, not hidden behind words
