"""The status and the body of a refused reply, or an event of a stream, -> an exception of the tree in `errors`. Pure.

To give a status its own class, add a row to `_BY_STATUS`.
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
from aimlapi_transport.errors import (
    AIMLAPIError,
    AuthenticationError,
    BadResponseError,
    ContextLengthError,
    InsufficientCreditsError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
    StreamError,
)
from aimlapi_transport.json_codec import JsonError, loads
from aimlapi_transport.stream_errors import stream_kind

__all__ = ["error_for", "error_in"]

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
        body: the raw reply, of any shape: the provider's flat object, OpenAI's nested one, HTML, nothing.
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
        error: AIMLAPIError = (cls if whole else stream_kind(cls))(shortened(message), body=body)
    else:
        error = _classified(status, message, body, in_stream=not whole)
    request_id = request_id or message_and_id(payload)[1]
    error.request_id = scrub(request_id) if request_id else None
    return error


def _classified(status: int, message: str, body: Any, *, in_stream: bool = False) -> AIMLAPIError:
    cls = _BY_STATUS.get(status) or (ServerError if status >= 500 else InvalidRequestError)
    if cls is PermissionDeniedError and says_no_credits(message):
        cls = InsufficientCreditsError
    elif issubclass(cls, (InvalidRequestError, ServerError, RateLimitError)) and says_overflow(message, body):
        cls = ContextLengthError  # some vendors report it as 429 or 500: trying again would only repeat it
    elif cls is RateLimitError and says_quota(message):
        cls = QuotaExceededError
    if in_stream:
        cls = stream_kind(cls)
    return cls(shortened(message) or f"The provider answered with status {status}.", status_code=status, body=body)
