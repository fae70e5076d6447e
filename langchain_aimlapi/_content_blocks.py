"""LangChain's standard content blocks out of our messages: `message.content_blocks`, also under output v1.

Every block of a stream has a text index of its own kind (`lc_rs_0`, `lc_txt_0`, `lc_tc_<n>`, ...): with LangChain's
numbering a tool call that follows text has the text's number and is merged into it.

What comes once comes at the end of a stream: citations, images, audio, signatures. So those join the block they
belong to where there is one, and stand last where there is none, in a whole reply as in a stream.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages import content as types
from langchain_core.messages.block_translators import register_translator

from aimlapi_transport.responses.output_items import is_text_of, reasoning_parts, text_of
from langchain_aimlapi._output_items import (
    OUTPUT_ITEMS,
    blocks_of,
    call_extras,
    in_order,
    part_of,
    reasoning_index,
    refusal_of,
    text_index,
    whole_items,
    without_index,
)
from langchain_aimlapi._output_versions import ITEMS, VERSIONS, items_in

if TYPE_CHECKING:
    from aimlapi_transport.chat.wire_types import Json

PROVIDER = "aimlapi"
"""`response_metadata["model_provider"]` of our messages, and the name this translator is known by."""

RAW_ARGUMENTS = "arguments"
"""In `additional_kwargs["tool_call_extras"][<id>]`: a call's arguments as the model wrote them."""

REASONING_CARRIERS = ("reasoning_details", "encrypted_content")
"""What holds reasoning besides its text; goes back to the model, and into the `extras` of a reasoning block."""

# What base64 data begins with -> its type. Audio of no known beginning is raw samples.
_BEGINNINGS = (
    ("UklGR", "audio/wav"),
    # a tag, or a frame's eleven set bits and its layer
    (("SUQz", *(f"//{third}" for third in "IJKLMNOPopqrstuv")), "audio/mpeg"),
    ("ZkxhQ", "audio/flac"),
    ("T2dnUw", "audio/ogg"),
)


def register() -> None:
    """Makes LangChain ask this module for the blocks of our messages. Cheap to repeat."""
    register_translator(PROVIDER, _of_message, _of_chunk)


def _of_message(message: AIMessage) -> list[types.ContentBlock]:
    if _version_of(message) and (items := items_in(message)):
        return _with_final_fields(message, _of_items(message, items), refusal_of(items))
    held = message.additional_kwargs.get(OUTPUT_ITEMS)
    if held and isinstance(message.content, str):
        return _with_final_fields(message, _of_items(message, in_order(held)))
    blocks = _running(message)
    extras = message.additional_kwargs.get("tool_call_extras") or {}
    for call in message.tool_calls:
        block = {"type": "tool_call", "name": call["name"], "args": call["args"], "id": call["id"]}
        blocks.append(_with_extras(block, extras.get(call["id"])))
    return _with_final_fields(message, blocks)


def _of_items(message: AIMessage, items: list[Json]) -> list[Json]:
    """The blocks of a reply of /v1/responses, in the order of its items."""
    extras: dict[Any, Json] = message.additional_kwargs.get("tool_call_extras") or call_extras(items)
    calls: dict[str | None, Json] = {}
    for call in message.tool_calls:
        block = {"type": "tool_call", "name": call["name"], "args": call["args"], "id": call["id"]}
        calls[call["id"]] = _with_extras(block, extras.get(call["id"]))
    edited = not is_text_of(str(message.text), items)
    blocks: list[Json] = [{"type": "text", "text": str(message.text)}] if edited and message.text else []
    for place, item in enumerate(items):
        if edited and item.get("type") == "message":
            continue
        made = calls.pop(item.get("call_id"), None)
        blocks += blocks_of(item, place, _citations_of_item) if made is None else [made]
    return [*blocks, *calls.values()]


def _pieces_of_items(items: Any) -> list[Json]:
    """What the blocks of a stream gain by an item that is whole."""
    blocks: list[Json] = []
    for item in items:
        blocks += blocks_of(without_index(item), item["index"], _citations_of_item, as_pieces=True)
    return blocks


def _of_chunk(message: AIMessageChunk) -> list[types.ContentBlock]:
    items = message.additional_kwargs.get(OUTPUT_ITEMS)
    is_end = message.chunk_position == "last"
    refusal = refusal_of(whole_items(items)) if _version_of(message) == ITEMS else ""  # else it stands in a field
    if is_end and items and not message.content and text_of(items):
        blocks = _pieces_of_items(items)  # of a stream that completes no items before its end
        return _with_final_fields(message, blocks, refusal)
    if is_end and all(call["id"] for call in message.tool_call_chunks):
        return _of_message(message)  # the sum of a stream, or its end
    if items is None:
        blocks = [{**block, "index": _INDEX[block["type"]]} for block in _running(message)]
    elif piece := part_of(items):
        blocks = [{**block, "index": _piece_index(block, *piece)} for block in _running(message)]
    else:
        blocks = _pieces_of_items(whole_items(items))  # the text of a chunk is between two items, and of neither,
        if _version_of(message) and message.text:  # but in these forms, that of an item which came whole
            _one(blocks, "text")["text"] = str(message.text)
    extras = message.additional_kwargs.get("tool_call_extras") or {}
    for call in message.tool_call_chunks:
        block = {"type": "tool_call_chunk", "name": call["name"], "args": call["args"], "id": call["id"]}
        if call.get("index") is not None:
            block["index"] = f"lc_tc_{call['index']}"
        blocks.append(_with_extras(block, extras.get(call["id"])))
    return _with_final_fields(message, blocks, refusal)


def _version_of(message: AIMessage) -> str | None:
    version = message.response_metadata.get("output_version")
    return version if version in VERSIONS else None


_INDEX = {"reasoning": "lc_rs_0", "text": "lc_txt_0"}


def _piece_index(block: Json, place: int, part: tuple[str, int]) -> str:
    return text_index(place) if block["type"] == "text" else reasoning_index(place, part)


def _running(message: AIMessage) -> list[Json]:
    """The two texts an answer runs in."""
    reasoning = message.additional_kwargs.get("reasoning_content")
    if not isinstance(message.content, str):
        if _version_of(message) is None:
            raise NotImplementedError("The content is blocks already: LangChain reads those itself.")
        items = [item for item in message.content if isinstance(item, dict)]
        reasoning = reasoning or "".join(text for item in items for _, text in reasoning_parts(item))
    blocks: list[Json] = [{"type": "reasoning", "reasoning": reasoning}] if reasoning else []
    return [*blocks, {"type": "text", "text": str(message.text)}] if message.text else blocks


def _with_final_fields(message: AIMessage, blocks: list[Json], refusal: str = "") -> list[types.ContentBlock]:
    """The blocks, with what a reply has once."""
    kwargs = message.additional_kwargs
    carried = {name: kwargs[name] for name in (*REASONING_CARRIERS, "extra_content") if kwargs.get(name)}
    if carried:
        _one(blocks, "reasoning")["extras"] = carried
    annotations = _citations(kwargs.get("annotations")) or _citations_beside(message.response_metadata)
    if annotations:
        _one(blocks, "text")["annotations"] = annotations
    for word, values in (("part", kwargs.get("content_parts")), ("img", kwargs.get("images"))):
        for place, value in enumerate(values if isinstance(values, list) else ()):
            blocks.append({**_of_part(value), "index": f"lc_{word}_{place}"})
    if isinstance(kwargs.get("audio"), Mapping):
        blocks.append({**_of_audio(kwargs["audio"]), "index": "lc_aud_0"})
    if refusal or kwargs.get("refusal"):
        value = {"type": "refusal", "refusal": refusal or kwargs["refusal"]}
        blocks.append({"type": "non_standard", "value": value, "index": "lc_ref_0"})
    return cast(list[types.ContentBlock], blocks)


def _one(blocks: list[Json], kind: str) -> Json:
    """The block of this kind; where there is none, an empty one that joins the one a stream had before."""
    for block in blocks:
        if block["type"] == kind:
            return block
    block = {"type": kind, kind: "", "index": _INDEX[kind]}
    blocks.append(block)
    return block


def _with_extras(block: Json, extra: Json | None) -> Json:
    extras = {name: value for name, value in (extra or {}).items() if name != RAW_ARGUMENTS}
    return {**block, "extras": extras} if extras else block


def _citations(notes: Any, flat: Collection[str] = ("url_citation",)) -> list[Json]:
    """Citations of a text, as the provider writes them; what is none of them is kept as it is.

    Args:
        flat: types of those whose fields are not nested.
    """
    citations: list[Json] = []
    for note in notes if isinstance(notes, list) else ():
        fields = note if isinstance(note, dict) else {"value": note}
        cited = fields.get("url_citation", fields if fields.get("type") in flat else None)
        if isinstance(cited, Mapping):
            citations.append(_citation(cited))
        else:
            citations.append({"type": "non_standard_annotation", "value": fields})
    return citations


_citations_of_item = partial(_citations, flat=("url_citation", "file_citation"))


def _citations_beside(metadata: Mapping[str, Any]) -> list[Json]:
    """Citations from where Perplexity puts them: beside the message."""
    results, urls = metadata.get("search_results") or (), metadata.get("citations") or ()
    found = [_citation(result) for result in results if isinstance(result, Mapping) and result.get("url")]
    return found or [{"type": "citation", "url": url} for url in urls if isinstance(url, str)]


# Fields of a citation -> LangChain's.
_CITED = {
    **{name: name for name in ("url", "title", "start_index", "end_index")},
    "content": "cited_text",
    "snippet": "cited_text",
    "filename": "title",
}


def _citation(cited: Mapping[str, Any]) -> Json:
    block: Json = {"type": "citation"}
    extras: Json = {}
    for name, value in cited.items():
        if name in _CITED:
            block[_CITED[name]] = value
        elif value is not None and name != "type":
            extras["file_index" if name == "index" else name] = value  # as LangChain calls it: `index` is a block's
    return {**block, "extras": extras} if extras else block


def _of_part(part: Any) -> Json:
    """The block of a content part, or of an entry of `images`."""
    image = part.get("image_url") if isinstance(part, Mapping) else None
    url = image.get("url") if isinstance(image, Mapping) else image
    if not isinstance(url, str):
        return {"type": "non_standard", "value": part if isinstance(part, dict) else {"value": part}}
    head, _, data = url.partition(";base64,")
    if head.startswith("data:") and data:
        return {"type": "image", "base64": data, "mime_type": head.removeprefix("data:")}
    return {"type": "image", "url": url}


def _of_audio(audio: Mapping[str, Any]) -> Json:
    block: Json = {"type": "audio"}
    if audio.get("id"):
        block["id"] = audio["id"]
    if isinstance(audio.get("data"), str):
        block["base64"] = audio["data"]
        known = (kind for start, kind in _BEGINNINGS if audio["data"].startswith(start))
        block["mime_type"] = next(known, "audio/pcm")
    extras = {name: value for name, value in audio.items() if name not in ("id", "data") and value is not None}
    return {**block, "extras": extras} if extras else block
