"""AIMLAPIEmbeddings: order kept over batches, and LangChain's standard suites on the emulator."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from langchain_core import exceptions as core
from langchain_core.load import dumps
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests
from pydantic import SecretStr, ValidationError

from langchain_aimlapi import AIMLAPIEmbeddings, get_aimlapi_usage_callback

pytestmark = pytest.mark.usefixtures("on_the_emulator")


def numbered(request: httpx.Request) -> httpx.Response:
    """A host that embeds a number as itself, and answers in the wrong order."""
    texts = json.loads(request.content)["input"]
    data = [{"index": n, "embedding": [float(text)]} for n, text in enumerate(texts)]
    return httpx.Response(200, json={"data": data[::-1]})


def embeddings(handler: Any = numbered, **settings: Any) -> AIMLAPIEmbeddings:
    return AIMLAPIEmbeddings(
        model="voyage-2",
        http_client=httpx.Client(transport=httpx.MockTransport(handler)),
        http_async_client=httpx.AsyncClient(transport=httpx.MockTransport(handler)),
        **settings,
    )


def test_batches_keep_the_order_of_the_texts() -> None:
    texts = [str(n) for n in range(25)]
    expected = [[float(n)] for n in range(25)]
    assert embeddings(chunk_size=4).embed_documents(texts) == expected
    assert asyncio.run(embeddings(chunk_size=4).aembed_documents(texts)) == expected
    assert embeddings().embed_documents([]) == []


def test_similar_texts_are_near() -> None:
    model = AIMLAPIEmbeddings(model="text-embedding-3-small", dimensions=256)
    query, near, far = model.embed_documents(
        ["how much is a dollar", "how much does a dollar buy", "cats sleep all day"]
    )
    assert len(query) == 256
    assert sum(a * b for a, b in zip(query, near, strict=True)) > sum(a * b for a, b in zip(query, far, strict=True))


def test_failures_are_langchains_too() -> None:
    refused = embeddings(lambda request: httpx.Response(401, json={"message": "no"}), max_retries=0)
    with pytest.raises(core.ModelAuthenticationError):
        refused.embed_query("a")
    with pytest.raises(core.ModelInvalidRequestError, match="not empty"):
        embeddings().embed_query("")


def test_an_unknown_argument_is_a_body_parameter_and_the_key_is_hidden() -> None:
    with pytest.warns(UserWarning, match="no setting `surprise`"):
        model = embeddings(surprise=1)
    assert model.model_kwargs == {"surprise": 1}
    model = AIMLAPIEmbeddings(model="voyage-2", api_key="sk-secret-123")
    assert "sk-secret-123" not in repr(model) + str(model) + model.model_dump_json() + dumps(model)
    assert pickle.loads(pickle.dumps(model)) == model


class Host:
    """Keeps what it was sent; says how many requests were under way at once."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response] = numbered, together: int = 1) -> None:
        self.answer = answer
        self.bodies: list[Any] = []
        self.barrier = threading.Barrier(together)
        self.most = self.now = 0
        self.together = together

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(request.content))
        self.barrier.wait(10)
        return self.answer(request)

    async def asked(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(request.content))
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        return self.answer(request)

    def embeddings(self, model: str = "some/model", **settings: Any) -> AIMLAPIEmbeddings:
        return AIMLAPIEmbeddings(
            model=model,
            api_key="k",
            http_client=httpx.Client(transport=httpx.MockTransport(self)),
            http_async_client=httpx.AsyncClient(transport=httpx.MockTransport(self.asked)),
            **settings,
        )


def test_sync_batches_travel_side_by_side() -> None:
    """Each request waits for three others: one after the other, none would be answered."""
    texts = [str(n) for n in range(8)]
    assert Host(together=4).embeddings(chunk_size=2).embed_documents(texts) == [[float(n)] for n in range(8)]


def test_async_batches_travel_side_by_side_up_to_the_limit() -> None:
    host = Host()
    texts = [str(n) for n in range(8)]
    found = asyncio.run(host.embeddings(chunk_size=1, max_concurrency=3).aembed_documents(texts))
    assert (found, host.most) == ([[float(n)] for n in range(8)], 3)


def test_a_failed_batch_ends_the_call() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401, json={"message": "no"}) if b'"0"' in request.content else numbered(request)

    for kind in ("sync", "async"):
        host = Host(refuse)
        model = host.embeddings(chunk_size=1, max_concurrency=1)
        with pytest.raises(core.ModelAuthenticationError):
            if kind == "sync":
                model.embed_documents(["0", "1", "2"])
            else:
                asyncio.run(model.aembed_documents(["0", "1", "2"]))
        assert [body["input"] for body in host.bodies] == [["0"]]


async def test_a_cancelled_call_leaves_no_task() -> None:
    started = asyncio.Event()

    async def never(request: httpx.Request) -> httpx.Response:
        started.set()
        await asyncio.sleep(3600)
        raise AssertionError

    model = AIMLAPIEmbeddings(
        model="m", http_async_client=httpx.AsyncClient(transport=httpx.MockTransport(never)), chunk_size=1
    )
    call = asyncio.ensure_future(model.aembed_documents(["a", "b", "c"]))
    await started.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_threads_with_loops_of_their_own_share_a_model() -> None:
    model = AIMLAPIEmbeddings(model="text-embedding-3-small", dimensions=8, chunk_size=1, max_retries=0)
    expected = model.embed_documents(["a", "b", "c"])

    def run() -> list[list[float]]:
        return [asyncio.run(model.aembed_documents(["a", "b", "c"])) for _ in range(3)][-1]

    with ThreadPoolExecutor(6) as pool:
        assert [expected] * 6 == [future.result() for future in [pool.submit(run) for _ in range(6)]]


def test_a_call_may_say_all_there_is() -> None:
    host = Host()
    model = host.embeddings("text-embedding-3-small", dimensions=4, chunk_size=2)
    model.embed_documents(["0", "1", "2"], chunk_size=3, dimensions=2, encoding_format="float", extra_body={"x": 1})
    model.embed_query("5", model="voyage-2", dimensions=None)
    assert host.bodies == [
        {
            "model": "text-embedding-3-small",
            "input": ["0", "1", "2"],
            "dimensions": 2,
            "encoding_format": "float",
            "x": 1,
        },
        {"model": "voyage-2", "input": "5"},
    ]


@pytest.mark.parametrize(
    ("model", "settings", "query", "document"),
    [
        ("text-multilingual-embedding-002", {}, {"task_type": "RETRIEVAL_QUERY"}, {"task_type": "RETRIEVAL_DOCUMENT"}),
        ("text-multilingual-embedding-002", {"task_type": "CLUSTERING"}, *[{"task_type": "CLUSTERING"}] * 2),
        ("text-multilingual-embedding-002", {"input_type": "query"}, *[{"task_type": "RETRIEVAL_QUERY"}] * 2),
        ("text-multilingual-embedding-002", {"model_kwargs": {"task_type": None}}, {}, {}),
        ("voyage-2", {}, {}, {"input_type": "document"}),
        ("alibaba/qwen-text-embedding-v4", {"dimensions": 64}, {"dimensions": 64}, {"dimensions": 64}),
        ("BAAI/bge-base-en-v1.5", {}, {}, {}),
        ("text-embedding-3-large", {}, *[{"encoding_format": "base64"}] * 2),
    ],
)
def test_a_family_is_asked_in_its_own_words(model: str, settings: Any, query: Any, document: Any) -> None:
    host = Host()
    host.embeddings(model, **settings).embed_query("1")
    host.embeddings(model, **settings).embed_documents(["1", "2"])
    alone = "1" if model == "voyage-2" else ["1"]
    assert host.bodies == [
        {"model": model, "input": alone, **query},
        {"model": model, "input": ["1", "2"], **document},
    ]


def test_voyages_limit_is_told_before_anything_is_sent() -> None:
    host = Host()
    with pytest.raises(
        core.ModelInvalidRequestError, match=r"texts\[2\] has 801 characters: voyage-2 takes .* at most 800"
    ):
        host.embeddings("voyage-2", chunk_size=2).embed_documents(["1", "2", "3" * 801])
    with pytest.raises(core.ModelInvalidRequestError, match="at most 8000 characters"):
        host.embeddings("voyage-2").embed_query("3" * 8001)
    assert host.bodies == []
    one_by_one = AIMLAPIEmbeddings(model="voyage-2", chunk_size=1)  # on the emulator, which has the same limits
    assert len(one_by_one.embed_documents(["1", "3" * 8000])) == 2
    assert len(AIMLAPIEmbeddings(model="voyage-2").embed_query("3" * 801)) == 1024


def test_a_batch_is_split_where_the_model_takes_fewer_texts() -> None:
    host = Host()
    texts = [str(n) for n in range(25)]
    assert host.embeddings("alibaba/qwen-text-embedding-v3").embed_documents(texts) == [[float(n)] for n in range(25)]
    assert sorted(len(body["input"]) for body in host.bodies) == [5, 10, 10]


def test_empty_texts_are_skipped_in_step() -> None:
    host = Host()
    model = host.embeddings(skip_empty=True)
    assert model.embed_documents(["", "7", "", "8"]) == [[0.0], [7.0], [0.0], [8.0]]
    assert [body["input"] for body in host.bodies] == [["7", "8"]]
    assert host.embeddings(skip_empty=True, dimensions=2).embed_documents([""]) == [[0.0, 0.0]]
    with pytest.raises(core.ModelInvalidRequestError, match="the length of a vector is not known"):
        model.embed_documents(["", ""])


def test_what_embeddings_cost_is_summed_with_the_rest() -> None:
    model = AIMLAPIEmbeddings(model="text-embedding-3-small", chunk_size=1)
    with get_aimlapi_usage_callback() as used:
        model.embed_documents(["one text", "another text"])
        asyncio.run(model.aembed_documents(["one text", "another text"]))
        with get_aimlapi_usage_callback() as inner:
            model.embed_query("one text")
    assert (used.calls, inner.calls) == (5, 1)
    assert used.input_tokens == used.total_tokens > inner.input_tokens > 0
    assert used.cost_usd == pytest.approx(5 * (inner.cost_usd or 0))
    model.embed_query("not counted")
    assert used.calls == 5


def test_a_bar_is_drawn_over_the_batches(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [str(n) for n in range(6)]
    model = Host().embeddings(chunk_size=2, show_progress_bar=True)
    model.embed_documents(texts)
    asyncio.run(model.aembed_documents(texts))
    assert capsys.readouterr().err.count("3/3") == 2
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match="pip install tqdm"):
        model.embed_documents(texts)


OTHERS: dict[str, Any] = {
    "openai_api_key": "sk-of-mine-1",
    "openai_api_base": "http://127.0.0.1:1/v1",
    "request_timeout": 3.0,
    "headers": {"x-mine": "1"},
    "default_query": {"a": "b"},
    "check_embedding_ctx_length": False,
    "tiktoken_enabled": False,
    "max_retries": None,
    "show_progress_bar": False,
    "deployment": "voyage-2",
    "openai_proxy": "http://proxy",
    "organization": None,
}


def test_other_names_mean_the_same(recwarn: pytest.WarningsRecorder) -> None:
    model = AIMLAPIEmbeddings(model="voyage-2", **OTHERS)
    assert [str(warning.message) for warning in recwarn] == []
    assert isinstance(model.api_key, SecretStr)
    assert model.api_key.get_secret_value() == "sk-of-mine-1"
    assert (model.base_url, model.timeout, model.request_timeout) == ("http://127.0.0.1:1/v1", 3.0, 3.0)
    assert (model.default_headers, model.max_retries, model.model_kwargs) == ({"x-mine": "1"}, 2, {})


def test_names_without_effect_are_warned_about_once() -> None:
    idle = {"tiktoken_enabled": True, "embedding_ctx_length": 8191, "allowed_special": "all", "openai_api_version": "1",
            "openai_organization": "o", "retry_min_seconds": 4, "retry_max_seconds": 20, "tiktoken_model_name": "x",
            "disallowed_special": {"a"}, "check_embedding_ctx_length": True, "deployment": "other"}  # fmt: skip
    with pytest.warns(UserWarning) as told:
        AIMLAPIEmbeddings(model="voyage-2", **idle)
    assert len(told) == 1
    assert all(f"`{name}`" in str(told[0].message) for name in idle)
    assert told[0].filename == __file__


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"openai_proxy": "http://proxy", "http_client": httpx.Client()}, "`proxy` cannot be combined"),
        ({"client": object()}, "http_client"),
        ({"openai_api_type": "azure"}, "Azure is not supported"),
        ({"base_url": "http://a/v1", "openai_api_base": "http://b/v1"}, "passed twice"),
        ({"dimensions": 3, "model_kwargs": {"dimensions": 4}}, "argument of its own"),
        ({"chunk_size": 0}, "`chunk_size` is 0: pass a whole number, at least 1"),
        ({"dimensions": "x"}, "`dimensions` is 'x': pass a whole number, at least 1"),
        ({"model": 3}, "`model` is 3: pass a string"),
        ({"model_kwargs": 3}, "`model_kwargs` is 3: pass a dict"),
        ({"openai_api_key": "sk-another-secret"}, "passed twice"),
        (
            {"default_headers": ["sk-secret"]},
            "`default_headers` has an invalid value of type list: pass a dict of strings",
        ),
        ({"apikey": "sk-secret"}, "`apikey` is not a field: pass the key .* as `api_key`"),
        ({"http_client": object()}, "pass an httpx.Client"),
        ({"model": " "}, "`model` is empty"),
    ],
)
def test_settings_that_cannot_be_used(settings: Any, says: str) -> None:
    with pytest.raises(ValidationError, match=says) as caught:
        AIMLAPIEmbeddings(**{"api_key": "sk-secret", "model": "voyage-2", **settings})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ("abc", "`texts` is of type str"),
        ([3], r"texts\[0\] is 3"),
        (["a", ""], r"texts\[1\] is empty"),
        ([["a"]], "pass a string"),
    ],
)
def test_texts_that_cannot_be_embedded(texts: Any, says: str) -> None:
    with pytest.raises(core.ModelInvalidRequestError, match=says):
        embeddings().embed_documents(texts)


def test_a_copy_shares_clients_and_a_pickle_leaves_them() -> None:
    model = embeddings(api_key="sk-secret-123", timeout=httpx.Timeout(3))
    model.embed_query("1")
    copied = copy.deepcopy(model)
    assert copied.http_client is model.http_client
    assert copied.embed_query("1") == [1.0]
    sent = pickle.loads(pickle.dumps(model))
    assert (sent.http_client, sent.api_key) == (None, model.api_key)
    assert model.model_copy(update={"model": "x"}).embed_query("2") == [2.0]
    by_environment = AIMLAPIEmbeddings(model="text-embedding-3-small")
    by_environment.embed_query("1")
    assert b"emulator" not in pickle.dumps(by_environment)
    assert AIMLAPIEmbeddings(**json.loads(model.model_dump_json())).timeout == (3, 3)


class TestUnit(EmbeddingsUnitTests):
    """LangChain's standard unit tests."""

    @property
    def embeddings_class(self) -> type[AIMLAPIEmbeddings]:
        return AIMLAPIEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": "text-embedding-3-small"}


class TestIntegration(EmbeddingsIntegrationTests):
    """LangChain's standard integration tests, on the emulator."""

    @property
    def embeddings_class(self) -> type[AIMLAPIEmbeddings]:
        return AIMLAPIEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": "text-embedding-3-small"}
