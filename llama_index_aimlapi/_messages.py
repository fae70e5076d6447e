"""LlamaIndex messages -> the API's, block by block. Pure, but for reading the files that blocks point to.

To carry another kind of block, add a row to `_PARTS`. A content part for which LlamaIndex has no block travels in a
message's `additional_kwargs["content_parts"]`, a list of parts in the API's format, behind those of its blocks; further
keys of a block's part, in the fields of a subclass that allows any (`extra="allow"`).
Part shapes: https://docs.aimlapi.com/api-references/text-models-llm (the request schemas of the chat models).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)

from aimlapi_transport.chat.media_parts import audio_format
from aimlapi_transport.chat.request import OUTPUT_FIELDS
from aimlapi_transport.chat.tool_calls import parse_arguments
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.json_codec import JsonError, dumps
from aimlapi_transport.media_types import data_start, data_url
from llama_index_aimlapi._tools import field

_ROLES = {role.value: role.value for role in MessageRole} | {"chatbot": "assistant", "model": "assistant"}
# What a ThinkingBlock's additional_information and a message's additional_kwargs hold for the model to get back.
REASONING_FIELDS = ("reasoning_details", "encrypted_content")
MESSAGE_FIELDS = ("extra_content", "refusal")
CONTENT_PARTS = "content_parts"
"""Where a message's additional_kwargs hold content parts in the wire's form, sent as they are."""
CITED = "citation_index"
"""A CitationBlock of a reply has its number under this name, in `additional_location_info`."""


def to_wire(messages: Sequence[ChatMessage], *, is_continued: bool = False) -> list[Json]:
    """The messages as they travel. They are not changed.

    Args:
        is_continued: whether an answer comes before them that is in none of them, so that results may be of its calls.

    Raises:
        InvalidRequestError: a block that cannot be carried, or a tool result without its call's id.
    """
    sent: list[Json] = []
    has_results = False
    for position, message in enumerate(messages):
        sent.append(_message(message, position))
        has_results = has_results or sent[-1]["role"] == "tool"
    return _orphan_results_as_questions(sent) if has_results and not is_continued else sent


def _orphan_results_as_questions(messages: list[Json]) -> list[Json]:
    """The messages, where a result right behind a model's message without calls is a question.

    LlamaIndex's CodeActAgent keeps the text of a message that hands over, and loses its call.
    """
    sent: list[Json] = []
    known: set[str] = set()
    has_lost_calls = False
    for message in messages:
        if message["role"] != "tool":
            calls = [str(call["id"]) for call in message.get("tool_calls") or ()]
            calls += [str(item["call_id"]) for item in message.get("output_items") or () if item.get("call_id")]
            known.update(calls)
            has_lost_calls = message["role"] == "assistant" and not (calls or message.get("function_call"))
        elif has_lost_calls and message["tool_call_id"] not in known:
            title, content = f"Result of the call {message['tool_call_id']}:\n\n", message["content"]
            parts = [{"type": "text", "text": title}, *content] if isinstance(content, list) else f"{title}{content}"
            message = {"role": "user", "content": parts}
        sent.append(message)
    return sent


def cached_up_to(messages: Sequence[Json], index: int) -> list[Json]:
    """The messages with the vendor's cache asked to keep them up to this index, or all of them at -1."""
    marked = list(messages)
    last = len(marked) - 1 if index < 0 else min(index, len(marked) - 1)
    for position in range(last, -1, -1):
        content = marked[position].get("content")
        parts = [{"type": "text", "text": content}] if isinstance(content, str) and content else list(content or ())
        if parts:
            parts[-1] = {**parts[-1], "cache_control": {"type": "ephemeral"}}
            marked[position] = {**marked[position], "content": parts}
            break
    return marked


def _message(message: ChatMessage, position: int) -> Json:
    if not isinstance(message, ChatMessage):
        raise InvalidRequestError(
            f"messages[{position}] is of type {type(message).__name__}: pass ChatMessage objects."
        )
    value: Any = getattr(message.role, "value", message.role)
    role = _ROLES.get(value) or str(value)
    extra = message.additional_kwargs
    blocks = message.blocks
    if len(blocks) == 1 and blocks[0].__class__ is TextBlock and not extra and role != "tool":
        return {"role": role, "content": blocks[0].text}  # most of a long history
    where = f"messages[{position}]"
    sent: Json = {"role": role}
    parts, thinking_blocks, calls = _sorted_blocks(message, role, where)
    if role == "assistant":  # pictures a model made stand beside its text, as they came
        images = [part for part in parts if part.get("type") == "image_url"]
        if images:
            parts = [part for part in parts if part.get("type") != "image_url"]
        if images and not extra.get("output_items"):  # which hold them, too
            sent["images"] = images
    sent["content"] = parts if parts and extra.get(CONTENT_PARTS) else _content(parts, role)
    if extra.get("name"):
        sent["name"] = str(extra["name"])
    if role == "tool":
        if not extra.get("tool_call_id"):
            raise InvalidRequestError(
                f"{where} is a tool result without an id: put the id of the call it answers into "
                '`additional_kwargs["tool_call_id"]`.'
            )
        sent["tool_call_id"] = str(extra["tool_call_id"])
    if role == "assistant":
        _add_assistant_fields(sent, extra, thinking_blocks, calls)
    return sent


def _sorted_blocks(
    message: ChatMessage, role: str, where: str
) -> tuple[list[Json], list[ThinkingBlock], list[ToolCallBlock]]:
    parts: list[Json] = []
    thinking_blocks: list[ThinkingBlock] = []
    calls: list[ToolCallBlock] = []
    audio_id = message.additional_kwargs.get("reference_audio_id")
    for block in message.blocks:
        if role == "assistant" and isinstance(block, ThinkingBlock):
            thinking_blocks.append(block)
        elif role == "assistant" and isinstance(block, ToolCallBlock):
            calls.append(block)
        elif role == "assistant" and audio_id and isinstance(block, AudioBlock):
            continue  # goes back by its id
        elif role == "assistant" and isinstance(block, CitationBlock) and CITED in block.additional_location_info:
            continue  # points at text the message holds
        elif isinstance(block, CachePoint):
            if not parts:
                raise InvalidRequestError(
                    f"{where} has a CachePoint with nothing before it to cache: put it behind a block."
                )
            parts[-1] = {**parts[-1], "cache_control": block.cache_control.model_dump()}
        else:
            parts.extend(_parts(block, where))
    extra_parts = message.additional_kwargs.get(CONTENT_PARTS)
    if extra_parts:
        if not isinstance(extra_parts, (list, tuple)) or not all(isinstance(part, dict) for part in extra_parts):
            raise InvalidRequestError(
                f'{where} has {str(extra_parts)[:80]!r} in `additional_kwargs["{CONTENT_PARTS}"]`: pass a list of '
                "content parts as they travel."
            )
        # Thoughts come before what is said.
        parts = [*(p for p in extra_parts if _is_thought(p)), *parts, *(p for p in extra_parts if not _is_thought(p))]
    return parts, thinking_blocks, calls


def _is_thought(part: Json) -> bool:
    return part.get("type") in ("thinking", "reasoning")


def _content(parts: list[Json], role: str) -> str | list[Json] | None:
    """A plain text where there is only text, since not every model takes a list."""
    if not parts:
        return "" if role == "tool" else None
    if all(part.keys() == {"type", "text"} for part in parts):
        text: str = parts[0]["text"]
        for part in parts[1:]:  # a template's message is a block for each line, with its end
            is_apart = text[-1:].isspace() or part["text"][:1].isspace() or not (text and part["text"])
            text += part["text"] if is_apart else f"\n{part['text']}"
        return text
    return parts


def _add_assistant_fields(
    sent: Json, extra: dict[str, Any], thinking_blocks: list[ThinkingBlock], calls: list[ToolCallBlock]
) -> None:
    raw_calls = extra.get("tool_calls") or ()
    tool_calls = [_call(block, raw_calls) for block in calls] or [_call_from_dict(call) for call in raw_calls]
    if tool_calls:
        sent["tool_calls"] = tool_calls
    if extra.get("function_call"):
        sent["function_call"] = extra["function_call"]
    text = "\n".join(block.content for block in thinking_blocks if block.content)
    if text:
        sent["reasoning_content"] = text
    for block in thinking_blocks:
        for name in REASONING_FIELDS:
            value = block.additional_information.get(name)
            if value:
                sent[name] = [*sent.get(name, ()), *value] if isinstance(value, list) else value
    for name in OUTPUT_FIELDS:
        if name in extra:
            sent[name] = extra[name]
    for name in MESSAGE_FIELDS:
        if extra.get(name):
            sent[name] = extra[name]
    if extra.get("reference_audio_id"):
        sent["audio"] = {"id": extra["reference_audio_id"]}
    if sent["content"] is None and not tool_calls and "audio" not in sent and "function_call" not in sent:
        sent["content"] = ""  # reasoning alone: the schema wants a text


def _call(block: ToolCallBlock, raw_calls: Sequence[Any]) -> Json:
    """The call as the block says it, with what else the vendor sent with it."""
    # A model that gives calls no id is answered by the tool's name.
    sent = _tool_call(block.tool_call_id or block.tool_name, block.tool_name, block.tool_kwargs)
    for call in raw_calls:
        if field(call, "id") == block.tool_call_id:
            same = _call_from_dict(call)
            # The text as the model wrote it keeps the provider's cache; edited arguments win over it.
            if parse_arguments(same["function"]["arguments"])[0] == block.tool_kwargs:
                sent["function"]["arguments"] = same["function"]["arguments"]
            return {**same, "id": sent["id"], "function": sent["function"]}
    return sent


def _call_from_dict(call: Any) -> Json:
    if hasattr(call, "model_dump"):
        call = call.model_dump(exclude_none=True)
    function = field(call, "function")
    name, arguments = field(function, "name") or "", field(function, "arguments")
    sent = _tool_call(field(call, "id") or name, name, "" if arguments is None else arguments)
    known = ("id", "function", "index")
    others = {k: v for k, v in call.items() if k not in known} if isinstance(call, dict) else {}
    return {**sent, **others}


def _tool_call(call_id: str, name: str, arguments: Any) -> Json:
    if not isinstance(arguments, str):
        try:
            arguments = dumps(arguments).decode()
        except JsonError as error:
            raise InvalidRequestError(f"The arguments of the call of `{name}` are not JSON: {error}.") from None
    return {"id": str(call_id), "type": "function", "function": {"name": name, "arguments": arguments or "{}"}}


def _parts(block: Any, where: str) -> list[Json]:
    for kind, convert in _PARTS:
        if isinstance(block, kind):
            try:
                parts = convert(block)
                extra = getattr(block, "model_extra", None)
                return [{**parts[0], **extra}, *parts[1:]] if extra else parts
            except InvalidRequestError as error:
                raise InvalidRequestError(f"{where}: {error.message}") from None
            except (ValueError, OSError) as error:  # no data at all, or a file that cannot be read
                raise InvalidRequestError(f"{where}: the {type(block).__name__} cannot be read: {error}.") from error
    accepted = ", ".join(kind.__name__ for kind, _ in _PARTS)
    raise InvalidRequestError(
        f"{where} has a block of type {type(block).__name__}, which this role cannot carry: it carries {accepted}."
    )


def _text(block: TextBlock) -> list[Json]:
    return [{"type": "text", "text": block.text}]


def _image(block: ImageBlock) -> list[Json]:
    image = {"url": _url(block.url, lambda: block.resolve_image(), block.image_mimetype, "image/png")}
    return [{"type": "image_url", "image_url": {**image, **_set(block, "detail")}}]


def _audio(block: AudioBlock) -> list[Json]:
    if block.url and not str(block.url).startswith("data:"):
        data, first = str(block.url), ""
    else:
        first = _base64(block.resolve_audio())
        data = first[data_start(first) or 0 :]
    known = audio_format(block.format, first, default="")
    return [{"type": "input_audio", "input_audio": {"data": data, **({"format": known} if known else {})}}]


def _video(block: VideoBlock) -> list[Json]:
    video = {"url": _url(block.url, lambda: block.resolve_video(), block.video_mimetype, "video/mp4")}
    return [{"type": "video_url", "video_url": {**video, **_set(block, "detail", "fps")}}]


def _set(block: Any, *names: str) -> Json:
    """Those of these fields of a block that are set."""
    return {name: value for name in names if (value := getattr(block, name)) is not None}


def _document(block: DocumentBlock) -> list[Json]:
    name = block.title or "input_document"
    if block.path and name == "input_document":  # what LlamaIndex calls a document without a title
        name = Path(block.path).name
    kind = block.document_mimetype or guess_type(name)[0]
    url = _url(block.url, lambda: block.resolve_document(), kind, "application/octet-stream")
    return [{"type": "file", "file": {"file_data": url, "filename": name}}]


def _citable(block: CitableBlock) -> list[Json]:
    parts = [part for inner in block.content for part in _parts(inner, block.title)]
    return _joined([{"type": "text", "text": f"{block.title} ({block.source}):\n"}, *parts])


def _citation(block: CitationBlock) -> list[Json]:
    origin = {"type": "text", "text": f" [{block.title}, {block.source}]"}
    return _joined([*_parts(block.cited_content, block.title), origin])


def _joined(parts: list[Json]) -> list[Json]:
    """The parts with neighbouring texts as one."""
    joined: list[Json] = []
    for part in parts:
        if joined and part["type"] == joined[-1]["type"] == "text":
            joined[-1] = {"type": "text", "text": joined[-1]["text"] + part["text"]}
        else:
            joined.append(part)
    return joined


_PARTS: tuple[tuple[type, Callable[[Any], list[Json]]], ...] = (
    (TextBlock, _text),
    (ImageBlock, _image),
    (AudioBlock, _audio),
    (VideoBlock, _video),
    (DocumentBlock, _document),
    (CitableBlock, _citable),
    (CitationBlock, _citation),
)


def _url(url: Any, resolve: Callable[[], Any], mimetype: str | None, default: str) -> str:
    """The address as it is, or the bytes as a data URL."""
    address = "" if url is None else str(url)  # once: an image may be megabytes of it
    return address or data_url(_base64(resolve()), mimetype, default)


def _base64(buffer: Any) -> str:
    """The bytes in base64; a data URL, which they may be the text of, as it is."""
    data: bytes = buffer.read()
    return data.decode() if data[:5].lower() == b"data:" else b64encode(data).decode()
