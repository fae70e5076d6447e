"""What was said: one reading of the messages, whichever dialect they were written in.

To understand a new content part, add a row to MEDIA (something to see or hear) or a branch to `_part`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

MEDIA = {
    # part type -> (what to call it, the key that holds it, the keys that hold its data)
    "image_url": ("an image", "image_url", ("url",)),
    "input_audio": ("an audio clip", "input_audio", ("data",)),
    "video_url": ("a video", "video_url", ("url",)),
    "file": ("a file", "file", ("file_data", "file_id")),
    "image": ("an image", "source", ("data", "url")),
    "document": ("a document", "source", ("data", "url")),
}


@dataclass(frozen=True, slots=True)
class Called:
    """A call found in the history."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. A Claude message that mixes text and tool results becomes several turns."""

    role: str
    text: str
    media: tuple[str, ...] = ()
    calls: tuple[Called, ...] = ()
    answers: str = ""  # the id of the call a tool turn answers


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool the request offers; `kind` is `function` or `custom` (free text instead of JSON arguments)."""

    name: str
    description: str
    schema: dict[str, Any] = field(default_factory=dict)
    kind: str = "function"


@dataclass(frozen=True, slots=True)
class Conversation:
    """The turns, and the cuts through them that a reader needs."""

    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()

    @property
    def asked_at(self) -> int:
        """Where the last user turn is; -1 if nobody asked anything."""
        return max((at for at, turn in enumerate(self.turns) if turn.role == "user"), default=-1)

    @property
    def question(self) -> str:
        return self.turns[self.asked_at].text if self.asked_at >= 0 else ""

    @property
    def media(self) -> tuple[str, ...]:
        return self.turns[self.asked_at].media if self.asked_at >= 0 else ()

    @property
    def system(self) -> str:
        """What the model reads beforehand: one without a system role, in a user message before the first."""
        roles = [turn.role for turn in self.turns[:2]]
        first = self.turns[:1] if roles == ["user", "user"] else []
        told = [*first, *(turn for turn in self.turns if turn.role in ("system", "developer"))]
        return "\n".join(turn.text for turn in told)

    @property
    def since(self) -> tuple[Turn, ...]:
        """What happened after the last question: calls and their results."""
        return self.turns[self.asked_at + 1 :]

    @property
    def before(self) -> tuple[Turn, ...]:
        return self.turns[: max(self.asked_at, 0)]


def read(body: dict[str, Any]) -> Conversation:
    """The conversation of a (validated) chat body; what is malformed is skipped, never an error."""
    turns: list[Turn] = []
    system = _text(body.get("system"))
    if system:  # Claude's own dialect keeps it beside the messages
        turns.append(Turn("system", system))
    for message in _list(body.get("messages")):
        for turn in _turns(message) if isinstance(message, dict) else ():
            if turn.role == "user" and turn.media and turns and turns[-1].role == "tool":
                # a tool message carries text only: media of results come behind them, and are no new question
                turn = Turn("tool", ", ".join(turn.media), turn.media)
            turns.append(turn)
    return Conversation(tuple(turns), tuple(_tools(body)))


def _turns(message: dict[str, Any]) -> list[Turn]:
    role = str(message.get("role", ""))
    results: list[Turn] = []
    texts: list[str] = []
    media: list[str] = []
    calls: list[Called] = []
    content = message.get("content")
    for part in [content] if isinstance(content, str) else _list(content):
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            kind = part.get("type")
            if kind == "tool_result":
                answers = str(part.get("tool_use_id", ""))
                results.append(Turn("tool", _text(part.get("content")), answers=answers))
            elif kind == "tool_use":
                calls.append(Called(str(part.get("id", "")), str(part.get("name", "")), _json(part.get("input"))))
            elif isinstance(kind, str) and kind in MEDIA:
                media.append(_describe(part))
            else:
                texts.append(_text(part.get("text")))
    for call in _list(message.get("tool_calls")):
        if isinstance(call, dict):
            function = call.get("function") or call.get("custom") or {}
            function = function if isinstance(function, dict) else {}
            arguments = function.get("arguments", function.get("input", ""))
            arguments = arguments if isinstance(arguments, str) else _json(arguments)
            calls.append(Called(str(call.get("id", "")), str(function.get("name", "")), arguments))
    text = "\n".join(text for text in texts if text)
    role = "tool" if role == "function" else role
    if results and not text and not media:
        return results
    return [*results, Turn(role, text, tuple(media), _once(calls), str(message.get("tool_call_id", "")))]


def _once(calls: list[Called]) -> tuple[Called, ...]:
    """Some frameworks repeat a call as a content part and as a tool_calls entry: one id is one call."""
    kept: dict[str, Called] = {}
    for at, call in enumerate(calls):
        kept.setdefault(call.id or str(at), call)
    return tuple(kept.values())


def _describe(part: dict[str, Any]) -> str:
    """`an image (image/png, 68 bytes)`: enough to see that it arrived, and arrived whole."""
    what, key, data_keys = MEDIA[str(part.get("type"))]
    held = part.get(key)
    if isinstance(held, str):
        held = {data_keys[0]: held}
    if not isinstance(held, dict):
        return what
    data = next((held[k] for k in data_keys if isinstance(held.get(k), str)), "")
    name = held.get("filename") or held.get("media_type") or held.get("format")
    details = [str(name)] if isinstance(name, str) else []
    if data.startswith("data:"):
        media_type, _, data = data[5:].partition(",")
        details = details or [media_type.partition(";")[0]]
    elif data.startswith(("http://", "https://")):
        return f"{what} ({data})"
    size = len(data.rstrip("=")) * 3 // 4
    return f"{what} ({', '.join([*details, f'{size} bytes'])})"


def _tools(body: dict[str, Any]) -> list[Tool]:
    found = []
    for tool in _list(body.get("tools")):
        if not isinstance(tool, dict):
            continue
        if isinstance(tool.get("input_schema"), dict):  # Claude's own dialect
            inner, schema, kind = tool, tool["input_schema"], "function"
        elif isinstance(tool.get("custom"), dict):
            inner, schema, kind = tool["custom"], {}, "custom"
        elif isinstance(tool.get("function"), dict):
            inner, schema, kind = tool["function"], tool["function"].get("parameters"), "function"
        else:
            continue  # a server-side tool: nothing for the caller to run
        if isinstance(inner.get("name"), str):
            schema = schema if isinstance(schema, dict) else {}
            found.append(Tool(inner["name"], _text(inner.get("description")), schema, kind))
    return found


def _text(value: Any) -> str:
    """Text from a string, a part, or a list of either; anything else as its JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(filter(None, (_text(item) for item in value)))
    if isinstance(value, dict):
        if isinstance(value.get("type"), str) and value["type"] in MEDIA:
            return _describe(value)
        if isinstance(value.get("text"), str):
            return str(value["text"])
    return _json(value)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
