"""The object that JSON text spells so far, read once as it comes: the arguments of a call still being streamed.

For showing, never for running: a finished call's arguments are read strictly elsewhere.
"""

from __future__ import annotations

import re
from typing import Any

from aimlapi_transport.json_codec import JsonError, loads

_PLAIN = re.compile(r'[^"\\]*')
_SCALAR = re.compile(r"[^\s,\]}]*")
_BLANK = re.compile(r"[\s,:]*")


class PartialObject:
    """Feed it text; `value()` is the object so far: strings as far as they go, other values when complete.

    Each character is read once, so that asking after every piece costs no more than the pieces. Text that is
    no JSON ends the reading: the value stays at what came before it.
    """

    __slots__ = ("_fed", "_held", "_is_broken", "_keys", "_root", "_stack", "_string", "_value", "shown")

    def __init__(self) -> None:
        self._stack: list[Any] = []  # the containers still open, outermost first
        self._keys: list[str | None] = []  # for each of them, the key whose value is awaited
        self._root: Any = None
        self._string: str | None = None  # the string still open
        self._held = ""  # half an escape or half a number
        self._is_broken = False
        self._fed = 0
        self._value: dict[str, Any] | None = None  # as it was asked for last
        self.shown: Any = None  # what the asker made of it

    def value_of(self, text: str, length: int | None = None) -> dict[str, Any]:
        """The object that `text`, or its first `length` characters, spells, where it grows from call to call."""
        length = len(text) if length is None else length
        if length < self._fed:
            return PartialObject().value_of(text, length)
        if length > self._fed or self._value is None:
            self.feed(text[self._fed : length])
            self._value = self.value()
        return self._value

    def feed(self, text: str) -> None:
        """More of the text."""
        self._fed += len(text)
        text, self._held = self._held + text, ""
        at = 0
        while at < len(text) and not self._is_broken:
            at = self._in_string(text, at) if self._string is not None else self._between(text, at)

    def value(self) -> dict[str, Any]:
        """The object so far; what is complete in it is shared between the answers, what is open is not."""
        root = self._root
        inner: Any = None
        if self._string is not None and self._stack:
            inner = self._string
        for container, key in zip(reversed(self._stack), reversed(self._keys), strict=True):
            copied = container.copy()
            if isinstance(copied, list):
                if isinstance(inner, str):
                    copied.append(inner)
                elif inner is not None:
                    copied[-1] = inner
            elif inner is not None and key is not None:
                copied[key] = inner
            root = inner = copied
        return root if isinstance(root, dict) else {}

    def _in_string(self, text: str, at: int) -> int:
        end = _PLAIN.match(text, at).end()  # type: ignore[union-attr]  # matches nothing, too
        self._string = (self._string or "") + text[at:end]
        if end == len(text):
            return end
        if text[end] == '"':
            string, self._string = self._string, None
            self._add(string, is_string=True)
            return end + 1
        length = 2 if text[end + 1 : end + 2] != "u" else 6
        if text[end : end + 4].lower() in ("\\ud8", "\\ud9", "\\uda", "\\udb"):
            length = 12  # one character in two halves
        if len(text) - end < length:
            self._held = text[end:]
            return len(text)
        self._string += self._loaded(f'"{text[end : end + length]}"') or ""
        return end + length

    def _between(self, text: str, at: int) -> int:
        at = _BLANK.match(text, at).end()  # type: ignore[union-attr]  # matches nothing, too
        if at == len(text):
            return at
        sign = text[at]
        if sign == '"':
            self._string = ""
        elif sign in "{[":
            container: Any = {} if sign == "{" else []
            self._add(container)
            self._stack.append(container)
            self._keys.append(None)
        elif sign in "}]":
            if not self._stack or isinstance(self._stack[-1], dict) is not (sign == "}"):
                self._is_broken = True
                return at
            self._stack.pop()
            self._keys.pop()
            if self._keys:
                self._keys[-1] = None
        else:
            end = _SCALAR.match(text, at).end()  # type: ignore[union-attr]  # matches nothing, too
            if end == len(text):
                self._held = text[at:]
            else:
                self._add(self._loaded(text[at:end]))
            return end
        return at + 1

    def _add(self, value: Any, *, is_string: bool = False) -> None:
        if self._is_broken:
            return
        if not self._stack:
            self._is_broken = self._root is not None or not isinstance(value, dict)
            self._root = self._root if self._is_broken else value
            return
        top = self._stack[-1]
        if isinstance(top, list):
            top.append(value)
        elif self._keys[-1] is not None:
            top[self._keys[-1]] = value
            if not isinstance(value, (dict, list)):
                self._keys[-1] = None
        elif is_string:
            self._keys[-1] = value
        else:
            self._is_broken = True

    def _loaded(self, text: str) -> Any:
        try:
            return loads(text)
        except JsonError:
            self._is_broken = True
            return None
