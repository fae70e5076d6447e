"""Calls that ask for what only /v1/responses has go there by themselves, whichever framework makes them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from llama_index.core.base.llms.types import ChatMessage

from langchain_aimlapi import ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI

PROVIDER, ELSEWHERE = "https://api.aimlapi.com/v1", "http://127.0.0.1:9/v1"
SEARCH = {"type": "web_search"}
CUSTOM = {"type": "custom", "name": "run", "description": "Runs."}


def paths(url: str, settings: dict[str, Any], call: dict[str, Any]) -> list[str]:
    """Where each framework's call goes."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        message = {"role": "assistant", "content": "hi"}
        whole = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
        output = [{"type": "message", "content": [{"type": "output_text", "text": "hi"}]}]
        return httpx.Response(
            200, json={"id": "r", "object": "response", "status": "completed", "output": output, **whole}
        )

    client = httpx.Client(transport=httpx.MockTransport(answer))
    common = {"model": "openai/gpt-4o", "api_key": "k", "http_client": client, **settings}
    theirs = {"reasoning": "reasoning_options"}
    ChatAIMLAPI(base_url=url, **common).invoke("Hi", **call)
    renamed = {theirs.get(name, name): value for name, value in common.items()}
    AIMLAPI(api_base=url, **renamed).chat([ChatMessage("Hi")], **call)
    return [path.removeprefix("/v1") for path in seen]


@pytest.mark.parametrize(
    ("settings", "call", "at_the_provider", "elsewhere"),
    [
        ({}, {}, "/chat/completions", "/chat/completions"),
        ({}, {"tools": [SEARCH]}, "/responses", "/responses"),
        ({}, {"tools": [CUSTOM]}, "/chat/completions", "/responses"),
        ({"include": ["web_search_call.action.sources"]}, {}, "/responses", "/responses"),
        ({"truncation": "auto"}, {}, "/responses", "/responses"),
        ({"reasoning": {"effort": "low", "summary": "auto"}}, {}, "/responses", "/responses"),
        ({"reasoning": {"effort": "low"}}, {}, "/chat/completions", "/responses"),
        ({}, {"previous_response_id": "r0"}, "/responses", "/responses"),
        ({"use_responses_api": False}, {"tools": [SEARCH]}, "/chat/completions", "/chat/completions"),
    ],
)
@pytest.mark.filterwarnings("ignore::aimlapi_transport.user_warnings.UnlistedParameterWarning")
def test_where_calls_go(settings: Any, call: Any, at_the_provider: str, elsewhere: str) -> None:
    assert paths(PROVIDER, settings, call) == [at_the_provider] * 2
    assert paths(ELSEWHERE, settings, call) == [elsewhere] * 2
