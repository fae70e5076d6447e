r"""Arguments that are a JSON string holding an object (encoded twice) -> the object's own text, piece by piece. Pure.

`"{\"city\": \"Bern\"}"` becomes `{"city": "Bern"}`; any other arguments stay as they are.
"""

from __future__ import annotations

import json
import re
from typing import Literal

from aimlapi_transport.surrogates import whole_text

_BLANK = " \t\r\n"
_MAX_BLANK = 256  # characters before the string, or before the object in it: some models send blanks without end
# As much of a JSON string as is complete; the group is the last plain run or escape of it.
_INSIDE = re.compile(r'(?:([^"\\\x00-\x1f]+|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}))*')
_HALF_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?")
_FIRST_HALF = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}")


class QuotedObject:
    """Feed it the pieces of a call's arguments; it answers with the pieces of the object's text."""

    __slots__ = ("_pending", "_state")

    def __init__(self) -> None:
        self._state: Literal["start", "inside", "behind", "as_it_is", "broken"] = "start"
        self._pending = ""  # blank space, or the beginning of a string or of an escape

    @property
    def is_over(self) -> bool:
        """Whether these are arguments like any other: `feed` would give every piece back as it is."""
        return self._state == "as_it_is"

    @property
    def is_sound(self) -> bool:
        """Whether the string, if it is one, is closed and has nothing behind it."""
        return self._state not in ("inside", "broken")

    def rest(self) -> str:
        """What waits, if nothing follows. A string that is not sound ends in a quote: so its text spells no object."""
        return self._pending if self.is_sound else self._pending + '"'

    def feed(self, piece: str) -> str:
        """The text this piece adds."""
        text, self._pending = self._pending + piece, ""
        decoded = ""
        if self._state == "start":
            begin = text.lstrip(_BLANK)
            decoded, rest = _decoded(begin[1:]) if begin[:1] == '"' else ("", "")
            inside = decoded.lstrip(_BLANK)
            if max(len(text) - len(begin), len(decoded) - len(inside)) > _MAX_BLANK or begin[:1] not in ("", '"'):
                self._state, decoded = "as_it_is", ""
            elif inside[:1] == "{":
                self._state, text = "inside", rest
            elif not begin or (not inside and (not rest or _HALF_ESCAPE.fullmatch(rest))):
                self._pending = text
                return ""
            else:
                self._state, decoded = "as_it_is", ""
        if self._state == "inside":
            further, text = _decoded(text)
            decoded += further
            if text[:1] == '"':
                self._state, text = "behind", text[1:]
            elif not text or _may_go_on(text):
                self._pending = text
                return decoded
            else:
                self._state = "broken"
        if self._state == "behind":
            text = text.lstrip(_BLANK)
            self._state = "broken" if text else "behind"
        return decoded + text


def _decoded(text: str) -> tuple[str, str]:
    """What the beginning of a string's inside spells, and what is left: its end, half an escape, or what is none."""
    match = _INSIDE.match(text)
    assert match is not None  # it matches nothing, too
    end, last = match.end(), match.group(1)
    rest = text[end:]
    if last and _FIRST_HALF.fullmatch(last) and (not rest or _HALF_ESCAPE.fullmatch(rest)):
        end -= len(last)  # one character in two escapes: wait for the other
    return whole_text(json.loads(f'"{text[:end]}"')), text[end:]


def _may_go_on(text: str) -> bool:
    """Whether this is the beginning of an escape, or one half of a pair with at most the beginning of the other."""
    return bool(_HALF_ESCAPE.fullmatch(text) or _FIRST_HALF.match(text))


def unquoted(arguments: str) -> tuple[str, bool]:
    """The arguments without the string around their object, if there is one; and whether that string is sound."""
    if arguments.lstrip(_BLANK)[:1] != '"':
        return arguments, True
    quoted = QuotedObject()
    text = quoted.feed(arguments)
    return text + quoted.rest(), quoted.is_sound
