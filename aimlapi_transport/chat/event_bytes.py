"""The bytes of an event around its piece of an answer, by which the next one is read in a fifth of the time. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import orjson

from aimlapi_transport.chat.wire_types import Json

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_PROBE = "<a piece>"


class Surroundings(NamedTuple):
    """What stands before and after the piece.

    Attributes:
        message: the `delta` of an event that adds this piece.
    """

    head: bytes
    tail: bytes
    message: Callable[[str], Json]

    def piece(self, data: bytes) -> str | None:
        """The piece of an event with these surroundings; None where it has others."""
        head, tail, _ = self
        if not (data.startswith(head) and data.endswith(tail)):
            return None
        try:  # one string, or it is not one value: nothing else can begin and end here
            piece = orjson.loads(data[len(head) : len(data) - len(tail)])
        except ValueError:
            return None
        return piece if piece.__class__ is str else None


def surroundings(data: bytes, message: Json) -> Surroundings | None:
    """What stands around the piece in an event of one choice, whose `delta` is this message."""
    ((name, value),) = message.items()
    is_call = name == "tool_calls"
    make = partial(_call_message, value[0]["index"]) if is_call else partial(_text_message, name)
    key = re.search(rb'"%b"\s*:\s*' % (b"arguments" if is_call else name.encode()), data)
    text = key and _STRING.match(data, key.end())
    if not key or not text:
        return None
    found = Surroundings(data[: key.end()], data[text.end() :], make)
    try:  # the key may stand elsewhere, too
        probe = orjson.loads(b"%b%b%b" % (found.head, orjson.dumps(_PROBE), found.tail))
    except ValueError:
        return None
    return found if probe["choices"][0].get("delta") == make(_PROBE) else None


def _text_message(name: str, piece: str) -> Json:
    return {name: piece}


def _call_message(index: int, piece: str) -> Json:
    return {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
