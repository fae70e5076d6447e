"""Stop sequences for an endpoint that knows none: the text is cut here, and what follows is not returned. Pure."""

from __future__ import annotations

from collections.abc import Sequence


class StopSequences:
    """Cuts a text that comes in pieces before the first of the sequences.

    Attributes:
        is_found: whether one of them has come.
    """

    def __init__(self, sequences: Sequence[str]) -> None:
        self._sequences = sequences
        self._pending = ""
        self.is_found = False

    def feed(self, text: str) -> str:
        """What of the text is certain: the beginning of a sequence is held back."""
        if self.is_found:
            return ""
        text = self._pending + text
        position = self._position(text)
        if position is not None:
            self.is_found, self._pending = True, ""
            return text[:position]
        pending = max(
            (
                length
                for sequence in self._sequences
                for length in range(1, min(len(sequence), len(text) + 1))
                if text.endswith(sequence[:length])
            ),
            default=0,
        )
        self._pending = text[len(text) - pending :]
        return text[: len(text) - pending]

    def rest(self) -> str:
        """What was held back, and is no sequence after all."""
        rest, self._pending = self._pending, ""
        return rest

    def cut(self, text: str) -> str:
        """A whole text, up to the first of the sequences."""
        position = self._position(text)
        return text if position is None else text[:position]

    def _position(self, text: str) -> int | None:
        return min((position for sequence in self._sequences if (position := text.find(sequence)) >= 0), default=None)
