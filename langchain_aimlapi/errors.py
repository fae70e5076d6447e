"""The transport's errors, each also the LangChain exception of its kind: one `except` of either catches it.

To give a transport error its LangChain kind, add a class of the same name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import langchain_aimlapi._framework  # noqa: F401  # says what to install where it is missing

from langchain_core import exceptions

from aimlapi_transport import errors as transport
from aimlapi_transport.lazy_imports import lazy_names

if TYPE_CHECKING:
    from langchain_core import exceptions as core

    from langchain_aimlapi.error_translation import translated as translated
else:

    class _Exceptions:
        """LangChain's exceptions; before langchain-core 1.6 their root stands for those that it had not yet."""

        def __getattr__(self, name: str) -> type[Exception]:
            return getattr(exceptions, name, exceptions.LangChainException)

    core = _Exceptions()

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
    "InvalidToolCallError",
    "NotFoundError",
    "PermissionDeniedError",
    "QuotaExceededError",
    "RateLimitError",
    "Response",
    "ServerError",
    "StreamError",
    "translated",
]


AIMLAPIError = transport.AIMLAPIError


class Response(NamedTuple):
    """The refused reply in the form LangChain's tracing reads it; holds no key, and no connection.

    Attributes:
        status_code: of HTTP, or the one the body claimed; None where neither is known.
        headers: names in lower case.
        body: parsed JSON, or text.
    """

    status_code: int | None
    headers: Mapping[str, str] = {}  # no mappingproxy: it goes into pickles
    body: Any = None

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body if isinstance(self.body, str) else json.dumps(self.body, ensure_ascii=False)

    def json(self) -> Any:
        """The body's JSON. Raises ValueError where it was none."""
        return json.loads(self.body) if isinstance(self.body, str) else self.body


class _HasResponse:
    """The fields of an error that come from the reply."""

    @property
    def response(self) -> Response:
        """The reply. Where nothing answered there is none: an AttributeError, as tracers expect."""
        values = self.__dict__
        if values.get("status_code") is None and not values.get("headers") and values.get("body") is None:
            raise AttributeError("No reply came, so there is no `response`.")
        return Response(values.get("status_code"), values.get("headers") or {}, values.get("body"))


class AuthenticationError(_HasResponse, transport.AuthenticationError, core.ModelAuthenticationError):
    """The key is missing, malformed, or not accepted (401)."""


class PermissionDeniedError(_HasResponse, transport.PermissionDeniedError, core.ModelPermissionDeniedError):
    """The key may not do this (403)."""


class InsufficientCreditsError(PermissionDeniedError, transport.InsufficientCreditsError):
    """The account ran out of credits: the provider says so with 403."""


class NotFoundError(_HasResponse, transport.NotFoundError, core.ModelNotFoundError):
    """No such model or endpoint (404)."""


class InvalidRequestError(_HasResponse, transport.InvalidRequestError, core.ModelInvalidRequestError, ValueError):
    """The request is wrong: refused by the provider, or by us before sending it.

    A ValueError, which the transport's is not: LangGraph's `RetryPolicy` tries those again that are none.
    """


class ContextLengthError(InvalidRequestError, transport.ContextLengthError, core.ContextOverflowError):
    """The messages and the output limit together exceed the model's context."""


class RateLimitError(_HasResponse, transport.RateLimitError, core.ModelRateLimitError):
    """Too many requests (429)."""


class QuotaExceededError(RateLimitError, transport.QuotaExceededError):
    """A quota is used up: waiting a little does not cure it (429)."""

    is_retryable = False


class ServerError(_HasResponse, transport.ServerError, core.ModelAPIError):
    """The provider failed (5xx), or asked to send the request again (408, 409)."""


class APIConnectionError(_HasResponse, transport.APIConnectionError, core.ModelConnectionError):
    """No connection, or it broke before an answer."""


class APITimeoutError(APIConnectionError, transport.APITimeoutError, core.ModelTimeoutError):
    """Nothing came for longer than `timeout`."""


class BadResponseError(_HasResponse, transport.BadResponseError, core.ModelAPIError):
    """The provider answered 200, but not with an answer."""

    is_retryable = False


class GenerationError(_HasResponse, transport.GenerationError, core.ModelAPIError):
    """A video, a song or a transcript that was ordered failed at the provider."""

    is_retryable = False


class InvalidToolCallError(BadResponseError):
    """The model went on calling a tool with arguments that are not a JSON object: raised by `InvalidToolCallRetry`."""


class BudgetExceededError(_HasResponse, transport.BudgetExceededError, core.ModelInvalidRequestError):
    """A call that would have passed a budget (`budget_usd`); it was not sent."""


class StreamError(_HasResponse, transport.StreamError, core.ModelAPIError):
    """The provider reported a failure inside a stream."""


class IncompleteStreamError(StreamError, transport.IncompleteStreamError):
    """The stream ended before the answer did: `partial` holds what arrived."""


__getattr__, _ = lazy_names(__name__, {"translated": "langchain_aimlapi.error_translation"})  # which needs this module
