"""What the loggers say: requests, replies and retries, and never a key or a content."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.scripted import DONE, answer, close, reply, scripted, stream
from tests.transport.calls import CALLS, KEY, PIECES, outcome

SECRETS = (KEY, "Hello", "Hi", "hidden")


def said(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    """The messages of our loggers at a level; nothing of ours stands under another library's name."""
    records = [record for record in caplog.records if record.pathname.count("aimlapi_transport")]
    assert all(record.name.startswith("aimlapi_transport.") for record in records)
    return [record.getMessage() for record in records if record.levelno == level]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("streamed", [False, True])
def test_each_retry_says_when_and_why(call: Any, streamed: bool, caplog: pytest.LogCaptureFixture) -> None:
    whole = stream(*PIECES, DONE) if streamed else reply(body=answer())
    acts = reply(429, {"message": f"echoes {KEY}"}, retry_after="0.4"), close(), reply(503), whole
    with caplog.at_level(logging.INFO, "aimlapi_transport"):
        assert outcome(call, acts, streamed, max_retries=3)[2] == 4
    first, second, third = said(caplog, logging.INFO)
    assert first == "retrying in 0.4 s after 429, attempt 2 of 4"
    assert second.startswith("retrying in ") and second.endswith(" s after APIConnectionError, attempt 3 of 4")
    assert third.endswith(" s after 503, attempt 4 of 4")
    assert said(caplog, logging.DEBUG) == []


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("streamed", [False, True])
def test_requests_and_replies_are_said_without_keys_and_contents(
    call: Any, streamed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    whole = stream(*PIECES, DONE) if streamed else reply(body=answer(), x_request_id="id-1")
    with caplog.at_level(logging.DEBUG, "aimlapi_transport"):
        outcome(call, (whole,), streamed, query={"token": "hidden"}, headers={"x-team": "hidden"})
    sent, came = said(caplog, logging.DEBUG)
    assert sent.startswith("POST http://127.0.0.1:") and sent.endswith(" bytes") and "/v1/chat/completions," in sent
    assert came.startswith("200 from http://127.0.0.1:")
    assert came.endswith("request id None" if streamed else "request id id-1")
    assert not [secret for secret in SECRETS for text in (sent, came) if secret in text]


def test_a_retry_of_a_service_call_is_said(caplog: pytest.LogCaptureFixture) -> None:
    from aimlapi_transport import Client

    body = {"models": []}
    with scripted(reply(503), reply(body=body)) as server, caplog.at_level(logging.INFO, "aimlapi_transport"):
        Client(api_key=KEY, base_url=server.base_url, sleep=lambda seconds: None).metrics(["m"])
    assert len(said(caplog, logging.INFO)) == 1
