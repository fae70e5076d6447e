"""A message of the model -> the items that go back for it under /v1/responses. Pure.

The items of a reply of this endpoint (`output_items`) go back unchanged and in their order, with what was edited in
the message since. A message that came from elsewhere is put into items.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.model_families import Profile, profile_for
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.responses.output_items import (
    CALLS,
    call_field,
    is_text_of,
    message_parts,
    message_text,
    reasoning_parts,
)

# Items that others name by their ids, which therefore go back also where the provider keeps nothing.
_NAMED_BY_ID = ("mcp_approval_request", "item_reference")


class Replay(NamedTuple):
    """What of the replies in a conversation goes back to a model.

    Attributes:
        stored: whether the provider keeps the items: then they go back with their ids.
        reasoning: whether reasoning goes back.
    """

    model: str
    profile: Profile
    stored: bool
    reasoning: bool


def reasons(model: str) -> bool:
    """Whether this is one of OpenAI's models that reason: they alone give, and take, their reasoning sealed."""
    name = model.lower().rpartition("/")[2].removeprefix("openai.")
    return name.startswith(("o1", "o3", "o4", "gpt-5", "codex", "computer-use")) and "-chat" not in name


def returned_items(message: Json, where: str, replay: Replay) -> list[Json]:
    """The items of an assistant message. Reasoning comes never without the item that followed it.

    Args:
        where: the message, as errors name it.

    Raises:
        InvalidRequestError: sound or pictures that a model made elsewhere.
    """
    if message.get("output_items"):
        items = [*_output_items(message, replay)]
    else:
        for name in ("audio", "images"):
            if message.get(name):
                raise InvalidRequestError(
                    f"{where} contains {name} that a model made, which /v1/responses takes from the user only."
                )
        reasoning = _reasoning_item(message, replay.profile) if replay.reasoning else []
        items = [*reasoning, *_message_item(message), *call_items(message)]
    while items and items[-1].get("type") == "reasoning":
        items.pop()
    return items


def _output_items(message: Json, replay: Replay) -> Iterator[Json]:
    items: list[Json] = list(message["output_items"])
    family = profile_for(str(message.get("output_model") or replay.model)).family
    is_same_family = family == replay.profile.family
    stored = replay.stored and is_same_family and message.get("output_stored") is not False
    text = _text_of(message)
    is_edited = not is_text_of(text, items)
    calls = {call["id"]: call for call in message.get("tool_calls") or ()}
    for item in items:
        kind = item.get("type")
        returned = item if stored or kind in _NAMED_BY_ID else _without_id(item)
        if kind == "message" and is_edited:
            if text:
                yield {"role": "assistant", "content": text}
            text = ""
        elif kind == "message":
            yield returned if stored or message_parts(item, "refusal") else _unstored_message(item)
        elif call_field(kind) is not None:
            if item.get("call_id") in calls:
                yield _edited_call(returned, calls.pop(item["call_id"]))
        elif is_same_family and (kind != "reasoning" or _takes_reasoning(item, stored, replay)):
            yield returned  # another family's reasoning, and calls of its provider's own tools, mean nothing here
    if is_edited and text:
        yield {"role": "assistant", "content": text}
    yield from call_items({"tool_calls": list(calls.values())})


def _without_id(item: Json) -> Json:
    return {name: value for name, value in item.items() if name != "id" and not (name == "content" and value is None)}


def _unstored_message(item: Json) -> Json:
    phase = {"phase": item["phase"]} if item.get("phase") else {}
    return {"role": "assistant", "content": message_text(item), **phase}


def _takes_reasoning(item: Json, stored: bool, replay: Replay) -> bool:
    """Whether a reasoning item means something to the model."""
    if stored or not replay.reasoning:
        return replay.reasoning
    family = replay.profile.family
    if item.get("encrypted_content"):
        return family != "openai" or reasons(replay.model)
    return family not in ("openai", "xai") and bool(reasoning_parts(item))


def _edited_call(item: Json, call: Json) -> Json:
    """The item of a call, with the arguments that the call has now."""
    field = CALLS[item["type"]]
    arguments = call["custom"]["input"] if "custom" in call else call["function"]["arguments"]
    if field == "input" and "custom" not in call:
        arguments = _free_text(arguments)
    return item if _is_same_json(item.get(field), arguments) else {**item, field: arguments}


def _free_text(arguments: str) -> Any:
    """What a custom tool is called with, where its call is written as that of a function."""
    try:
        read = json.loads(arguments)
    except ValueError:
        return arguments
    name = next(iter(read)) if isinstance(read, dict) and len(read) == 1 else None
    return read[name] if name in ("input", "__arg1") else arguments  # the second is langchain-openai's name


def _is_same_json(one: Any, other: Any) -> bool:
    if one == other:
        return True
    try:
        return bool(json.loads(one or "{}") == json.loads(other or "{}"))
    except (TypeError, ValueError):
        return False


# -- messages that came from elsewhere ---------------------------------------------------------------------------------


def _text_of(message: Json) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part.get("type") == "text")
    return content or ""


def _message_item(message: Json) -> list[Json]:
    """The text and the refusal of a message."""
    text, refusal = _text_of(message), message.get("refusal")
    if refusal:
        parts = [{"type": "output_text", "text": text}] if text else []
        return [{"role": "assistant", "content": [*parts, {"type": "refusal", "refusal": refusal}]}]
    return [{"role": "assistant", "content": text}] if text else []


def call_items(message: Json) -> list[Json]:
    """The calls of a message, each as an item."""
    items: list[Json] = []
    for call in message.get("tool_calls") or ():
        if "custom" in call:
            items.append({"type": "custom_tool_call", "call_id": call["id"], **call["custom"]})
        else:
            function = call["function"]
            call_fields = {"name": function["name"], "arguments": function.get("arguments") or "{}"}
            space = {"namespace": call["namespace"]} if call.get("namespace") else {}
            items.append({"type": "function_call", "call_id": call["id"], **call_fields, **space})
    if message.get("function_call") and not items:
        former = message["function_call"]
        items.append({"type": "function_call", "call_id": f"call_{former['name']}", **former})
    return items


def _reasoning_item(message: Json, profile: Profile) -> list[Json]:
    """The reasoning of a message of chat completions, where the family takes it."""
    text = message.get("reasoning_content") or message.get("reasoning")
    sealed = message.get("encrypted_content")
    for detail in message.get("reasoning_details") or ():
        if isinstance(detail, dict) and detail.get("data") and "openai" in str(detail.get("format")):
            sealed = sealed or detail["data"]
    if sealed and profile.family in ("openai", "xai"):
        return [{"type": "reasoning", "summary": [], "encrypted_content": sealed}]
    if text and profile.family not in ("openai", "xai", "anthropic") and profile.replay != "never":
        return [{"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": text}]}]
    return []
