"""The tree of exceptions, and the mapping of statuses and error bodies to them.

To give a status its own class, add a row to `_BY_STATUS`.

    AIMLAPIError
    +-- AuthenticationError          401, or no key to send
    +-- PermissionDeniedError        403
    |   +-- InsufficientCreditsError 403 when credits ran out (the provider's documented status for it), 402
    +-- NotFoundError                404
    +-- InvalidRequestError          400, 413, 422, other 4xx, or refused before anything was sent
    |   +-- ContextLengthError       the messages are longer than the model reads
    +-- RateLimitError               429
    |   +-- QuotaExceededError       429 that waiting does not cure
    +-- ServerError                  5xx, 408, 409
    +-- APIConnectionError           (also a ConnectionError) no answer came
    |   +-- APITimeoutError          (also a TimeoutError) nothing came for too long
    +-- BudgetExceededError          a call that would pass `budget_usd`: it was not sent
    +-- BadResponseError             a 200 that is no answer
    +-- GenerationError              a film, a song or a transcript that was ordered failed
    +-- StreamError                  a stream said it failed; with a status it is of that class, too (`stream_errors`)
        +-- IncompleteStreamError    a stream ended before its answer did; `.partial` holds what arrived
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aimlapi_transport.error_bodies import (
    BODY_LIMIT,
    beginning,
    message_and_id,
    public_headers,
    retry_after,
    scrubbed,
    shortened,
    status_in,
)
from aimlapi_transport.error_messages import says_no_credits, says_overflow, says_quota
from aimlapi_transport.json_codec import JsonError, loads

__all__ = [
    "AIMLAPIError",
    "APIConnectionError",
    "APITimeoutError",
    "AuthenticationError",
    "BadResponseError",
    "BudgetExceededError",
    "ContextLengthError",
    "GenerationError",
    "IncompleteStreamError",
    "InsufficientCreditsError",
    "InvalidRequestError",
    "NotFoundError",
    "PermissionDeniedError",
    "QuotaExceededError",
    "RateLimitError",
    "ServerError",
    "StreamError",
    "beginning",
    "error_for",
    "error_in",
    "public_headers",
]


class AIMLAPIError(Exception):
    """Any failure of a call.

    Attributes:
        message: one readable sentence, the provider's own where it sent one; never holds the key.
        status_code: the HTTP status (or the one a body claimed), None where nothing answered.
        request_id: the provider's `x-inference-id` or `requestId`, to quote to its support.
        body: what the provider sent: parsed JSON, or text.
        headers: the reply's, names in lower case; empty where nothing answered.
        retry_after: seconds the provider asked to wait, None where it did not say.
        is_retryable: whether the caller may send the same request again with a chance of success. That we do not do so
            ourselves after the first piece of a stream is another matter.
        partial: what had arrived of a broken answer (a `Completion`), None elsewhere.
        cost_usd: what was paid for a generation that failed, where the provider says; None elsewhere.
        generation: of media (`aimlapi_transport.media.values.Generation`), what failed or is not there yet; it can be
            waited for again. None elsewhere.
    """

    is_retryable: bool = False
    cost_usd: float | None = None
    generation: Any = None

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        request_id: str | None = None,
        body: Any = None,
        retry_after: float | None = None,
        is_retryable: bool | None = None,
        partial: Any = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code
        self.request_id = request_id
        self.body = body
        self.headers: dict[str, str] = {}
        self.retry_after = retry_after
        self.partial = partial
        if is_retryable is not None:
            self.is_retryable = is_retryable

    def __str__(self) -> str:
        notes = [f"status {self.status_code}"] if self.status_code is not None else []
        if self.request_id:
            notes.append(f"request id {self.request_id}")
        return f"{self.message} ({', '.join(notes)})" if notes else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, dict(self.__dict__))


def _rebuild(cls: type[AIMLAPIError], message: str, state: dict[str, Any]) -> AIMLAPIError:
    error = cls(message)
    error.__dict__.update(state)
    return error


class AuthenticationError(AIMLAPIError):
    """The key is missing, malformed, or not accepted (401)."""

    is_retryable = False


class PermissionDeniedError(AIMLAPIError):
    """The key may not do this (403)."""

    is_retryable = False


class InsufficientCreditsError(PermissionDeniedError):
    """The account ran out of credits: the provider says so with 403."""


class NotFoundError(AIMLAPIError):
    """No such model or endpoint (404)."""

    is_retryable = False


class InvalidRequestError(AIMLAPIError):
    """The request is wrong: refused by the provider (400, 413, 422), or by us before sending it.

    It is no ValueError: LlamaIndex takes those of an LLM for answers it could not parse, and goes on without one.
    """

    is_retryable = False


class ContextLengthError(InvalidRequestError):
    """The messages and the output limit together exceed the model's context."""


class RateLimitError(AIMLAPIError):
    """Too many requests (429)."""

    is_retryable = True


class QuotaExceededError(RateLimitError):
    """A quota is used up: waiting a little does not cure it (429)."""

    is_retryable = False


class ServerError(AIMLAPIError):
    """The provider failed (5xx), or asked to send the request again (408, 409)."""

    is_retryable = True


class APIConnectionError(AIMLAPIError, ConnectionError):
    """No connection, or it broke before an answer."""

    is_retryable = True


class APITimeoutError(APIConnectionError, TimeoutError):
    """Nothing came for longer than `timeout`."""


class BudgetExceededError(AIMLAPIError):
    """A call that would have passed a budget (`budget_usd`); it was not sent."""


class BadResponseError(AIMLAPIError):
    """The provider answered 200, but not with an answer."""


class GenerationError(AIMLAPIError):
    """A film, a song or a transcript that was ordered failed at the provider."""


class StreamError(AIMLAPIError):
    """The provider reported a failure inside a stream."""

    is_retryable = True


class IncompleteStreamError(StreamError):
    """The stream ended before the answer did: `partial` holds what arrived."""


_BY_STATUS: dict[int, type[AIMLAPIError]] = {
    401: AuthenticationError,
    402: InsufficientCreditsError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: ServerError,
    409: ServerError,
    429: RateLimitError,
}


def error_for(
    status: int, body: bytes, headers: Mapping[str, str], *, scrub: Callable[[str], str] = lambda text: text
) -> AIMLAPIError:
    """The exception for a refused request.

    Args:
        status: the HTTP status.
        body: the reply as it came, of any shape: the provider's flat object, OpenAI's nested one, HTML, nothing.
        headers: the reply's headers (case-insensitive).
        scrub: removes secrets from text a server may have echoed.
    """
    text = beginning(body, BODY_LIMIT, scrub)
    try:
        value = scrubbed(loads(text), scrub)  # once more: JSON's escapes may have hidden a secret
        message, request_id = message_and_id(value)
    except JsonError:  # a page, plain words, or the beginning of something long
        value = text
        message, request_id = "" if text.lstrip()[:1] in ("<", "{", "[") else text.strip(), None
    error = _classified(status, message, value)
    request_id = headers.get("x-inference-id") or request_id or headers.get("x-request-id")
    error.request_id = scrub(request_id) if request_id else None
    error.headers = public_headers(headers, scrub)
    error.retry_after = retry_after(headers)
    advice = headers.get("x-should-retry", "").lower()
    if advice in ("true", "false"):
        error.is_retryable = advice == "true" and not isinstance(error, QuotaExceededError)
    return error


def error_in(
    payload: Any, *, whole: bool = False, scrub: Callable[[str], str] = lambda text: text
) -> AIMLAPIError | None:
    """The error a 200 reply (`whole`) or a stream's event carries in its body, None where it carries none.

    Known shapes: `{"error": {...} | "text"}`, the flat `{"statusCode", "message"}`, MiniMax's `base_resp`,
    and a choice that holds an `error` or finished with `error`.
    """
    if not isinstance(payload, dict):
        return None
    source: Any = None
    if payload.get("error"):
        source = payload["error"]
    elif (payload.get("statusCode") and not payload.get("choices")) or (
        payload.get("type") == "error" and payload.get("message")
    ):
        source = payload
    elif isinstance(payload.get("base_resp"), dict) and payload["base_resp"].get("status_code"):
        source = payload["base_resp"]
    elif not payload.keys() & {"choices", "usage", "meta", "event"} and message_and_id(payload)[0]:
        source = payload  # a shape of its own, but it holds a message and nothing of an answer
    else:
        choices = payload.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and (choice.get("error") or choice.get("finish_reason") == "error"):
                source = choice.get("error") or {"message": "the model reported an error"}
    if source is None:
        return None
    message, request_id = message_and_id(source if isinstance(source, (dict, list)) else {"message": source})
    message = scrub((message or "the provider reported an error without a message")[:BODY_LIMIT])
    status = status_in(source) or status_in(payload)
    body = scrubbed(payload, scrub)
    if status is None:
        overflow = says_overflow(message, payload)
        cls = ContextLengthError if overflow else BadResponseError if whole else StreamError
        error: AIMLAPIError = (cls if whole else _stream_kind(cls))(shortened(message), body=body)
    else:
        error = _classified(status, message, body, in_stream=not whole)
    request_id = request_id or message_and_id(payload)[1]
    error.request_id = scrub(request_id) if request_id else None
    return error


def _stream_kind(kind: type[AIMLAPIError]) -> type[AIMLAPIError]:
    from aimlapi_transport.stream_errors import stream_kind  # that module's classes are made of this one's

    return stream_kind(kind)


def _classified(status: int, message: str, body: Any, *, in_stream: bool = False) -> AIMLAPIError:
    cls = _BY_STATUS.get(status) or (ServerError if status >= 500 else InvalidRequestError)
    if cls is PermissionDeniedError and says_no_credits(message):
        cls = InsufficientCreditsError
    elif issubclass(cls, (InvalidRequestError, ServerError, RateLimitError)) and says_overflow(message, body):
        cls = ContextLengthError  # some vendors report it as 429 or 500: trying again would only repeat it
    elif cls is RateLimitError and says_quota(message):
        cls = QuotaExceededError
    if in_stream:
        cls = _stream_kind(cls)
    return cls(shortened(message) or f"The provider answered with status {status}.", status_code=status, body=body)
