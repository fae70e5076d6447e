"""How a request is refused: the provider's flat error body, and the messages its documentation lists.

Source: https://docs.aimlapi.com/errors-and-messages/general-info
"""

from __future__ import annotations

from typing import Any

from aimlapi_emulator.dialects.identity import TIMESTAMP, Identity

UNAUTHENTICATED = (
    "This request requires a valid API key. You can create a new API key on the Billing page: "
    "https://aimlapi.com/app/keys"
)
OUT_OF_CREDITS = (
    "You've run out of credits. Please top up your balance or update your payment method to continue: "
    "https://aimlapi.com/app/billing/"
)
FREE_TIER = (
    "Free-tier limit: You have exceeded the number of requests available for the free tier. "
    "Update your payment method to continue: https://aimlapi.com/app/billing/"
)


class Refused(Exception):
    """A request that gets an error instead of an answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def invalid(field: str, expected: str, received: Any, what: str = "Invalid value") -> Refused:
    """The 400 that names a field, what was expected there and what came."""
    return Refused(400, f"Body validation error\n{field}: {what}. Expected {expected}, received {received}")


def error_body(status: int, path: str, message: str, identity: Identity) -> dict[str, Any]:
    """The flat error object: no `error` key around it."""
    return {
        "requestId": identity.uuid("request"),
        "statusCode": status,
        "timestamp": TIMESTAMP,
        "path": path,
        "message": message,
    }


def kind_of(value: Any) -> str:
    """What a JSON value is, in the words of the provider's validator."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
