"""The account's endpoints: balance, usage, transactions, logs and keys, out of the ledger.

To serve another path, add a row to ROUTES.
Source: https://docs.aimlapi.com/api-references/service-endpoints
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from aimlapi_emulator.dialects.identity import Identity
from aimlapi_emulator.dialects.usage import CREDITS_PER_USD
from aimlapi_emulator.server.account_queries import (
    check_names,
    entries_of_key,
    key_prefix,
    ledger_of,
    moment,
    number_of,
    page_limit,
    refused_query,
    time_window,
    time_zone,
    written,
)
from aimlapi_emulator.server.errors import OUT_OF_CREDITS, UNAUTHENTICATED, Refused, kind_of
from aimlapi_emulator.server.http import authenticate, json_reply, trace_headers
from aimlapi_emulator.server.ledger import MANAGEMENT, AccountKey, Entry, Ledger, now

LOG_RATE = 200, 60.0  # requests and seconds
_KINDS = ("chat", "responses", "image", "audio", "video", "embeddings", "speech", "ocr")
_SCOPES = tuple(f"model:{kind}" for kind in _KINDS)


# -- what calls do to the account --------------------------------------------------------------------------------------


def check_credits(request: Request, key: str) -> None:
    """Refuses a call of a key that is disabled or deleted, or that has nothing left to spend."""
    ledger = ledger_of(request)
    made = ledger.key_of(key)
    if made is not None:
        if made.disabled:
            raise Refused(401, UNAUTHENTICATED)
        limit = (made.limit or {}).get("threshold")
        if limit is not None and ledger.spent_by(made.prefix) >= limit * CREDITS_PER_USD:
            raise Refused(403, OUT_OF_CREDITS)
    if ledger.balance <= 0:
        raise Refused(403, OUT_OF_CREDITS)


def note_call(
    request: Request,
    model: str,
    credits: int,
    tokens: tuple[int, int],
    identity: Identity,
    *,
    status: str = "succeeded",
) -> None:
    """Books one call."""
    key = authenticate(request)
    ledger_of(request).add(
        Entry(
            created=now(),
            prefix=key[:8],
            model=model,
            status=status,
            credits=credits,
            input_tokens=tokens[0],
            output_tokens=tokens[1],
            inference_id=identity.made("{b62:21}", "inference"),
            client_request_id=request.headers.get("x-client-request-id"),
        )
    )


def note_recorded(request: Request, body: Any, identity: Identity) -> None:
    """Books a call that got a published reply, at what that says it cost."""
    body = body if isinstance(body, dict) else {}
    usage = body.get("usage") or {}
    cost = ((body.get("meta") or {}).get("usage") or {}).get("credits_used") or 0
    tokens = usage.get("prompt_tokens") or usage.get("input_tokens"), usage.get("completion_tokens")
    model = request.state.received.json["model"]
    note_call(request, model, round(cost), (tokens[0] or 0, tokens[1] or usage.get("output_tokens") or 0), identity)


def note_failure(request: Request) -> None:
    """Books a call that got an error in place of an answer; of others nothing."""
    received = getattr(request.state, "received", None)
    body = received.json if received is not None else None
    model = body.get("model") if isinstance(body, dict) else None
    if request.method == "POST" and isinstance(model, str) and request.headers.get("authorization"):
        note_call(request, model, 0, (0, 0), Identity(model, str(time.time_ns())), status="failed")


# -- balance, usage, transactions, logs --------------------------------------------------------------------------------


def _billing(request: Request) -> Any:
    return {"current_balance": ledger_of(request).balance / CREDITS_PER_USD, "currency": "USD"}


def _detail(request: Request) -> Any:
    topup = {"is_enabled": False, "threshold": 50, "amount": 100, "currency": "USD"}
    return {"user_id": 1, "email": "user@example.com", **_billing(request), "autotopup_settings": topup}


def _credits(request: Request) -> Any:
    balance = ledger_of(request).balance
    low = balance < 10_000
    return {
        "balance": balance,
        "lowBalance": low,
        "lowBalanceThreshold": 10_000,
        "lastUpdated": written(now()),
        "autoDebitStatus": "disabled",
        "status": "low" if low else "current",
        "statusExplanation": "Balance is low" if low else "Balance is current and up to date",
    }


def _usage(request: Request) -> Any:
    check_names(request, ("period", "start", "end", "key_prefix"))
    start, end = time_window(request)
    entries = entries_of_key(request, start, end)
    spend = sum(entry.credits for entry in entries) / CREDITS_PER_USD
    window = {"start": written(start), "end": written(end)}
    return {
        "api_key_prefix": key_prefix(request),
        **window,
        "spend": spend,
        "currency": "USD",
        "requests": len(entries),
    }


def _usage_detail(request: Request) -> Any:
    check_names(request, ("period", "start", "end", "key_prefix", "group_by", "tz"))
    start, end = time_window(request)
    entries = entries_of_key(request, start, end)
    models = sorted({entry.model for entry in entries})
    found: dict[str, Any] = {
        "api_key_prefix": key_prefix(request),
        "start": written(start),
        "end": written(end),
        "spend": sum(entry.credits for entry in entries) / CREDITS_PER_USD,
        "currency": "USD",
        "requests": len(entries),
        "models": [
            {
                "model": model,
                "spend": sum(entry.credits for entry in entries if entry.model == model) / CREDITS_PER_USD,
                "requests": sum(entry.model == model for entry in entries),
            }
            for model in models
        ],
    }
    group_by = request.query_params.get("group_by")
    if group_by is not None:
        if group_by not in ("day", "model", "day,model"):
            raise refused_query("group_by", "'day' | 'model' | 'day,model'", group_by)
        found["groups"] = _groups(entries, group_by.split(","), time_zone(request))
    return found


def _groups(entries: list[Entry], words: list[str], zone: Any) -> list[dict[str, Any]]:
    groups: dict[tuple[str, ...], list[Entry]] = {}
    for entry in entries:
        day = entry.created.astimezone(zone).date().isoformat()
        name = tuple({"day": day, "model": entry.model}[word] for word in words)
        groups.setdefault(name, []).append(entry)
    return [
        {
            **dict(zip(words, name, strict=True)),
            "spend": sum(entry.credits for entry in found) / CREDITS_PER_USD,
            "tokens": {
                "input": sum(entry.input_tokens for entry in found),
                "output": sum(entry.output_tokens for entry in found),
                "total": sum(entry.input_tokens + entry.output_tokens for entry in found),
            },
            "requests": _counted(found),
        }
        for name, found in sorted(groups.items())
    ]


def _counted(entries: list[Entry]) -> dict[str, int]:
    by_status = Counter(entry.status for entry in entries)
    charged = sum(entry.credits > 0 for entry in entries)
    counts = {"succeeded": by_status["succeeded"], "failed": by_status["failed"]}
    return {"total": len(entries), "charged": charged, **counts}


def _transactions(request: Request) -> Any:
    check_names(request, ("from", "to", "direction", "type", "limit", "cursor"))
    ledger, query = ledger_of(request), request.query_params
    rows = [
        _row(entry.created, "CHARGE", "MODEL_USAGE", entry.credits, entry) for entry in ledger.entries if entry.credits
    ]
    rows = [_row(ledger.started, "TOPUP", "INIT", ledger.start, None), *rows][::-1]
    first, last = moment(request, "from"), moment(request, "to")
    rows = [
        row
        for row in rows
        if (first is None or row["created_at"] >= written(first))
        and (last is None or row["created_at"] < written(last))
        and query.get("direction") in (None, row["direction"])
        and query.get("type") in (None, row["type"])
    ]
    limit, start = page_limit(request), 0
    if cursor := query.get("cursor"):
        if not cursor.startswith("after-") or not cursor[6:].isdigit():
            raise refused_query("cursor", "a cursor of an earlier page", cursor)
        start = int(cursor[6:])
    more = start + limit < len(rows)
    page = {"next_cursor": f"after-{start + limit}" if more else None, "has_more": more}
    return {"data": rows[start : start + limit], "pagination": page}


def _row(created: datetime, direction: str, kind: str, credits: int, entry: Entry | None) -> dict[str, Any]:
    row: dict[str, Any] = {"created_at": written(created), "direction": direction, "type": kind}
    row["amount"] = {"usd": credits / CREDITS_PER_USD, "credits": credits}
    if entry is not None:
        row |= {"model": entry.model, "reference_id": entry.inference_id}
    return row


def _logs(request: Request) -> Any:
    check_names(request, ("period", "start", "end", "key_prefix", "model", "status", "limit", "offset"))
    asked: deque[float] = request.app.state.logs_asked
    most, seconds = LOG_RATE
    while asked and asked[0] < time.monotonic() - seconds:
        asked.popleft()
    if len(asked) >= most:
        raise Refused(429, "Too Many Requests")
    asked.append(time.monotonic())
    query = request.query_params
    start, end = time_window(request)
    models, statuses = query.getlist("model"), query.getlist("status")
    for status in statuses:
        if status not in ("succeeded", "failed"):
            raise refused_query("status", "'succeeded' | 'failed'", status)
    rows = [
        _logged(entry)
        for entry in reversed(entries_of_key(request, start, end))
        if (not models or entry.model in models or entry.model.rpartition("/")[2] in models)
        and (not statuses or entry.status in statuses)
    ]
    limit, offset = page_limit(request), number_of(request, "offset", 0)
    page = {"limit": limit, "offset": offset, "total": len(rows), "has_more": offset + limit < len(rows)}
    return {"data": rows[offset : offset + limit], "pagination": page}


def _logged(entry: Entry) -> dict[str, Any]:
    tokens = {"input": entry.input_tokens, "output": entry.output_tokens}
    return {
        "created": written(entry.created),
        "status": entry.status,
        "origin": "api",
        "model": entry.model,
        "cost": {"usd": entry.credits / CREDITS_PER_USD, "credits": entry.credits},
        "tokens": {**tokens, "total": entry.input_tokens + entry.output_tokens},
        "request_id": None,
        "inference_id": entry.inference_id,
        "client_request_id": entry.client_request_id,
    }


# -- keys --------------------------------------------------------------------------------------------------------------


def _key(request: Request) -> Any:
    secret, ledger = authenticate(request), ledger_of(request)
    made = ledger.key_of(secret)
    if made is None:
        made = AccountKey(secret, "emulated-key", None, None, created=ledger.started, updated=ledger.started)
    return {"data": _shown(ledger, made)}


def _keys(request: Request) -> Any:
    _check_management(request)
    ledger = ledger_of(request)
    return {"data": [_shown(ledger, key) for key in ledger.keys.values()]}


def _shown(ledger: Ledger, key: AccountKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "prefix": key.prefix,
        "disabled": key.disabled,
        "scopes": key.scopes,
        "limit": key.limit,
        "created_at": written(key.created),
        "updated_at": written(key.updated),
        "monthly_usage": ledger.spent_by(key.prefix) / CREDITS_PER_USD,
    }


def change_keys(request: Request, body: Any) -> Response:
    """Makes, changes or deletes a key; the body is an object, or None of a deletion."""
    _check_management(request)
    ledger, prefix = ledger_of(request), request.path_params.get("prefix")
    body = {} if body is None else body
    if not isinstance(body, dict):
        raise Refused(400, f"Body validation error\nbody: Invalid type. Expected object, received {kind_of(body)}")
    for scope in body.get("scopes") or ():
        if scope not in _SCOPES:
            raise Refused(400, f"Body validation error\nscopes: Invalid enum value. Received '{scope}'")
    if prefix is None:
        key = ledger.make_key(body)
        return _reply(request, {"data": {**_shown(ledger, key), "key": key.secret}}, 201)
    key_ = ledger.keys.get(prefix)
    if key_ is None:
        raise Refused(404, f"Key with prefix '{prefix[:20]}' not found.")
    if request.method == "DELETE":
        del ledger.keys[prefix]
        return _reply(request, {"data": {"prefix": prefix, "deleted": True}})
    for name in ("name", "scopes", "limit", "disabled"):
        if name in body:
            setattr(key_, name, body[name])
    key_.updated = now()
    return _reply(request, {"data": _shown(ledger, key_)})


def _check_management(request: Request) -> None:
    if MANAGEMENT not in authenticate(request):
        raise Refused(403, "This endpoint requires a management key.")


def _reply(request: Request, value: Any, status: int = 200) -> Response:
    return json_reply(value, trace_headers(request, Identity("account", request.url.path)), status)


ROUTES: dict[str, Callable[[Request], Any]] = {
    "/v2/billing": _billing,
    "/v2/billing/detail": _detail,
    "/v1/billing/balance": _credits,
    "/v2/usage": _usage,
    "/v2/usage/detail": _usage_detail,
    "/v2/billing/transactions": _transactions,
    "/v2/logs": _logs,
    "/v1/key": _key,
    "/v1/keys": _keys,
}


def reply(request: Request) -> Response:
    """What one of the paths above answers."""
    return _reply(request, ROUTES[request.url.path](request))
