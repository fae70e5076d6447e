"""Messages of chat completions -> input items of /v1/responses. Pure.

A message that came from this endpoint has its items with it (`output_items`): they go back as they came and in their
order, with what was edited in the message since. To send another kind of part, add a row to `_PARTS`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.model_families import Profile, profile_for
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.json_codec import JsonError, loads
from aimlapi_transport.responses.output_items import CALLS, call_field, is_text_of, message_parts, reasoning_parts

# Items that a user or a program says; results of calls end in `_output`.
_ITEM_TYPES = ("mcp_approval_response", "item_reference", "compaction")
_OUTPUTS = frozenset(
    f"{kind}_output"
    for kind in (
        *("function_call", "custom_tool_call", "computer_call", "local_shell_call", "shell_call", "apply_patch_call"),
        "tool_search",
    )
)
# Parts of a message in this endpoint's words, or in those of chat completions.
_PART_TYPES = frozenset(("input_text", "input_image", "input_file", "input_audio", "refusal", "computer_screenshot"))
# Items that others name by their ids, which therefore go back also where the provider keeps nothing.
_NAMED_BY_ID = ("mcp_approval_request", "item_reference")


def input_items(
    messages: Sequence[Json], model: str, *, stored: bool, replay_reasoning: bool | None = None
) -> list[Json]:
    """The items of a conversation.

    Args:
        messages: checked, as chat completions have them: each result of a tool has its call.
        stored: whether the provider keeps the items: then they go back with their ids.
        replay_reasoning: False leaves reasoning out.

    Raises:
        InvalidRequestError: a part that this endpoint does not take.
    """
    items: list[Json] = []
    kinds: dict[str, str] = {}
    names: dict[str, str] = {}
    for position, message in enumerate(messages):
        where = f"messages[{position}]"
        role = message["role"]
        if role == "assistant":
            said = _said(message, model, where, stored=stored, replay=replay_reasoning is not False)
            for item in said:
                if item.get("call_id") and not str(item.get("type")).endswith("_output"):
                    kinds[item["call_id"]] = str(item.get("type"))
                    names[str(item.get("name"))] = item["call_id"]
            items += said
        elif role in ("tool", "function"):
            named = str(message.get("tool_call_id") or message.get("name"))
            call_id = named if named in kinds else names.get(named, named)  # the older form names the function
            items.append(_result(call_id, kinds.get(call_id, "function_call"), message["content"], where))
        else:
            items += _asked(message, role, where)
    return items


def _asked(message: Json, role: str, where: str) -> list[Json]:
    """A message of the user or the program; items that stand among its parts come before it."""
    content = message["content"]
    if isinstance(content, str):
        return [{"role": role, "content": content}]
    items = [dict(part) for part in content if _is_item(part)]
    parts = [_part(part, where) for part in content if not _is_item(part)]
    return [*items, {"role": role, "content": parts}] if parts else items


def _is_item(part: Json) -> bool:
    """Whether what stands among the parts of a message is an item of its own.

    So is whatever nobody here knows, unless it is in the form of a part: `input_...`, or with its value under the name
    of its type, as chat completions write parts.
    """
    kind = str(part["type"])
    return not (kind in _PARTS or kind in _PART_TYPES or kind.startswith("input_") or kind in part)


def unlisted_types(messages: Sequence[Json]) -> tuple[str, ...]:
    """The types of items and parts among these messages that nobody here knows, each once."""
    found = {
        str(part["type"]): None
        for message in messages
        if message["role"] != "assistant" and message["content"].__class__ is list
        for part in message["content"]
    }
    known = (*_ITEM_TYPES, *_OUTPUTS, *_PART_TYPES, *_PARTS, "video_url", "audio_url")
    return tuple(kind for kind in found if kind not in known)


def _result(call_id: str, kind: str, content: Any, where: str) -> Json:
    if isinstance(content, list) and len(content) == 1 and str(content[0]["type"]).endswith("_output"):
        return {"call_id": call_id, **content[0]}  # the item itself, as tools of other SDKs return it
    output: Any = content if isinstance(content, str) else [_part(part, where) for part in content or ()]
    if kind == "computer_call" and isinstance(output, list) and len(output) == 1 and output[0].get("image_url"):
        output = {"type": "computer_screenshot", "image_url": output[0]["image_url"]}
    if kind == "tool_search_call":
        found = {"type": "tool_search_output", "call_id": call_id, "execution": "client", "status": "completed"}
        return {**found, "tools": _tools_in(output, where)}
    return {"type": f"{kind}_output", "call_id": call_id, "output": output}


def _tools_in(output: Any, where: str) -> list[Any]:
    try:
        tools = loads(output.encode()) if isinstance(output, str) else output
    except JsonError:
        tools = None
    if not isinstance(tools, list):
        raise InvalidRequestError(f"{where} answers a search for tools: pass a JSON list of tool definitions.")
    return tools


def _part(part: Json, where: str) -> Json:
    convert = _PARTS.get(part["type"])
    if convert is not None:
        return convert(part)
    if part["type"] in ("video_url", "audio_url"):
        raise InvalidRequestError(
            f"{where} has a part of type `{part['type']}`: /v1/responses takes {', '.join(sorted(_PARTS))}."
        )
    return part  # one of the endpoint's own, or one that we do not know


def _image(part: Json) -> Json:
    image = part["image_url"]
    image = image if isinstance(image, dict) else {"url": image}
    detail = {"detail": image["detail"]} if image.get("detail") else {}
    return {"type": "input_image", "image_url": image.get("url"), **detail}


def _file(part: Json) -> Json:
    inner = part["file"] if isinstance(part.get("file"), dict) else {k: v for k, v in part.items() if k != "type"}
    return {"type": "input_file", **inner}


_PARTS: dict[str, Callable[[Json], Json]] = {
    "text": lambda part: {"type": "input_text", "text": part["text"]},
    "output_text": lambda part: {"type": "input_text", "text": part["text"]},
    "image_url": _image,
    "file": _file,
}


# -- what the model said -----------------------------------------------------------------------------------------------


def _said(message: Json, model: str, where: str, *, stored: bool, replay: bool) -> list[Json]:
    """The items of an assistant message. Reasoning comes never without the item that followed it."""
    for name in ("audio", "images"):
        if message.get(name) and not message.get("output_items"):
            raise InvalidRequestError(
                f"{where} holds {name} that a model made, which /v1/responses takes from the user only."
            )
    profile = profile_for(model)
    kept = message.get("output_items")
    if kept:
        ours = profile_for(str(message.get("output_model") or model)).family == profile.family
        stored = stored and ours and message.get("output_stored") is not False
        items = _kept(message, list(kept), stored=stored, replay=replay, ours=ours, model=model)
    else:
        items = [*(_thought(message, profile) if replay else ()), *_text(message), *_calls(message)]
    while items and items[-1].get("type") == "reasoning":
        items.pop()
    return items


def _kept(message: Json, kept: list[Json], *, stored: bool, replay: bool, ours: bool, model: str) -> list[Json]:
    """The items as they came, with what was edited in the message since."""
    text = _text_of(message)
    calls = {call["id"]: call for call in message.get("tool_calls") or ()}
    edited = not is_text_of(text, kept)
    items: list[Json] = []
    for item in kept:
        kind = item.get("type")
        if kind == "message":
            if not edited:
                items.append(item if stored else _unstored_message(item))
            elif text:
                items.append({"role": "assistant", "content": text})
                text = ""
        elif call_field(kind) is not None:
            call = calls.pop(item.get("call_id"), None)
            if call is not None:
                items.append(_edited_call(item, call, stored))
        elif not ours:
            continue  # another family's reasoning, and its provider's own calls
        elif kind == "reasoning":
            if replay and (stored or _can_return(item, model)):
                items.append(item if stored else _without_id(item))
        else:
            items.append(item if stored or kind in _NAMED_BY_ID else _without_id(item))
    if edited and text:
        items.append({"role": "assistant", "content": text})
    return [*items, *_calls({"tool_calls": list(calls.values())})]


def _without_id(item: Json) -> Json:
    return {name: value for name, value in item.items() if name != "id" and not (name == "content" and value is None)}


def _unstored_message(item: Json) -> Json:
    phase = {"phase": item["phase"]} if item.get("phase") else {}
    if message_parts(item, "refusal"):
        return _without_id(item)
    text = "".join(part["text"] for part in message_parts(item, "output_text"))
    return {"role": "assistant", "content": text, **phase}


def _can_return(item: Json, model: str) -> bool:
    """Whether a reasoning item that was not stored means something to the model."""
    family = profile_for(model).family
    if item.get("encrypted_content"):
        return family != "openai" or reasons(model)
    return family not in ("openai", "xai") and bool(reasoning_parts(item))


def reasons(model: str) -> bool:
    """Whether this is one of OpenAI's models that reason: they alone give, and take, their reasoning sealed."""
    name = model.lower().rpartition("/")[2].removeprefix("openai.")
    return name.startswith(("o1", "o3", "o4", "gpt-5", "codex", "computer-use")) and "-chat" not in name


def _edited_call(item: Json, call: Json, stored: bool) -> Json:
    field = CALLS[item["type"]]
    written = call["custom"]["input"] if "custom" in call else call["function"]["arguments"]
    if field == "input" and "custom" not in call:
        written = _free_text(written)
    item = item if stored else _without_id(item)
    return item if _same(item.get(field), written) else {**item, field: written}


def _free_text(arguments: str) -> Any:
    """What a custom tool is called with, where its call is written as that of a function."""
    try:
        read = json.loads(arguments)
    except ValueError:
        return arguments
    name = next(iter(read)) if isinstance(read, dict) and len(read) == 1 else None
    return read[name] if name in ("input", "__arg1") else arguments  # the second is langchain-openai's name


def _same(one: Any, other: Any) -> bool:
    if one == other:
        return True
    try:
        return bool(json.loads(one or "{}") == json.loads(other or "{}"))
    except (TypeError, ValueError):
        return False


def _text_of(message: Json) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part.get("type") == "text")
    return content or ""


def _text(message: Json) -> list[Json]:
    """The text and the refusal of a message that came from elsewhere."""
    text, refusal = _text_of(message), message.get("refusal")
    if refusal:
        parts = [{"type": "output_text", "text": text}] if text else []
        return [{"role": "assistant", "content": [*parts, {"type": "refusal", "refusal": refusal}]}]
    return [{"role": "assistant", "content": text}] if text else []


def _calls(message: Json) -> list[Json]:
    items: list[Json] = []
    for call in message.get("tool_calls") or ():
        if "custom" in call:
            custom = call["custom"]
            items.append({"type": "custom_tool_call", "call_id": call["id"], **custom})
        else:
            function = call["function"]
            named = {"name": function["name"], "arguments": function.get("arguments") or "{}"}
            space = {"namespace": call["namespace"]} if call.get("namespace") else {}
            items.append({"type": "function_call", "call_id": call["id"], **named, **space})
    if message.get("function_call") and not items:
        former = message["function_call"]
        items.append({"type": "function_call", "call_id": f"call_{former['name']}", **former})
    return items


def _thought(message: Json, profile: Profile) -> list[Json]:
    """The reasoning of a message that came from chat completions, where the family takes it."""
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
