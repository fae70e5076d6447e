"""The classes of `errors` for failures that a stream reports after it began: each is also a StreamError.

To catch one, catch its class in `errors`, or `StreamError`. Whether to retry, the class of the status says.
The names and the tree are those of `aimlapi_transport.stream_errors`.
"""

from __future__ import annotations

from aimlapi_transport import errors as base
from aimlapi_transport import stream_errors as transport
from langchain_aimlapi import errors

__all__ = [
    "AuthenticationError",
    "ContextLengthError",
    "InsufficientCreditsError",
    "InvalidRequestError",
    "NotFoundError",
    "PermissionDeniedError",
    "QuotaExceededError",
    "RateLimitError",
    "ServerError",
]


class AuthenticationError(errors.AuthenticationError, errors.StreamError, transport.AuthenticationError):
    """A stream said that it failed with 401."""


class PermissionDeniedError(errors.PermissionDeniedError, errors.StreamError, transport.PermissionDeniedError):
    """A stream said that it failed with 403."""


class InsufficientCreditsError(
    errors.InsufficientCreditsError, PermissionDeniedError, transport.InsufficientCreditsError
):
    """A stream said that it failed because credits ran out."""


class NotFoundError(errors.NotFoundError, errors.StreamError, transport.NotFoundError):
    """A stream said that it failed with 404."""


class InvalidRequestError(errors.InvalidRequestError, errors.StreamError, transport.InvalidRequestError):
    """A stream said that it failed with 400, 413, 422 or another 4xx."""


class ContextLengthError(errors.ContextLengthError, InvalidRequestError, transport.ContextLengthError):
    """A stream said that the messages are longer than the model reads."""


class RateLimitError(errors.RateLimitError, errors.StreamError, transport.RateLimitError):
    """A stream said that it failed with 429."""


class QuotaExceededError(errors.QuotaExceededError, RateLimitError, transport.QuotaExceededError):
    """A stream said that it failed because a quota is used up."""


class ServerError(errors.ServerError, errors.StreamError, transport.ServerError):
    """A stream said that it failed with 5xx, 408 or 409."""


KINDS: dict[type[base.AIMLAPIError], type[base.AIMLAPIError]] = {
    getattr(base, name): getattr(errors, name) for name in errors.__all__ if hasattr(base, name)
}
"""The transport's class -> LangChain's, of all failures."""
KINDS |= {getattr(transport, name): globals()[name] for name in __all__}
