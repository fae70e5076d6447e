"""What a reply says: chat completions, /v1/responses, embeddings, errors, also incomplete ones. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from aimlapi_emulator.inspector import media


@dataclass(slots=True)
class Reply:
    """A reply, read. `parts` are dicts with a `kind`: text, image, audio, json. `usage` is the provider's."""

    text: str = ""
    reasoning: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)
    parts: list[dict[str, Any]] = field(default_factory=list)
    usage: dict[str, Any] = field(default_factory=dict)
    cost_usd: float | None = None
    error: str | None = None
    finish_reason: str | None = None
    id: str | None = None
    files: list[media.File] = field(default_factory=list)


def read_media(kind: str, data: bytes, status: int | None) -> Reply:
    """Reads the bytes of a media endpoint's reply: JSON, or the file itself."""
    payload = media.payload_of(data)
    found = media.read(kind, payload, data)
    reply = Reply(text=found.text, parts=found.parts, files=found.files)
    body = payload if isinstance(payload, dict) else {}
    _accounts(reply, body)
    order = body.get("generation_id")
    reply.id = order if isinstance(order, str) else reply.id
    if body.get("error"):
        reply.error = message_of(body["error"])
    elif "message" in body and "statusCode" in body:
        reply.error = message_of(body)
    elif status is not None and status >= 400:
        reply.error = message_of(body)[:300] if body else f"status {status}"
    state = body.get("status")
    if not reply.text and not reply.files and isinstance(state, str):
        reply.text = state
    return reply


def read_reply(data: bytes, status: int | None, content_type: str) -> Reply:
    """Reads the bytes of a reply; what is no JSON is text."""
    reply = Reply()
    if "event-stream" in content_type:
        for event in events(data):
            _object(reply, event)
        reply.calls = [call for call in reply.calls if call]
        return reply
    try:
        found = json.loads(data) if data else {}
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        _object(reply, found)
    elif data:
        media_type = media.sniff(data)
        reply.text = data.decode(errors="replace") if media_type is None else f"{media_type}, {len(data):,} bytes"
    if status is not None and status >= 400 and reply.error is None:
        reply.error = reply.text[:300] or f"status {status}"
    return reply


def events(data: bytes) -> list[dict[str, Any]]:
    """The JSON objects of a stream's `data` lines."""
    found = []
    for line in data.decode(errors="replace").splitlines():
        if line.startswith("data:"):
            try:
                event = json.loads(line[5:])
            except (ValueError, RecursionError):
                continue
            if isinstance(event, dict):
                found.append(event)
    return found


def _object(reply: Reply, found: dict[str, Any]) -> None:
    """One object: a whole reply, or a chunk or event of a stream."""
    kind = found.get("type")
    inner = found.get("response")
    if isinstance(kind, str) and kind.startswith("response.") and isinstance(inner, dict):
        if kind in ("response.completed", "response.incomplete", "response.failed"):
            reply.text = reply.reasoning = ""
            reply.calls, reply.parts = [], []
            _object(reply, inner)
        return
    if kind == "response.output_text.delta":
        reply.text += str(found.get("delta") or "")
    elif kind in ("response.reasoning_summary_text.delta", "response.reasoning_text.delta"):
        reply.reasoning += str(found.get("delta") or "")
    _accounts(reply, found)
    if (error := found.get("error")) or kind == "error":
        reply.error = message_of(error or found)
    elif "message" in found and "statusCode" in found:
        reply.error = message_of(found)
    for choice in _dicts(found.get("choices"))[:1]:
        for message in (choice.get("message"), choice.get("delta")):
            if isinstance(message, dict):
                _message(reply, message, is_delta=message is choice.get("delta"))
        reply.finish_reason = choice.get("finish_reason") or reply.finish_reason
    for item in _dicts(found.get("output")):
        _item(reply, item)
    vectors = _dicts(found.get("data"))
    if vectors and "embedding" in vectors[0]:
        reply.text = f"{len(vectors)} vector{'s' if len(vectors) > 1 else ''}"


def _accounts(reply: Reply, found: dict[str, Any]) -> None:
    if isinstance(found.get("id"), str):
        reply.id = found["id"]
    usage = found.get("usage")
    if isinstance(usage, dict):
        reply.usage = usage
        if isinstance(usage.get("cost"), (int, float)):
            reply.cost_usd = float(usage["cost"])
    meta = found.get("meta")
    spent = meta.get("usage") if isinstance(meta, dict) else None
    if isinstance(spent, dict) and isinstance(spent.get("usd_spent"), (int, float)):
        reply.cost_usd = float(spent["usd_spent"])


def _message(reply: Reply, message: dict[str, Any], *, is_delta: bool) -> None:
    reply.reasoning += str(message.get("reasoning_content") or message.get("reasoning") or "")
    content = message.get("content")
    for part in parts_of(content):
        if part["kind"] == "text":
            reply.text += part["text"]
        elif part["kind"] == "reasoning":
            reply.reasoning += part["text"]
        else:
            reply.parts.append(part)
    for image in _dicts(message.get("images")):
        reply.parts.extend(parts_of([image]))
    audio = message.get("audio")
    if isinstance(audio, dict) and audio.get("data"):
        reply.parts.append({"kind": "audio", "url": f"data:audio/wav;base64,{audio['data']}"})
    for place, call in enumerate(_dicts(message.get("tool_calls"))):
        _call(reply, call, place, is_delta=is_delta)


def _call(reply: Reply, call: dict[str, Any], place: int, *, is_delta: bool) -> None:
    function = call.get("function") or call.get("custom") or {}
    arguments = function.get("arguments", function.get("input", ""))
    arguments = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    index = call.get("index")
    index = index if is_delta and isinstance(index, int) and 0 <= index < 1000 else place
    while is_delta and len(reply.calls) <= index:
        reply.calls.append({})
    fresh = {"id": call.get("id") or "", "name": function.get("name") or "", "arguments": arguments}
    if not is_delta:
        reply.calls.append(fresh)
    elif not reply.calls[index]:
        reply.calls[index] = fresh
    else:
        held = reply.calls[index]
        held["id"], held["name"] = held["id"] or fresh["id"], held["name"] or fresh["name"]
        held["arguments"] += arguments


def _item(reply: Reply, item: dict[str, Any]) -> None:
    """An output item of /v1/responses."""
    kind = item.get("type")
    if kind == "message":
        reply.text += "".join(part["text"] for part in parts_of(item.get("content")) if part["kind"] == "text")
    elif kind == "reasoning":
        parts = _dicts(item.get("summary")) or _dicts(item.get("content"))
        reply.reasoning += "\n".join(str(part.get("text") or "") for part in parts)
    elif kind in ("function_call", "custom_tool_call"):
        reply.calls.append(call_of(item))
    elif kind == "image_generation_call" and isinstance(item.get("result"), str):
        reply.parts.append({"kind": "image", "url": f"data:image/png;base64,{item['result']}"})
    else:
        reply.parts.append({"kind": "json", "json": item})


def call_of(item: dict[str, Any]) -> dict[str, Any]:
    """A function_call item as a call."""
    arguments = item.get("arguments", item.get("input", ""))
    arguments = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {"id": item.get("call_id") or "", "name": item.get("name") or "", "arguments": arguments}


def parts_of(content: Any) -> list[dict[str, Any]]:
    """The parts of a content in any endpoint's form, each with its `kind`."""
    if isinstance(content, str):
        return [{"kind": "text", "text": content}] if content else []
    if content is None:
        return []
    return [_part(part) for part in (content if isinstance(content, list) else [content])]


def _part(part: Any) -> dict[str, Any]:
    if isinstance(part, str):
        return {"kind": "text", "text": part}
    if not isinstance(part, dict):
        return {"kind": "json", "json": part}
    for name in ("text", "refusal"):
        if isinstance(part.get(name), str):
            return {"kind": "text", "text": part[name]}
    if isinstance(part.get("thinking"), str):
        return {"kind": "reasoning", "text": part["thinking"]}
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    if isinstance(url, str):
        return {"kind": "image", "url": url}
    source = part.get("source")
    if part.get("type") == "image" and isinstance(source, dict):
        if isinstance(source.get("data"), str):
            return {"kind": "image", "url": f"data:{source.get('media_type', 'image/png')};base64,{source['data']}"}
        return {"kind": "image", "url": str(source.get("url"))}
    sound = part.get("input_audio")
    if isinstance(sound, dict) and isinstance(sound.get("data"), str):
        return {"kind": "audio", "url": f"data:audio/{sound.get('format', 'wav')};base64,{sound['data']}"}
    return {"kind": "json", "json": part}


def message_of(error: Any) -> str:
    """The sentence of an error, in whatever shape it came."""
    if isinstance(error, dict):
        for name in ("message", "error", "detail"):
            if error.get(name):
                return message_of(error[name])
        return json.dumps(error)[:300]
    if isinstance(error, list):
        return "; ".join(map(message_of, error))
    return str(error)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
