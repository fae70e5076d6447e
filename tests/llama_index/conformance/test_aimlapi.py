"""The conformance kit, run on `AIMLAPI`."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import pytest

from aimlapi_transport.client import AsyncClient, Client
from aimlapi_transport.errors import AIMLAPIError
from llama_index_aimlapi import AIMLAPI
from tests.llama_index.conformance.consumers_agents import AgentMatrix
from tests.llama_index.conformance.consumers_rag import RagMatrix
from tests.llama_index.conformance.integration import Integration
from tests.llama_index.conformance.law_chunks import ChunkLaw
from tests.llama_index.conformance.law_faults import FaultLaw
from tests.llama_index.conformance.law_loops import LoopLaw
from tests.llama_index.conformance.law_metadata import MetadataLaw
from tests.llama_index.conformance.law_replay import ReplayLaw
from tests.llama_index.conformance.law_requests import RequestCountLaw
from tests.llama_index.conformance.law_secrets import SecretLaw
from tests.llama_index.conformance.rows_content import ContentRows, ModelRows
from tests.llama_index.conformance.rows_reasoning import ReasoningRows, UsageRows
from tests.llama_index.conformance.rows_tools import StructuredRows, ToolRows
from tests.llama_index.conformance.scenarios import Scenarios


class OurLLM(Integration):
    """What the kit must know about `AIMLAPI`."""

    lacks: Mapping[str, str] = {}
    known_model = ("openai/gpt-4o", 128_000)
    default_context_window = 3900
    think_model = "minimax/m2"
    replay_models: Mapping[str, str] = {
        "deepseek/deepseek-reasoner": "tool_loop",
        "minimax/m2": "always",
    }
    replay_on: Mapping[str, Any] = {"replay_reasoning": True}
    replay_off: Mapping[str, Any] = {"replay_reasoning": False}
    json_schema_settings: Mapping[str, Any] = {"should_use_structured_outputs": True}
    key_variable = "AIMLAPI_API_KEY"
    facts: Mapping[str, str] = {**Integration.facts, "request_id": "inference_id"}
    cost_reply = ({"meta": {"usage": {"credits_used": 1000, "usd_spent": 0.5}}}, 0.5)
    request_id_header = "x-inference-id"
    errors = (AIMLAPIError,)
    distribution = "aimlapi-integrations"
    extra = "llama-index"
    module = "llama_index_aimlapi"
    allowed_packages = frozenset(("orjson",))

    def make_llm(self, base_url: str, **settings: Any) -> AIMLAPI:
        return AIMLAPI(api_base=base_url, **settings)

    def make_llm_with_client(self, base_url: str, seen: Callable[[], None], **settings: Any) -> AIMLAPI:
        async def aseen(_: httpx.Request) -> None:
            seen()

        return AIMLAPI(
            api_base=base_url,
            http_client=httpx.Client(event_hooks={"request": [lambda _: seen()]}),
            async_http_client=httpx.AsyncClient(event_hooks={"request": [aseen]}),
            **settings,
        )

    @contextlib.contextmanager
    def no_waiting(self) -> Iterator[list[float]]:
        """The clients take the clock as an argument; this replaces its default."""
        waits: list[float] = []

        async def asleep(seconds: float) -> None:
            waits.append(seconds)

        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(Client.__init__.__kwdefaults__, "sleep", waits.append)
            patch.setitem(AsyncClient.__init__.__kwdefaults__, "sleep", asleep)
            yield waits


class TestChunkLaw(OurLLM, ChunkLaw):
    pass


class TestRequestCountLaw(OurLLM, RequestCountLaw):
    pass


class TestFaultLaw(OurLLM, FaultLaw):
    pass


class TestReplayLaw(OurLLM, ReplayLaw):
    pass


class TestReasoningRows(OurLLM, ReasoningRows):
    pass


class TestUsageRows(OurLLM, UsageRows):
    pass


class TestToolRows(OurLLM, ToolRows):
    pass


class TestStructuredRows(OurLLM, StructuredRows):
    pass


class TestContentRows(OurLLM, ContentRows):
    pass


class TestModelRows(OurLLM, ModelRows):
    pass


class TestLoopLaw(OurLLM, LoopLaw):
    @pytest.fixture(autouse=True)
    def nothing_is_still_closing(self) -> None:
        """What earlier tests dropped is closed before sockets are counted, not meanwhile."""
        gc.collect()


class TestSecretLaw(OurLLM, SecretLaw):
    pass


class TestMetadataLaw(OurLLM, MetadataLaw):
    pass


class TestAgentMatrix(OurLLM, AgentMatrix):
    pass


class TestRagMatrix(OurLLM, RagMatrix):
    pass


class TestScenarios(OurLLM, Scenarios):
    pass
