"""One tree of errors: each failure has its class, a short readable message, and no secret."""

from __future__ import annotations

import pickle
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import orjson
import pytest

from aimlapi_transport import errors, stream_errors
from aimlapi_transport.config.retry import RetryPolicy
from aimlapi_transport.errors import AIMLAPIError, error_for, error_in

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


OVERFLOWS = {
    "OpenAI": "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
    "OpenAI, newer": "Your input exceeds the context window of this model. Please adjust your input and try again.",
    "OpenAI, configured": "Input tokens exceed the configured limit of 272000 tokens.",
    "OpenAI, over a minute's tokens": "Request too large for gpt-4o in organization o on tokens per min (TPM): Limit 30000, Requested 40000. The input or output tokens must be reduced in order to run successfully.",
    "Anthropic": "prompt is too long: 213462 tokens > 200000 maximum",
    "Anthropic, with output": "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000",
    "Google": "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).",
    "Google, Vertex": "the input token count is 1000000 but model only supports up to 32768. Reduce the input token count.",
    "xAI": "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    "Groq": "Please reduce the length of the messages or completion.",
    "Mistral": "Prompt contains 65673 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
    "Alibaba": "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 129024]",
    "Zhipu": "Prompt exceeds max length",
    "Zhipu, Chinese": "Prompt 超长",
    "MiniMax": "invalid params, context window exceeds limit (2013)",
    "Moonshot": "Invalid request: Your request exceeded model token limit: 8192 (requested: 9000)",
    "ByteDance": "Total tokens of image and text exceed max message tokens.",
    "Baidu": "prompt tokens too long",
    "Cohere": "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000.",
    "NVIDIA": "The sequence length 5000 exceeds the maximum 4096",
    "Bedrock": "Input is too long for requested model.",
    "Bedrock, counted": "Number of input tokens exceeds maximum length. Please update the input to try again.",
    "Together": "`inputs` tokens + `max_new_tokens` must be <= 8193. Given: 8190 `inputs` tokens and 512 `max_new_tokens`",
    "Together, newer": "The input (516368 tokens) is longer than the model's context length (262144 tokens).",
    "vLLM": "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
    "llama.cpp": "the request exceeds the available context size, try increasing it",
    "LiteLLM": "litellm.ContextWindowExceededError: litellm.BadRequestError",
    "OpenRouter": "Input length 131393 exceeds the maximum allowed input length of 131040 tokens.",
}  # fmt: skip
NO_OVERFLOWS = [
    "max_tokens is too large: 100000. This model supports at most 16384 completion tokens",
    "`max_tokens` exceeds the limit of 8192 output tokens",
    "Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 20000, Requested 15000.",
    "This request would exceed your organization's rate limit of 30,000 input tokens per minute",
    "Throttling error: Too many tokens, please wait before trying again.",
    "string too long. Expected a string with maximum length 1048576",
    "request entity too large",
    "Image is too large",
    "Invalid 'temperature': exceeds the maximum of 2",
    "Too Many Requests",
]


@pytest.mark.parametrize("status", [200, 400, 429, 500])
@pytest.mark.parametrize("vendor", OVERFLOWS)
def test_a_full_context_is_known_in_every_vendors_words(vendor: str, status: int) -> None:
    """Whatever its status, also inside a 200 or a stream; and asking again would only repeat it."""
    body = {"error": {"message": OVERFLOWS[vendor], "type": "invalid_request_error"}}
    error = error_in(body) if status == 200 else error_for(status, orjson.dumps(body), {})
    assert isinstance(error, errors.ContextLengthError)
    assert isinstance(error, errors.StreamError) is (status == 200)
    assert error.is_retryable is False


@pytest.mark.parametrize("words", NO_OVERFLOWS)
def test_other_words_of_lengths_are_no_full_context(words: str) -> None:
    for status in (400, 429, 500):
        assert not isinstance(error_for(status, orjson.dumps({"error": words}), {}), errors.ContextLengthError)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "no", "code": "context_length_exceeded"}},
        {"error": {"message": "no", "type": "exceed_context_size_error"}},
        {"message": '400 {"error":{"message":"no","code":"context_length_exceeded"}}'},
    ],
)
def test_a_full_context_is_known_by_its_code(body: Any) -> None:
    assert type(error_for(400, orjson.dumps(body), {})) is errors.ContextLengthError
    assert type(error_in(body)) is stream_errors.ContextLengthError
    assert type(error_in(body, whole=True)) is errors.ContextLengthError


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
