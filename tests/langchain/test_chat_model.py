"""ChatAIMLAPI: streamed, whole, sync and async agree, and what it returned is accepted back without loss."""

from __future__ import annotations

import asyncio
import json
import pickle
import warnings
from typing import Any

import httpx
import pytest
from langchain_core import exceptions as core
from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    ToolMessage,
    message_to_dict,
    messages_from_dict,
)
from pydantic import ValidationError

from aimlapi_transport.errors import AIMLAPIError
from langchain_aimlapi import ChatAIMLAPI, errors
from tests.langchain.answers import ANSWERS, DETAILS, SIGNED, WEATHER
from tests.langchain.host import KEY, Host, added, chunks, whole

FIELDS = {"citations": ["u"], "meta": {"usage": {"credits_used": 20, "usd_spent": 0.00001}}}
case = pytest.mark.parametrize("name", ANSWERS)


def four_ways(host_whole: Host, host_stream: Host, **settings: Any) -> list[Any]:
    async def run() -> list[Any]:
        streamed = [part async for part in host_stream.model(**settings).astream("Hi")]
        return [await host_whole.model(**settings).ainvoke("Hi"), added(streamed)]

    sync = [host_whole.model(**settings).invoke("Hi"), added(host_stream.model(**settings).stream("Hi"))]
    return sync + asyncio.run(run())


def essence(message: AIMessage) -> dict[str, Any]:
    """All a user can see of a message, but for its run id and the endings that keep cut arguments cut."""
    invalid = [(item["name"], item["id"]) for item in message.invalid_tool_calls]
    return {
        "content": message.content,
        "tool_calls": message.tool_calls,
        "invalid": invalid,
        "usage": message.usage_metadata,
        "kwargs": message.additional_kwargs,
        "metadata": message.response_metadata,
        "blocks": message.content_blocks,
    }


@case
def test_streamed_whole_sync_and_async_agree(name: str) -> None:
    message, deltas = ANSWERS[name]
    replies = four_ways(Host(whole(message, **FIELDS)), Host(chunks(deltas, **FIELDS)))
    first = essence(replies[0])
    assert [essence(reply) for reply in replies] == [first] * 4
    assert first["usage"] == {
        "input_tokens": 10,
        "output_tokens": 8,
        "total_tokens": 18,
        "input_token_details": {"cache_read": 4},
        "output_token_details": {"reasoning": 5},
    }
    metadata = first["metadata"]
    assert {key: metadata[key] for key in ("model_provider", "model_name", "finish_reason", "id", "cost_usd")} == {
        "model_provider": "aimlapi",
        "model_name": "served",
        "finish_reason": "stop",
        "id": "c1",
        "cost_usd": 0.00001,
    }
    assert (metadata["inference_id"], metadata["citations"]) == ("inf-1", ["u"])


@case
def test_blocks_stand_in_order_and_apart_under_output_v1(name: str) -> None:
    """Text or reasoning followed by calls keeps its blocks, whole and streamed."""
    message, deltas = ANSWERS[name]
    replies = four_ways(Host(whole(message)), Host(chunks(deltas)), output_version="v1")
    shapes = []
    for reply in replies:
        blocks = [{k: v for k, v in block.items() if k != "index"} for block in reply.content]
        shapes.append([block for block in blocks if block["type"] != "tool_call_chunk"])
    assert shapes == [shapes[0]] * 4
    signed = {"extra_content": SIGNED["extra_content"]}
    text = {"type": "text", "text": message.get("content")}
    weather = {"type": "tool_call", "name": "weather", "args": {"city": "Oslo"}, "id": "a"}
    time = {"type": "tool_call", "name": "time", "args": {}, "id": "b", "extras": signed}
    why = {"type": "reasoning", "reasoning": "why"}
    expected: dict[str, list[dict[str, Any]]] = {
        "text": [text],
        "reasoning": [why, text],
        "details": [{**why, "extras": {"reasoning_details": DETAILS}}, text],
        "call": [why, weather],
        "text then calls": [text, weather, time],
        "encrypted": [{**why, "extras": {"encrypted_content": "E", **signed}}, text],
        "cut arguments": [],
        "refusal": [{"type": "non_standard", "value": {"type": "refusal", "refusal": "No."}}],
    }
    assert shapes[0] == expected[name]


@case
@pytest.mark.parametrize("through", ["as it is", "json", "pickle"])
def test_what_came_goes_back_without_loss(name: str, through: str) -> None:
    """Reasoning, signatures and calls, of a whole reply and of a streamed one."""
    message, deltas = ANSWERS[name]
    sent = []
    for host in (Host(whole(message)), Host(chunks(deltas))):
        model = host.model(replay_reasoning=True)
        reply: Any = model.invoke("Hi") if isinstance(host.replies[0], dict) else added(model.stream("Hi"))
        if through == "json":
            (reply,) = messages_from_dict(json.loads(json.dumps([message_to_dict(reply)])))
        elif through == "pickle":
            reply = pickle.loads(pickle.dumps(reply))
        results = [ToolMessage("done", tool_call_id=c["id"]) for c in [*reply.tool_calls, *reply.invalid_tool_calls]]
        list(model.stream(["Hi", reply, *results, HumanMessage("And?")]))
        sent.append(host.bodies[-1]["messages"][1])
    whole_again, streamed_again = sent
    expected = {"role": "assistant", **{k: v for k, v in message.items() if v is not None}}
    if expected.get("content", "") == "" and "tool_calls" in message:
        expected["content"] = None
    assert whole_again == expected
    if name == "cut arguments":
        (one,) = streamed_again["tool_calls"]
        assert one["function"]["arguments"].startswith('{"path": "/etc/x", "data": "abc')
    else:
        assert json.dumps(streamed_again, sort_keys=True) == json.dumps(expected, sort_keys=True)


def test_a_custom_call_goes_back_as_it_came() -> None:
    custom = {"id": "a", "type": "custom", "custom": {"name": "run", "input": "print(1)"}}
    host = Host(whole({"content": None, "tool_calls": [custom]}), whole({"content": "ok"}))
    reply = host.model().invoke("Hi")
    assert reply.tool_calls == [{"name": "run", "args": {"input": "print(1)"}, "id": "a", "type": "tool_call"}]
    host.model().invoke(["Hi", reply, ToolMessage("1", tool_call_id="a")])
    assert host.bodies[-1]["messages"][1]["tool_calls"] == [custom]


@pytest.mark.parametrize("output_version", [None, "v1"])
def test_reasoning_in_blocks_goes_back(output_version: str | None) -> None:
    host = Host(whole({"content": "", "reasoning_content": "why", "tool_calls": [WEATHER]}), whole({"content": "ok"}))
    model = host.model(model="deepseek/deepseek-v4-pro", output_version=output_version)
    reply = model.invoke("Hi")
    model.invoke(["Hi", reply, ToolMessage("sun", tool_call_id="a")])
    assert host.bodies[-1]["messages"][1] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [{**WEATHER}],
        "reasoning_content": "why",
    }


def test_text_then_calls_under_events_v3() -> None:
    message, deltas = ANSWERS["text then calls"]
    stream = Host(chunks(deltas)).model().stream_events("Hi", version="v3")
    output = stream.output
    assert [block["type"] for block in output.content] == ["text", "tool_call", "tool_call"]
    assert [c["args"] for c in output.tool_calls] == [{"city": "Oslo"}, {}]
    assert message["content"] == output.text


def test_usage_is_asked_for_once_and_only_where_it_is_taken() -> None:
    host = Host(chunks([{"content": "x"}]))
    parts = list(host.model().stream("Hi"))
    assert host.bodies[-1]["stream_options"] == {"include_usage": True}
    assert [part.usage_metadata is not None for part in parts].count(True) == 1
    list(host.model(stream_usage=False).stream("Hi"))
    list(host.model(model="anthropic/claude-opus-4.1").stream("Hi"))
    list(host.model().stream("Hi", stream_usage=False))
    assert [body.get("stream_options") for body in host.bodies[1:]] == [None, None, None]


def test_settings_meet_in_one_order() -> None:
    """Fields, then model_kwargs, then what was bound, then the call; a limit under its other name replaces."""
    host = Host(whole({"content": "x"}))
    with pytest.warns(UserWarning, match="`top_k` is a field of ChatAIMLAPI"):
        model = host.model(temperature=0.1, max_tokens=5, model_kwargs={"top_k": 1}, extra_body={"a": 1}, stop=["x"])
    model.bind(temperature=0.2, top_k=2).invoke(
        "Hi", max_completion_tokens=7, extra_body={"b": 2}, stop=["y"], user="me"
    )
    assert {k: v for k, v in host.bodies[0].items() if k != "messages"} == {
        "model": "some/new-model",
        "temperature": 0.2,
        "top_k": 2,
        "max_completion_tokens": 7,
        "stop": ["y"],
        "user": "me",
        "a": 1,
        "b": 2,
    }
    model.invoke("Hi", model="other/model", temperature=0)
    assert (host.bodies[1]["model"], host.bodies[1]["temperature"], host.bodies[1]["max_tokens"]) == (
        "other/model",
        0,
        5,
    )


def test_a_request_id_of_ones_own_and_headers() -> None:
    host = Host(whole({"content": "x"}))
    host.model(default_headers={"X-A": "1"}).invoke("Hi", client_request_id="mine", extra_headers={"X-B": "2"})
    headers = host.requests[0].headers
    assert (headers["x-client-request-id"], headers["x-a"], headers["x-b"]) == ("mine", "1", "2")


def test_several_answers() -> None:
    body = whole({"content": "a"})
    body["choices"].append({"index": 1, "message": {"content": "b"}, "finish_reason": "length"})
    result = Host(body).model(n=2).generate([[HumanMessage("Hi")]])
    assert [generation.text for generation in result.generations[0]] == ["a", "b"]


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        ({"model_name": "m"}, "model", "m"),
        ({"api_base": "http://h/v1"}, "base_url", "http://h/v1"),
        ({"openai_api_base": "http://h/v1"}, "base_url", "http://h/v1"),
        ({"aimlapi_api_base": "http://h/v1"}, "base_url", "http://h/v1"),
        ({"timeout": 3.0}, "request_timeout", 3.0),
        ({"request_timeout": 3.0}, "timeout", 3.0),
        ({"max_completion_tokens": 9}, "max_tokens", 9),
        ({"stop_sequences": ["x"]}, "stop", ["x"]),
    ],
)
def test_other_names_of_the_fields(given: dict[str, Any], field: str, value: Any) -> None:
    settings = given if "model_name" in given else {"model": "m", **given}
    assert getattr(ChatAIMLAPI(**settings), field) == value


def test_an_unknown_argument_becomes_a_body_parameter_with_a_warning() -> None:
    host = Host(whole({"content": "x"}))
    with pytest.warns(UserWarning, match="`top_a`"):
        host.model(top_a=0.5).invoke("Hi")
    assert host.bodies[0]["top_a"] == 0.5


def test_settings_of_other_classes_are_left_out_or_refused_by_name() -> None:
    host = Host(whole({"content": "x"}))
    with pytest.warns(UserWarning, match="`organization` has no effect"):
        model = host.model(organization="o", max_retries=None, user=None)
    model.invoke("Hi")
    assert set(host.bodies[0]) == {"model", "messages"}
    with pytest.raises(ValidationError, match="client"):
        ChatAIMLAPI(model="m", client=object())


def test_one_limit_and_one_stop_whatever_they_are_called() -> None:
    host = Host(whole({"content": "x"}))
    kwargs = {"max_completion_tokens": 7, "stop_sequences": ["a"]}
    host.model(max_tokens=5, model_kwargs=kwargs).invoke("Hi", stop=["b"])
    assert {k: v for k, v in host.bodies[0].items() if k not in ("model", "messages")} == {
        "max_completion_tokens": 7,
        "stop": ["b"],
    }


def test_no_key_is_said_at_the_first_call(monkeypatch: Any) -> None:
    for name in ("AIMLAPI_API_KEY", "AIML_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    model = ChatAIMLAPI(model="m")
    with pytest.raises(core.ModelAuthenticationError, match="AIMLAPI_API_KEY"):
        model.invoke("Hi")


@pytest.mark.parametrize(
    ("status", "message", "ours", "theirs", "retryable"),
    [
        (400, "no", errors.InvalidRequestError, core.ModelInvalidRequestError, False),
        (400, "maximum context length is 5", errors.ContextLengthError, core.ContextOverflowError, False),
        (401, "no", errors.AuthenticationError, core.ModelAuthenticationError, False),
        (403, "run out of credits", errors.InsufficientCreditsError, core.ModelPermissionDeniedError, False),
        (404, "no", errors.NotFoundError, core.ModelNotFoundError, False),
        (422, "no", errors.InvalidRequestError, core.ModelInvalidRequestError, False),
        (429, "slow down", errors.RateLimitError, core.ModelRateLimitError, True),
        (429, "free-tier limit", errors.QuotaExceededError, core.ModelRateLimitError, False),
        (503, "no", errors.ServerError, core.ModelAPIError, True),
    ],
)
def test_errors_are_of_both_trees(status: int, message: str, ours: Any, theirs: Any, retryable: bool) -> None:
    host = Host({"requestId": "r", "statusCode": status, "message": message}, status=status)
    with pytest.raises(AIMLAPIError) as caught:
        host.model(max_retries=0).invoke("Hi")
    error = caught.value
    assert type(error) is ours
    assert isinstance(error, theirs)
    assert (error.status_code, error.message, error.is_retryable) == (status, message, retryable)
    assert type(pickle.loads(pickle.dumps(error))) is ours


def test_every_error_of_the_transport_has_its_langchain_kind() -> None:
    from aimlapi_transport import errors as transport

    for name in transport.__all__:
        if name.endswith("Error") and name != "AIMLAPIError":
            mine = getattr(errors, name)
            assert issubclass(mine, getattr(transport, name))
            assert issubclass(mine, core.ModelError), name


def test_a_stream_cut_short_is_an_error_after_its_pieces() -> None:
    cut = b'data: {"choices": [{"index": 0, "delta": {"content": "He"}}]}\n\n'
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=cut))
    model = ChatAIMLAPI(model="m", api_key=KEY, http_client=httpx.Client(transport=transport))
    parts = []
    with pytest.raises(errors.IncompleteStreamError) as caught:
        for part in model.stream("Hi"):
            parts.append(part.content)
    assert parts == ["He"]
    assert caught.value.partial.text == "He"


def test_estimates_of_tokens_need_no_tokenizer() -> None:
    model = ChatAIMLAPI(model="m")
    assert model.get_num_tokens("x" * 9) == 3
    assert model.get_num_tokens_from_messages([HumanMessage("x" * 40)]) > 9


def test_nothing_is_warned_of_in_plain_use() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Host(whole({"content": "x"})).model(temperature=0.5, max_tokens=5).invoke("Hi")
