"""A message of the model, in LangChain's form -> the API's. Pure; the caller's message is left as it is.

What a message says beside its text is in blocks of its content, in its `additional_kwargs`, or in both, by which
version and which integration made it. To send another field, add it to `_fields_of_blocks` or to `ai_to_wire`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, FunctionMessage

from aimlapi_transport.chat.tool_calls import call_to_wire, parse_arguments
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.responses.output_items import PARAGRAPH, reasoning_parts
from langchain_aimlapi._content_blocks import PROVIDER, RAW_ARGUMENTS, REASONING_CARRIERS
from langchain_aimlapi._content_parts import is_item, is_of_type, is_wire_part, text_or_parts, to_part, unwrapped
from langchain_aimlapi._output_items import call_extras, is_item_block
from langchain_aimlapi._output_versions import items_in
from langchain_aimlapi.errors import InvalidRequestError

_encode = json.JSONEncoder(ensure_ascii=False).encode
_CALL_BLOCKS = ("tool_call", "tool_use", "invalid_tool_call")
# Blocks that are not content on the wire: they go into fields of their own.
_FIELD_BLOCKS = (
    *("reasoning", "thinking", "redacted_thinking", "refusal"),
    *(*_CALL_BLOCKS, "tool_call_chunk", "input_json_delta", "function_call"),
)
_CARRIERS = ("reasoning_content", *REASONING_CARRIERS)


def ai_to_wire(message: AIMessage, where: str, answered: Sequence[BaseMessage]) -> Json:
    """The message as a request carries it.

    Args:
        where: the message, as errors name it.
        answered: the message after it, which says whether a call in the older form (`function_call`) is answered so.

    Raises:
        InvalidRequestError: a block or a call that cannot be carried.
    """
    kwargs, metadata = message.additional_kwargs, message.response_metadata
    items = items_in(message)
    blocks = [] if isinstance(message.content, str) else [unwrapped(block) for block in message.content]
    fields = _fields_of_blocks(blocks)
    calls = _calls(message, blocks, items, where)
    content = _content(message, blocks, items, where)
    if not content and not calls and "audio" not in fields:
        content = fields.get("transcript", content)  # another model's speech: this one can read it
    sent: Json = {"role": "assistant", "content": content if content or not calls else None}
    if message.name:
        sent["name"] = message.name
    if kwargs.get("function_call") and (not calls or isinstance(next(iter(answered), None), FunctionMessage)):
        sent["function_call"] = kwargs["function_call"]  # the older form, as its answer is
    elif calls:
        sent["tool_calls"] = calls
    if items:
        sent |= {"output_items": items, "output_model": metadata.get("model_name")}
        sent |= {"output_stored": metadata.get("store"), "response_id": metadata.get("id")}
    for name in ("refusal", "extra_content", "images", *_CARRIERS):
        if value := kwargs.get(name) or fields.get(name):
            sent[name] = value
    audio = kwargs.get("audio") if isinstance(kwargs.get("audio"), dict) else fields.get("audio")
    if audio and audio.get("id"):
        sent["audio"] = {"id": audio["id"]}
    return sent


def _content(message: AIMessage, blocks: Sequence[Any], items: Sequence[Json], where: str) -> str | list[Json]:
    """What of a message is content on the wire."""
    if isinstance(message.content, str):
        parts = [part for part in message.additional_kwargs.get("content_parts") or () if isinstance(part, dict)]
        text = [{"type": "text", "text": message.content}] if message.content else []
        return [*text, *parts] if parts else message.content
    return text_or_parts(
        [block for block in blocks if not (_is_field(block) or (items and (is_item_block(block) or is_item(block))))],
        where,
        as_it_came=message.response_metadata.get("model_provider") == PROVIDER,
        is_reply=bool(message.response_metadata),
    )


def _fields_of_blocks(blocks: Sequence[Any]) -> Json:
    """The fields of an assistant message that its blocks hold, in either dialect: reasoning above all."""
    fields: Json = {}
    reasoning = ""
    details: list[Json] = []
    for block in blocks:
        kind = block.get("type") if isinstance(block, Mapping) else None
        extras = (block.get("extras") or {}) if kind else {}
        if kind in ("reasoning", "thinking") and not _is_list_of_reasoning(block):
            text = block.get("thinking") or block.get("reasoning") or ""
            text = text or PARAGRAPH.join(part for _, part in reasoning_parts(block))
            reasoning += text
            signature = block.get("signature") or extras.get("signature")
            detail = {"type": "reasoning.text", "text": text, "signature": signature}
            details.append({**detail, "format": "anthropic-claude-v1", "index": len(details)})
            for name in ("reasoning_details", "encrypted_content", "extra_content"):
                if extras.get(name):
                    fields[name] = extras[name]
        elif kind == "redacted_thinking":
            details.append({"type": "reasoning.encrypted", "data": block.get("data"), "index": len(details)})
        elif kind == "refusal":
            fields["refusal"] = block.get("refusal")
        elif kind == "audio" and _is_known_sound(block):
            fields["audio"] = block
        elif kind == "audio" and extras.get("transcript"):
            fields["transcript"] = fields.get("transcript", "") + extras["transcript"]
        elif _is_output_image(block):
            fields.setdefault("images", []).append(to_part(block, "an image the model made"))
    if reasoning:
        fields["reasoning_content"] = reasoning
    if any(detail.get("signature") or detail.get("data") for detail in details):
        fields.setdefault("reasoning_details", details)
    return fields


def _calls(message: AIMessage, blocks: Sequence[Any], items: Sequence[Json], where: str) -> list[Json]:
    """The message's calls: LangChain's, the ones that were not valid, and any only the content holds."""
    inner = [block for block in blocks if is_of_type(block, _CALL_BLOCKS)]
    if not (message.tool_calls or message.invalid_tool_calls or inner):
        return []
    extras: dict[Any, Json] = call_extras(items)
    for item in items:
        if item.get("type") == "function_call" and item.get("call_id") in extras:
            extras[item["call_id"]][RAW_ARGUMENTS] = item.get("arguments")
    extras |= {block.get("id"): block["extras"] for block in inner if block.get("extras")}
    extras |= message.additional_kwargs.get("tool_call_extras") or {}
    calls = [_call(call["id"], call["name"], call["args"], extras, where) for call in message.tool_calls]
    calls += [_call(call["id"], call["name"], call["args"], extras, where) for call in message.invalid_tool_calls]
    known = {call["id"] for call in calls}
    for block in inner:
        if block.get("id") not in known:
            arguments = block.get("args", block.get("input"))
            calls.append(_call(block.get("id"), block.get("name"), arguments, extras, where))
    return calls


def _call(call_id: str | None, name: str | None, arguments: Any, extras: Mapping[Any, Json], where: str) -> Json:
    if not call_id or not name:
        lacking = "a name" if call_id else "an id"
        raise InvalidRequestError(f"{where} has a tool call without {lacking}, {name!r}: add {lacking} to it.")
    extra = dict(extras.get(call_id, {}))
    written = extra.pop(RAW_ARGUMENTS, None)
    if extra.get("type") == "custom" and isinstance(arguments, Mapping):
        arguments = free_text(arguments)
    if isinstance(arguments, str):
        return call_to_wire(call_id, name, arguments, extra)
    text = _encode(arguments or {})
    if isinstance(written, str) and _encode(parse_arguments(written)[0]) == text:
        text = written  # nobody edited the call: it goes back to the letter
    return call_to_wire(call_id, name, text, extra)


def free_text(arguments: Mapping[str, Any]) -> str:
    """What a custom tool is called with: `input` here, `__arg1` in langchain-openai, or the only argument."""
    values = [arguments[name] for name in ("input", "__arg1") if name in arguments] or list(arguments.values())
    if values and not isinstance(values[0], str):
        return _encode(arguments)
    return values[0] if values else ""


def _is_output_image(block: Any) -> bool:
    """Whether the model made this image, beside its text: it is in `images`, not among the content."""
    return is_of_type(block, ("image",)) and str(block.get("index", "")).startswith("lc_img_")


def _is_known_sound(block: Any) -> bool:
    """Whether the provider knows this sound by its id; LangChain gives ids of its own to blocks without."""
    return bool(block.get("id")) and not str(block["id"]).startswith("lc_")


def _is_field(block: Any) -> bool:
    """Whether a block of an assistant message goes into a field of its own."""
    if is_of_type(block, ("audio",)):
        return _is_known_sound(block) or bool((block.get("extras") or {}).get("transcript"))
    return (is_of_type(block, _FIELD_BLOCKS) and not _is_list_of_reasoning(block)) or _is_output_image(block)


def _is_list_of_reasoning(block: Any) -> bool:
    """Whether the block is Mistral's `{"type": "thinking", "thinking": [<parts>]}`, which is content."""
    return is_of_type(block, ("reasoning", "thinking")) and is_wire_part(block)
