"""How long a text is, in tokens: pieces of at most six letters, one piece per sign. Close to what models count.

The pieces of a text join to the text again, so they are also what a stream sends and what `max_tokens` cuts.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from aimlapi_emulator.mind.conversation import Conversation

_PIECE = re.compile(
    r" ?[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]| ?[^\W\d_]{1,6}| ?\d{1,3}| ?[^\w\s]| ?_+|\s+?(?=\s|$)|\s"
)
PER_MESSAGE = 4
PER_MEDIUM = 85


def pieces(text: str) -> list[str]:
    """The tokens of a text, in order; nothing is lost between them."""
    return _PIECE.findall(text)


def count(text: str) -> int:
    return len(pieces(text))


def count_prompt(conversation: Conversation, body: dict[str, Any]) -> int:
    """Tokens of all messages, the media in them, and the tools and schema offered beside them."""
    total = 3
    for turn in conversation.turns:
        total += PER_MESSAGE + count(turn.text) + PER_MEDIUM * len(turn.media)
        total += sum(count(call.name) + count(call.arguments) for call in turn.calls)
    for extra in ("tools", "response_format"):
        if body.get(extra):
            total += count(orjson.dumps(body[extra]).decode())
    return total
