"""One tree of errors: each failure has its class, a short readable message, and no secret."""

from __future__ import annotations

import pickle
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import orjson
import pytest

from aimlapi_transport import errors
from aimlapi_transport.errors import AIMLAPIError, error_for, error_in
from aimlapi_transport.retry import RetryPolicy

FLAT = {"requestId": "req-1", "statusCode": 400, "timestamp": "t", "path": "/v1", "message": "Body validation error"}


@pytest.mark.parametrize(
    ("status", "message", "kind", "retryable"),
    [
        (400, "Body validation error!", errors.InvalidRequestError, False),
        (400, "This model's maximum context length is 4096 tokens", errors.ContextLengthError, False),
        (400, "prompt is too long: 210000 tokens > 200000 maximum", errors.ContextLengthError, False),
        (400, "input length and `max_tokens` exceed context limit", errors.ContextLengthError, False),
        (401, "This request requires a valid API key.", errors.AuthenticationError, False),
        (402, "Payment required", errors.InsufficientCreditsError, False),
        (403, "Forbidden", errors.PermissionDeniedError, False),
        (403, "You've run out of credits. Please top up your balance", errors.InsufficientCreditsError, False),
        (404, "no such model", errors.NotFoundError, False),
        (408, "timeout", errors.ServerError, True),
        (409, "conflict", errors.ServerError, True),
        (413, "too large", errors.InvalidRequestError, False),
        (422, "unprocessable", errors.InvalidRequestError, False),
        (429, "Too Many Requests", errors.RateLimitError, True),
        (429, "Free-tier limit reached", errors.QuotaExceededError, False),
        (500, "Internal server error", errors.ServerError, True),
        (500, "the input exceeds the model's context window", errors.ContextLengthError, False),
        (503, "Service unavailable", errors.ServerError, True),
        (529, "overloaded", errors.ServerError, True),
        (418, "teapot", errors.InvalidRequestError, False),
    ],
)
def test_a_status_has_its_class(status: int, message: str, kind: type[AIMLAPIError], retryable: bool) -> None:
    error = error_for(status, orjson.dumps({**FLAT, "statusCode": status, "message": message}), {})
    assert (type(error), error.status_code, error.message) == (kind, status, message)
    assert error.is_retryable is retryable
    assert error.request_id == "req-1"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (FLAT, "Body validation error"),
        ({"error": {"message": "nested", "type": "x"}}, "nested"),
        ({"error": "plain"}, "plain"),
        ({"detail": "fastapi"}, "fastapi"),
        ([{"error": {"message": "in a list"}}], "in a list"),
        ({"message": '400 {"type":"error","error":{"type":"invalid_request_error","message":"upstream says"}}'}, "upstream says"),
        ({"message": "line one\nline two"}, "line one\nline two"),
        ("just text", "just text"),
        (b"", "The provider answered with status 400."),
        (b"null", "The provider answered with status 400."),
        (b"not json at all", "not json at all"),
        (b"<html><body>Bad</body></html>", "The provider answered with status 400."),
        (b"\xff\xfe\x00", None),
    ],
)  # fmt: skip
def test_the_message_is_found_in_every_shape(body: Any, message: str | None) -> None:
    error = error_for(400, body if isinstance(body, bytes) else orjson.dumps(body), {})
    assert message is None or error.message == message
    assert "400" in str(error)


def test_a_page_of_html_does_not_become_the_message() -> None:
    error = error_for(500, b"<html>" + b"x" * 200_000, {})
    assert len(str(error)) < 4000


def test_a_server_that_echoes_the_key_does_not_print_it() -> None:
    body = orjson.dumps({"message": "bad key KEY", "error": {"got": "Bearer KEY"}})
    error = error_for(401, body, {}, scrub=lambda text: text.replace("KEY", "[key removed]"))
    assert "KEY" not in f"{error!r}{error}{error.body}"


def test_a_key_hidden_by_escapes_or_in_an_id_is_not_printed() -> None:
    body = b'{"message": "bad K\\u0045Y", "requestId": "KEY"}'
    error = error_for(401, body, {}, scrub=lambda text: text.replace("KEY", "[key removed]"))
    assert "KEY" not in f"{error!r}{error}{error.body}{error.request_id}"


@pytest.mark.parametrize("kind", [getattr(errors, name) for name in errors.__all__ if name.endswith("Error")])
def test_every_error_survives_pickle(kind: type[AIMLAPIError]) -> None:
    error = kind("m", status_code=500, request_id="r", body={"a": 1}, retry_after=1.5, is_retryable=True)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.__dict__, str(copy)) == (kind, error.__dict__, str(error))


def test_connection_failures_and_timeouts_are_the_builtins_too() -> None:
    assert issubclass(errors.APIConnectionError, ConnectionError)
    assert issubclass(errors.APITimeoutError, TimeoutError)


@pytest.mark.parametrize(
    "payload", [{"choices": []}, {"error": None, "choices": [1]}, {"base_resp": {"status_code": 0}}, 3]
)
def test_what_is_no_error_is_none(payload: Any) -> None:
    assert error_in(payload) is None


NOW = datetime.now(timezone.utc)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
        ({"retry-after": format_datetime(NOW - timedelta(hours=1), usegmt=True)}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert error_for(429, b"", headers).retry_after == seconds


def test_retry_after_as_a_date() -> None:
    date = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=30), usegmt=True)
    seconds = error_for(503, b"", {"retry-after": date}).retry_after
    assert seconds is not None
    assert 25 < seconds <= 30


def test_the_servers_advice_on_retrying_is_taken() -> None:
    assert error_for(503, b"", {"x-should-retry": "false"}).is_retryable is False
    assert error_for(400, b"", {"x-should-retry": "true"}).is_retryable is True


@pytest.mark.parametrize(
    ("attempt", "failure", "seconds"),
    [
        (1, errors.ServerError("x"), 0.25),
        (2, errors.ServerError("x"), 0.5),
        (5, errors.ServerError("x"), 4.0),
        (9, errors.ServerError("x"), 4.0),
        (1, errors.RateLimitError("x", retry_after=7.0), 7.0),
        (1, errors.RateLimitError("x", retry_after=61.0), None),
        (1, errors.InvalidRequestError("x"), None),
        (1, errors.QuotaExceededError("x"), None),
        (1, errors.APITimeoutError("x"), 0.25),
        (11, errors.ServerError("x"), None),
    ],
)
def test_when_to_try_again(attempt: int, failure: AIMLAPIError, seconds: float | None) -> None:
    """Half of min(0.5 * 2^n, 8) seconds with the smallest jitter; what the provider asks for, up to a minute."""
    assert RetryPolicy(10, jitter=lambda: 0.0).delay(attempt, failure) == seconds


def test_jitter_spreads_the_wait_up_to_its_double() -> None:
    assert RetryPolicy(1, jitter=lambda: 0.999).delay(1, errors.ServerError("x")) == pytest.approx(0.5, rel=0.01)
