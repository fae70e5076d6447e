"""What the tools of the provider do when they are offered: the output items that stand before the answer. Pure.

Each is used once for each question. To serve another tool, add a row to `_TOOLS`.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable
from typing import Any

from aimlapi_emulator.dialects.identity import Identity
from aimlapi_emulator.mind.conversation import Conversation

Item = dict[str, Any]


def built_in_items(
    body: dict[str, Any], items: list[Any], conversation: Conversation, identity: Identity
) -> list[Item]:
    """The items of the calls that the provider runs for this request, before the model goes on."""
    last = max((at for at, item in enumerate(items) if _is_user(item)), default=-1)
    since = [item for item in items[last + 1 :] if isinstance(item, dict)]
    ran: list[Item] = []
    for tool in body.get("tools") or ():
        kind = str(tool.get("type"))
        row = next((row for name, row in _TOOLS.items() if kind.startswith(name)), None)
        if row is None or body.get("tool_choice") == "none":
            continue
        name, run = row
        if not any(str(item.get("type", "")).startswith(name) for item in since):
            ran += run(tool, conversation, identity, since)
    return ran


def _is_user(item: Any) -> bool:
    return isinstance(item, dict) and item.get("role") == "user"


def _search(tool: Item, conversation: Conversation, identity: Identity, since: list[Item]) -> list[Item]:
    action = {"type": "search", "query": conversation.question[:200]}
    found = {"id": identity.made("ws_{hex:48}", "search"), "type": "web_search_call", "status": "completed"}
    return [{**found, "action": action}]


def _files(tool: Item, conversation: Conversation, identity: Identity, since: list[Item]) -> list[Item]:
    found = {"id": identity.made("fs_{hex:48}", "files"), "type": "file_search_call", "status": "completed"}
    result = {"file_id": "file-1", "filename": "notes.txt", "score": 0.9, "text": "Notes."}
    return [{**found, "queries": [conversation.question[:200]], "results": [result]}]


def _code(tool: Item, conversation: Conversation, identity: Identity, since: list[Item]) -> list[Item]:
    ran = {"id": identity.made("ci_{hex:48}", "code"), "type": "code_interpreter_call", "status": "completed"}
    container = identity.made("cntr_{hex:48}", "container")
    code = f"print({len(conversation.question)})"
    outputs = [{"type": "logs", "logs": f"{len(conversation.question)}\n"}]
    return [{**ran, "code": code, "container_id": container, "outputs": outputs}]


def _image(tool: Item, conversation: Conversation, identity: Identity, since: list[Item]) -> list[Item]:
    made = {"id": identity.made("ig_{hex:48}", "image"), "type": "image_generation_call", "status": "completed"}
    red, green, blue = identity.bytes("colour", 3)
    return [
        {
            **made,
            "output_format": "png",
            "quality": "low",
            "size": "1024x1024",
            "revised_prompt": conversation.question[:200],
            "result": base64.b64encode(_png(red, green, blue)).decode(),
        }
    ]


def _mcp(tool: Item, conversation: Conversation, identity: Identity, since: list[Item]) -> list[Item]:
    label = tool.get("server_label")
    listed = {
        "id": identity.made("mcpl_{hex:48}", "mcp list"),
        "type": "mcp_list_tools",
        "server_label": label,
        "tools": [{"name": "ask", "description": "Asks.", "input_schema": {"type": "object", "properties": {}}}],
    }
    call = {"name": "ask", "server_label": label, "arguments": "{}"}
    consent = next((item for item in since if item.get("type") == "mcp_approval_response"), None)
    if tool.get("require_approval") not in ("never", None) and consent is None:
        return [listed, {"id": identity.made("mcpr_{hex:48}", "consent"), "type": "mcp_approval_request", **call}]
    done = {**call, "id": identity.made("mcp_{hex:48}", "mcp"), "type": "mcp_call", "status": "completed"}
    return [listed, {**done, "output": "Done.", "error": None}]


_Run = Callable[[Item, Conversation, Identity, list[Item]], list[Item]]
# The beginning of a tool's type -> that of its items, and what it does.
_TOOLS: dict[str, tuple[str, _Run]] = {
    "web_search": ("web_search_call", _search),
    "file_search": ("file_search_call", _files),
    "code_interpreter": ("code_interpreter_call", _code),
    "image_generation": ("image_generation_call", _image),
    "mcp": ("mcp_call", _mcp),
}


def _png(red: int, green: int, blue: int) -> bytes:
    """A picture of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes((0, red, green, blue))))
    return b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b"")
