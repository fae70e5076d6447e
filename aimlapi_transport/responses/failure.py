"""The `error` event, and the `error` of a failed response -> an exception of the tree in `errors`."""

from __future__ import annotations

from collections.abc import Callable

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.error_replies import error_in
from aimlapi_transport.errors import (
    AIMLAPIError,
    BadResponseError,
    InvalidRequestError,
    RateLimitError,
    ServerError,
    StreamError,
)
from aimlapi_transport.stream_errors import stream_kind

# The endpoint's codes that are an HTTP status in all but name.
_BY_CODE: dict[str, type[AIMLAPIError]] = {
    "server_error": ServerError,
    "rate_limit_exceeded": RateLimitError,
    "vector_store_timeout": ServerError,
    "failed_to_download_image": ServerError,
    "invalid_prompt": InvalidRequestError,
    "bio_policy": InvalidRequestError,
    "invalid_image": InvalidRequestError,
    "invalid_image_format": InvalidRequestError,
    "invalid_base64_image": InvalidRequestError,
    "invalid_image_url": InvalidRequestError,
    "image_content_policy_violation": InvalidRequestError,
}


_NO_MESSAGE = "The provider reported a failure without a message."


def failure(source: Json, *, whole: bool = False, scrub: Callable[[str], str] = lambda text: text) -> AIMLAPIError:
    """The exception for an event, or a `whole` response, that says it failed."""
    inner = source.get("error")
    if not inner:
        names = ("code", "message", "param", "status", "statusCode")
        inner = {name: source[name] for name in names if source.get(name)}
    inner = inner if isinstance(inner, dict) else {"message": inner}
    if not inner.get("message"):
        code = f" ({inner['code']})" if inner.get("code") else ""
        text = "The response was cancelled." if source.get("status") == "cancelled" else _NO_MESSAGE
        inner = {**inner, "message": f"{text}{code}"}
    error = error_in({"error": inner}, whole=whole, scrub=scrub) or StreamError("The provider reported a failure.")
    if type(error) in (StreamError, BadResponseError):
        known = _BY_CODE.get(str(inner.get("code")), StreamError)
        error = (known if whole else stream_kind(known))(error.message, body=error.body)
        if source.get("status") == "cancelled":
            error.is_retryable = False  # it stays so
    return error
