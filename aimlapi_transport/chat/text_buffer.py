"""A text that comes in pieces. Pure."""

from __future__ import annotations

_TOGETHER = 32  # pieces that are made one


class TextBuffer:
    """A text as far as it went, put together when it is asked for; another thread may ask while it grows.

    It takes hardly more than its characters: each piece by itself would take 64 bytes, and 8 in every list it is in.

    Attributes:
        length: characters so far.
    """

    __slots__ = ("_loose", "_pieces", "length")

    def __init__(self) -> None:
        self.length = 0
        self._pieces: list[str] = []
        self._loose = 0  # how many at the end are still by themselves

    def add(self, piece: str) -> None:
        """A further piece."""
        self.length += len(piece)
        self._pieces.append(piece)
        self._loose += 1
        if self._loose == _TOGETHER:
            self._pieces[-_TOGETHER:] = ("".join(self._pieces[-_TOGETHER:]),)
            self._loose = 0

    def text(self) -> str:
        """All of it."""
        return "".join(self._pieces)

    def last_character(self) -> str:
        """The last one that is no white space; empty where there is none."""
        return next((text[-1] for piece in reversed(self._pieces) if (text := piece.rstrip())), "")

    def up_to(self, length: int) -> str:
        """The text when it had this length, in characters."""
        return "".join(self._pieces)[:length]
