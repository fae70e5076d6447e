"""Messages of chat completions -> input items of /v1/responses. Pure.

To send another kind of part, add a row to `_PARTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.model_families import profile_for
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.json_codec import JsonError, loads
from aimlapi_transport.responses.returned_items import Replay, returned_items

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
    replay = Replay(model, profile_for(model), stored, replay_reasoning is not False)
    items: list[Json] = []
    kinds: dict[str, str] = {}  # of calls, by their ids
    ids: dict[str, str] = {}  # of the last call of each name: the older form of a result has no id
    for position, message in enumerate(messages):
        where, role = f"messages[{position}]", message["role"]
        if role == "assistant":
            returned = returned_items(message, where, replay)
            for item in returned:
                if item.get("call_id") and not str(item.get("type")).endswith("_output"):
                    kinds[item["call_id"]] = str(item.get("type"))
                    ids[str(item.get("name"))] = item["call_id"]
            items += returned
        elif role in ("tool", "function"):
            key = str(message.get("tool_call_id") or message.get("name"))
            call_id = key if key in kinds else ids.get(key, key)
            items.append(_result(call_id, kinds.get(call_id, "function_call"), message["content"], where))
        else:
            items += _user_items(message["content"], role, where)
    return items


def _user_items(content: Any, role: str, where: str) -> list[Json]:
    """A message of the user or the program; items that stand among its parts come before it."""
    if isinstance(content, str):
        return [{"role": role, "content": content}]
    items = [dict(part) for part in content if _is_item(part)]
    parts = [_part(part, where) for part in content if not _is_item(part)]
    return [*items, {"role": role, "content": parts}] if parts else items


def _is_item(part: Json) -> bool:
    """Whether what stands among the parts of a message is an item of its own.

    So is anything unknown, unless it is in the form of a part: `input_...`, or with its value under the name
    of its type, as chat completions write parts.
    """
    kind = str(part["type"])
    return not (kind in _PARTS or kind in _PART_TYPES or kind.startswith("input_") or kind in part)


def unlisted_types(messages: Sequence[Json]) -> tuple[str, ...]:
    """The unknown types of items and parts among these messages, each once."""
    kinds = {
        str(part["type"]): None
        for message in messages
        if message["role"] != "assistant" and message["content"].__class__ is list
        for part in message["content"]
    }
    known = (*_ITEM_TYPES, *_OUTPUTS, *_PART_TYPES, *_PARTS, "video_url", "audio_url")
    return tuple(kind for kind in kinds if kind not in known)


def _result(call_id: str, kind: str, content: Any, where: str) -> Json:
    if isinstance(content, list) and len(content) == 1 and str(content[0]["type"]).endswith("_output"):
        return {"call_id": call_id, **content[0]}  # the item itself, as tools of other SDKs return it
    output: Any = content if isinstance(content, str) else [_part(part, where) for part in content or ()]
    if kind == "computer_call" and isinstance(output, list) and len(output) == 1 and output[0].get("image_url"):
        output = {"type": "computer_screenshot", "image_url": output[0]["image_url"]}
    if kind == "tool_search_call":
        head = {"type": "tool_search_output", "call_id": call_id, "execution": "client", "status": "completed"}
        return {**head, "tools": _tools_in(output, where)}
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
