"""What `ChatOpenAI` and `OpenAILike` do where docs/compared.md says so; needs the extra `bench`, which installs them.

A test that fails after an upgrade of a peer means that the page has to change.
"""

from __future__ import annotations

import asyncio
import copy
import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from aimlapi_emulator import EmulatorServer, emulator

langchain_openai = pytest.importorskip("langchain_openai", reason="comes with the extra `bench`")
openai_like = pytest.importorskip("llama_index.llms.openai_like", reason="comes with the extra `bench`")

pytestmark = pytest.mark.filterwarnings("ignore")

QUESTION = "What is 6 * 7?"
WEATHER = "What is the weather in Lisbon and Porto?"
CUT_TEXT = "The emulator sends"
UNAVAILABLE = "Service unavailable"


class Person(BaseModel):
    """A person."""

    name: str


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"18 degrees in {city}"


@pytest.fixture
def server() -> Iterator[EmulatorServer]:
    with emulator() as running:
        yield running


@pytest.fixture
def chat_openai(server: EmulatorServer) -> Any:
    def make(model: str, **settings: Any) -> Any:
        made = {"base_url": server.base_url, "api_key": "any", "max_retries": 0} | settings
        return langchain_openai.ChatOpenAI(model=model, **made)

    return make


@pytest.fixture
def like(server: EmulatorServer) -> Any:
    def make(model: str, **settings: Any) -> Any:
        known = {"is_chat_model": True, "is_function_calling_model": True, "context_window": 32_000}
        made = {"api_base": server.base_url, "api_key": "any", "max_retries": 0, **known} | settings
        return openai_like.OpenAILike(model=model, **made)

    return make


def messages(text: str = QUESTION) -> list[Any]:
    from llama_index.core.llms import ChatMessage

    return [ChatMessage(text)]


def calls_of_stream(model: Any) -> Any:
    whole = None
    for chunk in model.bind_tools([get_weather]).stream(WEATHER):
        whole = chunk if whole is None else whole + chunk
    return whole


def calls_of_like(llm: Any) -> list[tuple[str, Any]]:
    from llama_index.core.tools import FunctionTool

    tool = FunctionTool.from_defaults(get_weather)
    *_, last = llm.stream_chat_with_tools([tool], WEATHER, allow_parallel_tool_calls=True)
    calls = llm.get_tool_calls_from_response(last, error_on_no_tool_call=False)
    return [(call.tool_name, call.tool_kwargs) for call in calls]


def test_chat_openai_drops_reasoning(chat_openai: Any) -> None:
    message = chat_openai("deepseek/deepseek-r1").invoke(QUESTION)
    assert [block["type"] for block in message.content_blocks] == ["text"]
    assert "reasoning_content" not in message.additional_kwargs


def test_openai_like_reads_reasoning_and_does_not_send_it_back(like: Any, server: EmulatorServer) -> None:
    llm = like("deepseek/deepseek-r1")
    answer = llm.chat(messages()).message
    assert [block.block_type for block in answer.blocks] == ["thinking", "text"]
    llm.chat([*messages(), answer, *messages("And 7 * 8?")])
    assert "reasoning" not in str(server.requests[-1].json["messages"])


def test_chat_openai_has_no_cost(chat_openai: Any) -> None:
    message = chat_openai("openai/gpt-4o").invoke(QUESTION)
    assert "usd" not in str(message.response_metadata) + str(message.additional_kwargs)


def test_openai_like_has_cost_in_raw_only(like: Any) -> None:
    response = like("openai/gpt-4o").chat(messages())
    assert "usd" not in str(response.additional_kwargs) + str(response.message.additional_kwargs)
    assert "usd_spent" in str(response.raw)


def test_peers_do_not_ask_streams_for_token_counts(chat_openai: Any, like: Any, server: EmulatorServer) -> None:
    """Where an address is set; some providers send the counts unasked."""
    list(chat_openai("openai/gpt-4o").stream(QUESTION))
    list(like("openai/gpt-4o").stream_chat(messages()))
    assert ["stream_options" in request.json for request in server.requests] == [False, False]


@pytest.mark.parametrize("fault", ["fault-eof-no-finish", "fault-sse-error-in-choice"])
def test_chat_openai_returns_what_arrived_of_a_stream_that_ended_early(fault: str, chat_openai: Any) -> None:
    """No finish reason, no [DONE]; or an error in the place of the finish reason."""
    assert "".join(chunk.content for chunk in chat_openai(fault).stream("Count")) == CUT_TEXT


@pytest.mark.parametrize("fault", ["fault-eof-no-finish", "fault-sse-error-in-choice"])
def test_openai_like_returns_what_arrived_of_a_stream_that_ended_early(fault: str, like: Any) -> None:
    *_, last = like(fault).stream_chat(messages("Count"))
    assert last.message.content == CUT_TEXT


@pytest.mark.parametrize("fault", ["fault-cut-midstream", "fault-reset-midstream", "fault-bad-json-data"])
def test_peers_raise_errors_of_other_libraries_where_a_connection_breaks(
    fault: str, chat_openai: Any, like: Any
) -> None:
    for run in (lambda: list(chat_openai(fault).stream("Count")), lambda: list(like(fault).stream_chat(messages()))):
        with pytest.raises(Exception) as caught:
            run()
        assert type(caught.value).__module__ in ("httpx", "json.decoder")


def test_chat_openai_completes_a_call_that_was_cut(chat_openai: Any) -> None:
    """The server sent `{"city": "Li`."""
    message = calls_of_stream(chat_openai("fault-tool-truncated"))
    assert [call["args"] for call in message.tool_calls] == [{"city": "Li"}]
    assert message.invalid_tool_calls == []


def test_openai_like_runs_a_call_that_was_cut(like: Any) -> None:
    assert calls_of_like(like("fault-tool-truncated")) == [("get_weather", {"city": None})]


def test_peers_run_repeated_names_together(chat_openai: Any, like: Any) -> None:
    message = calls_of_stream(chat_openai("fault-tool-name-repeated"))
    assert message.tool_calls[0]["name"] == "get_weather" * 4
    assert calls_of_like(like("fault-tool-name-repeated"))[0][0] == "get_weather" * 4


def test_two_calls_with_one_index(chat_openai: Any, like: Any) -> None:
    """`ChatOpenAI` keeps them apart, `OpenAILike` does not."""
    message = calls_of_stream(chat_openai("fault-tool-index-all-zero"))
    assert [call["args"] for call in message.tool_calls] == [{"city": "Lisbon"}, {"city": "Porto"}]
    assert calls_of_like(like("fault-tool-index-all-zero")) == [("get_weatherget_weather", {})]


def test_chat_openai_gives_none_where_the_model_answers_in_text(chat_openai: Any) -> None:
    model = chat_openai("deepseek/deepseek-r1").with_structured_output(Person, method="function_calling")
    assert model.invoke("Hello") is None


def test_openai_like_raises_where_the_model_answers_in_text(like: Any) -> None:
    with pytest.raises(ValueError):
        like("deepseek/deepseek-r1").as_structured_llm(Person).chat(messages("Hello"))


def test_requests_of_max_retries_3(
    chat_openai: Any, like: Any, server: EmulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a server that answers 503: four with `ChatOpenAI`, twelve with `OpenAILike`."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with pytest.raises(Exception, match=UNAVAILABLE):
        chat_openai("fault-503-always", max_retries=3).invoke("Hello")
    assert len(server.requests) == 4
    server.clear()
    with pytest.raises(Exception, match=UNAVAILABLE):
        like("fault-503-always", max_retries=3).chat(messages())
    assert len(server.requests) == 12


def test_a_full_context(chat_openai: Any, like: Any) -> None:
    """`ChatOpenAI` has a class for OpenAI's wording, `OpenAILike` none."""
    with pytest.raises(Exception) as caught:
        chat_openai("fault-context-length").invoke("Hello")
    assert "ContextOverflow" in type(caught.value).__name__
    with pytest.raises(Exception) as caught:
        like("fault-context-length").chat(messages())
    assert type(caught.value).__name__ == "BadRequestError"


def test_a_second_event_loop(chat_openai: Any, like: Any) -> None:
    """Without retries to hide it, neither can be used in a second `asyncio.run`."""
    model, llm = chat_openai("openai/gpt-4o"), like("openai/gpt-4o")
    asyncio.run(model.ainvoke("Hello"))
    with pytest.raises(Exception, match="Connection error"):
        asyncio.run(model.ainvoke("Hello"))
    asyncio.run(llm.achat(messages()))
    with pytest.raises(Exception, match="Connection error"):
        asyncio.run(llm.achat(messages()))


def test_copies_after_use(chat_openai: Any, like: Any) -> None:
    """`ChatOpenAI` can be neither copied nor pickled, `OpenAILike` pickled only."""
    model, llm = chat_openai("openai/gpt-4o"), like("openai/gpt-4o")
    model.invoke("Hello")
    llm.chat(messages())
    for run in (lambda: pickle.dumps(model), lambda: copy.deepcopy(model), lambda: copy.deepcopy(llm)):
        with pytest.raises(TypeError):
            run()
    assert pickle.dumps(llm)


def test_chat_openai_downloads_a_tokenizer(chat_openai: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[str] = []

    def refuse(url: str, **_: Any) -> None:
        asked.append(url)
        raise ConnectionError

    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("tiktoken.registry.ENCODINGS", {})
    monkeypatch.setattr("requests.get", refuse)
    with pytest.raises(ConnectionError):
        chat_openai("gpt-4o").get_num_tokens("Hello")
    assert asked[0].endswith(".tiktoken")
