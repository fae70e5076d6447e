"""Stop sequences for an endpoint that knows none: the text is cut here, and what follows is not handed out. Pure."""

from __future__ import annotations

from collections.abc import Sequence


class StopSequences:
    """Cuts a text that comes in pieces before the first of the sequences.

    Attributes:
        is_found: whether one of them has come.
    """

    def __init__(self, sequences: Sequence[str]) -> None:
        self._sequences = sequences
        self._held = ""
        self.is_found = False

    def feed(self, text: str) -> str:
        """What of the text is certain: the beginning of a sequence is held back."""
        if self.is_found:
            return ""
        text = self._held + text
        place = self._place(text)
        if place is not None:
            self.is_found, self._held = True, ""
            return text[:place]
        held = max(
            (
                length
                for sequence in self._sequences
                for length in range(1, min(len(sequence), len(text) + 1))
                if text.endswith(sequence[:length])
            ),
            default=0,
        )
        self._held = text[len(text) - held :]
        return text[: len(text) - held]

    def rest(self) -> str:
        """What was held back, and is no sequence after all."""
        rest, self._held = self._held, ""
        return rest

    def cut(self, text: str) -> str:
        """A whole text, up to the first of the sequences."""
        place = self._place(text)
        return text if place is None else text[:place]

    def _place(self, text: str) -> int | None:
        return min((place for sequence in self._sequences if (place := text.find(sequence)) >= 0), default=None)
