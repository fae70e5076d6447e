"""Whatever bytes come, the readers and both frameworks give a value or an error of ours, never anything else.

`make fuzz` runs the same for many more examples.
"""

from __future__ import annotations

import os
import pickle
import warnings
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.exceptions import ModelError
from llama_index.core.base.llms.types import ChatMessage

from aimlapi_transport.chat.reader import ReplyReader
from aimlapi_transport.chat.response import Completion
from aimlapi_transport.config.model_families import profile_for
from aimlapi_transport.embeddings import read_embeddings
from aimlapi_transport.errors import AIMLAPIError, error_for
from aimlapi_transport.sse import EventDecoder
from langchain_aimlapi import AIMLAPIEmbeddings, ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI
from tests.reliability.mutations import cut, noise, replies, streams, vector_bodies

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "100"))
fuzzed = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
header_values = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30),
    st.sampled_from(
        ["1e400", "nan", "-1", "2", "Fri, 31 Dec 99999 23:59:59 GMT", "Wed, 21 Oct 2015 07:28:00 GMT", "true"]
    ),
)
headers = st.dictionaries(
    st.sampled_from(["retry-after", "retry-after-ms", "x-should-retry", "x-inference-id", "x-aimlapi-credits-used"]),
    header_values,
)


@fuzzed
@given(cut(st.one_of(noise, streams())))
def test_the_decoder_gives_the_same_events_for_any_cut(pieces: list[bytes]) -> None:
    whole, cut_up = EventDecoder(), EventDecoder()
    expected = whole.feed(b"".join(pieces)) + whole.close()
    assert [event for piece in pieces for event in cut_up.feed(piece)] + cut_up.close() == expected


@fuzzed
@given(cut(replies), headers, st.sampled_from(["openai/gpt-4o", "deepseek/deepseek-r1", "alibaba/qwen3-32b"]))
def test_the_reader_gives_a_completion_or_an_error_of_ours(
    pieces: list[bytes], headers: dict[str, str], model: str
) -> None:
    reader = ReplyReader(profile_for(model), headers=headers)
    try:
        deltas = [delta for piece in pieces for delta in reader.feed(piece)]
        deltas += reader.close()
    except AIMLAPIError as error:
        assert len(str(error)) < 4000
        assert str(pickle.loads(pickle.dumps(error))) == str(error)
    else:
        assert isinstance(deltas[-1].completion, Completion)
        assert isinstance("".join(delta.text for delta in deltas), str)


@fuzzed
@given(vector_bodies, st.integers(1, 3), headers)
def test_the_embeddings_reader_gives_vectors_or_an_error_of_ours(
    body: bytes, count: int, headers: dict[str, str]
) -> None:
    try:
        found = read_embeddings(body, count, headers)
    except AIMLAPIError as error:
        assert len(str(error)) < 4000
    else:
        assert len(found.vectors) == count
        assert all(type(number) in (int, float) for vector in found.vectors for number in vector)


@fuzzed
@given(st.integers(300, 999), replies, headers)
def test_any_refusal_is_an_error_of_ours(status: int, body: bytes, headers: dict[str, str]) -> None:
    error = error_for(status, body, headers)
    assert isinstance(error, AIMLAPIError)
    assert error.message and len(str(error)) < 4000
    assert error.retry_after is None or 0 <= error.retry_after < float("inf")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def host(body: bytes, status: int) -> dict[str, Any]:
    """HTTP clients that give this body."""
    transport = httpx.MockTransport(lambda request: httpx.Response(status, content=body))
    return {"http_client": httpx.Client(transport=transport), "api_key": "k", "max_retries": 0}


@fuzzed
@given(replies, st.sampled_from([200, 200, 200, 400]))
def test_langchain_gives_a_message_or_an_error_of_ours(body: bytes, status: int) -> None:
    model = ChatAIMLAPI(model="m", **host(body, status))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for call in (model.invoke, lambda text: list(model.stream(text))[-1]):
            try:
                assert isinstance(call("Hi").text, str)
            except AIMLAPIError as error:
                assert isinstance(error, ModelError)


@fuzzed
@given(replies, st.sampled_from([200, 200, 200, 400]))
def test_llama_index_gives_a_response_or_an_error_of_ours(body: bytes, status: int) -> None:
    llm = AIMLAPI(model="m", **host(body, status))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for call in (llm.chat, lambda messages: list(llm.stream_chat(messages))[-1]):
            try:
                response = call([ChatMessage("Hi")])
                llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
            except AIMLAPIError as error:
                assert len(str(error)) < 4000


@fuzzed
@given(vector_bodies, st.sampled_from([200, 200, 400]))
def test_langchains_embeddings_are_vectors_or_an_error_of_ours(body: bytes, status: int) -> None:
    model = AIMLAPIEmbeddings(model="voyage-2", **host(body, status))
    try:
        assert len(model.embed_documents(["a", "b"])) == 2
    except AIMLAPIError as error:
        assert isinstance(error, ModelError)
