"""A generation that failed -> the error of its kind. Pure.

A poll answers 200 also where the work failed, and says so in its body.
Source: https://docs.aimlapi.com/api-references/video-models (`error` of the poll's schema, and one recorded reply)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from aimlapi_transport.error_bodies import message_and_id
from aimlapi_transport.error_messages import says_no_credits, says_quota
from aimlapi_transport.error_replies import error_in
from aimlapi_transport.errors import (
    AIMLAPIError,
    APITimeoutError,
    BadResponseError,
    GenerationError,
    InsufficientCreditsError,
    InvalidRequestError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
)
from aimlapi_transport.media.payloads import as_object
from aimlapi_transport.media.states import payload_error

# Words of an error's name, type or message -> its class; the first that fits.
_KINDS: tuple[tuple[str, type[AIMLAPIError]], ...] = (
    (r"rate.?limit|too many requests|throttl", RateLimitError),
    (r"time.?d?.?out", APITimeoutError),
    (
        r"invalid|validation|bad.?request|unsupported|moderat|polic|safety|nsfw|sensitive|not allowed",
        InvalidRequestError,
    ),
    (r"internal|unavailable|server.?error|overload", ServerError),
)


def generation_failure(payload: Any, scrub: Callable[[str], str]) -> AIMLAPIError:
    """The error that a poll's reply tells of.

    Known shapes of `error`: `{name, message}`, a text, and `{detail: [{loc, msg, type}]}` (an argument was refused).
    """
    source = payload_error(payload)
    if source is None or not message_and_id(source)[0]:  # beside it, or nothing but a name
        source = {**as_object(source), "message": _words_beside(payload, source)}
    classified = error_in({**as_object(payload), "error": source}, whole=True, scrub=scrub)
    error = classified or GenerationError("The generation failed.")
    if type(error) is BadResponseError:  # no status says more
        message, body = error.message, error.body
        error = _class_of(source, message)(message, body=body)
    error.is_retryable = isinstance(error, (RateLimitError, ServerError)) and not isinstance(error, QuotaExceededError)
    return error


def _words_beside(payload: Any, source: Any) -> str:
    """What a reply says of a failure elsewhere than in its `error`."""
    body, names = as_object(payload), as_object(source)
    words = (
        message_and_id({**body, "error": None})[0],
        body.get("failure_reason"),
        names.get("name"),
        names.get("type"),
    )
    return next((word for word in words if isinstance(word, str) and word), "The generation failed.")


def _class_of(source: Any, message: str) -> type[AIMLAPIError]:
    if says_no_credits(message):
        return InsufficientCreditsError
    if says_quota(message):
        return QuotaExceededError
    if isinstance(source, dict) and isinstance(source.get("detail"), list):
        return InvalidRequestError
    words = [source.get(name) for name in ("name", "type", "code")] if isinstance(source, dict) else []
    text = " ".join(str(word) for word in (*words, message) if word)
    return next((cls for pattern, cls in _KINDS if re.search(pattern, text, re.IGNORECASE)), GenerationError)
