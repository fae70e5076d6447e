"""A terminal of a few rows, as it looks after what was written to it: wraps lines, scrolls, and wraps anew when resized.

It knows what the command writes: text, CR and LF, the cursor up, erasing a line, and whether lines are wrapped (DECAWM).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_TOKEN = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n])", re.DOTALL)


class Screen:
    """Rows of characters: those above the screen, and those on it.

    Args:
        widths: how many columns a character takes on this terminal, where it is not one.
    """

    def __init__(self, columns: int, height: int, widths: Mapping[str, int] | None = None) -> None:
        self.columns, self.height = columns, height
        self._widths = widths or {}
        self._rows: list[list[str]] = [[]]
        self._continues = [False]  # whether the row goes on in the next, because it was wrapped
        self._row = self._column = 0
        self._wraps = True

    def feed(self, text: str) -> None:
        """What a program writes."""
        for private, number, letter, cr, lf, character in _TOKEN.findall(text):
            if cr:
                self._column = 0
            elif lf:
                self._next_row()
            elif character:
                self._put(character)
            elif letter == "A":
                self._row = max(self._row - int(number or 1), len(self._rows) - self.height, 0)
            elif letter == "K":
                self._rows[self._row], self._continues[self._row] = [], False
                self._continues[self._row - 1] &= self._row == 0
            elif private and number == "7":
                self._wraps = letter == "h"

    def resize(self, columns: int) -> None:
        """The terminal becomes as wide: lines are wrapped anew, and the cursor stays where it is in its line."""
        rows, continues, row = [], [], 0
        line: list[str] = []
        offset = None
        for place, (part, goes_on) in enumerate(zip(self._rows, self._continues, strict=True)):
            if place == self._row:
                offset = len(line) + self._column
            line += part
            if goes_on:
                continue
            count = max(-(-len(line) // columns), 1)
            if offset is not None:
                row, offset = len(rows), min(offset, len(line))
                at = min(offset // columns, count - 1)
                self._row, self._column, offset = row + at, offset - at * columns, None
            rows += [line[n * columns : (n + 1) * columns] for n in range(count)]
            continues += [*[True] * (count - 1), False]
            line = []
        self.columns, self._rows, self._continues = columns, rows, continues

    def text(self) -> list[str]:
        """All lines that are not empty, from the first, as they were before they were wrapped."""
        lines, line = [], ""
        for row, goes_on in zip(self._rows, self._continues, strict=True):
            line += "".join(row)
            if not goes_on:
                lines, line = [*lines, line.rstrip()], ""
        return [one for one in lines if one]

    def _put(self, character: str) -> None:
        width = self._widths.get(character, 1)
        if self._column + width > self.columns:
            if self._wraps:
                self._continues[self._row] = True
                self._next_row()
            else:
                self._column = self.columns - width
        row = self._rows[self._row]
        row += [" "] * (self._column + width - len(row))
        row[self._column : self._column + width] = [character, *[""] * (width - 1)]
        self._column += width

    def _next_row(self) -> None:
        self._row, self._column = self._row + 1, 0
        if self._row == len(self._rows):
            self._rows.append([])
            self._continues.append(False)
