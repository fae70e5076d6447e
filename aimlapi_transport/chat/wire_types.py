"""The JSON of requests and replies; its shape varies by vendor, so what reads it is tolerant."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
"""A JSON object from or for the wire."""

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
"""The roles of the messages of a request."""
