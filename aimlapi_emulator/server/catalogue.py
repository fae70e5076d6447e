"""Which models there are: the list with its filters, one entry by id, both without a key.

To filter by another property, add a row to FILTERS.
Source: https://docs.aimlapi.com/api-references/service-endpoints/complete-model-list
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from aimlapi_emulator.dialects.identity import TIMESTAMP, Identity
from aimlapi_emulator.dialects.usage import CREDITS_PER_USD
from aimlapi_emulator.media.models import CREDITS, MediaModel, media_models
from aimlapi_emulator.server.embeddings import MODELS as EMBEDDING_MODELS
from aimlapi_emulator.server.errors import Refused
from aimlapi_emulator.server.facts import DEFAULT_CONTEXT, Facts, all_models
from aimlapi_emulator.server.http import json_reply, trace_headers

INCLUDES = ("pricing", "modalities", "capabilities")
_INPUTS = {"image_input": "image", "audio_input": "audio", "video_input": "video", "file_input": "file"}
_CAPABILITIES = ("file_input", "parallel_tool_calls", "structured_output", "tools")
FILTERS: Mapping[str, Callable[[dict[str, Any]], list[str]]] = {
    "id": lambda entry: [entry["id"], *entry["aliases"]],
    "type": lambda entry: [entry["type"]],
    "tags": lambda entry: list(entry["tags"]),
    "modalities": lambda entry: [*entry["modalities"]["input"], *entry["modalities"]["output"]],
    "input_modalities": lambda entry: list(entry["modalities"]["input"]),
    "output_modalities": lambda entry: list(entry["modalities"]["output"]),
    "capabilities": lambda entry: list(entry["capabilities"]),
}


def listed(request: Request) -> Response:
    """`GET /v1/models`: OR inside one filter, AND across them, case-insensitive; 304 when nothing changed."""
    query = request.query_params
    wanted = {name: _values(query.getlist(name)) for name in FILTERS if name in query}
    included = _included(query.getlist("include"), query.get("details", ""))
    entries = [
        _shown(entry, included)
        for entry in entries_all()
        if all(values & {v.lower() for v in FILTERS[name](entry)} for name, values in wanted.items() if values)
    ]
    body = orjson.dumps({"object": "list", "data": entries})
    digest = base64.b64encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode().rstrip("=")
    headers = trace_headers(request, Identity("models", digest))
    headers["etag"] = f'W/"{len(body):x}-{digest}"'
    known = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
    if "*" in known or {headers["etag"], headers["etag"][2:]} & set(known):
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, "application/json; charset=utf-8")


def item(request: Request) -> Response:
    """`GET /model/{id}`: slashes in the id need no escaping; an alias finds its entry."""
    wanted = request.path_params["id"]
    query = request.query_params
    included = _included(query.getlist("include"), query.get("details", ""))
    for entry in entries_all():
        if wanted == entry["id"]:
            break
    else:
        entry = next((e for e in entries_all() if wanted in e["aliases"]), {})
    if not entry:
        raise Refused(404, f"Model '{wanted[:200]}' not found.")
    headers = trace_headers(request, Identity("model", wanted))
    return json_reply({"object": "model", "data": _shown(entry, included)}, headers)


def metrics(request: Request) -> Response:
    """`GET /models/metrics`: how fast models are, made up from their ids; parameters are repeated, not separated."""
    query = request.query_params
    for name in query:
        if name != "aliases":
            raise Refused(400, f"Query validation error\n{name[:80]}: Unrecognized key")
    wanted = query.getlist("aliases")
    if len(wanted) > 100:
        raise Refused(400, "Query validation error\naliases: Too many. Expected at most 100")
    found = [
        {"alias": name, "endpoint": path, "metrics": _metrics(name)}
        for entry in entries_all()
        for name in (entry["id"], *entry["aliases"])
        if name in wanted or (not wanted and name == entry["id"])
        for path in [f"/v1/{entry['type'].partition('/')[2].replace('-', '/', 1)}"]
    ]
    body = {"window_seconds": 86_400, "generated_at": TIMESTAMP, "models": found}
    return json_reply(body, trace_headers(request, Identity("metrics", ",".join(wanted))))


def _metrics(name: str) -> dict[str, dict[str, float]]:
    identity = Identity("metrics", name)
    middle = {
        "ttft_ms": 200 + identity.number("ttft", 1500),
        "tps": 20 + identity.number("tps", 150),
        "duration_ms": 1000 + identity.number("duration", 20_000),
    }
    spread = {"p50": 1.0, "p75": 1.4, "p90": 2.0, "p99": 4.0}
    return {kind: {name: round(value * times, 1) for name, times in spread.items()} for kind, value in middle.items()}


@functools.cache
def entries_all() -> tuple[dict[str, Any], ...]:
    """Every entry with everything that can be asked for."""
    chat = [_chat_entry(facts) for facts in all_models().values() if facts.endpoints]
    embeddings = [_embedding_entry(id) for id in EMBEDDING_MODELS]
    taken = {entry["id"] for entry in (*chat, *embeddings)}
    return (*chat, *embeddings, *(_media_entry(model) for model in media_models().values() if model.id not in taken))


def _chat_entry(facts: Facts) -> dict[str, Any]:
    served = "openai/chat-completions" if facts.serves_chat else "openai/responses"
    inputs = [name for claim, name in _INPUTS.items() if claim in facts.claims]
    capabilities = [name for name in _CAPABILITIES if name in facts.claims]
    if "image_input" in facts.claims:
        capabilities.append("vision")
    return _entry(
        facts.id,
        aliases=sorted(facts.aliases),
        type=served,
        developer=facts.developer or facts.family,
        context=facts.context_length or DEFAULT_CONTEXT,
        tags=["playground:chat"],
        modalities={
            "input": sorted([*inputs, "text"]),
            "output": ["audio", "text"] if "audio_output" in facts.claims else ["text"],
        },
        capabilities=sorted([*capabilities, "streaming"]),
    )


def _embedding_entry(id: str) -> dict[str, Any]:
    return _entry(
        id,
        aliases=[],
        type="openai/embeddings",
        developer=EMBEDDING_MODELS[id].developer,
        context=8192,
        tags=["playground:embeddings"],
        modalities={"input": ["text"], "output": ["embedding"]},
        capabilities=[],
    )


# kind of a media model -> its type, what it takes and makes, and what its price counts
_MEDIA = {
    "image": ("openai/image-generations", ["text"], ["image"], "image"),
    "3d": ("openai/image-generations", ["image"], ["3d"], "generation"),
    "video": ("internal/video-generations/submit", ["text"], ["video"], "generation"),
    "tts": ("openai/speech", ["text"], ["audio"], "generation"),
    "stt": ("internal/speech-to-text/submit", ["audio"], ["text"], "generation"),
    "ocr": ("internal/ocr", ["document"], ["text"], "page"),
    "music": ("internal/audio-generations/submit", ["text"], ["audio"], "generation"),
}


def _media_entry(model: MediaModel) -> dict[str, Any]:
    type, inputs, outputs, unit = _MEDIA[model.kind]
    if any("image" in field for field in model.required) and "image" not in inputs:
        inputs = sorted([*inputs, "image"])
    entry = _entry(
        model.id,
        aliases=[],
        type=type,
        developer=model.id.partition("/")[0],
        context=0,
        tags=[f"playground:{model.kind}"],
        modalities={"input": inputs, "output": outputs},
        capabilities=[],
    )
    for name in ("contextLength", "outputMax"):
        del entry["info"][name]
    price = CREDITS[model.kind] / CREDITS_PER_USD
    entry["pricing"]["units"] = [{"name": unit, "measure": "output", "price": price, "per": 1}]
    return entry


def _entry(
    id: str,
    *,
    aliases: list[str],
    type: str,
    developer: str,
    context: int,
    tags: list[str],
    modalities: dict[str, list[str]],
    capabilities: list[str],
) -> dict[str, Any]:
    slug = id.replace("/", "-").lower()
    price = 1 + Identity("price", id).number("credits", 20)  # the same price the replies are charged by
    return {
        "id": id,
        "aliases": aliases,
        "type": type,
        "info": {
            "name": id.rpartition("/")[2],
            "developer": developer,
            "description": f"{id}, emulated.",
            "contextLength": context,
            "outputMax": min(context, 16384),
            "url": f"https://aimlapi.com/models/{slug}",
            "docsUrl": "https://docs.aimlapi.com/api-references/text-models-llm",
        },
        "tags": tags,
        "modalities": modalities,
        "capabilities": capabilities,
        "pricing": {
            "kind": "fixed",
            "currency": "USD",
            "units": [
                {"name": "token", "measure": "input", "price": price / 2, "per": 1_000_000},
                {"name": "token", "measure": "output", "price": price * 2, "per": 1_000_000},
            ],
        },
    }


def _values(given: list[str]) -> set[str]:
    """Repeated or comma-separated, all the same."""
    return {value.strip().lower() for one in given for value in one.split(",") if value.strip()}


def _included(given: list[str], details: str) -> set[str]:
    values = _values(given)
    if "all" in values or details.lower() in ("true", "1"):
        return set(INCLUDES)
    return values & set(INCLUDES)  # unknown values are ignored


def _shown(entry: dict[str, Any], included: set[str]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in INCLUDES or key in included}
