"""Output items of /v1/responses -> LangChain's content blocks. Pure.

A message holds its items in `additional_kwargs["output_items"]`, each with its `index`: by that LangChain adds
up the pieces of a stream. They go back to the model from there; the blocks are what a program reads.
To give another kind of item a block of its own, add a row to `_BLOCKS`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aimlapi_transport.responses.output_items import (
    COMMENTARY,
    annotations_of,
    answer_of,
    call_field,
    is_text_of,
    message_parts,
    reasoning_parts,
)

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from aimlapi_transport.chat.wire_types import Json

OUTPUT_ITEMS = "output_items"
_INDEX = "index"
REASONING_PARTS = {"summary": "summary_text", "content": "reasoning_text"}
"""The lists of a reasoning item -> the type of their parts."""

# Blocks of an assistant message that its items say as well.
_CALL_FIELDS = ("id", "type", "call_id", "name", "arguments", "input", "status")
_OF_MESSAGE = ("type", "role", "id", "content")
_ITEM_BLOCKS = ("server_tool_call", "server_tool_call_chunk", "server_tool_result")


def indexed_item(item: Json, index: int) -> Json:
    """An item as a message holds it: with its index, and with those of the parts of its reasoning."""
    indexed = {**item, _INDEX: index}
    for field in REASONING_PARTS if item.get("type") == "reasoning" else ():
        if isinstance(item.get(field), list):
            parts = enumerate(item[field])
            indexed[field] = [{**part, _INDEX: n} if isinstance(part, dict) else part for n, part in parts]
    return indexed


def piece_of(item_index: int, part: tuple[str, int]) -> Json:
    """What a chunk says of the item that it is a piece of; the whole item is added to it later.

    Args:
        part: `text` of a message, or `summary` or `content` of reasoning; and the index there.
    """
    field, index = part
    if field not in REASONING_PARTS:
        return {"type": "message", _INDEX: item_index}
    return {"type": "reasoning", field: [{"type": REASONING_PARTS[field], _INDEX: index}], _INDEX: item_index}


def part_of(items: Any) -> tuple[int, tuple[str, int]] | None:
    """Of which item, and which part of it, a chunk with these items is a piece; None where it is of none."""
    if not isinstance(items, list) or len(items) != 1 or not _is_piece(items[0]):
        return None
    (item,) = items
    field = next((field for field in REASONING_PARTS if field in item), None)
    return item[_INDEX], ("text", 0) if field is None else (field, item[field][0][_INDEX])


def _is_piece(item: Mapping[str, Any]) -> bool:
    """Whether this is `piece_of` an item, or several, of which no more has come."""
    if item.keys() == {"type", _INDEX}:
        return bool(item["type"] == "message")
    parts = [part for field in REASONING_PARTS if isinstance(item.get(field), list) for part in item[field]]
    return (
        item.get("type") == "reasoning"
        and item.keys() <= {"type", _INDEX, *REASONING_PARTS}
        and bool(parts)
        and all(isinstance(part, dict) and part.keys() == {"type", _INDEX} for part in parts)
    )


def whole_items(items: Any) -> list[Json]:
    """The items a message holds, without those of which only pieces have come."""
    known = [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []
    return [dict(item) for item in known if not _is_piece(item)]


def in_order(items: Any) -> list[Json]:
    """The items a message holds, unchanged."""
    known = whole_items(items)
    known.sort(key=lambda item: item[_INDEX] if isinstance(item.get(_INDEX), int) else 0)
    return [without_index(item) for item in known]


def without_index(item: Mapping[str, Any]) -> Json:
    """An item without the indexes by which LangChain adds up a stream."""
    came = {name: value for name, value in item.items() if name != _INDEX}
    for field in REASONING_PARTS if item.get("type") == "reasoning" else ():
        if isinstance(came.get(field), list):
            parts = came[field]
            came[field] = [without_index(part) if isinstance(part, Mapping) else part for part in parts]
    return came


def answer_text(message: AIMessage) -> str:
    """The text of a message without comments on the work (`phase: commentary`): what a schema describes."""
    if isinstance(message.content, list):
        blocks = [block for block in message.content if isinstance(block, dict) and block.get("type") == "text"]
        answers = [block["text"] for block in blocks if _phase_of(block) != COMMENTARY]
        return "".join(answers) if len(answers) < len(blocks) else message.text
    items = in_order(message.additional_kwargs.get(OUTPUT_ITEMS))
    return answer_of(items) if is_text_of(message.content, items) else message.text


def _phase_of(block: Json) -> Any:
    return block.get("phase") or (block.get("extras") or {}).get("phase")


def is_item_block(block: Any) -> bool:
    """Whether a block only shows what an item says, and is not to be sent beside it."""
    if not isinstance(block, Mapping):
        return False
    kind, index = block.get("type"), str(block.get("index") or block.get("id") or "")
    if kind == "non_standard":
        return True
    return kind in _ITEM_BLOCKS or (kind == "image" and index.startswith(("lc_igc_", "ig_")))


def refusal_of(items: Sequence[Json]) -> str:
    """The refusal that the items say."""
    return "".join(part["refusal"] for item in items for part in message_parts(item, "refusal"))


def call_extras(items: Sequence[Json]) -> dict[str, Json]:
    """What the items of calls hold besides LangChain's fields, by the calls' ids."""
    extras: dict[str, Json] = {}
    for item in items:
        if call_field(item.get("type")) and isinstance(item.get("call_id"), str):
            extra = {name: value for name, value in item.items() if name not in _CALL_FIELDS and value is not None}
            extra |= {"item_id": item["id"]} if item.get("id") else {}
            extras[item["call_id"]] = {**extra, "type": "custom"} if item["type"] == "custom_tool_call" else extra
    return extras


def blocks_of(
    item: Json, index: int, annotations: Callable[[Any], list[Json]], *, as_pieces: bool = False
) -> list[Json]:
    """The blocks of an item; none of a call, which LangChain has in fields of its own.

    Args:
        index: among the items of its reply.
        annotations: reads those of a text.
        as_pieces: whether the texts were given already, piece by piece: then without them, and with the index that
            joins the blocks to those pieces.
    """
    kind = item.get("type")
    if kind == "message":
        return _message(item, index, annotations, as_pieces)
    if kind == "reasoning":
        return _reasoning(item, index, as_pieces)
    if call_field(kind):
        return []
    convert = _BLOCKS.get(str(kind)) if item.get("execution") != "client" else None  # that is for the program to read
    blocks = convert(item) if convert else [{"type": "non_standard", "value": item}]
    if as_pieces:
        words: Json = {"server_tool_call": "stc", "server_tool_result": "str", "image": "igc", "non_standard": "itm"}
        blocks = [{**block, "index": f"lc_{words[str(block['type'])]}_{index}"} for block in blocks]
    return blocks


def text_index(index: int) -> str:
    """The index of the block of a message's text."""
    return f"lc_txt_{index}"


def reasoning_index(item_index: int, part: tuple[str, int]) -> str:
    """The index of the block of a part of an item's reasoning."""
    field, index = part
    return f"lc_rs_{item_index}_{index}" if field == "summary" else f"lc_rs_{item_index}_{field}_{index}"


def _extras(item: Json, known: Sequence[str]) -> Json:
    """What an item says beside these fields, as the `extras` of a block; nothing where that is all."""
    extras = {name: value for name, value in item.items() if name not in known and value is not None}
    return {"extras": extras} if extras else {}


def _message(item: Json, index: int, annotations: Callable[[Any], list[Json]], as_pieces: bool) -> list[Json]:
    texts = message_parts(item, "output_text")
    if not texts:
        return []  # a refusal, which stands in a field of its own
    block: Json = {"type": "text", "text": "" if as_pieces else "".join(part["text"] for part in texts)}
    if item.get("id"):
        block["id"] = item["id"]
    if notes := annotations(annotations_of(item)):
        block["annotations"] = notes
    block |= _extras(item, _OF_MESSAGE if item.get("status") != "completed" else (*_OF_MESSAGE, "status"))
    if item.get("phase"):
        block["phase"] = item["phase"]  # where LangChain's own reading of OpenAI's messages has it
    return [{**block, "index": text_index(index)} if as_pieces else block]


def _reasoning(item: Json, index: int, as_pieces: bool) -> list[Json]:
    parts = reasoning_parts(item) or [(("summary", 0), "")]
    blocks: list[Json] = [{"type": "reasoning", "reasoning": text} for _, text in parts]
    first = {"id": item["id"]} if item.get("id") else {}
    blocks = [{**block, **first} for block in blocks]
    blocks[0] |= _extras(item, ("type", "id", "summary", "content"))
    if not as_pieces:
        return blocks
    return [
        {**block, "reasoning": "", "index": reasoning_index(index, part)}
        for block, (part, _) in zip(blocks, parts, strict=True)
    ]


# -- what the provider ran itself --------------------------------------------------------------------------------------


def _ran(name: str, arguments: Any, output: Any, *read_fields: str) -> Callable[[Json], list[Json]]:
    """What reads a call that the provider ran: the call, and its result.

    Args:
        arguments, output: read the call's arguments, and what came of it (None for nothing), out of an item.
        read_fields: further fields of the item that both have read.
    """

    def read(item: Json) -> list[Json]:
        call_id = item.get("id") or item.get("call_id") or ""
        call: Json = {"type": "server_tool_call", "name": name, "id": call_id, "args": arguments(item)}
        call |= _extras(item, ("type", "id", "status", *read_fields))
        result: Json = {"type": "server_tool_result", "tool_call_id": call_id}
        value = output(item)
        if value is not None:
            result["output"] = value
        status = item.get("status")
        if status in ("failed", "incomplete") or item.get("error"):
            result["status"] = "error"
        elif status in ("completed", None):
            result["status"] = "success"
        else:
            result["extras"] = {"status": status}
        return [call, result]

    return read


def _search_arguments(item: Json) -> Json:
    action = item.get("action")
    return {k: v for k, v in action.items() if k != "sources"} if isinstance(action, Mapping) else {}


def _search_output(item: Json) -> Any:
    action = item.get("action")
    sources = action.get("sources") if isinstance(action, Mapping) else None
    return {"sources": sources} if sources else None


def _json_or_text(value: Any) -> Any:
    if not isinstance(value, str):
        return value or {}
    try:
        read = json.loads(value or "{}")
    except ValueError:
        read = None
    return read if isinstance(read, dict) else {"input": value}


def _mcp(item: Json) -> list[Json]:
    name = str(item.get("name") or "mcp")
    output = item.get("error") or item.get("output")
    return _ran(name, lambda i: _json_or_text(i.get("arguments")), lambda _: output, "name", "arguments", "output")(
        item
    )


def _image(item: Json) -> list[Json]:
    if not item.get("result"):
        return _ran("image_generation", lambda _: {}, lambda _: None, "result")(item)
    block: Json = {
        "type": "image",
        "base64": item["result"],
        "mime_type": f"image/{item.get('output_format') or 'png'}",
    }
    if item.get("id"):
        block["id"] = item["id"]
    return [{**block, **_extras(item, ("type", "id", "result"))}]


def _found_tools(item: Json) -> list[Json]:
    further = _extras(item, ("type", "id", "call_id", "status", "tools"))
    extras = {"name": "tool_search", **further.get("extras", {})}
    result = {"type": "server_tool_result", "tool_call_id": item.get("call_id") or item.get("id") or ""}
    status = "error" if item.get("status") == "failed" else "success"
    return [{**result, "output": {"tools": item.get("tools") or []}, "status": status, "extras": extras}]


def _tool_search(item: Json) -> list[Json]:
    call_id = item.get("call_id") or item.get("id") or ""
    call = {"type": "server_tool_call", "name": "tool_search", "id": call_id}
    extras = _extras(item, ("type", "id", "call_id", "arguments"))
    return [{**call, "args": _json_or_text(item.get("arguments")), **extras}]


_BLOCKS: dict[str, Callable[[Json], list[Json]]] = {
    "web_search_call": _ran("web_search", _search_arguments, _search_output, "action"),
    "file_search_call": _ran(
        "file_search", lambda i: {"queries": i.get("queries") or []}, lambda i: i.get("results"), "queries", "results"
    ),
    "code_interpreter_call": _ran(
        "code_interpreter", lambda i: {"code": i.get("code") or ""}, lambda i: i.get("outputs"), "code", "outputs"
    ),
    "image_generation_call": _image,
    "mcp_call": _mcp,
    "mcp_list_tools": _ran(
        "mcp_list_tools", lambda _: {}, lambda i: i.get("error") or i.get("tools"), "tools", "error"
    ),
    "tool_search_call": _tool_search,
    "tool_search_output": _found_tools,
}
