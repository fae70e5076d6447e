"""What calls of `AIMLAPI` and `AIMLAPIEmbedding` raise: the errors of the transport, and two of unusable answers.

The transport's are no ValueErrors: LlamaIndex takes those for answers it could not parse, and goes on without one. The
three of this module are: two say that of an answer, and one is of constructors.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from aimlapi_transport.errors import (
    AIMLAPIError,
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BadResponseError,
    BudgetExceededError,
    ContextLengthError,
    GenerationError,
    IncompleteStreamError,
    InsufficientCreditsError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
    StreamError,
)

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
    "InvalidSettingsError",
    "NotFoundError",
    "PermissionDeniedError",
    "QuotaExceededError",
    "RateLimitError",
    "ServerError",
    "StreamError",
    "StructuredOutputError",
    "ToolCallError",
]

Reason: TypeAlias = Literal["refusal", "length", "content_filter", "no_json", "mismatch"]


class InvalidSettingsError(InvalidRequestError, ValueError):
    """A setting of a constructor that cannot be used. A ValueError, as Pydantic's own is: no call raises it."""


class ToolCallError(BadResponseError, ValueError):
    """The answer holds no tool call that can be run: none at all, or one with broken arguments."""


class StructuredOutputError(BadResponseError, ValueError):
    """The model's answer is not of the shape it was asked for.

    Attributes:
        reason: "refusal" (the model declined), "length" (cut at the output limit), "content_filter" (stopped by
            the provider), "no_json" (there is no JSON in it), "mismatch" (its JSON does not fit the class).
    """

    reason: Reason = "no_json"
