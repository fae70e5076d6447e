"""Plays published exchanges to the tools, loaders and readers of both frameworks, and compares what a user gets.

Waits are left out: the transport's are played in `replay`, and these would be real ones.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.documents.base import Blob

from aimlapi_transport import AIMLAPIError
from langchain_aimlapi import get_aimlapi_usage_callback, tools
from langchain_aimlapi.document_loaders import AIMLAPIOCR, AIMLAPITranscriber
from llama_index_aimlapi import get_aimlapi_usage
from llama_index_aimlapi.readers import AIMLAPIOCRReader, AIMLAPITranscriptReader
from llama_index_aimlapi.tools import AIMLAPIToolSpec
from tests.media.replay import WAV, Exchange, Player, arguments_of, call, cost_of, operation_of

KINDS = {"images": "image", "edit_image": "edit", "video": "video", "speech": "speech", "music": "music"}
LANGCHAIN_TOOLS: Mapping[str, type[Any]] = {
    "images": tools.AIMLAPIImageTool,
    "edit_image": tools.AIMLAPIImageEditTool,
    "video": tools.AIMLAPIVideoTool,
    "speech": tools.AIMLAPISpeechTool,
    "music": tools.AIMLAPIMusicTool,
}
READERS: Mapping[str, tuple[type[Any], type[Any], str]] = {
    "transcribe": (AIMLAPITranscriber, AIMLAPITranscriptReader, "audio"),
    "ocr": (AIMLAPIOCR, AIMLAPIOCRReader, "document"),
}
CHOSEN = ("prompt", "text", "script", "lyrics")  # what an agent chooses; the rest are parameters of the tool
Json = dict[str, Any]


async def framework_differences(exchange: Exchange) -> list[str]:
    """What LangChain and LlamaIndex give of an exchange otherwise than it expects, sync and async."""
    reads = operation_of(exchange) in READERS
    ways = (
        ("LangChain", langchain_documents if reads else langchain_tool),
        ("LlamaIndex", llama_index_documents if reads else llama_index_tool),
    )
    wanted = wanted_documents(exchange) if reads else wanted_files(exchange)
    lines = []
    for framework, play in ways:
        for way in ("sync", "async"):
            got = await play(exchange, way == "async")
            if got != wanted:
                lines.append(f"{exchange['id']}, {framework}, {way}: {str(got)[:400]}, not {str(wanted)[:400]}")
    return lines


def wanted_files(exchange: Exchange) -> Json:
    """What a tool has to give."""
    expect = exchange["expect"]
    if expect["status"] == "failed":
        return {"error": expect["message"]}
    files = list(expect["urls"])
    if expect.get("bytes"):
        is_json = "json" in exchange["steps"][-1]["response"]
        files.append(call(exchange)[0].files[0].data if is_json else WAV)  # the stand-in for bytes of the body
    return {"files": files, "addresses": expect["urls"], "cost": cost_of(expect), "media_type": expect["mime"]}


def wanted_documents(exchange: Exchange) -> list[Json]:
    """What a loader or reader has to give."""
    expect = exchange["expect"]
    if expect["status"] == "failed":
        return [{"error": expect["message"]}]
    if "pages" not in expect:
        known = {"text": expect["text"], "seconds": expect.get("duration_s"), "language": expect.get("language")}
        return [{**known, "cost": cost_of(expect)}]
    names = ("chars", "starts", "ends", "width", "height")
    return [
        {
            **{name: page[name] for name in names},
            "images": [each["id"] for each in page["images"]],
            "cost": cost_of(expect),
        }
        for page in expect["pages"]
    ]


def _split(exchange: Exchange, choices: Callable[[Json], set[str]]) -> tuple[Json, Json]:
    """What the agent chooses of an exchange's fields, and the parameters of the tool.

    Args:
        choices: the arguments that a tool with these parameters has.
    """
    fields = arguments_of(exchange)[1]
    parameters = {name: value for name, value in fields.items() if name not in CHOSEN}
    chosen = {name: fields[name] for name in CHOSEN if name in fields} or {"prompt": "A cat"}
    left = choices(parameters)
    return {name: value for name, value in chosen.items() if name in left}, {
        **parameters,
        **{name: value for name, value in chosen.items() if name not in left},
    }


def _files(exchange: Exchange, files: list[Any], media_types: list[str | None], answer: str, cost: Any) -> Json:
    return {
        "files": files,
        "addresses": [file for file in files if isinstance(file, str) and file in answer],
        "cost": cost,
        "media_type": media_types[0] if exchange["expect"]["mime"] else None,
    }


def _document(text: str, metadata: Json) -> Json:
    if "page_label" not in metadata:
        named = {"seconds": "duration_seconds", "language": "language", "cost": "cost_usd"}
        return {"text": text, **{name: metadata.get(key) for name, key in named.items()}}
    images = [each["id"] for each in metadata.get("images", ())]
    size = {"width": metadata.get("width"), "height": metadata.get("height")}
    return {
        "chars": len(text),
        "starts": text[:40],
        "ends": text[-40:],
        **size,
        "images": images,
        "cost": metadata.get("cost_usd"),
    }


async def langchain_tool(exchange: Exchange, is_async: bool) -> Json:
    """The artifact and the answer of a LangChain tool."""
    cls, model = LANGCHAIN_TOOLS[operation_of(exchange)], arguments_of(exchange)[0]
    chosen, parameters = _split(
        exchange, lambda fixed: set(cls(model=model, parameters=fixed, api_key="test").args_schema.model_fields)
    )
    player = Player(exchange, waits=False)
    clients = {"http_client": player.http_client(), "http_async_client": player.http_async_client()}
    tool = cls(model=model, parameters=parameters, api_key="test", max_retries=0, **clients)
    call = {"type": "tool_call", "name": tool.name, "id": "c1", "args": chosen}
    with get_aimlapi_usage_callback() as used:
        try:
            message = await tool.ainvoke(call) if is_async else tool.invoke(call)
        except AIMLAPIError as error:
            return {"error": error.message}
    if message.status == "error":
        return {"error": message.content.partition(" (status")[0]}
    files = [block.get("url") or base64.b64decode(block["base64"]) for block in message.artifact]
    types = [block.get("mime_type") for block in message.artifact]
    return _files(exchange, files, types, message.content, used.cost_usd)


async def llama_index_tool(exchange: Exchange, is_async: bool) -> Json:
    """The blocks of a LlamaIndex tool."""
    kind, model = KINDS[operation_of(exchange)], arguments_of(exchange)[0]

    def tool(parameters: Json, **settings: Any) -> Any:
        own: Json = {f"{kind}_model": model, "include": [kind], "parameters": {kind: parameters}, "api_key": "test"}
        return AIMLAPIToolSpec(**own, **settings).to_tool_list()[0]

    chosen, parameters = _split(exchange, lambda fixed: set(tool(fixed).metadata.fn_schema.model_fields))
    player = Player(exchange, waits=False)
    clients = {"http_client": player.http_client(), "async_http_client": player.http_async_client()}
    ready = tool(parameters, max_retries=0, **clients)
    with get_aimlapi_usage() as used:
        try:
            output = await ready.acall(**chosen) if is_async else ready.call(**chosen)
        except AIMLAPIError as error:
            return {"error": error.message}
    files, types = [], []
    for block in output.blocks[1:]:
        data = next(getattr(block, name) for name in ("image", "audio", "video", "data") if hasattr(block, name))
        files.append(str(block.url) if block.url else base64.b64decode(data))
        named = (getattr(block, name, None) for name in ("image_mimetype", "video_mimetype", "document_mimetype"))
        types.append(next(filter(None, named), None))
    if kind in ("speech", "music"):  # an AudioBlock has a format of its own words, and guesses it from the address
        types = [exchange["expect"]["mime"]]
    if exchange["kind"] == "3d":  # a mesh is no block for a language model: its address is in the text
        files, types = list(exchange["expect"]["urls"]), [exchange["expect"]["mime"]]
    return _files(exchange, files, types, output.blocks[0].text, used.cost_usd)


async def langchain_documents(exchange: Exchange, is_async: bool) -> list[Json]:
    """The documents of a LangChain blob parser."""
    parser_class, _, argument = READERS[operation_of(exchange)]
    model, source, parameters = _source(exchange, argument)
    player = Player(exchange, waits=False)
    clients = {"http_client": player.http_client(), "http_async_client": player.http_async_client()}
    parser = parser_class(
        model=model, parameters=parameters, api_key="test", max_retries=0, **_whole(argument), **clients
    )
    blob = Blob.from_data(source) if isinstance(source, bytes) else Blob(path=source)
    try:
        found = [each async for each in parser.alazy_parse(blob)] if is_async else list(parser.lazy_parse(blob))
    except AIMLAPIError as error:
        return [{"error": error.message}]
    return [_document(each.page_content, each.metadata) for each in found]


async def llama_index_documents(exchange: Exchange, is_async: bool) -> list[Json]:
    """The documents of a LlamaIndex reader."""
    _, reader_class, argument = READERS[operation_of(exchange)]
    model, source, parameters = _source(exchange, argument)
    player = Player(exchange, waits=False)
    clients = {"http_client": player.http_client(), "async_http_client": player.http_async_client()}
    reader = reader_class(model, parameters=parameters, api_key="test", max_retries=0, **_whole(argument), **clients)
    try:
        found = await reader.aload_data(source) if is_async else reader.load_data(source)
    except AIMLAPIError as error:
        return [{"error": error.message}]
    return [_document(each.text, each.metadata) for each in found]


def _source(exchange: Exchange, argument: str) -> tuple[str, Any, Json]:
    """The model, the address that is read, and the parameters."""
    model, fields = arguments_of(exchange)
    source = fields.pop(argument)
    if isinstance(source, dict):
        source = source[source["type"]]
    if isinstance(source, str) and not source.startswith("http"):  # a placeholder: "<document>"
        source = "https://example.com/document.pdf"
    return model, source, fields


def _whole(argument: str) -> Json:
    return {"max_seconds": None} if argument == "audio" else {}
