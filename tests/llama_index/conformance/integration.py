"""What a test file says about its LLM, and what every law asks of it. See README.md."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, ThinkingBlock
from llama_index.core.llms.function_calling import FunctionCallingLLM
from pydantic import BaseModel

from .server import Server

Test = TypeVar("Test", bound=Callable[..., Any])

CHAT_FORMS = ("chat", "achat", "stream_chat", "astream_chat")
TEXT_FORMS = ("complete", "acomplete", "stream_complete", "astream_complete")
KEY = "sk-conformance-3f9a1c"

FEATURES = {
    "reads_reasoning": "reasoning in a reply becomes a ThinkingBlock, in a stream also `thinking_delta`",
    "splits_think": "`<think>` at the start of the text becomes a ThinkingBlock",
    "keeps_signatures": "signatures and details of reasoning are kept on the ThinkingBlock",
    "replays_reasoning": "reasoning goes back to the model",
    "replays_tool_extras": "what a vendor sent with a tool call goes back with it",
    "counts_thinking": "`ThinkingBlock.num_tokens`",
    "shapes_for_reasoning_models": "`reasoning_effort` and `max_completion_tokens` by the model's family",
    "stream_usage": "counts of streams, unasked",
    "usage_details": "cached and reasoning tokens in `additional_kwargs`",
    "cost": "the price in `additional_kwargs`",
    "request_id": "the provider's id of the call, in streams too",
    "finish_reason": "finish reason and refusal",
    "counts_closed_streams": "a stream closed early is counted",
    "tolerant_tool_deltas": "calls in any shape seen in the wild",
    "frozen_chunks": "a response once given never changes",
    "leaves_history_alone": "the caller's `chat_history` is not changed",
    "single_call": "one call where several were not allowed",
    "images_in_tool_results": "a tool's result may hold an image",
    "json_schema": "structured output by `response_format`",
    "json_text_fallback": "structured output from text where the model called no tool",
    "required_in_streams": "streamed structured output requires the call, not only offers it",
    "async_system_prompt": "`system_prompt` in async structured output",
    "image": "images in",
    "audio": "audio in",
    "document": "documents in",
    "video": "videos in",
    "cache_points": "CachePoint",
    "citations": "citations in history",
    "logprobs": "log probabilities, in streams too",
    "content_parts": "content that is a list of parts",
    "retry_after": "`Retry-After` is honoured",
    "typed_errors": "each kind of failure has a class of its own, with `status_code`",
    "error_replies": "replies with status 200 that are no answer are errors, of one family",
    "refuses_before_sending": "a temperature of 3 is refused without a request",
    "own_http_client": "an HTTP client of the user's",
    "shared_connections": "instances share connections",
    "many_loops": "one LLM in many loops and threads",
    "frees_connections": "a stream left early frees its connection",
    "calls_win": "what a call says wins over the constructor",
    "unknown_parameters": "parameters nobody heard of reach the body",
    "pickles": "pickle and deepcopy, before and after use",
    "keeps_the_key": "the key is shown nowhere",
    "context_windows": "true context windows, for unknown models a documented default",
    "chat_by_default": "a chat model that takes tools, unless told otherwise",
    "code_agent_handoff": "a tool result without its call is sent, as CodeActAgent leaves it behind when it hands over",
    "light": "few packages, no network at import",
}


def needs(*features: str) -> Callable[[Test], Test]:
    """The test is skipped where the integration says that it lacks one of the features."""
    unknown = [feature for feature in features if feature not in FEATURES]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no feature: see FEATURES.")

    def marked(test: Test) -> Test:
        test.needs = features  # type: ignore[attr-defined]  # a mark on the function
        return test

    return marked


class Integration:
    """Subclass this with `make_llm` and the facts that differ, then mix in the laws.

    Every attribute is a fact about the integration under test; the values here are the kit's convention.
    """

    lacks: Mapping[str, str] = {}
    """Features (of FEATURES) that the integration does not have, each with the reason; their tests are skipped."""

    model = "some-vendor/unknown-model-1"
    """An id that no table knows."""
    known_model: tuple[str, int] | None = None
    """An id whose true context window is known, and that window in tokens."""
    default_context_window = 3900
    """Tokens; what `metadata` says of a model nobody knows."""
    reasoning_model = "openai/o3-mini"
    """An id of a reasoning model of OpenAI, under a vendor's prefix."""
    think_model = "some-vendor/unknown-model-1"
    """An id whose reasoning comes as `<think>` in the text."""
    replay_models: Mapping[str, str] = {}
    """Ids, and which earlier reasoning each gets back unasked: "never", "tool_loop" (since the last user message) or
    "always"."""
    replay_on: Mapping[str, Any] = {}
    """Settings with which all reasoning goes back."""
    replay_off: Mapping[str, Any] = {}
    """Settings with which none goes back."""
    json_schema_settings: Mapping[str, Any] = {}
    """Settings with which structured output goes by `response_format`."""
    key_variable: str | None = None
    """The environment variable that holds the key."""
    facts: Mapping[str, str] = {
        "cached": "cached_tokens",
        "reasoning": "reasoning_tokens",
        "cost": "cost_usd",
        "request_id": "request_id",
        "finish_reason": "finish_reason",
        "refusal": "refusal",
    }
    """Where `ChatResponse.additional_kwargs` holds what."""
    cost_reply: tuple[Mapping[str, Any], float] = ({"usage": {"cost": 0.5}}, 0.5)
    """Top-level fields of a reply that tell a price, and the price."""
    request_id_header = "x-request-id"
    errors: tuple[type[BaseException], ...] = (Exception,)
    """What the integration may raise for a reply that is no answer."""
    distribution: str | None = None
    """The name of the package, for the weight it adds."""
    extra: str | None = None
    """The extra under which it brings LlamaIndex, where the package has several."""
    module: str | None = None
    """What to import for the class."""
    allowed_packages: frozenset[str] = frozenset()
    """What the package may require beside what llama-index-core brings."""

    def make_llm(self, base_url: str, **settings: Any) -> FunctionCallingLLM:
        """The LLM against this address.

        Args:
            settings: by the names of `llama_index.llms.openai.OpenAI` (model, api_key, temperature, max_tokens,
                additional_kwargs, max_retries, timeout, system_prompt, callback_manager, strict, reasoning_effort,
                logprobs, top_logprobs), and `context_window`. Without `api_key` it comes from `key_variable`.
        """
        raise NotImplementedError("Return your integration's LLM, made with these settings for `base_url`.")

    def make_llm_with_client(self, base_url: str, seen: Callable[[], None], **settings: Any) -> FunctionCallingLLM:
        """The same over an HTTP client of the user's, which calls `seen()` for every request."""
        raise NotImplementedError("Return it, or name `own_http_client` in `lacks`.")

    @contextlib.contextmanager
    def no_waiting(self) -> Iterator[list[float]]:
        """While it lasts, retries do not wait; gives the seconds that each would have waited."""
        yield []

    def llm(self, server: Server, **settings: Any) -> FunctionCallingLLM:
        """The LLM against the scripted server."""
        return self.make_llm(server.base_url, **{"model": self.model, "api_key": KEY, **settings})

    def told(self, response: Any, fact: str) -> Any:
        """One of the facts beside the answer."""
        return response.additional_kwargs.get(self.facts[fact])

    @pytest.fixture(autouse=True)
    def _only_what_it_has(self, request: pytest.FixtureRequest) -> None:
        unknown = [feature for feature in self.lacks if feature not in FEATURES]
        if unknown:
            raise ValueError(f"`lacks` names {unknown[0]!r}, which is no feature: see FEATURES.")
        for feature in getattr(request.function, "needs", ()):
            if feature in self.lacks:
                pytest.skip(f"{feature}: {self.lacks[feature]}")

    @pytest.fixture
    def server(self) -> Iterator[Server]:
        with Server() as server:
            yield server

    @pytest.fixture
    def waits(self) -> Iterator[list[float]]:
        with self.no_waiting() as waits:
            yield waits


def ask(llm: Any, form: str, *args: Any, **kwargs: Any) -> list[Any]:
    """All that one of the forms (`chat`, `astream_complete`, ...) gives; the async ones in a loop of their own."""

    async def asked() -> list[Any]:
        given = await getattr(llm, form)(*args, **kwargs)
        return [piece async for piece in given] if "stream" in form else [given]

    if form.startswith("a"):
        return asyncio.run(asked())
    given = getattr(llm, form)(*args, **kwargs)
    return list(given) if "stream" in form else [given]


def prompt_for(form: str) -> Any:
    """What to ask in this form."""
    return "Hi" if "complete" in form else [user("Hi")]


def user(content: str) -> ChatMessage:
    return ChatMessage(role=MessageRole.USER, content=content)


def result(content: str, call_id: str = "call_1") -> ChatMessage:
    """A tool's result, as agents make it."""
    return ChatMessage(role=MessageRole.TOOL, content=content, additional_kwargs={"tool_call_id": call_id})


def thinking(response: ChatResponse) -> str:
    """The reasoning of a response."""
    return "".join(block.content or "" for block in response.message.blocks if isinstance(block, ThinkingBlock))


def calls(llm: FunctionCallingLLM, response: ChatResponse) -> list[tuple[str, str, Any]]:
    """The calls of a response: id, name, arguments."""
    selected = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    return [(call.tool_id, call.tool_name, call.tool_kwargs) for call in selected]


def said(llm: FunctionCallingLLM, response: ChatResponse) -> dict[str, Any]:
    """What a response says, whatever form it has."""
    return {
        "text": response.message.content or "",
        "thinking": thinking(response),
        "calls": calls(llm, response),
        "blocks": [block.block_type for block in response.message.blocks],
    }


def dumped(value: Any) -> str:
    """A value as text to search in."""
    return json.dumps(value, ensure_ascii=False)


class Song(BaseModel):
    """A song."""

    title: str
    verses: int = 0


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b
