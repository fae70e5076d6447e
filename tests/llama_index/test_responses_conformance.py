"""The conformance kit, run on `AIMLAPI` under /v1/responses.

Left out, as `None`, are the tests that are of the body of a chat completion itself: its chunks, its parameters, and its
fields in a raw reply. `tests/transport/test_responses_*.py` hold the same of this endpoint's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from llama_index_aimlapi import AIMLAPI
from tests.llama_index.conformance.consumers_agents import AgentMatrix
from tests.llama_index.conformance.consumers_rag import RagMatrix
from tests.llama_index.conformance.law_loops import LoopLaw
from tests.llama_index.conformance.law_requests import RequestCountLaw
from tests.llama_index.conformance.rows_reasoning import UsageRows
from tests.llama_index.conformance.rows_tools import StructuredRows, ToolRows
from tests.llama_index.conformance.scenarios import Scenarios
from tests.llama_index.conformance.server import Server
from tests.llama_index.conformance.test_aimlapi import OurLLM
from tests.llama_index.responses_server import ResponsesServer


class OurResponsesLLM(OurLLM):
    lacks: Mapping[str, str] = {}

    @pytest.fixture
    def server(self) -> Iterator[Server]:
        with ResponsesServer() as server:
            yield server

    def make_llm(self, base_url: str, **settings: Any) -> AIMLAPI:
        return super().make_llm(base_url, use_responses_api=True, **settings)

    def make_llm_with_client(self, base_url: str, seen: Any, **settings: Any) -> AIMLAPI:
        return super().make_llm_with_client(base_url, seen, use_responses_api=True, **settings)


class TestRequestCountLaw(OurResponsesLLM, RequestCountLaw):
    test_row_59_what_a_call_says_wins_over_the_constructor = None  # type: ignore[assignment]
    test_row_60_a_parameter_nobody_heard_of_reaches_the_body = None  # type: ignore[assignment]


class TestUsageRows(OurResponsesLLM, UsageRows):
    test_row_12_13_counts_are_in_additional_kwargs = None  # type: ignore[assignment]


class TestToolRows(OurResponsesLLM, ToolRows):
    test_row_19_to_23_calls_are_read_in_any_shape = None  # type: ignore[assignment]


class TestStructuredRows(OurResponsesLLM, StructuredRows):
    test_row_36_a_stream_of_partial_objects = None  # type: ignore[assignment]


class TestLoopLaw(OurResponsesLLM, LoopLaw):
    pass


class TestAgentMatrix(OurResponsesLLM, AgentMatrix):
    test_reasoning_alone_is_not_lost = None  # type: ignore[assignment]


class TestRagMatrix(OurResponsesLLM, RagMatrix):
    pass


class TestScenarios(OurResponsesLLM, Scenarios):
    test_reasoning_alone_is_an_answer = None  # type: ignore[assignment]
