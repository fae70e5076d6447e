"""/v1/embeddings: hashed bags of words, of unit length, so that similar texts are near. One row per model.

To add a model, add a row to MODELS.
Source: https://docs.aimlapi.com/api-references/embedding-models
"""

from __future__ import annotations

import base64
import functools
import hashlib
import math
import struct
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from aimlapi_emulator.dialects.identity import EPOCH
from aimlapi_emulator.dialects.usage import cost_of, credits_for
from aimlapi_emulator.mind.tokens import count
from aimlapi_emulator.mind.words import SILENT, stem, words
from aimlapi_emulator.server.account import note_call, note_recorded
from aimlapi_emulator.server.errors import Refused, invalid, kind_of
from aimlapi_emulator.server.http import Asked, cost_headers, json_reply, trace_headers
from aimlapi_emulator.server.recordings import published


@dataclass(frozen=True, slots=True)
class Embedder:
    """One model: its vector length, the lengths it can be asked for, and how its reply differs."""

    size: int
    developer: str
    sizes: tuple[int, int] | None = None  # dimensions it accepts, both ends included
    answers_as: str = ""
    usage: str = "both"  # `both`, `total` (prompt_tokens null), `none`, `chat` (with completion_tokens)
    extras: tuple[str, ...] = ()  # top-level fields: formats by name
    status: int = 200
    item_most: int | None = None  # characters per item of an array
    text_most: int | None = None  # characters of a text that is no array
    task: str = ""  # the parameter that says what the vectors are for, and its values
    tasks: tuple[str, ...] = ()
    closed: bool = False  # the schema allows no further parameters


_GOOGLE_TASKS = (
    *("RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY", "CLASSIFICATION"),
    *("CLUSTERING", "QUESTION_ANSWERING", "FACT_VERIFICATION"),
)


def _google(size: int, status: int = 200) -> Embedder:
    return Embedder(size, "Google", (1, size), status=status, task="task_type", tasks=_GOOGLE_TASKS)


def _voyage(size: int) -> Embedder:
    return Embedder(
        size, "Anthropic", usage="total", item_most=800, text_most=8000, task="input_type", tasks=("document",)
    )


MODELS: dict[str, Embedder] = {
    "text-embedding-3-small": Embedder(1536, "Open AI", (1, 1536), closed=True),
    "text-embedding-3-large": Embedder(3072, "Open AI", (1, 3072), closed=True),
    "text-embedding-ada-002": Embedder(1536, "Open AI", (1, 1536), "text-embedding-ada-002-v2", closed=True),
    "textembedding-gecko@001": _google(768, status=201),
    "textembedding-gecko@003": _google(768, status=201),
    "text-multilingual-embedding-002": _google(768),
    "text-embedding-005": _google(768),
    "google/gemini-embedding-001": _google(3072),
    "alibaba/qwen-text-embedding-v3": Embedder(
        1024, "Alibaba Cloud", (64, 2048), "text-embedding-v3", extras=("id:{uuid}",)
    ),
    "alibaba/qwen-text-embedding-v4": Embedder(
        1024, "Alibaba Cloud", (64, 2048), "text-embedding-v4", extras=("id:{uuid}",)
    ),
    "voyage-2": _voyage(1024),
    "voyage-large-2": _voyage(1536),
    "voyage-large-2-instruct": _voyage(1024),
    "voyage-code-2": _voyage(1536),
    "voyage-finance-2": _voyage(1024),
    "voyage-law-2": _voyage(1024),
    "voyage-multilingual-2": _voyage(1024),
    "BAAI/bge-base-en-v1.5": Embedder(768, "BAAI", usage="chat", extras=("id:embd-{hex:32}", "created:")),
    "BAAI/bge-large-en-v1.5": Embedder(1024, "BAAI", usage="chat", extras=("id:embd-{hex:32}", "created:")),
    "togethercomputer/m2-bert-80M-32k-retrieval": Embedder(768, "Together AI", usage="none"),
}
_KNOWN = ("model", "input", "encoding_format", "dimensions", "user")


def embed(request: Request, asked: Asked) -> Response:
    """The vectors of a request; raises Refused for one that gets none."""
    headers = trace_headers(request, asked.identity)
    recording = published("/v1/embeddings", asked.body)
    if recording is not None:
        note_recorded(request, recording.body, asked.identity)
        return json_reply(recording.body, {**headers, **cost_headers(recording.body.get("meta"))}, recording.status)
    model, row, texts = _checked(asked.body)
    size = int(asked.body.get("dimensions") or row.size)
    packed = row.closed and asked.body.get("encoding_format") == "base64"  # the others document no such parameter
    data = []
    for at, text in enumerate(texts):
        values = vector(text, size)
        embedding: Any = base64.b64encode(struct.pack(f"<{size}f", *values)).decode() if packed else list(values)
        data.append({"object": "embedding", "index": at, "embedding": embedding})
    tokens = sum(count(text) for text in texts)
    credits = credits_for(model, tokens // 20 + 1, 0)
    note_call(request, model, credits, (tokens, 0), asked.identity)
    body: dict[str, Any] = {
        "object": "list",
        "data": data,
        "model": row.answers_as or model,
        "usage": _usage(row, tokens),
        "meta": cost_of(credits),
    }
    for extra in row.extras:
        name, _, form = extra.partition(":")
        body[name] = asked.identity.made(form) if form else EPOCH
    return json_reply(body, {**headers, **cost_headers(body["meta"])}, row.status)


def _checked(body: Any) -> tuple[str, Embedder, list[str]]:
    if not isinstance(body, dict):
        raise invalid("body", "object", kind_of(body), "Invalid type")
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise invalid("model", "string", kind_of(model) if "model" in body else "undefined", "Required")
    row = MODELS.get(model) or MODELS.get(model.removeprefix("openai/"))
    if row is None:
        raise Refused(404, f"Model '{model[:200]}' not found.")
    texts = _texts(body, row)
    encoding = body.get("encoding_format")
    if encoding is not None and encoding not in ("float", "base64"):
        shown = f"'{encoding[:60]}'" if isinstance(encoding, str) else kind_of(encoding)
        raise invalid("encoding_format", "'float' | 'base64'", shown, "Invalid enum value")
    size = body.get("dimensions")
    if size is not None:
        if isinstance(size, bool) or not isinstance(size, int):
            raise invalid("dimensions", "integer", kind_of(size), "Invalid type")
        low, high = row.sizes or (row.size, row.size)
        if not low <= size <= high:
            raise invalid("dimensions", f"number from {low} to {high}", size)
    task = body.get(row.task) if row.task else None
    if task is not None and task not in row.tasks:
        shown = f"'{task[:60]}'" if isinstance(task, str) else kind_of(task)
        raise invalid(row.task, " | ".join(f"'{name}'" for name in row.tasks), shown, "Invalid enum value")
    unknown = [name for name in body if name not in _KNOWN] if row.closed else []
    if unknown:
        raise invalid(unknown[0][:60], "no such parameter", kind_of(body[unknown[0]]), "Unrecognized key")
    return model, row, texts


def _texts(body: dict[str, Any], row: Embedder) -> list[str]:
    given = body.get("input")
    if isinstance(given, str):
        if row.text_most is not None and len(given) > row.text_most:
            raise invalid("input", f"at most {row.text_most} characters", len(given), "Too big")
        given = [given]
    elif not isinstance(given, list):
        received = kind_of(given) if "input" in body else "undefined"
        raise invalid("input", "string | array of strings", received, "Invalid type")
    elif row.item_most is not None and any(isinstance(text, str) and len(text) > row.item_most for text in given):
        raise invalid("input", f"items of at most {row.item_most} characters", "a longer one", "Too big")
    if not given:
        raise invalid("input", "at least 1 element", "0", "Too few")
    for at, text in enumerate(given):
        if not isinstance(text, str):  # token ids are not taken, whatever the prose says
            raise invalid(f"input[{at}]", "string", kind_of(text), "Invalid type")
        if not text:
            raise invalid(f"input[{at}]", "at least 1 character", "0", "Too small")
    return given


def _usage(row: Embedder, tokens: int) -> dict[str, Any] | None:
    if row.usage == "none":
        return None
    usage: dict[str, Any] = {"prompt_tokens": None if row.usage == "total" else tokens, "total_tokens": tokens}
    if row.usage == "chat":
        usage |= {"completion_tokens": 0, "prompt_tokens_details": None}
    return usage


@functools.lru_cache(maxsize=4096)
def vector(text: str, size: int) -> tuple[float, ...]:
    """The unit vector of a text: each stem, and each four letters in it, adds to one place."""
    values = [0.0] * size
    seen: dict[str, float] = {}
    for word in words(text) or [text.strip().lower() or " "]:
        root = stem(word)
        quiet = 0.2 if word in SILENT else 1.0
        seen[root] = seen.get(root, 0.0) + quiet
        for at in range(max(0, len(root) - 3)):
            part = f"~{root[at : at + 4]}"
            seen[part] = seen.get(part, 0.0) + quiet * 0.3
    for feature, weight in seen.items():
        digest = hashlib.blake2b(feature.encode(), digest_size=16).digest()
        place = int.from_bytes(digest[:8], "big") % size
        values[place] += (1.0 if digest[8] & 1 else -1.0) * (1 + math.log(weight) if weight > 1 else weight)
    length = math.sqrt(math.fsum(v * v for v in values))
    if length == 0.0:  # everything cancelled out
        values[0], length = 1.0, 1.0
    return tuple(struct.unpack(f"<{size}f", struct.pack(f"<{size}f", *(v / length for v in values))))
