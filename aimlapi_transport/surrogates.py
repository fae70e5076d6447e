"""Lone surrogates: joined to a character where the other one of the pair comes in a later event, else U+FFFD. Pure.

JSON spells a character past U+FFFF as two escapes, a surrogate pair (`\\ud83d\\ude00`), and a host that streams token
by token may send each in an event of its own. A surrogate without the other cannot be encoded: U+FFFD stands for it.
"""

from __future__ import annotations

import re
from typing import Any

# A key of an object, or the fields that tell an item of a list from the others.
_Step = str | tuple[tuple[str, Any], ...]

_HIGH = r"\\u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_BEGUN = r"\\(?:u[0-9a-fA-F]{0,3})?"  # an escape that is not all there
_ESCAPE = re.compile(
    rf"(?P<unfinished>(?:{_HIGH}(?:{_BEGUN})?|{_BEGUN})\Z)|{_HIGH}{_LOW}|(?P<lone>{_HIGH}|{_LOW})|\\.", re.DOTALL
)


def whole_text(text: str) -> str:
    """The text with its pairs joined, and U+FFFD for each surrogate that is alone."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def whole_value(value: Any) -> Any:
    """A JSON value with `whole_text` of all its texts and keys."""
    if isinstance(value, str):
        return whole_text(value)
    if isinstance(value, dict):
        return {
            whole_text(name) if isinstance(name, str) else name: whole_value(inner) for name, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [whole_value(inner) for inner in value]
    return value


def whole_escapes(text: str) -> str:
    """JSON text with `\\ufffd` for each escape of a lone surrogate."""
    if "\\ud" not in text and "\\uD" not in text:
        return text
    return _ESCAPE.sub(lambda escape: "\\ufffd" if escape["lone"] else escape.group(), text)


class SurrogateJoiner:
    """Joins the pairs that are split over two events of a stream.

    A high surrogate at the end of a text in a `delta` waits for the next piece of the same text: the one at the same
    path of keys in a later event. An item of a list is known by its `index` (else by its position) and its `type`.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[_Step, ...], str] = {}

    def feed(self, event: Any) -> Any:
        """The event with whole texts: what waited for them comes first, a high surrogate at their end waits."""
        return self._joined(event, ())

    def flush(self) -> list[Any]:
        """What still waits, now that nothing follows: events that add U+FFFD to its text."""
        waiting, self._waiting = self._waiting, {}
        return [_event_at(path, whole_text(surrogate)) for path, surrogate in waiting.items()]

    def _joined(self, value: Any, path: tuple[_Step, ...]) -> Any:
        if isinstance(value, dict):
            return {whole_text(name): self._joined(inner, (*path, name)) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._joined(inner, (*path, _step(inner, position))) for position, inner in enumerate(value)]
        if not isinstance(value, str):
            return value
        if not value or "delta" not in path:
            return whole_text(value)
        text = self._waiting.pop(path, "") + value
        if "\ud800" <= text[-1] <= "\udbff":
            self._waiting[path] = text[-1]
            text = text[:-1]
        return whole_text(text)


class LoneEscapeReplacer:
    """JSON text in pieces -> the same, with `\\ufffd` for each escape of a lone surrogate.

    For consumers that parse the text with a JSON library of their own. What stands for an escape is as long as it, and
    an escape that may be half of a pair waits for the next piece.
    """

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting = ""

    def feed(self, piece: str) -> str:
        """The text that a piece adds."""
        if not self._waiting and "\\" not in piece:
            return piece
        text, self._waiting = self._waiting + piece, ""
        return _ESCAPE.sub(self._replaced, text)

    def flush(self) -> str:
        """What still waits, unchanged: text that ends so is no JSON."""
        return self._waiting

    def _replaced(self, escape: re.Match[str]) -> str:
        if escape["unfinished"] is not None:
            self._waiting = escape["unfinished"]
            return ""
        return "\\ufffd" if escape["lone"] else escape.group()


def _step(item: Any, position: int) -> _Step:
    """What tells an item of a list in one event from the others, and is the same in the next."""
    if not isinstance(item, dict):
        return (("position", position),)
    kind, index = item.get("type"), item.get("index")
    # a call's first fragment alone has this type
    fields = (("type", kind),) if isinstance(kind, str) and kind != "function" else ()
    return (("index", index), *fields) if isinstance(index, (int, str)) else (("position", position), *fields)


def _event_at(path: tuple[_Step, ...], text: str) -> Any:
    """An event that holds this text at this path, and nothing else."""
    value: Any = text
    for step in reversed(path):
        if isinstance(step, str):
            value = {step: value}
        elif isinstance(value, dict):
            value = [{**{name: field for name, field in step if name != "position"}, **value}]
        else:
            value = [value]
    return value
