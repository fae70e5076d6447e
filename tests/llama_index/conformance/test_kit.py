"""The kit itself: it covers every row, and it sees an LLM that breaks a law."""

from __future__ import annotations

import re
from typing import Any

import pytest

from aimlapi_transport.config.retry import RetryPolicy
from llama_index_aimlapi import AIMLAPI
from tests.llama_index.conformance import test_aimlapi
from tests.llama_index.conformance.server import Server


def test_every_row_of_the_feature_table_has_a_test() -> None:
    found: set[int] = set()
    for kind in vars(test_aimlapi).values():
        for name in dir(kind) if isinstance(kind, type) else ():
            rows = re.match(r"test_row_((?:\d\d_)+)(?:to_(\d\d)_)?", name)
            if rows:
                numbers = [int(number) for number in rows.group(1).strip("_").split("_")]
                found |= {*numbers, *range(numbers[-1], int(rows.group(2) or numbers[-1]) + 1)}
    assert found == set(range(1, 68))


class _Leaky(AIMLAPI):
    def __repr__(self) -> str:
        return f"AIMLAPI({self._config()['api_key']})"


class _Forgetful(AIMLAPI):
    """Gives the same, mutable response again and again, as some do."""

    def stream_chat(self, messages: Any, **kwargs: Any) -> Any:
        first = None
        for response in super().stream_chat(messages, **kwargs):
            first = first or response
            first.message = response.message
            yield first


def test_the_secret_law_sees_a_leak() -> None:
    law = test_aimlapi.TestSecretLaw()
    law.make_llm = lambda url, **settings: _Leaky(api_base=url, **settings)  # type: ignore[method-assign]  # a faulty integration
    with Server() as server, pytest.raises(AssertionError, match="repr"):
        law.test_row_62_no_face_of_the_object_shows_the_key(server, {}, False)


def test_the_chunk_law_sees_a_response_that_changes() -> None:
    rows = test_aimlapi.TestToolRows()
    rows.make_llm = lambda url, **settings: _Forgetful(api_base=url, **settings)  # type: ignore[method-assign]  # a faulty integration
    with Server() as server, pytest.raises(AssertionError):
        rows.test_row_24_a_response_never_changes(server, "stream_chat")


def test_the_request_count_law_sees_one_request_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    law, decide = test_aimlapi.TestRequestCountLaw(), RetryPolicy.delay
    monkeypatch.setattr(RetryPolicy, "delay", lambda self, attempt, *rest, **kw: decide(self, attempt - 1, *rest, **kw))
    with law.no_waiting() as waits, Server() as server, pytest.raises(AssertionError):
        law.test_row_46_47_a_lasting_failure_costs_at_most_max_retries_plus_one_requests(
            server, waits, "chat", "500", 1
        )
