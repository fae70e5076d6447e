"""Halves of characters: joined where the other half comes in the next event, else marked as such. Pure.

JSON spells a character past U+FFFF as two escapes, a surrogate pair (`\\ud83d\\ude00`), and a host that streams token
by token may send each in an event of its own. Half a pair is no text that can be encoded: what stays alone is U+FFFD.
"""

from __future__ import annotations

import re
from typing import Any

from aimlapi_transport.chat.wire_types import Json

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{0,4})|.|\Z)", re.DOTALL)
_FIRST, _LAST = "\ud800", "\udbff"  # the first halves; a second one is of the 1024 behind them
_Step = str | tuple[Any, Any, Any]


def whole_text(text: str) -> str:
    """The text with its pairs joined, and U+FFFD for each half that is alone."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def whole_value(value: Any) -> Any:
    """A JSON value with `whole_text` of all its texts and keys."""
    if isinstance(value, str):
        return whole_text(value)
    if isinstance(value, dict):
        return {whole_text(name): whole_value(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [whole_value(inner) for inner in value]
    return value


class Halves:
    """The halves that end texts of a stream, each until the next piece of the same text comes."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[tuple[_Step, ...], str] = {}  # by the place of the text in its event

    def joined(self, event: Any) -> Any:
        """The event, each text of its deltas with the half held before it, and without a first half that ends it."""
        return self._joined(event, (), False)

    def rest(self) -> list[Json]:
        """What is held, now that nothing follows: events that add U+FFFD to its text."""
        held, self._held = self._held, {}
        return [_event_at(place, whole_text(half)) for place, half in held.items()]

    def _joined(self, value: Any, place: tuple[_Step, ...], is_piece: bool) -> Any:
        if isinstance(value, str):
            return self._text(value, place) if is_piece else whole_text(value)
        if isinstance(value, dict):
            return {
                whole_text(name): self._joined(inner, (*place, name), is_piece or name == "delta")
                for name, inner in value.items()
            }
        if isinstance(value, list):
            return [self._joined(inner, (*place, _step(inner, at)), is_piece) for at, inner in enumerate(value)]
        return value

    def _text(self, piece: str, place: tuple[_Step, ...]) -> str:
        if not piece:
            return piece
        text = self._held.pop(place, "") + piece
        if _FIRST <= text[-1] <= _LAST:
            self._held[place] = text[-1]
            text = text[:-1]
        return whole_text(text)


class EscapedHalves:
    """JSON text in pieces -> the same, with `\\ufffd` for each escape of a half that is alone.

    For whoever reads the text by other means than ours. An escape that may be half of a pair waits for the next.
    """

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """The text that a piece adds."""
        text, self._held = self._held + piece, ""
        if "\\u" not in text and not text.endswith("\\"):
            return text
        text, waits = _without_halves(text)
        self._held = text[waits:]
        return text[:waits]

    def rest(self) -> str:
        """What still waits, as it came: text that ends so is no JSON."""
        return self._held


def _without_halves(text: str) -> tuple[str, int]:
    """The text without the escapes of halves that are alone, and where what may be the beginning of one starts."""
    alone: list[int] = []
    first: int | None = None  # where the first half just before starts
    waits = len(text)
    for found in _ESCAPE.finditer(text):
        start, digits = found.start(), found.group(1)
        if first is not None and start != first + 6:
            alone.append(first)
            first = None
        if found.end() == len(text) and (found.group() == "\\" or (digits is not None and len(digits) < 4)):
            waits = start if first is None else first
            first = None
            break
        code = int(digits, 16) if digits and len(digits) == 4 else 0
        is_second = 0xDC00 <= code <= 0xDFFF
        if first is not None and not is_second:
            alone.append(first)
        elif first is None and is_second:
            alone.append(start)
        first = start if 0xD800 <= code <= 0xDBFF else None
    if first is not None:
        if first + 6 == len(text):
            waits = first
        else:
            alone.append(first)
    if alone:  # what stands for them is as long, so that all places stay
        kept = zip([0, *(start + 6 for start in alone)], [*alone, len(text)], strict=True)
        text = "\\ufffd".join(text[start:end] for start, end in kept)
    return text, waits


def _step(item: Any, at: int) -> _Step:
    """What tells an item of a list in one event from the others, and is the same in the next."""
    if not isinstance(item, dict):
        return None, at, None
    kind = item.get("type") if item.get("type") != "function" else None  # said once, in a call's first fragment
    kind = kind if isinstance(kind, str) else None
    index = item.get("index")
    return (index, None, kind) if isinstance(index, (int, str)) else (None, at, kind)


def _event_at(place: tuple[_Step, ...], text: str) -> Json:
    value: Any = text
    for step in reversed(place):
        if isinstance(step, str):
            value = {step: value}
        elif isinstance(value, dict):
            index, _, kind = step
            head = {"index": index, "type": kind}
            value = [{**{name: said for name, said in head.items() if said is not None}, **value}]
        else:
            value = [value]
    event: Json = value
    return event
