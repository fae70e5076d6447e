"""Which earlier reasoning goes back to the model, and in which carrier.

An adapter hands every assistant message over with all it holds: `reasoning_content` (the text),
`reasoning_details`, `encrypted_content`. This decides what of it is sent: the family's `Profile.replay`, unless
the user chose. Reasoning that stands among the parts of a content, as Mistral's does, is content: it is left out only
where none is to be sent. A signature in `extra_content` always goes back: it means nothing to anyone but the model.
"""

from __future__ import annotations

from collections.abc import Sequence

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.model_families import Profile, Replay

CARRIERS = ("reasoning_content", "reasoning", "reasoning_details", "encrypted_content")
_CARRIERS = frozenset(CARRIERS)


def replayed(messages: Sequence[Json], profile: Profile, choice: bool | None = None) -> list[Json]:
    """The messages with their reasoning in the carrier the family reads, or without it.

    Args:
        choice: True sends all of it back, False none; None leaves it to the family.
    """
    replay: Replay = profile.replay if choice is None else "always" if choice else "never"
    if replay == "never":
        messages = [_without_thoughts(message) for message in messages]
    if all(_CARRIERS.isdisjoint(message) for message in messages):
        return list(messages)
    last_user = max((i for i, message in enumerate(messages) if message["role"] == "user"), default=-1)
    sent = []
    for position, message in enumerate(messages):
        if message["role"] == "assistant" and not _CARRIERS.isdisjoint(message):
            wanted = replay == "always" or (replay == "tool_loop" and position > last_user)
            message = _carried(message, profile) if wanted else _without(message)
        sent.append(message)
    return sent


def _without(message: Json) -> Json:
    return {name: value for name, value in message.items() if name not in CARRIERS}


def _without_thoughts(message: Json) -> Json:
    content = message.get("content")
    if message["role"] != "assistant" or content.__class__ is not list:
        return message
    return {**message, "content": [part for part in content if part["type"] not in ("thinking", "reasoning")] or ""}


def _carried(message: Json, profile: Profile) -> Json:
    sent = _without(message)
    text = message.get("reasoning_content") or message.get("reasoning")
    details = message.get("reasoning_details")
    if text and profile.inline_think:
        content = sent.get("content")
        thought = f"<think>\n{text}\n</think>\n\n"
        if isinstance(content, list):
            sent["content"] = [{"type": "text", "text": thought}, *content]
        else:
            sent["content"] = thought + (content or "")
    elif details:
        if text:
            sent["reasoning"] = text
        sent["reasoning_details"] = details
    elif text:
        sent["reasoning_content"] = text
    if message.get("encrypted_content"):
        sent["encrypted_content"] = message["encrypted_content"]
    return sent
