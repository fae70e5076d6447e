"""AIMLAPI: what a call sends, by its settings; which errors it ends with; which of several answers counts."""

from __future__ import annotations

import json
import warnings
from typing import Any

import httpx
import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
)

from aimlapi_transport.errors import AuthenticationError, IncompleteStreamError, RateLimitError
from tests.llama_index.answers import CHATS, HELLO
from tests.llama_index.host import DONE, Host, chunk, gathered, whole


@pytest.mark.parametrize("form", CHATS)
async def test_errors_of_the_transport_pass_through(form: str) -> None:
    refusal = httpx.Response(429, json={"message": "slow down"})
    with pytest.raises(RateLimitError, match="slow down"):
        await gathered(form, Host([refusal]).llm(max_retries=0), HELLO)


@pytest.mark.parametrize("form", ("stream_chat", "astream_chat"))
async def test_an_answer_cut_short_is_an_error(form: str) -> None:
    with pytest.raises(IncompleteStreamError) as caught:
        await gathered(form, Host([[chunk(content="Hel")]]).llm(max_retries=0), HELLO)
    assert caught.value.partial.text == "Hel"


@pytest.mark.parametrize("form", CHATS)
async def test_at_most_max_retries_further_requests_are_sent(form: str) -> None:
    host = Host([httpx.Response(503, headers={"retry-after-ms": "0"}, json={})])
    with pytest.raises(Exception, match="503"):
        await gathered(form, host.llm(max_retries=2), HELLO)
    assert len(host.requests) == 3


@pytest.mark.parametrize("form", CHATS)
async def test_a_missing_key_is_an_error_of_the_first_call(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIMLAPI_API_KEY", "AIML_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    host = Host([whole()])
    with pytest.raises(AuthenticationError, match="AIMLAPI_API_KEY or AIML_API_KEY"):
        await gathered(form, host.llm(api_key=None), HELLO)
    assert host.requests == []


async def test_what_a_call_says_wins() -> None:
    """Fields, then additional_kwargs, then the call; headers and extra bodies join key by key."""
    host = Host([whole()])
    llm = host.llm(
        temperature=0.1,
        max_tokens=5,
        additional_kwargs={"temperature": 0.2, "seed": 1, "top_p": 0.5},
        extra_body={"a": 1, "b": 1},
        default_headers={"x-a": "1", "x-b": "1"},
    )
    llm.chat(
        HELLO,
        max_completion_tokens=9,
        seed=2,
        top_p=None,
        extra_body={"b": 2},
        extra_headers={"x-b": "2"},
        extra_query={"q": "1"},
        client_request_id="mine",
        timeout=3.0,
    )
    request = host.requests[0]
    assert host.bodies[0] == {
        "model": "some/model",
        "messages": [{"role": "user", "content": "Hello"}],
        "max_completion_tokens": 9,
        "seed": 2,
        "temperature": 0.2,
        "a": 1,
        "b": 2,
    }
    assert [request.headers[name] for name in ("x-a", "x-b", "x-client-request-id")] == ["1", "2", "mine"]
    assert request.url.query == b"q=1"
    assert request.extensions["timeout"]["read"] == 3.0


@pytest.mark.parametrize(
    ("below", "above"),
    [
        ({"max_tokens": 1}, {"max_completion_tokens": 2}),
        ({"max_completion_tokens": 1}, {"max_tokens": 2}),
        ({"stop_sequences": ["a"]}, {"stop": ["b"]}),
        ({"max_completion_tokens": 1}, {"max_tokens": None}),
    ],
)
def test_a_setting_under_its_other_name_replaces_the_first(below: dict[str, Any], above: dict[str, Any]) -> None:
    host = Host([whole()])
    host.llm(additional_kwargs=below).chat(HELLO, **above)
    sent = {name: value for name, value in host.bodies[0].items() if name not in ("model", "messages")}
    assert sent == {name: value for name, value in above.items() if value is not None}


def test_what_belongs_to_streams_is_not_sent_with_a_whole_call() -> None:
    host = Host([whole()])
    host.llm(additional_kwargs={"stream_options": {"include_usage": True}}).chat(HELLO)
    assert "stream_options" not in host.bodies[0]


async def test_two_streams_of_one_llm_do_not_mix() -> None:
    host = Host([[chunk(content="a"), chunk("stop", content="b"), DONE], [chunk(content="x"), chunk("stop"), DONE]])
    llm = host.llm()
    one, other = llm.stream_chat(HELLO), llm.stream_chat(HELLO)
    given = [next(one), next(other), next(one), next(other)]
    assert [response.message.content for response in given] == ["a", "x", "ab", "x"]
    one.close()
    other.close()


def test_only_the_first_of_several_choices_is_the_answer() -> None:
    reply = whole("first")
    reply["choices"].append({"index": 1, "message": {"content": "second"}, "finish_reason": "stop"})
    events = [chunk(content="fir"), chunk("stop", content="st"), DONE]
    second = json.loads(json.dumps(events[0]))
    second["choices"][0] |= {"index": 1, "delta": {"content": "second"}, "finish_reason": "stop"}
    host = Host([reply, [events[0], second, *events[1:]]])
    llm = host.llm()
    whole_answer, streamed = llm.chat(HELLO, n=2), list(llm.stream_chat(HELLO, n=2))
    assert whole_answer.message == streamed[-1].message == ChatMessage("first", role="assistant")
    assert "".join(response.delta or "" for response in streamed) == "first"
    assert len(whole_answer.raw["choices"]) == len(streamed[-1].raw["choices"]) == 2


def test_the_first_choice_is_the_answer_of_a_stream_whoever_speaks_first() -> None:
    def event(index: int, text: str, finish: str | None = None) -> dict[str, Any]:
        return {"id": "c", "choices": [{"index": index, "delta": {"content": text}, "finish_reason": finish}]}

    host = Host([[event(1, "B"), event(0, "A"), event(1, "b", "stop"), event(0, "a", "stop")]])
    assert list(host.llm().stream_chat(HELLO))[-1].message.content == "Aa"


def test_an_unlisted_parameter_warns_and_is_sent() -> None:
    host = Host([whole()])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        host.llm("openai/gpt-4o").chat(HELLO, no_such_parameter=1)
    assert [w for w in caught if "no_such_parameter" in str(w.message)]
    assert host.bodies[0]["no_such_parameter"] == 1
