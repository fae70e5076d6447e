"""The classes of `errors` for failures that a stream reports after it began: each is also a StreamError.

To catch one, catch its class in `errors`, or `StreamError`. Whether to retry, the class of the status says.
"""

from __future__ import annotations

from aimlapi_transport import errors

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
    "stream_kind",
]


class AuthenticationError(errors.AuthenticationError, errors.StreamError):
    """A stream said that it failed with 401."""


class PermissionDeniedError(errors.PermissionDeniedError, errors.StreamError):
    """A stream said that it failed with 403."""


class InsufficientCreditsError(errors.InsufficientCreditsError, PermissionDeniedError):
    """A stream said that it failed because credits ran out."""


class NotFoundError(errors.NotFoundError, errors.StreamError):
    """A stream said that it failed with 404."""


class InvalidRequestError(errors.InvalidRequestError, errors.StreamError):
    """A stream said that it failed with 400, 413, 422 or another 4xx."""


class ContextLengthError(errors.ContextLengthError, InvalidRequestError):
    """A stream said that the messages are longer than the model reads."""


class RateLimitError(errors.RateLimitError, errors.StreamError):
    """A stream said that it failed with 429."""


class QuotaExceededError(errors.QuotaExceededError, RateLimitError):
    """A stream said that it failed because a quota is used up."""


class ServerError(errors.ServerError, errors.StreamError):
    """A stream said that it failed with 5xx, 408 or 409."""


_KINDS: dict[type[errors.AIMLAPIError], type[errors.StreamError]] = {
    errors.AuthenticationError: AuthenticationError,
    errors.PermissionDeniedError: PermissionDeniedError,
    errors.InsufficientCreditsError: InsufficientCreditsError,
    errors.NotFoundError: NotFoundError,
    errors.InvalidRequestError: InvalidRequestError,
    errors.ContextLengthError: ContextLengthError,
    errors.RateLimitError: RateLimitError,
    errors.QuotaExceededError: QuotaExceededError,
    errors.ServerError: ServerError,
}


def stream_kind(kind: type[errors.AIMLAPIError]) -> type[errors.AIMLAPIError]:
    """The class of a failure of this class that a stream reports after it began."""
    return _KINDS.get(kind, kind)
