"""Programs written for other chat models: every name of theirs is taken with its meaning, or refused by name.

The names are those of ChatOpenAI 1.7.3, ChatOpenRouter 0.2.9, ChatDeepSeek 1.1.1, ChatLiteLLM 0.11.2 and the
provider's own langchain-aimlapi 0.1.3.
"""

from __future__ import annotations

import asyncio
import pickle
import warnings
from typing import Any

import httpx
import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import ConfigurableField
from pydantic import SecretStr, ValidationError

from langchain_aimlapi import ChatAIMLAPI, errors
from tests.langchain.host import KEY, Host, chunks, whole

OK = whole({"content": "x"})

# The name given, its value, the attribute it is read from, and what is sent for it.
SENT: list[tuple[str, Any, str, dict[str, Any]]] = [
    ("temperature", 0.5, "temperature", {"temperature": 0.5}),
    ("top_p", 0.5, "top_p", {"top_p": 0.5}),
    ("top_k", 3, "top_k", {"top_k": 3}),
    ("n", 2, "n", {"n": 2}),
    ("seed", 7, "seed", {"seed": 7}),
    ("presence_penalty", 0.1, "presence_penalty", {"presence_penalty": 0.1}),
    ("frequency_penalty", 0.1, "frequency_penalty", {"frequency_penalty": 0.1}),
    ("logprobs", True, "logprobs", {"logprobs": True}),
    ("top_logprobs", 2, "top_logprobs", {"top_logprobs": 2}),
    ("logit_bias", {"50256": -100}, "logit_bias", {"logit_bias": {"50256": -100}}),
    ("logit_bias", {50256: -100}, "logit_bias", {"logit_bias": {"50256": -100}}),
    ("max_tokens", 9, "max_tokens", {"max_tokens": 9}),
    ("max_completion_tokens", 9, "max_tokens", {"max_tokens": 9}),
    ("stop", ["x"], "stop", {"stop": ["x"]}),
    ("stop", "x", "stop", {"stop": "x"}),
    ("stop_sequences", ["x"], "stop", {"stop": ["x"]}),
    ("reasoning_effort", "low", "reasoning_effort", {"reasoning_effort": "low"}),
    ("reasoning", {"effort": "low"}, "reasoning", {"reasoning": {"effort": "low"}}),
    ("verbosity", "low", "verbosity", {"verbosity": "low"}),
    ("service_tier", "flex", "service_tier", {"service_tier": "flex"}),
    ("store", False, "store", {"store": False}),
    ("prompt_cache_options", {"a": 1}, "prompt_cache_options", {"prompt_cache_options": {"a": 1}}),
    ("model_kwargs", {"user": "me"}, "model_kwargs", {"user": "me"}),
    ("extra_body", {"odd": 1}, "extra_body", {"odd": 1}),
]


@pytest.mark.parametrize(("name", "value", "attribute", "sent"), SENT)
@pytest.mark.filterwarnings("error")
def test_a_parameter_is_read_back_and_sent(name: str, value: Any, attribute: str, sent: dict[str, Any]) -> None:
    host = Host(OK)
    model = host.model(**{name: value})
    assert getattr(model, attribute) == value
    model.invoke("Hi")
    assert {k: v for k, v in host.bodies[0].items() if k not in ("model", "messages")} == sent


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name, value, _, _ in SENT if name not in ("model_kwargs", "extra_body", "n")),
        ("n", 2),
        ("user", "me"),
        ("parallel_tool_calls", False),
        ("safety_identifier", "s"),
        ("prompt_cache_key", "k"),
        ("prompt_cache_retention", "24h"),
        ("modalities", ["text"]),
        ("audio", {"voice": "alloy"}),
        ("prediction", {"type": "content", "content": "x"}),
        ("web_search_options", {}),
        ("moderation", {"a": 1}),
        ("functions", [{"name": "f"}]),
        ("function_call", "auto"),
    ],
)
def test_a_parameter_of_one_call_is_sent(name: str, value: Any) -> None:
    host = Host(OK)
    host.model().invoke("Hi", **{name: value})
    host.model().bind(**{name: value}).invoke("Hi")
    for body in host.bodies:
        assert name in body, body
        assert body[name] == value or body[name] == {str(k): v for k, v in value.items()}


READ: list[tuple[dict[str, Any], str, Any]] = [
    ({"model": "m"}, "model_name", "m"),
    ({"model": "m"}, "model", "m"),
    ({"model_name": "m"}, "model", "m"),
    ({"api_key": KEY}, "openai_api_key", SecretStr(KEY)),
    ({"openai_api_key": KEY}, "api_key", SecretStr(KEY)),
    ({"aimlapi_api_key": SecretStr(KEY)}, "aimlapi_api_key", SecretStr(KEY)),
    ({"openrouter_api_key": KEY}, "openai_api_key", SecretStr(KEY)),
    ({"base_url": "http://h/v1"}, "openai_api_base", "http://h/v1"),
    ({"openai_api_base": "http://h/v1/"}, "openai_api_base", "http://h/v1"),
    ({"aimlapi_api_base": "http://h/v1"}, "aimlapi_api_base", "http://h/v1"),
    ({"api_base": "http://h/v1"}, "base_url", "http://h/v1"),
    ({"openrouter_api_base": "http://h/v1"}, "base_url", "http://h/v1"),
    ({}, "openai_api_base", "https://api.aimlapi.com/v1"),
    ({"timeout": 3.0}, "request_timeout", 3.0),
    ({"request_timeout": (1.0, 2.0)}, "timeout", (1.0, 2.0)),
    ({"timeout": httpx.Timeout(3)}, "request_timeout", httpx.Timeout(3)),
    ({"max_retries": 5}, "max_retries", 5),
    ({"max_retries": None}, "max_retries", 2),
    ({"streaming": True}, "streaming", True),
    ({"stream_usage": False}, "stream_usage", False),
    ({"disable_streaming": "tool_calling"}, "disable_streaming", "tool_calling"),
    ({"default_headers": {"a": "b"}}, "default_headers", {"a": "b"}),
    ({"default_query": {"a": "b"}}, "default_query", {"a": "b"}),
    ({"include_response_headers": True}, "include_response_headers", True),
    ({"disabled_params": {"seed": None}}, "disabled_params", {"seed": None}),
    ({"stream_chunk_timeout": 3.0}, "stream_chunk_timeout", 3.0),
    ({"use_responses_api": False}, "model", "m"),
    ({"http_socket_options": ()}, "http_socket_options", ()),
    ({"openai_proxy": "http://u:p@proxy"}, "openai_proxy", "http://u:p@proxy"),
    ({"metadata": {"a": 1}, "tags": ["t"], "name": "n", "verbose": True}, "tags", ["t"]),
    ({"output_version": "v1"}, "output_version", "v1"),
]


@pytest.mark.parametrize(("given", "attribute", "value"), READ)
@pytest.mark.filterwarnings("error")
def test_a_setting_is_read_where_programs_read_it(given: dict[str, Any], attribute: str, value: Any) -> None:
    settings = given if "model_name" in given else {"model": "m", **given}
    assert getattr(ChatAIMLAPI(**settings), attribute) == value


def test_the_key_and_the_address_of_the_environment_are_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIMLAPI_API_KEY", raising=False)
    monkeypatch.delenv("AIML_API_KEY", raising=False)
    assert ChatAIMLAPI(model="m").openai_api_key is None
    monkeypatch.setenv("AIMLAPI_API_KEY", KEY)
    monkeypatch.setenv("AIMLAPI_API_BASE", "http://h/v1")
    model = ChatAIMLAPI(model="m")
    monkeypatch.delenv("AIMLAPI_API_KEY")
    monkeypatch.delenv("AIMLAPI_API_BASE")
    assert (model.openai_api_key, model.openai_api_base) == (SecretStr(KEY), "http://h/v1")
    assert (model.api_key, model.base_url) == (None, None)
    assert KEY not in repr((model, vars(model), model.model_dump()))
    assert KEY.encode() not in pickle.dumps(model)
    assert pickle.loads(pickle.dumps(model)) == model
    with pytest.raises(errors.AuthenticationError):  # a call reads it again
        model.invoke("Hi")


@pytest.mark.parametrize("name", ["openai_organization", "organization", "tiktoken_model_name", "app_title", "num_ctx"])
def test_a_setting_without_effect_is_said_and_not_sent(name: str) -> None:
    host = Host(OK)
    with pytest.warns(UserWarning, match=f"`{name}` has no effect"):
        model = host.model(**{name: "o"})
    model.invoke("Hi")
    assert set(host.bodies[0]) == {"model", "messages"}


@pytest.mark.parametrize(
    "given",
    [
        {"client": object()},
        {"root_async_client": object()},
        {"anthropic_api_key": "sk-other"},
        {"apikey": "sk-other"},
        {"http_client": httpx.AsyncClient()},
        {"http_async_client": httpx.Client()},
    ],
)
def test_what_is_not_done_is_refused_by_name(given: dict[str, Any]) -> None:
    (name,) = given
    with pytest.raises(ValidationError, match=f"`{name}`") as caught:
        ChatAIMLAPI(model="m", **given)
    assert "sk-other" not in str(caught.value)


@pytest.mark.parametrize("name", ["previous_response_id", "include", "truncation", "background"])
def test_what_belongs_to_responses_is_refused_where_it_is_not_spoken(name: str) -> None:
    with pytest.raises(errors.InvalidRequestError, match=f"`{name}` belongs to /v1/responses"):
        Host(OK).model(use_responses_api=False).invoke("Hi", **{name: "r"})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"temperature": "hot"}, "`temperature` is 'hot': pass a number."),
        ({"max_tokens": 1.5}, "`max_tokens` is 1.5: pass a whole number."),
        ({"max_completion_tokens": "many"}, "`max_tokens` is 'many': pass a whole number."),
        ({"n": 0}, "`n` is 0: pass 1 or more."),
        ({"n": 2, "streaming": True}, "`n` is 2: pass 1, or leave `streaming` off."),
        ({"stop": 7}, "`stop` is 7: pass a string or a list of strings."),
        ({"max_retries": -1}, "`max_retries` is -1: pass a whole number, at least 0."),
        ({"deadline": 0}, "`deadline` is 0: pass seconds, above 0."),
        ({"limits": 3}, "`limits` is 3: pass an aimlapi_transport.Limits."),
        ({"preset": "openai"}, "`preset` is 'openai': pass aimlapi, powertokens or anyfast."),
        ({"logit_bias": "x"}, "`logit_bias` is 'x': pass a dict of numbers by token."),
        ({"stream_chunk_timeout": -1}, "`stream_chunk_timeout` is -1: pass seconds, or 0 for no limit."),
        ({"disabled_params": {"seed": 3}}, "`disabled_params['seed']` is 3: pass None, or a list"),
        (
            {"default_headers": {"X-A": 7}},
            "`default_headers` has an invalid value of type dict: pass a dict of strings.",
        ),
        (
            {"default_headers": ["sk-secret"]},
            "`default_headers` has an invalid value of type list: pass a dict of strings.",
        ),
        ({"model_kwargs": "x"}, "`model_kwargs` is 'x': pass a dict of body parameters."),
        ({"temperature": 1, "model_kwargs": {"temperature": 1}}, "`temperature` is passed twice"),
        ({"user": "a", "model_kwargs": {"user": "b"}}, "`user` is passed twice"),
        ({"max_tokens": 1, "max_completion_tokens": 2}, "`max_completion_tokens` is passed twice"),
        ({"base_url": "http://a/v1", "openai_api_base": "http://b/v1"}, "`openai_api_base` is passed twice"),
    ],
)
def test_a_wrong_value_gets_one_sentence(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ChatAIMLAPI(model="m", api_key="sk-secret-key", **given)
    assert told in str(caught.value)
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize("key", [42, ["sk-secret"], {"key": "sk-secret"}])
def test_a_key_of_a_wrong_type_is_not_shown(key: Any) -> None:
    with pytest.raises(ValidationError, match="api_key") as caught:
        ChatAIMLAPI(model="m", api_key=key)
    assert "sk-secret" not in str(caught.value) and "42" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ({"temperature": 3}, "`temperature` is 3: openai/gpt-4o accepts a number from 0 to 2."),
        ({"temperature": "hot"}, "`temperature` is 'hot': openai/gpt-4o accepts a number from 0 to 2."),
        ({"stop": ["a"] * 10}, "`stop` has 10 sequences: AI/ML API accepts at most 4 for this model."),
        ({"tools": [{"type": "function", "function": {}}]}, "A tool has no name"),
        ({"tool_choice": "nope", "tools": []}, "`tool_choice` is 'nope'"),
        ({"timeout": -1}, "`timeout` is -1: pass seconds"),
        ({"tools": 3}, "`tools` is '3': pass a list of tools."),
        ({"thinking": "enabled"}, "`thinking` is 'enabled': pass an object."),
        ({"reasoning_effort": "huge"}, "`reasoning_effort` is 'huge': pass low, medium or high."),
        ({"api_key": "sk-secret"}, "`api_key` is not an argument of a call: pass `api_key` where the model is made."),
        ({"timeout": "long"}, "`timeout` is 'long': pass seconds"),
        ({"extra_headers": ["a"]}, "`extra_headers` is of type list: pass a dict."),
        ({"extra_query": "a=b"}, "`extra_query` is of type str: pass a dict."),
        ({"extra_body": "a"}, "`extra_body` is of type str: pass a dict."),
        ({"client_request_id": "a b"}, "X-Client-Request-Id is 'a b'"),
        ({"extra_headers": {"X-A": "ü"}}, "The header 'X-A' contains a character that no header can have"),
    ],
)
def test_a_wrong_value_of_a_call_gets_one_sentence(call: dict[str, Any], told: str) -> None:
    host = Host(OK)
    for ask in (lambda m: m.invoke("Hi", **call), lambda m: list(m.stream("Hi", **call))):
        with pytest.raises(errors.InvalidRequestError) as caught:
            ask(host.model(model="openai/gpt-4o", stream_chunk_timeout=9))
        assert told in str(caught.value)
        assert "sk-secret" not in str(caught.value)
    assert host.bodies == []


def test_a_field_inside_model_kwargs_is_moved_out_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="`temperature` is a field"):
        model = Host(OK).model(model_kwargs={"temperature": 0.2, "user": "me"})
    assert (model.temperature, model.model_kwargs) == (0.2, {"user": "me"})


def test_a_warning_points_at_the_users_line_and_comes_once() -> None:
    host = Host(OK)
    for ask in (
        lambda: ChatAIMLAPI(model="m", top_a=0.5),
        lambda: host.model(model="openai/gpt-4o").bind(odd_parameter=1).invoke("Hi"),
        lambda: asyncio.run(host.model(model="openai/gpt-4o").ainvoke("Hi", odder_parameter=1)),
        lambda: list(host.model(model="openai/gpt-4o").stream("Hi", odd_parameter=1)),
    ):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("default")
            ask()
            ask()
        assert {warning.filename for warning in said} <= {__file__}
        assert len(said) <= 1
    assert "odd_parameter" not in str([str(warning.message) for warning in said])  # said before


def test_headers_and_query_of_a_call_of_the_model_and_of_model_kwargs() -> None:
    host = Host(OK)
    model = host.model(
        default_headers={"X-A": "1"},
        default_query={"a": "1"},
        model_kwargs={"extra_headers": {"X-B": "2"}, "extra_query": {"b": "2"}},
    )
    model.invoke("Hi")
    model.invoke("Hi", extra_headers={"X-C": "3"}, extra_query={"c": "3"})
    first, second = host.requests
    assert [first.headers.get(name) for name in ("x-a", "x-b", "x-c")] == ["1", "2", None]
    assert [second.headers.get(name) for name in ("x-a", "x-b", "x-c")] == ["1", None, "3"]
    assert (first.url.query, second.url.query) == (b"a=1&b=2", b"a=1&c=3")
    assert set(host.bodies[0]) == {"model", "messages"}


@pytest.mark.parametrize(
    ("settings", "call", "asked"),
    [
        ({}, {}, {"include_usage": True}),
        ({"stream_usage": None}, {}, {"include_usage": True}),
        ({"stream_usage": False}, {}, None),
        ({"stream_usage": False}, {"stream_usage": True}, {"include_usage": True}),
        ({}, {"stream_usage": False}, None),
        ({"stream_usage": False}, {"stream_options": {"include_usage": True}}, {"include_usage": True}),
        ({}, {"stream_options": {"include_usage": False}}, None),
        ({"model_kwargs": {"stream_options": {"include_usage": False}}}, {}, None),
        ({"model_kwargs": {"stream_options": {"include_usage": True}}, "stream_usage": False}, {}, {"include_usage": True}),
        ({"model_kwargs": {"stream_options": {"include_usage": True}}}, {"stream_usage": False}, None),
        ({"stream_options": {"include_obfuscation": False}}, {}, {"include_obfuscation": False}),
        ({}, {"stream_options": {"include_obfuscation": False}, "stream_usage": True}, {"include_obfuscation": False, "include_usage": True}),
    ],
)  # fmt: skip
def test_who_decides_about_usage_in_streams(settings: dict[str, Any], call: dict[str, Any], asked: Any) -> None:
    """The call's `stream_usage`, then its `stream_options`, then those of `model_kwargs`, then the field."""
    host = Host(chunks([{"content": "x"}]), whole({"content": "x"}))
    model = host.model(**settings)
    list(model.stream("Hi", **call))
    model.invoke("Hi", **call)
    assert host.bodies[0].get("stream_options") == asked
    assert "stream_options" not in host.bodies[1]


def test_disabled_parameters_are_not_sent() -> None:
    host = Host(OK)
    model = host.model(seed=1, temperature=1.0, disabled_params={"seed": None, "parallel_tool_calls": [False]})
    model.invoke("Hi", parallel_tool_calls=False)
    model.invoke("Hi", parallel_tool_calls=True)
    sent = [{k: v for k, v in body.items() if k not in ("model", "messages")} for body in host.bodies]
    assert sent == [{"temperature": 1.0}, {"temperature": 1.0, "parallel_tool_calls": True}]


def test_headers_of_the_reply_are_there_when_asked_for() -> None:
    for reply in (OK, chunks([{"content": "x"}])):
        for asked in (True, False):
            model = Host(reply).model(include_response_headers=asked, streaming=isinstance(reply, list))
            headers = model.invoke("Hi").response_metadata.get("headers")
            assert (headers or {}).get("x-inference-id") == ("inf-1" if asked else None)


@pytest.mark.parametrize(
    ("settings", "read", "connect"),
    [
        ({}, 120.0, 5.0),
        ({"stream_chunk_timeout": 7}, 7, 5.0),
        ({"stream_chunk_timeout": 0}, None, 5.0),
        ({"stream_chunk_timeout": 7, "timeout": 3}, 3, 3),
        ({"stream_chunk_timeout": 7, "timeout": 60}, 7, 5.0),
        ({"stream_chunk_timeout": 0, "timeout": 60}, 60, 5.0),
        ({"stream_chunk_timeout": 7, "timeout": (2, 9)}, 7, 2),
        ({"stream_chunk_timeout": 7, "timeout": httpx.Timeout(9, connect=1)}, 7, 1),
    ],
)
def test_how_long_a_stream_may_be_silent(settings: dict[str, Any], read: float | None, connect: float) -> None:
    host = Host(chunks([{"content": "x"}]), OK)
    model = host.model(**settings)
    list(model.stream("Hi"))
    model.invoke("Hi")
    bounds = [request.extensions["timeout"] for request in host.requests]
    assert (bounds[0]["read"], bounds[0]["connect"]) == (read, connect)
    assert bounds[1]["read"] != 7  # a whole answer comes all at once


def test_the_key_may_be_an_async_function() -> None:
    async def key() -> str:
        return KEY

    host = Host(OK)
    asyncio.run(host.model(api_key=key).ainvoke("Hi"))
    assert host.requests[0].headers["authorization"] == f"Bearer {KEY}"
    with pytest.raises(errors.AuthenticationError, match="async"):
        host.model(api_key=key).invoke("Hi")


def test_fields_are_configurable_by_any_of_their_names() -> None:
    host = Host(OK)
    model = host.model(max_tokens=5).configurable_fields(
        model=ConfigurableField(id="which"), max_completion_tokens=ConfigurableField(id="limit"), temperature=ConfigurableField(id="t")
    )  # fmt: skip
    config = {"configurable": {"which": "other/model", "limit": 9, "t": 0.5}}
    model.invoke("Hi", config)
    assert {k: v for k, v in host.bodies[0].items() if k != "messages"} == {
        "model": "other/model",
        "max_tokens": 9,
        "temperature": 0.5,
    }
    list(model.stream([HumanMessage("Hi")], config))
    assert host.bodies[1]["stream"] is True


@pytest.mark.parametrize("streaming", [False, True])
def test_callbacks_are_told_how_an_answer_ended(streaming: bool) -> None:
    """Tracing tools read it from `generation_info`, as ChatOpenAI fills it."""
    logprobs = {"content": [{"token": "x", "logprob": -0.1}], "refusal": None}
    choice = {"index": 0, "finish_reason": "stop", "logprobs": logprobs}
    choice["delta" if streaming else "message"] = {"content": "x"}
    reply = {"model": "served", "choices": [choice]}
    result = Host([reply] if streaming else reply).model(streaming=streaming).generate([[HumanMessage("Hi")]])
    told = {"finish_reason": "stop", "model_name": "served", "logprobs": logprobs}
    assert result.generations[0][0].generation_info == told
