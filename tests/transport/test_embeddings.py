"""Vectors come back in the order of the texts, or not at all."""

from __future__ import annotations

import asyncio
import base64
import json
import math
import random
import struct
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimlapi_transport.chat.usage import Cost
from aimlapi_transport.client import AsyncClient, Client, UnlistedParameterWarning
from aimlapi_transport.config.embedding_families import PLAIN, embedder_for
from aimlapi_transport.config.hosts import ANYFAST
from aimlapi_transport.embeddings import embedding_request, read_embeddings, split_texts
from aimlapi_transport.errors import AIMLAPIError, BadResponseError, InvalidRequestError, ServerError
from aimlapi_transport.surrogates import whole_text
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
        (body(rows([1.0], [2.0])), 1, "which no text has"),
        (body([{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [2.0]}]), 2, "which no text has"),
        (body([{"index": "x", "embedding": [1.0]}]), 1, "which no text has"),
        (body(rows([])), 1, "not a list of numbers"),
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


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([{"embedding": [1.0]}, {"embedding": [2.0]}], "index None"),
        ([{"index": 0, "embedding": [1.0]}, {"embedding": [2.0]}], "index None"),
        ([{"index": True, "embedding": [1.0]}, {"index": 0, "embedding": [2.0]}], "index True"),
        ([{"index": -1, "embedding": [1.0]}, {"index": 0, "embedding": [2.0]}], "index -1"),
        ([None, {"index": 0, "embedding": [2.0]}], "index None"),
        (rows([1.0], [1.0, 2.0]), "different lengths"),
        (rows([1.0], ["1"]), "not a list of numbers"),
        (rows([1.0], [None]), "not a list of numbers"),
        (rows([1.0], None), "not a list of numbers"),
        (rows([1.0], "AAA="), "not base64 of 32-bit floats"),
        (rows(*[base64.b64encode(struct.pack("<f", float("nan"))).decode()] * 2), "not a number"),
    ],
)
def test_no_vector_is_given_to_a_text_it_may_not_be_of(data: Any, says: str) -> None:
    with pytest.raises(BadResponseError, match=says):
        read_embeddings(body(data), 2, {})


@given(st.lists(st.floats(width=32) | st.sampled_from([3e38, -3e38, math.inf, -math.inf, math.nan]), min_size=1))
def test_a_vector_is_given_where_all_its_numbers_are_numbers(numbers: list[float]) -> None:
    packed = struct.pack(f"<{len(numbers)}f", *numbers)
    data = body(rows(base64.b64encode(packed).decode()))
    if all(map(math.isfinite, numbers)):
        assert read_embeddings(data, 1, {}).vectors == [list(struct.unpack(f"<{len(numbers)}f", packed))]
    else:
        with pytest.raises(BadResponseError, match="not a number"):
            read_embeddings(data, 1, {})


def test_numbers_are_floats_and_a_lone_vector_needs_no_index() -> None:
    (vector,) = read_embeddings(b"\xef\xbb\xbf" + body([{"embedding": [0, 1, -1e-3]}]), 1, {}).vectors
    assert [(type(value), value) for value in vector] == [(float, 0.0), (float, 1.0), (float, -0.001)]


def test_no_error_repeats_the_key() -> None:
    for data in (
        b'{"error": {"message": "bad sk-of-mine-1"}}',
        b"<html>sk-of-mine-1</html>",
        body([{"index": "sk-of-mine-1"}]),
        b"<html>" + b"x" * 189 + b"sk-of-mine-1",  # half of it within what is shown
        body([{"index": "x" * 74 + "sk-of-mine-1"}]),
    ):
        with scripted(reply(body=data)) as server:
            client = Client(api_key="sk-of-mine-1", base_url=server.base_url, max_retries=0)
            with pytest.raises(AIMLAPIError) as caught:
                client.embed(embedding_request("voyage-2", ["a"]), 1)
        assert "sk-of" not in repr(vars(caught.value)) + str(caught.value)


@settings(deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_categories=()), min_size=1, max_size=40), max_size=60),
    st.integers(1, 50),
    st.sampled_from(["alibaba/qwen-text-embedding-v4", "text-multilingual-embedding-002", "voyage-2", "some/model"]),
    st.booleans(),
)
def test_batches_hold_every_text_in_order_and_no_more_than_the_model_takes(
    texts: list[str], most: int, model: str, alone: bool
) -> None:
    batches = split_texts(model, texts, most, alone=alone)
    assert [text for batch in batches for text in batch] == texts
    limit = 1 if alone else min(most, embedder_for(model).max_texts or most)
    assert all(0 < len(batch) <= limit for batch in batches)
    for batch in batches:
        assert json.loads(embedding_request(model, batch).body)["input"] == list(map(whole_text, batch))


def test_a_batch_ends_before_the_models_tokens_do() -> None:
    texts = ["é" * 100_000] * 7  # of 200 kB each, where a request takes 600
    assert [len(batch) for batch in split_texts("text-embedding-3-small", texts, 512)] == [3, 3, 1]
    assert [len(batch) for batch in split_texts("text-embedding-3-small", ["a" * 900_000] * 2, 512)] == [1, 1]
    assert [len(batch) for batch in split_texts("text-embedding-3-small", texts, 512, preset=ANYFAST)] == [7]


@pytest.mark.parametrize(
    ("texts", "most", "says"),
    [
        ("abc", 3, "`texts` is of type str: pass a list of strings"),
        (None, 3, "`texts` is of type NoneType"),
        (["a"], 0, "batch size is 0"),
        (["a"] * 9 + [""], 3, r"texts\[9\] is empty"),
        (["a", [1, 2]], 3, r"texts\[1\] is \[1, 2\], of type list"),
        (["a" * 801], 3, r"texts\[0\] has 801 characters: voyage-2 takes texts of at most 800 characters, or of 8000"),
    ],
)
def test_nothing_is_split_unless_all_of_it_can_be_sent(texts: Any, most: int, says: str) -> None:
    with pytest.raises(InvalidRequestError, match=says):
        split_texts("voyage-2", texts, most)


@pytest.mark.parametrize(
    ("model", "parameters", "says"),
    [
        ("text-embedding-3-small", {"dimensions": 0}, "`dimensions` is 0: .* accepts a whole number of at least 1"),
        ("text-embedding-3-small", {"dimensions": 2.5}, "`dimensions` is 2.5"),
        ("text-embedding-3-small", {"encoding_format": "hex"}, "pass `float` or `base64`"),
        ("alibaba/qwen-text-embedding-v4", {"dimensions": 4096}, "a whole number from 64 to 2048"),
        ("voyage-2", {"input_type": "query"}, "`input_type` is 'query': voyage-2 accepts document"),
        ("voyage-2", {"task_type": ["document"]}, "voyage-2 accepts document"),
        ("voyage-2", {"input": ["b"]}, "`input` cannot be an extra parameter"),
    ],
)
def test_values_outside_the_documented_range_are_refused(model: str, parameters: Any, says: str) -> None:
    with pytest.raises(InvalidRequestError, match=says):
        embedding_request(model, ["a"], parameters=parameters)


def test_what_the_documents_do_not_list_is_sent_with_a_word_or_refused() -> None:
    request = embedding_request("voyage-2", ["a"], parameters={"dimensions": 8})
    assert (orjson.loads(request.body)["dimensions"], request.unlisted) == (8, ("dimensions",))
    with pytest.raises(InvalidRequestError, match="The documented parameters of voyage-2 do not include `dimensions`"):
        embedding_request("voyage-2", ["a"], parameters={"dimensions": 8}, strict_parameters=True)
    with pytest.warns(UnlistedParameterWarning, match="`truncate` for voyage-code-2"):
        Client(api_key="k").embedding_request("voyage-code-2", ["a"], parameters={"truncate": True})
    assert embedding_request("text-embedding-3-small", ["a"], preset=ANYFAST, task="query").body == (
        b'{"model":"text-embedding-3-small","input":["a"]}'
    )


def test_the_first_fitting_row_wins() -> None:
    families = {
        "text-embedding-3-large": "dimensions encoding_format",
        "openai/text-embedding-ada-002": "dimensions encoding_format",
        "textembedding-gecko@003": "auto_truncate dimensions task_type title",
        "google/gemini-embedding-001": "auto_truncate dimensions task_type title",
        "alibaba/qwen-text-embedding-v3": "dimensions",
        "voyage-large-2-instruct": "input_type",
        "BAAI/bge-large-en-v1.5": "",
        "togethercomputer/m2-bert-80M-32k-retrieval": "",
    }
    found = {
        model: " ".join(sorted((embedder_for(model).parameters or set()) - {"model", "input"})) for model in families
    }
    assert found == families
    assert embedder_for("someone/new") is PLAIN
