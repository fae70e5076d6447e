"""What an account says of itself: fixed figures, in the documented shapes.

To answer another path, add a row to REPLIES.

Source: https://docs.aimlapi.com/api-references/service-endpoints
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from aimlapi_emulator.dialects.identity import TIMESTAMP, Identity
from aimlapi_emulator.server.http import json_reply, trace_headers

BALANCE = 10_000_000  # credits: 5 USD
REPLIES: dict[str, Any] = {
    "/v2/billing": {"current_balance": 5.0, "currency": "USD"},
    "/v1/billing/balance": {
        "balance": BALANCE,
        "lowBalance": False,
        "lowBalanceThreshold": 10_000,
        "lastUpdated": TIMESTAMP,
        "autoDebitStatus": "disabled",
        "status": "current",
        "statusExplanation": "Balance is current and up to date",
    },
    "/v1/key": {
        "data": {
            "name": "emulated-key",
            "disabled": False,
            "prefix": "emulated",
            "scopes": ["model:chat", "model:embeddings"],
            "limit": {"retention": "no_reset", "threshold": 25},
            "created_at": TIMESTAMP,
            "updated_at": TIMESTAMP,
            "monthly_usage": 0,
        }
    },
}


def reply(request: Request) -> Response:
    path = request.url.path
    return json_reply(REPLIES[path], trace_headers(request, Identity("account", path)))
