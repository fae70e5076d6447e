"""Vectors come back in the order of the texts, or not at all."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import struct
from pathlib import Path
from typing import Any

import orjson
import pytest

from aimlapi_transport.client import AsyncClient, Client
from aimlapi_transport.embeddings import embedding_request, read_embeddings
from aimlapi_transport.errors import AIMLAPIError, BadResponseError, InvalidRequestError, ServerError
from aimlapi_transport.usage import Cost
from tests.scripted import close, reply, scripted

PUBLISHED = Path(__file__).parents[2] / "aimlapi_emulator" / "published.json"


def rows(*vectors: Any) -> list[dict[str, Any]]:
    return [{"object": "embedding", "index": n, "embedding": vector} for n, vector in enumerate(vectors)]


def body(data: Any, **fields: Any) -> bytes:
    return orjson.dumps({"object": "list", "data": data, "model": "served", **fields})


def test_a_request_holds_texts_and_nothing_unasked() -> None:
    assert orjson.loads(embedding_request("voyage-2", ["a", "b"]).body) == {"model": "voyage-2", "input": ["a", "b"]}
    sent = orjson.loads(embedding_request("text-embedding-3-small", ["a"], parameters={"dimensions": 8}).body)
    assert sent == {"model": "text-embedding-3-small", "input": ["a"], "dimensions": 8, "encoding_format": "base64"}


def test_vectors_are_put_in_the_order_of_the_texts() -> None:
    data = rows([0.5], [1.5], [2.5])
    random.Random(3).shuffle(data)
    found = read_embeddings(body(data, usage={"prompt_tokens": 4, "total_tokens": 4}), 3, {"x-inference-id": "i"})
    assert found.vectors == [[0.5], [1.5], [2.5]]
    assert found.usage is not None
    assert (found.usage.input, found.usage.output, found.model, found.inference_id) == (4, 0, "served", "i")


def test_base64_is_read_as_32_bit_floats() -> None:
    text = base64.b64encode(struct.pack("<3f", 0.5, -1.0, 0.25)).decode()
    assert read_embeddings(body(rows(text)), 1, {}).vectors == [[0.5, -1.0, 0.25]]


def test_cost_comes_from_the_body_or_the_headers() -> None:
    meta = {"usage": {"credits_used": 4}}
    assert read_embeddings(body(rows([1.0]), meta=meta), 1, {}).cost == Cost(0.000002, 4)
    assert read_embeddings(body(rows([1.0])), 1, {"x-aimlapi-usd-spent": "0.5"}).cost == Cost(0.5)


@pytest.mark.parametrize(
    ("data", "count", "says"),
    [
        (body(rows([1.0])), 2, "1 embeddings for 2 texts"),
        (body(rows([1.0], [2.0])), 1, "no text of ours"),
        (body([{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [2.0]}]), 2, "no text of ours"),
        (body([{"index": "x", "embedding": [1.0]}]), 1, "no text of ours"),
        (body(rows([])), 1, "no list of numbers"),
        (body(rows("!!")), 1, "not base64"),
        (body(None), 1, "no embeddings"),
        (b"", 1, "no embeddings"),
        (b"[1]", 1, "no embeddings"),
        (b"<html>", 1, "no embeddings"),
    ],
)
def test_a_reply_that_does_not_fit_is_refused(data: bytes, count: int, says: str) -> None:
    with pytest.raises(BadResponseError, match=says):
        read_embeddings(data, count, {})


def test_an_error_in_the_body_is_raised() -> None:
    with pytest.raises(ServerError, match="busy"):
        read_embeddings(orjson.dumps({"statusCode": 503, "message": "busy"}), 1, {})


@pytest.mark.parametrize(("texts", "says"), [([], "No texts"), ([""], "texts\\[0\\]"), (["a", 3], "texts\\[1\\] is 3")])
def test_texts_that_cannot_be_embedded(texts: Any, says: str) -> None:
    with pytest.raises(InvalidRequestError, match=says):
        embedding_request("voyage-2", texts)


@pytest.mark.parametrize(
    "row",
    [r for r in json.loads(PUBLISHED.read_text())["recordings"] if "embeddings" in r["endpoint"]],
    ids=lambda r: r["request"]["model"],
)
def test_every_published_reply_is_read(row: dict[str, Any]) -> None:
    texts = row["request"]["input"]
    count = 1 if isinstance(texts, str) else len(texts)
    found = read_embeddings(orjson.dumps(row["body"]), count, {})
    assert found.vectors == [item["embedding"] for item in row["body"]["data"]]


def test_sync_and_async_alike_try_again_and_give_up() -> None:
    request = embedding_request("voyage-2", ["a"])

    async def asleep(seconds: float) -> None:
        pass

    for acts, requests in (((reply(503), reply(body=body(rows([1.0])))), 2), ((close(),), 3), ((reply(400),), 1)):
        outcomes = []
        for kind in ("sync", "async"):
            with scripted(*acts) as server:
                try:
                    if kind == "sync":
                        client = Client(api_key="k", base_url=server.base_url, sleep=lambda seconds: None)
                        came: Any = client.embed(request, 1).vectors
                    else:
                        other = AsyncClient(api_key="k", base_url=server.base_url, sleep=asleep)
                        came = asyncio.run(other.embed(request, 1)).vectors
                except AIMLAPIError as error:
                    came = type(error)
                outcomes.append((came, len(server.received), server.received[0].path))
        assert outcomes[0] == outcomes[1]
        assert outcomes[0][1:] == (requests, "/v1/embeddings")
