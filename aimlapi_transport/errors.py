"""The tree of exceptions.

To give a status its own class, add the class here and a row to `error_replies`.

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
    +-- GenerationError              a video, a song or a transcript that was ordered failed
    +-- StreamError                  a stream said it failed; with a status it is of that class, too (`stream_errors`)
        +-- IncompleteStreamError    a stream ended before its answer did; `.partial` holds what arrived
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimlapi_transport.lazy_imports import lazy_names

if TYPE_CHECKING:
    from aimlapi_transport.error_bodies import beginning as beginning
    from aimlapi_transport.error_bodies import public_headers as public_headers
    from aimlapi_transport.error_replies import error_for as error_for
    from aimlapi_transport.error_replies import error_in as error_in

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
        advice: what to do about a refusal of this class; in the text of the error after its message.
        status_code: the HTTP status (or the one a body claimed), None where nothing answered.
        request_id: the provider's `x-inference-id` or `requestId`, to quote to its support.
        model: the id that was asked for; empty or None where the call has none.
        host: where the request went, with the port where one is set; None where nothing was to be sent.
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

    advice: str = ""
    is_retryable: bool = False
    model: str | None = None
    host: str | None = None
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
        if self.model:
            notes.append(f"model {self.model[:100]}")
        if self.host:
            notes.append(f"host {self.host}")
        text = f"{self.message} ({', '.join(notes)})" if notes else self.message
        return f"{text} {self.advice}" if self.advice and self.status_code is not None else text

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, dict(self.__dict__))


def _rebuild(cls: type[AIMLAPIError], message: str, state: dict[str, Any]) -> AIMLAPIError:
    error = cls(message)
    error.__dict__.update(state)
    return error


class AuthenticationError(AIMLAPIError):
    """The key is missing, malformed, or not accepted (401)."""

    advice = "Check that the API key is complete, valid and of this host."
    is_retryable = False


class PermissionDeniedError(AIMLAPIError):
    """The key may not do this (403)."""

    advice = "Check what the API key may do."
    is_retryable = False


class InsufficientCreditsError(PermissionDeniedError):
    """The account ran out of credits: the provider says so with 403."""

    advice = "Add credits to the account."


class NotFoundError(AIMLAPIError):
    """No such model or endpoint (404)."""

    advice = "Check the id (upper and lower case matter) and the address."
    is_retryable = False


class InvalidRequestError(AIMLAPIError):
    """The request is wrong: refused by the provider (400, 413, 422), or by us before sending it.

    It is no ValueError: LlamaIndex takes those of an LLM for answers it could not parse, and goes on without one.
    """

    is_retryable = False


class ContextLengthError(InvalidRequestError):
    """The messages and the output limit together exceed the model's context."""

    advice = "Shorten the messages, or choose a model with a larger context."


class RateLimitError(AIMLAPIError):
    """Too many requests (429)."""

    advice = "Send fewer requests at a time, or raise `max_retries`."
    is_retryable = True


class QuotaExceededError(RateLimitError):
    """A quota is used up: waiting a little does not cure it (429)."""

    advice = "Waiting does not help: have the quota raised."
    is_retryable = False


class ServerError(AIMLAPIError):
    """The provider failed (5xx), or asked to send the request again (408, 409)."""

    advice = "Try again later; give the request id to the provider's support."
    is_retryable = True


class APIConnectionError(AIMLAPIError, ConnectionError):
    """No connection, or it broke before an answer.

    Attributes:
        is_unsent: whether there was no connection, so that the provider cannot have got the request.
    """

    is_retryable = True
    is_unsent: bool = False


class APITimeoutError(APIConnectionError, TimeoutError):
    """Nothing came for longer than `timeout`."""


class BudgetExceededError(AIMLAPIError):
    """A call that would have passed a budget (`budget_usd`); it was not sent."""


class BadResponseError(AIMLAPIError):
    """The provider answered 200, but not with an answer."""


class GenerationError(AIMLAPIError):
    """A video, a song or a transcript that was ordered failed at the provider."""


class StreamError(AIMLAPIError):
    """The provider reported a failure inside a stream."""

    is_retryable = True


class IncompleteStreamError(StreamError):
    """The stream ended before the answer did: `partial` holds what arrived."""


# What makes these errors of replies stands in modules that need this one.
__getattr__, _ = lazy_names(
    __name__,
    {
        "beginning": "aimlapi_transport.error_bodies",
        "error_for": "aimlapi_transport.error_replies",
        "error_in": "aimlapi_transport.error_replies",
        "public_headers": "aimlapi_transport.error_bodies",
    },
)
