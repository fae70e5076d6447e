"""LangChain messages -> the wire's messages. Pure; the caller's messages are left as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from aimlapi_transport.chat.tool_calls import call_to_wire, parse_arguments
from aimlapi_transport.chat.wire_types import Json
from langchain_aimlapi._content_blocks import PROVIDER, RAW_ARGUMENTS, REASONING_CARRIERS
from langchain_aimlapi._content_parts import is_item, is_wire_part, to_part
from langchain_aimlapi._output_items import call_extras, is_item_block
from langchain_aimlapi._output_versions import items_in
from langchain_aimlapi.errors import InvalidRequestError

_WHOLE_CALLS = ("tool_call", "tool_use", "invalid_tool_call")
# Blocks of an assistant message that are not content on the wire: they go into fields of their own.
_ELSEWHERE = (
    *("reasoning", "thinking", "redacted_thinking", "refusal"),
    *(*_WHOLE_CALLS, "tool_call_chunk", "input_json_delta", "function_call"),
)
_CARRIERS = ("reasoning_content", *REASONING_CARRIERS)


def to_wire(messages: Sequence[BaseMessage], *, for_responses: bool = False) -> list[Json]:
    """The messages as a request carries them.

    Args:
        for_responses: whether they go to /v1/responses, whose items may stand among the parts of a content: a block
            that nobody here knows is one of them, and for the transport to judge.

    Raises:
        InvalidRequestError: a message or a block that cannot be carried; it is named.
    """
    sent: list[Json] = []
    for position, message in enumerate(messages):
        # A text and nothing else, as most of a long history is: a fifth of the cost of looking for all there could be.
        role = _PLAIN.get(message.__class__)
        if role is not None and _is_plain_text(fields := message.__dict__):
            sent.append({"role": role, "content": fields["content"]})
            continue
        where = f"messages[{position}] ({type(message).__name__})"
        if isinstance(message, HumanMessage):
            sent.extend(_from_human(message, where, for_responses))
        elif isinstance(message, AIMessage):
            sent.append(_from_ai(message, where, answered=messages[position + 1 : position + 2]))
        elif isinstance(message, ToolMessage):
            result = _tool_result(message.tool_call_id, _result_of(message), where, for_responses)
            # Kimi's own functions ($web_search) are answered by name; no other schema has one here.
            sent.append(_with_name(result, message) if str(message.name).startswith("$") else result)
        elif isinstance(message, SystemMessage):
            role = message.additional_kwargs.get("__openai_role__", "system")
            content = _content(message.content, where, as_it_came=for_responses)
            sent.append(_with_name({"role": role, "content": content}, message))
        elif isinstance(message, FunctionMessage):
            sent.append({"role": "function", "name": message.name, "content": _text_or_parts(message.content, where)})
        elif isinstance(message, ChatMessage):
            content = _content(message.content, where, as_it_came=for_responses)
            sent.append(_with_name({"role": message.role, "content": content}, message))
        else:
            raise InvalidRequestError(f"{where} cannot be sent: pass system, human, AI, tool or chat messages.")
    return sent


_PLAIN: dict[type[BaseMessage], str] = {HumanMessage: "user", AIMessage: "assistant"}


def _is_plain_text(fields: Mapping[str, Any]) -> bool:
    return fields["content"].__class__ is str and not (
        fields["name"] or fields["additional_kwargs"] or fields.get("tool_calls") or fields.get("invalid_tool_calls")
    )


def _from_human(message: HumanMessage, where: str, for_responses: bool) -> list[Json]:
    """A user message; tool results in Anthropic's form, which stand in one, become tool messages before it."""
    content = message.content
    if isinstance(content, str):
        return [_with_name({"role": "user", "content": content}, message)]
    results = [block for block in content if isinstance(block, dict) and block.get("type") == "tool_result"]
    others = [block for block in content if block not in results]
    sent = [
        _tool_result(block.get("tool_use_id", ""), block.get("content") or "", where, for_responses)
        for block in results
    ]
    if others or not results:
        parts = _content(others, where, as_it_came=for_responses)
        sent.append(_with_name({"role": "user", "content": parts}, message))
    return sent


def _tool_result(call_id: str, content: Any, where: str, for_responses: bool) -> Json:
    if not call_id:
        raise InvalidRequestError(f"{where} is a tool result without a `tool_call_id`: name the call it answers.")
    if isinstance(content, list) and not for_responses:
        content = [part for block in content for part in _said_by(_unwrapped(block))]
    return {
        "role": "tool",
        "tool_call_id": call_id,
        "content": _text_or_parts(content, where, as_it_came=for_responses),
    }


def _said_by(block: Any) -> list[Any]:
    """A block of a result; of an item of /v1/responses that is the result, what it says: chat completions take that."""
    if not _is(block, ("custom_tool_call_output", "function_call_output")):
        return [block]
    output = block.get("output")
    return output if isinstance(output, list) else [str(output or "")]


def _result_of(message: ToolMessage) -> Any:
    """The content of a result; of a screenshot that is marked as one, the item with what was consented to."""
    kwargs, content = message.additional_kwargs, message.content
    if kwargs.get("type") != "computer_call_output":
        return content
    checks = {name: kwargs[name] for name in ("acknowledged_safety_checks",) if kwargs.get(name)}
    blocks = content if isinstance(content, list) else []
    pictures = [block.get("image_url") for block in blocks if isinstance(block, dict) and _is(block, ("input_image",))]
    address = pictures[0] if pictures else content
    if not isinstance(address, str):
        return content
    screenshot = {"type": "computer_screenshot", "image_url": address}
    return [{"type": "computer_call_output", "output": screenshot, **checks}]


def _from_ai(message: AIMessage, where: str, answered: Sequence[BaseMessage]) -> Json:
    kwargs = message.additional_kwargs
    items = items_in(message)
    blocks = [] if isinstance(message.content, str) else [_unwrapped(block) for block in message.content]
    held = _held(blocks)
    content: str | list[Json]
    if isinstance(message.content, str):
        parts = [part for part in kwargs.get("content_parts") or () if isinstance(part, dict)]
        text = [{"type": "text", "text": message.content}] if message.content else []
        content = [*text, *parts] if parts else message.content
    else:
        ours = message.response_metadata.get("model_provider") == PROVIDER
        content = _text_or_parts(
            [
                block
                for block in blocks
                if not (_is_elsewhere(block) or (items and (is_item_block(block) or is_item(block))))
            ],
            where,
            as_it_came=ours,
            is_reply=bool(message.response_metadata),
        )
    calls = _calls(message, blocks, items, where)
    if not content and not calls and "audio" not in held:
        content = held.get("transcript", content)  # another model's speech: this one can read it
    sent: Json = {"role": "assistant", "content": content if content or not calls else None}
    if message.name:
        sent["name"] = message.name
    if kwargs.get("function_call") and (not calls or isinstance(next(iter(answered), None), FunctionMessage)):
        sent["function_call"] = kwargs["function_call"]  # the older form, as its answer is
    elif calls:
        sent["tool_calls"] = calls
    if items:
        told = message.response_metadata
        sent |= {"output_items": items, "output_model": told.get("model_name")}
        sent |= {"output_stored": told.get("store"), "response_id": told.get("id")}
    for name in ("refusal", "extra_content", "images"):
        value = kwargs.get(name) or held.get(name)
        if value:
            sent[name] = value
    audio = kwargs.get("audio") if isinstance(kwargs.get("audio"), dict) else held.get("audio")
    if audio and audio.get("id"):
        sent["audio"] = {"id": audio["id"]}
    sent.update({name: kwargs[name] for name in _CARRIERS if kwargs.get(name)})
    for name in _CARRIERS:
        if held.get(name):
            sent.setdefault(name, held[name])
    return sent


def _held(blocks: Sequence[Any]) -> Json:
    """What blocks of either dialect hold for fields of an assistant message: reasoning above all."""
    held: Json = {}
    text = ""
    details: list[Json] = []
    for block in blocks:
        kind = block.get("type") if isinstance(block, Mapping) else None
        extras = (block.get("extras") or {}) if kind else {}
        if kind in ("reasoning", "thinking") and not _is_list_of_reasoning(block):
            said = block.get("thinking") or block.get("reasoning") or _summary(block.get("summary"))
            text += said
            signature = block.get("signature") or extras.get("signature")
            detail = {"type": "reasoning.text", "text": said, "signature": signature}
            details.append({**detail, "format": "anthropic-claude-v1", "index": len(details)})
            for name in ("reasoning_details", "encrypted_content", "extra_content"):
                if extras.get(name):
                    held[name] = extras[name]
        elif kind == "redacted_thinking":
            details.append({"type": "reasoning.encrypted", "data": block.get("data"), "index": len(details)})
        elif kind == "refusal":
            held["refusal"] = block.get("refusal")
        elif kind == "audio" and _is_spoken(block):
            held["audio"] = block
        elif kind == "audio" and extras.get("transcript"):
            held["transcript"] = held.get("transcript", "") + extras["transcript"]
        elif _is_output_image(block):
            held.setdefault("images", []).append(to_part(block, "an image the model made"))
    if text:
        held["reasoning_content"] = text
    if any(detail.get("signature") or detail.get("data") for detail in details):
        held.setdefault("reasoning_details", details)
    return held


def _calls(message: AIMessage, blocks: Sequence[Any], items: Sequence[Json], where: str) -> list[Json]:
    """The message's calls: LangChain's, the ones that were not valid, and any only the content holds."""
    inner = [block for block in blocks if _is(block, _WHOLE_CALLS)]
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
        raise InvalidRequestError(f"{where} has a tool call without {'a name' if call_id else 'an id'}: {name!r}.")
    extra = dict(extras.get(call_id, {}))
    written = extra.pop(RAW_ARGUMENTS, None)
    if extra.get("type") == "custom" and isinstance(arguments, Mapping):
        arguments = free_text(arguments)
    if isinstance(arguments, str):
        return call_to_wire(call_id, name, arguments, extra)
    text = json.dumps(arguments or {}, ensure_ascii=False)
    if isinstance(written, str) and json.dumps(parse_arguments(written)[0], ensure_ascii=False) == text:
        text = written  # nobody edited the call: it goes back to the letter
    return call_to_wire(call_id, name, text, extra)


def free_text(arguments: Mapping[str, Any]) -> str:
    """What a custom tool is called with: `input` here, `__arg1` in langchain-openai, or the only argument."""
    values = [arguments[name] for name in ("input", "__arg1") if name in arguments] or list(arguments.values())
    if values and not isinstance(values[0], str):
        return json.dumps(arguments, ensure_ascii=False)
    return values[0] if values else ""


def _summary(summary: Any) -> str:
    """The text of a reasoning block of the Responses API."""
    parts = summary if isinstance(summary, list) else ()
    return "\n\n".join(str(part.get("text") or "") for part in parts if isinstance(part, Mapping))


def _unwrapped(block: Any) -> Any:
    inner = block.get("value") if _is(block, ("non_standard",)) else None
    return inner if isinstance(inner, Mapping) else block


def _is_output_image(block: Any) -> bool:
    """Whether the model made this image, beside its text: it stands in `images`, not among the content."""
    return _is(block, ("image",)) and str(block.get("index", "")).startswith("lc_img_")


def _is_spoken(block: Any) -> bool:
    """Whether the provider knows this sound by its id; LangChain gives ids of its own to blocks without."""
    return bool(block.get("id")) and not str(block["id"]).startswith("lc_")


def _is_elsewhere(block: Any) -> bool:
    """Whether a block of an assistant message goes into a field of its own."""
    if _is(block, ("audio",)):
        return _is_spoken(block) or bool((block.get("extras") or {}).get("transcript"))
    return (_is(block, _ELSEWHERE) and not _is_list_of_reasoning(block)) or _is_output_image(block)


def _is_list_of_reasoning(block: Any) -> bool:
    """Whether the block is Mistral's `{"type": "thinking", "thinking": [<parts>]}`, which is content."""
    return _is(block, ("reasoning", "thinking")) and is_wire_part(block)


def _content(content: Any, where: str, *, as_it_came: bool = False, is_reply: bool = False) -> str | list[Json]:
    if isinstance(content, str):
        return content
    if as_it_came:  # a part we could not name came from the provider, or is one of its items
        blocks = [_unwrapped(block) for block in content]
        return [dict(block) if is_item(block) else to_part(block, where, is_reply=is_reply) for block in blocks]
    return [to_part(block, where, is_reply=is_reply) for block in content]


def _text_or_parts(content: Any, where: str, *, as_it_came: bool = False, is_reply: bool = False) -> str | list[Json]:
    """Text where all of it is text and nothing else (most schemas want just that of a tool or an assistant), else
    parts."""
    parts = _content(content, where, as_it_came=as_it_came, is_reply=is_reply)
    if isinstance(parts, str) or any(part.keys() != {"type", "text"} for part in parts):
        return parts
    return "".join(part["text"] for part in parts)


def _with_name(sent: Json, message: BaseMessage) -> Json:
    if message.name:
        sent["name"] = message.name
    return sent


def _is(block: Any, kinds: tuple[str, ...]) -> bool:
    return isinstance(block, dict) and block.get("type") in kinds
