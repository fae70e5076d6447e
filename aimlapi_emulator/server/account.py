"""The account's endpoints: balance, usage, transactions, logs and keys, out of the ledger.

To serve another path, add a row to ROUTES.
Source: https://docs.aimlapi.com/api-references/service-endpoints
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.requests import Request
from starlette.responses import Response

from aimlapi_emulator.dialects.identity import Identity
from aimlapi_emulator.dialects.usage import CREDITS_PER_USD
from aimlapi_emulator.server.errors import OUT_OF_CREDITS, UNAUTHENTICATED, Refused, kind_of
from aimlapi_emulator.server.http import authenticate, json_reply, trace_headers
from aimlapi_emulator.server.ledger import MANAGEMENT, AccountKey, Entry, Ledger, now

LONGEST_WINDOW = 92  # days
LOG_RATE = 200, 60.0  # requests and seconds
_KINDS = ("chat", "responses", "image", "audio", "video", "embeddings", "speech", "ocr")
_SCOPES = tuple(f"model:{kind}" for kind in _KINDS)


def ledger_of(request: Request) -> Ledger:
    ledger: Ledger = request.app.state.ledger
    return ledger


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
        "lastUpdated": _written(now()),
        "autoDebitStatus": "disabled",
        "status": "low" if low else "current",
        "statusExplanation": "Balance is low" if low else "Balance is current and up to date",
    }


def _usage(request: Request) -> Any:
    _only(request, ("period", "start", "end", "key_prefix"))
    start, end = _window(request)
    entries = _of_key(request, start, end)
    spend = sum(entry.credits for entry in entries) / CREDITS_PER_USD
    window = {"start": _written(start), "end": _written(end)}
    return {"api_key_prefix": _prefix(request), **window, "spend": spend, "currency": "USD", "requests": len(entries)}


def _usage_detail(request: Request) -> Any:
    _only(request, ("period", "start", "end", "key_prefix", "group_by", "tz"))
    start, end = _window(request)
    entries = _of_key(request, start, end)
    models = sorted({entry.model for entry in entries})
    found: dict[str, Any] = {
        "api_key_prefix": _prefix(request),
        "start": _written(start),
        "end": _written(end),
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
            raise _query("group_by", "'day' | 'model' | 'day,model'", group_by)
        found["groups"] = _groups(entries, group_by.split(","), _zone(request))
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
    _only(request, ("from", "to", "direction", "type", "limit", "cursor"))
    ledger, query = ledger_of(request), request.query_params
    rows = [
        _row(entry.created, "CHARGE", "MODEL_USAGE", entry.credits, entry) for entry in ledger.entries if entry.credits
    ]
    rows = [_row(ledger.started, "TOPUP", "INIT", ledger.start, None), *rows][::-1]
    first, last = _moment(request, "from"), _moment(request, "to")
    rows = [
        row
        for row in rows
        if (first is None or row["created_at"] >= _written(first))
        and (last is None or row["created_at"] < _written(last))
        and query.get("direction") in (None, row["direction"])
        and query.get("type") in (None, row["type"])
    ]
    limit, start = _limit(request), 0
    if cursor := query.get("cursor"):
        if not cursor.startswith("after-") or not cursor[6:].isdigit():
            raise _query("cursor", "a cursor of an earlier page", cursor)
        start = int(cursor[6:])
    more = start + limit < len(rows)
    page = {"next_cursor": f"after-{start + limit}" if more else None, "has_more": more}
    return {"data": rows[start : start + limit], "pagination": page}


def _row(created: datetime, direction: str, kind: str, credits: int, entry: Entry | None) -> dict[str, Any]:
    row: dict[str, Any] = {"created_at": _written(created), "direction": direction, "type": kind}
    row["amount"] = {"usd": credits / CREDITS_PER_USD, "credits": credits}
    if entry is not None:
        row |= {"model": entry.model, "reference_id": entry.inference_id}
    return row


def _logs(request: Request) -> Any:
    _only(request, ("period", "start", "end", "key_prefix", "model", "status", "limit", "offset"))
    asked: deque[float] = request.app.state.logs_asked
    most, seconds = LOG_RATE
    while asked and asked[0] < time.monotonic() - seconds:
        asked.popleft()
    if len(asked) >= most:
        raise Refused(429, "Too Many Requests")
    asked.append(time.monotonic())
    query = request.query_params
    start, end = _window(request)
    models, statuses = query.getlist("model"), query.getlist("status")
    for status in statuses:
        if status not in ("succeeded", "failed"):
            raise _query("status", "'succeeded' | 'failed'", status)
    rows = [
        _logged(entry)
        for entry in reversed(_of_key(request, start, end))
        if (not models or entry.model in models or entry.model.rpartition("/")[2] in models)
        and (not statuses or entry.status in statuses)
    ]
    limit, offset = _limit(request), _whole(request, "offset", 0)
    page = {"limit": limit, "offset": offset, "total": len(rows), "has_more": offset + limit < len(rows)}
    return {"data": rows[offset : offset + limit], "pagination": page}


def _logged(entry: Entry) -> dict[str, Any]:
    tokens = {"input": entry.input_tokens, "output": entry.output_tokens}
    return {
        "created": _written(entry.created),
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
        "created_at": _written(key.created),
        "updated_at": _written(key.updated),
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


# -- what is asked -----------------------------------------------------------------------------------------------------


def _query(name: str, expected: str, received: Any) -> Refused:
    return Refused(400, f"Query validation error\n{name}: Expected {expected}, received {str(received)[:80]!r}")


def _only(request: Request, names: tuple[str, ...]) -> None:
    for name in request.query_params:
        if name not in names:
            raise Refused(400, f"Query validation error\n{name[:80]}: Unrecognized key")


def _window(request: Request) -> tuple[datetime, datetime]:
    query = request.query_params
    period, start, end = query.get("period"), _moment(request, "start"), _moment(request, "end")
    if period is not None and (start or end):
        raise _query("period", "either `period` or both `start` and `end`", period)
    if start or end:
        if start is None or end is None:
            raise _query("start", "both `start` and `end`", "one")
    else:
        period = period or "30d"
        count, unit = period[:-1], period[-1:]
        if not count.isdigit() or int(count) < 1 or unit not in ("h", "d"):
            raise _query("period", "a positive integer followed by 'h' or 'd'", period)
        end = now()
        start = end - (timedelta(hours=int(count)) if unit == "h" else timedelta(days=int(count)))
    if end < start or end - start > timedelta(days=LONGEST_WINDOW):
        raise _query("end", f"a window of at most {LONGEST_WINDOW} days", f"{start} to {end}")
    return start, end


def _moment(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00").replace(" ", "+"))
    except ValueError:
        raise _query(name, "ISO-8601", text) from None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def _zone(request: Request) -> Any:
    name = request.query_params.get("tz", "UTC")
    try:
        return timezone.utc if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise _query("tz", "an IANA time zone", name) from None


def _whole(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isdigit():
        raise _query(name, "integer", text)
    return int(text)


def _limit(request: Request) -> int:
    limit = _whole(request, "limit", 50)
    if not 1 <= limit <= 100:
        raise _query("limit", "1 to 100", limit)
    return limit


def _prefix(request: Request) -> str:
    wanted = request.query_params.get("key_prefix")
    own = authenticate(request)[:8]
    if wanted is not None and wanted != own and MANAGEMENT not in authenticate(request):
        raise Refused(403, "Reporting on a different key requires a management key.")
    return wanted or own


def _of_key(request: Request, start: datetime, end: datetime) -> list[Entry]:
    prefix = _prefix(request)
    everything = MANAGEMENT in authenticate(request) and "key_prefix" not in request.query_params
    return [
        entry
        for entry in ledger_of(request).entries
        if (everything or entry.prefix == prefix) and start <= entry.created <= end
    ]


def _written(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
