"""LangChain's standard blocks of OpenAI's replies -> output items of /v1/responses. Pure.

A history that another class wrote with `output_version="v1"` holds its items as these blocks alone; our own messages
hold the items themselves. To read the blocks of another tool of the provider's, add a row to `_CALLS`.
Source: `langchain_core.messages.block_translators.openai`, which makes these blocks of the items.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aimlapi_transport.chat.wire_types import Json

_STATUSES = {"success": "completed", "error": "failed"}
_BLOCK_KEYS = frozenset(("type", "id", "index", "extras"))


def item_blocks(blocks: Sequence[Json]) -> list[Json]:
    """The blocks with each item as it was, in the form of `output_version="responses/v1"`."""
    results = {str(block.get("tool_call_id")): block for block in blocks if block.get("type") == "server_tool_result"}
    items: list[Json] = []
    for block in blocks:
        kind = block.get("type")
        if kind == "reasoning" and "summary" not in block:
            _add_thought(items, block)
        elif kind == "server_tool_call":
            items.append(_call(block, results.get(str(block.get("id")), {})))
        elif kind == "server_tool_result":
            if _extras(block).get("name") == "tool_search":
                items.append(_found_tools(block))
        elif kind == "image" and str(block.get("id")).startswith("ig_"):
            image = {"type": "image_generation_call", "id": block["id"], "result": block.get("base64")}
            items.append({**image, **_extras(block)})
        elif kind == "tool_call":
            items.append(_tool_call(block))
        elif kind == "non_standard" and isinstance(block.get("value"), Mapping):
            items.append(dict(block["value"]))
        elif kind == "text" and block.get("annotations"):
            items.append({**block, "annotations": [_annotation(note) for note in block["annotations"]]})
        else:
            items.append(block)
    return items


def _extras(block: Mapping[str, Any]) -> Json:
    extras = block.get("extras")
    return dict(extras) if isinstance(extras, Mapping) else {}


def _further(block: Json, *known: str) -> Json:
    """What a block says beside its own words, at its top or in its extras."""
    return {**{k: v for k, v in block.items() if k not in (*_BLOCK_KEYS, *known)}, **_extras(block)}


def _add_thought(items: list[Json], block: Json) -> None:
    """A part of reasoning: of the item before it, where that has the same id."""
    part = [{"type": "summary_text", "text": block["reasoning"]}] if block.get("reasoning") else []
    further = _further(block, "reasoning")
    before = items[-1] if items else {}
    if before.get("type") == "reasoning" and block.get("id") and before.get("id") == block["id"]:
        before["summary"] += part
        before.update(further)
    else:
        named = {"id": block["id"]} if block.get("id") else {}
        items.append({"type": "reasoning", **named, "summary": part, **further})


def _tool_call(block: Json) -> Json:
    extras = _extras(block)
    item_id, written = extras.pop("item_id", None), extras.pop("arguments", None)
    arguments = written if isinstance(written, str) else json.dumps(block.get("args") or {}, ensure_ascii=False)
    named = {"id": item_id} if item_id else {}
    call = {"type": "function_call", **named, "call_id": block.get("id"), "name": block.get("name")}
    return {**call, "arguments": arguments, **extras}


def _call(block: Json, result: Json) -> Json:
    name, args = str(block.get("name")), block.get("args")
    read = _CALLS.get(name)
    if read is None:
        return block  # of a provider that nobody here knows
    status = _STATUSES.get(str(result.get("status"))) or _extras(result).get("status")
    item = {"id": block.get("id"), **read(args if isinstance(args, Mapping) else {}, result.get("output"))}
    item |= {"status": status} if status and name not in _WITHOUT_STATUS else {}
    further = _further(block, "name", "args")
    if name == "remote_mcp":
        item["name"] = further.pop("tool_name", None)
        item["arguments"] = further.pop("arguments", item["arguments"])
        item["error"] = _extras(result).get("error")
    return {name: value for name, value in {**further, **item}.items() if value is not None}


_CALLS: dict[str, Callable[[Mapping[str, Any], Any], Json]] = {
    "web_search": lambda args, output: {"type": "web_search_call", "action": dict(args)},
    "file_search": lambda args, output: {
        "type": "file_search_call",
        "queries": args.get("queries") or [],
        "results": output,
    },
    "code_interpreter": lambda args, output: {
        "type": "code_interpreter_call",
        "code": args.get("code"),
        "outputs": output,
    },
    "remote_mcp": lambda args, output: {
        "type": "mcp_call",
        "arguments": json.dumps(dict(args), separators=(",", ":"), ensure_ascii=False),
        "output": output,
    },
    "mcp_list_tools": lambda args, output: {"type": "mcp_list_tools", "tools": output or []},
    "tool_search": lambda args, output: {"type": "tool_search_call", "arguments": dict(args)},
}
_WITHOUT_STATUS = ("remote_mcp", "mcp_list_tools")


def _found_tools(block: Json) -> Json:
    output = block.get("output")
    found = output.get("tools") if isinstance(output, Mapping) else output
    extras = {name: value for name, value in _extras(block).items() if name != "name"}
    status = _STATUSES.get(str(block.get("status")), "completed")
    return {
        "type": "tool_search_output",
        "id": block.get("tool_call_id"),
        "tools": found or [],
        "status": status,
    } | extras


def _annotation(note: Any) -> Any:
    if not isinstance(note, Mapping) or note.get("type") != "citation":
        return note.get("value", note) if isinstance(note, Mapping) else note
    extras = _extras(note)
    if "url" in note:
        named = {name: note[name] for name in ("url", "title", "start_index", "end_index") if name in note}
        return {"type": "url_citation", **named, **extras}
    return {"type": "file_citation", "filename": note.get("title"), **extras}
