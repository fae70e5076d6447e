"""The settings: names, copies, secrets, and what is told about a model."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import subprocess
import sys
import traceback
import warnings
from importlib.resources import files
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.llms import ChatMessage
from llama_index.core.rate_limiter import TokenBucketRateLimiter

import llama_index_aimlapi
from aimlapi_transport.errors import AIMLAPIError, InvalidRequestError
from aimlapi_transport.user_warnings import UnlistedParameterWarning
from llama_index_aimlapi import AIMLAPI
from tests.llama_index.host import Host, call, chunk, whole

KEY = "sk-very-secret-0123456789"
HELLO = [ChatMessage("Hello")]


def test_it_is_an_llm_by_its_name() -> None:
    assert BaseLLM.__name__ in [base.__name__ for base in AIMLAPI.__mro__]
    assert AIMLAPI.class_name() == "AIMLAPI"


def test_the_package_exports_what_it_lists_and_imports_it_late() -> None:
    for name in llama_index_aimlapi.__all__:
        assert getattr(llama_index_aimlapi, name)
    with pytest.raises(AttributeError, match="nothing"):
        _ = llama_index_aimlapi.nothing
    script = (
        "import sys, llama_index_aimlapi; assert 'llama_index.core' not in sys.modules;"
        "from llama_index_aimlapi import AIMLAPI;"
        "assert not [m for m in sys.modules if m.startswith(('langchain', 'openai'))];"
        "late = ('aimlapi_transport.client', 'aimlapi_transport.json_codec', 'aimlapi_transport.structured');"
        "assert not [m for m in sys.modules if m.startswith(late)]"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("settings", [{}, {"model": None}, {"model": " "}, {"model": 3}])
def test_a_missing_model_is_named(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match="`model` is"):
        AIMLAPI(**settings)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"max_retries": -1}, "`max_retries` is -1"),
        ({"api_base": "nowhere"}, "`base_url` is 'nowhere'"),
        ({"preset": "mars"}, "`preset` is 'mars'"),
        ({"openai_client": object()}, "`openai_client` cannot be used"),
        ({"async_openai_client": object()}, "`async_openai_client` cannot be used"),
        ({"http_client": object()}, "`http_client` is of type builtins.object"),
        ({"async_http_client": httpx.Client()}, "`async_http_client` is of type httpx.Client"),
        ({"max_tokens": 1, "max_new_tokens": 2}, "passed twice"),
        ({"api_key": 3}, "`api_key` has an invalid value of type int"),
    ],
)
def test_a_setting_that_cannot_be_is_named_at_construction(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidRequestError, match=problem):
        AIMLAPI("some/model", **settings)


def test_a_setting_of_none_is_as_if_it_were_not_given() -> None:
    given = AIMLAPI("some/model", strict=None, max_retries=None, parse_think=None, api_base=" ")
    plain = AIMLAPI("some/model")
    assert (given.to_dict(), given.model_fields_set) == (plain.to_dict(), plain.model_fields_set)


def test_names_of_other_llms_are_accepted_with_their_meaning() -> None:
    """All of a drop-in's constructor, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        llm = AIMLAPI(
            model="some/model",
            temperature=0.1,
            max_tokens=None,
            max_new_tokens=7,
            additional_kwargs={"seed": 1},
            max_retries=3,
            timeout=60.0,
            reuse_client=True,
            api_key=KEY,
            base_url="https://proxy.example/v1",
            api_version="2024-10-01",
            callback_manager=CallbackManager(),
            default_headers={"x-a": "1"},
            openai_client=None,
            async_openai_client=None,
            system_prompt="Be brief",
            messages_to_prompt=None,
            completion_to_prompt=lambda prompt: f"<{prompt}>",
            output_parser=None,
            strict=False,
            reasoning_effort="low",
            modalities=["text", "audio"],
            audio_config={"voice": "a", "format": "wav"},
            logprobs=True,
            top_logprobs=2,
            rate_limiter=TokenBucketRateLimiter(requests_per_minute=600),
            context_window=1000,
            is_chat_model=True,
            should_use_structured_outputs=False,
            is_function_calling_model=False,
            thinking_dict={"type": "enabled", "budget_tokens": 1024},
            extra_body={"a": 1},
            order=["anthropic"],
            allow_fallbacks=False,
            tokenizer=list,
        )
    assert llm.api_base == "https://proxy.example/v1"
    assert llm._get_model_kwargs(top_p=0.5) == {
        "model": "some/model",
        "temperature": 0.1,
        "max_tokens": 7,
        "seed": 1,
        "reasoning_effort": "low",
        "modalities": ["text", "audio"],
        "audio": {"voice": "a", "format": "wav"},
        "logprobs": True,
        "top_logprobs": 2,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "extra_body": {"provider": {"order": ["anthropic"], "allow_fallbacks": False}, "a": 1},
        "top_p": 0.5,
    }
    assert (llm._tokenizer, llm.api_version, llm.reuse_client) == (list, "2024-10-01", True)
    assert llm._should_use_structure_outputs() is False
    assert (llm.model, llm.temperature, llm.max_tokens, llm.max_retries) == ("some/model", 0.1, 7, 3)


def test_an_unknown_setting_warns_by_name() -> None:
    with pytest.warns(UserWarning, match="no setting `temprature`") as caught:
        AIMLAPI("some/model", temprature=0.5)
    assert caught[0].filename == __file__


def test_prompts_pass_through_the_users_own_form() -> None:
    host = Host([whole()])
    llm = host.llm(completion_to_prompt=lambda prompt: f"<{prompt}>")
    llm.complete("a")
    llm.complete("a", formatted=True)
    llm.complete(prompt="a")
    assert [body["messages"][0]["content"] for body in host.bodies] == ["<a>", "a", "<a>"]


@settings(deadline=None)
@given(st.text(min_size=1).filter(str.strip))
def test_metadata_never_raises_whatever_the_model_is_called(model: str) -> None:
    metadata = AIMLAPI(model).metadata
    assert metadata.model_name == model
    assert (metadata.is_chat_model, metadata.num_output) == (True, -1)


def test_metadata_never_raises_for_a_model_the_documents_name() -> None:
    packaged = json.loads(files("aimlapi_transport").joinpath("models.json").read_bytes())["models"]
    assert len(packaged) > 400
    for model, facts in packaged.items():
        metadata = AIMLAPI(model).metadata
        assert metadata.context_window == facts.get("context_length", 3900)


def test_metadata_knows_what_the_documents_say_and_the_user_knows_better() -> None:
    def told(*args: Any, **settings: Any) -> tuple[int, int, bool]:
        metadata = AIMLAPI(*args, **settings).metadata
        return metadata.context_window, metadata.num_output, metadata.is_function_calling_model

    assert told("nobody/knows-it") == (3900, -1, True)
    assert told("perplexity/sonar")[2] is False
    assert told("perplexity/sonar", is_function_calling_model=True)[2] is True
    assert told("openai/gpt-4o", context_window=5, max_tokens=7, is_function_calling_model=False) == (5, 7, False)
    assert told("qwen3.6-flash", api_base="https://www.anyfast.ai/v1")[2] is False
    assert told("glm-5", preset="powertokens")[2] is True


def test_metadata_and_construction_do_no_io(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("a socket was opened")

    monkeypatch.setattr("socket.socket", refuse)
    llm = AIMLAPI("openai/gpt-4o", api_key=KEY)
    assert llm.metadata.model_name == llm.to_payload()["model_name"] == "openai/gpt-4o"


def test_the_payload_for_observers_names_model_and_temperature() -> None:
    payload = AIMLAPI("some/model", temperature=0.5, api_key=KEY).to_payload()
    assert (payload["model"], payload["temperature"], payload["class_name"]) == ("some/model", 0.5, "AIMLAPI")


async def test_the_key_is_nowhere_to_be_read(caplog: pytest.LogCaptureFixture) -> None:
    """Law 7: not in what is shown, saved, logged, raised, or handed to observers."""
    caplog.set_level(logging.DEBUG)
    debug = LlamaDebugHandler(print_trace_on_end=False)
    echo = httpx.Response(401, json={"message": f"bad key {KEY}"})
    host = Host([whole(), [chunk("stop", content="Hi")], echo])
    llm = host.llm(api_key=KEY, callback_manager=CallbackManager([debug]), default_headers={"x-key": KEY})
    llm.chat(HELLO)
    list(llm.stream_complete("Hello"))
    with pytest.raises(AIMLAPIError) as caught:
        await llm.achat(HELLO)
    assert [request.headers["authorization"] for request in host.requests] == [f"Bearer {KEY}"] * 3
    seen = [
        repr(llm),
        str(llm),
        json.dumps(llm.to_dict()),
        llm.to_json(),
        llm.model_dump_json(),
        str(llm.to_payload()),
        str([(event.payload, event) for event in debug.get_events()]),
        "".join(traceback.format_exception(caught.value)),
        str(vars(caught.value)),
        caplog.text,
        str(llm.__dict__["api_key"]),
    ]
    assert not [text for text in seen if KEY in text]


def test_a_pickle_holds_the_key_only_where_it_was_passed_in_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", KEY)
    assert KEY.encode() not in pickle.dumps(AIMLAPI("some/model"))
    passed = AIMLAPI("some/model", api_key="sk-passed")
    assert pickle.loads(pickle.dumps(passed)).api_key.get_secret_value() == "sk-passed"


@pytest.mark.parametrize("used", [False, True])
def test_copies_ask_as_the_original_does(used: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Pickle, deepcopy and to_dict, before and after use; your own HTTP clients stay with copies in the process."""
    host = Host([whole()])
    llm = host.llm(temperature=0.5, timeout=(1.0, 2.0), additional_kwargs={"seed": 1}, default_headers={"x-a": "1"})
    if used:
        llm.chat(HELLO)
    copied = copy.deepcopy(llm)
    copied.additional_kwargs["seed"] = 2
    copied.chat(HELLO)
    llm.chat(HELLO)
    assert [body["seed"] for body in host.bodies[-2:]] == [2, 1]
    arrived = pickle.loads(pickle.dumps(llm))
    assert arrived.http_client is None
    assert llm.http_client is not None
    assert arrived.to_dict() == llm.to_dict()
    assert arrived.default_headers == {"x-a": "1"}
    assert AIMLAPI.from_json(llm.to_json()).to_dict() == llm.to_dict()
    assert AIMLAPI.from_json(llm.to_json()).timeout == (1.0, 2.0)
    assert caplog.records == []


def test_a_timeout_of_httpx_is_saved_as_its_two_silences() -> None:
    llm = AIMLAPI("some/model", timeout=httpx.Timeout(3.0, connect=1.0))
    assert AIMLAPI.from_json(llm.to_json()).timeout == (1.0, 3.0)


def test_the_key_may_be_a_function_asked_at_each_call() -> None:
    keys = iter(["one", "two"])
    host = Host([whole()])
    llm = host.llm(api_key=lambda: next(keys))
    llm.chat(HELLO)
    llm.chat(HELLO)
    assert [request.headers["authorization"] for request in host.requests] == ["Bearer one", "Bearer two"]


def test_a_tokenizers_name_needs_the_library_it_names() -> None:
    with pytest.raises(InvalidRequestError, match="`tokenizer` is the name 'some/tokenizer'"):
        _ = AIMLAPI("some/model", tokenizer="some/tokenizer")._tokenizer
    assert AIMLAPI("some/model")._tokenizer is None


def test_the_output_limit_is_told_wherever_it_is_set() -> None:
    assert AIMLAPI("some/model").metadata.num_output == -1
    assert AIMLAPI("some/model", max_tokens=5).metadata.num_output == 5
    further = {"max_completion_tokens": 7}
    assert AIMLAPI("some/model", max_tokens=5, additional_kwargs=further).metadata.num_output == 7


def test_tools_of_the_constructor_go_with_every_request() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    host = Host([whole()])
    llm = host.llm(tools=[search])
    llm.chat([ChatMessage("Hi")])
    llm.chat([ChatMessage("Hi")], tools=[call("f", "{}")])
    assert [body["tools"] for body in host.bodies] == [[search], [search, call("f", "{}")]]


@pytest.mark.parametrize(("index", "marked"), [(-1, [2]), (0, [0]), (1, [0]), (9, [2])])
def test_the_cache_index_marks_the_conversation_up_to_a_message(index: int, marked: list[int]) -> None:
    """A message without content cannot carry the mark: the one before it does."""
    host = Host([whole()])
    messages = [
        ChatMessage("Long", role="system"),
        ChatMessage(role="assistant", additional_kwargs={"function_call": {"name": "f", "arguments": "{}"}}),
        ChatMessage("Hi"),
    ]
    host.llm(cache_idx=index).chat(messages)
    sent = host.bodies[0]["messages"]
    assert [i for i, message in enumerate(sent) if isinstance(message["content"], list)] == marked
    assert sent[marked[0]]["content"][-1]["cache_control"] == {"type": "ephemeral"}


def test_a_mark_is_left_out_where_the_model_takes_none() -> None:
    host = Host([whole()])
    with pytest.warns(UnlistedParameterWarning, match="does not accept `cache_control`. It is left out"):
        host.llm(model="alibaba/qwen3-max-instruct", cache_idx=-1).chat([ChatMessage("Hi")])
    assert host.bodies[0]["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
    with pytest.raises(InvalidRequestError, match="`cache_control` is not accepted"):
        host.llm(model="alibaba/qwen3-max-instruct", cache_idx=-1, strict_parameters=True).chat([ChatMessage("Hi")])


def test_a_calls_arguments_may_have_the_constructors_names() -> None:
    host = Host([whole()])
    host.llm().chat(
        [ChatMessage("Hi")],
        max_new_tokens=7,
        audio_config={"voice": "a"},
        thinking_dict={"type": "disabled"},
        model_name="other/model",
        use_chat_completions=True,
    )
    body = host.bodies[0]
    del body["messages"]
    assert body == {"model": "other/model", "max_tokens": 7, "audio": {"voice": "a"}, "thinking": {"type": "disabled"}}
