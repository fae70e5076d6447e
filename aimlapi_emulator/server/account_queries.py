"""What the account's endpoints are asked for: time windows, zones, pages, keys; refused in the provider's words."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.requests import Request

from aimlapi_emulator.server.errors import Refused
from aimlapi_emulator.server.http import authenticate
from aimlapi_emulator.server.ledger import MANAGEMENT, Entry, Ledger, now

LONGEST_WINDOW = 92  # days


def ledger_of(request: Request) -> Ledger:
    ledger: Ledger = request.app.state.ledger
    return ledger


def refused_query(name: str, expected: str, received: Any) -> Refused:
    return Refused(400, f"Query validation error\n{name}: Expected {expected}, received {str(received)[:80]!r}")


def check_names(request: Request, names: tuple[str, ...]) -> None:
    for name in request.query_params:
        if name not in names:
            raise Refused(400, f"Query validation error\n{name[:80]}: Unrecognized key")


def time_window(request: Request) -> tuple[datetime, datetime]:
    query = request.query_params
    period, start, end = query.get("period"), moment(request, "start"), moment(request, "end")
    if period is not None and (start or end):
        raise refused_query("period", "either `period` or both `start` and `end`", period)
    if start or end:
        if start is None or end is None:
            raise refused_query("start", "both `start` and `end`", "one")
    else:
        period = period or "30d"
        count, unit = period[:-1], period[-1:]
        if not count.isdigit() or int(count) < 1 or unit not in ("h", "d"):
            raise refused_query("period", "a positive integer followed by 'h' or 'd'", period)
        end = now()
        start = end - (timedelta(hours=int(count)) if unit == "h" else timedelta(days=int(count)))
    if end < start or end - start > timedelta(days=LONGEST_WINDOW):
        raise refused_query("end", f"a window of at most {LONGEST_WINDOW} days", f"{start} to {end}")
    return start, end


def moment(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00").replace(" ", "+"))
    except ValueError:
        raise refused_query(name, "ISO-8601", text) from None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def time_zone(request: Request) -> Any:
    name = request.query_params.get("tz", "UTC")
    try:
        return timezone.utc if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise refused_query("tz", "an IANA time zone", name) from None


def number_of(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isdigit():
        raise refused_query(name, "integer", text)
    return int(text)


def page_limit(request: Request) -> int:
    limit = number_of(request, "limit", 50)
    if not 1 <= limit <= 100:
        raise refused_query("limit", "1 to 100", limit)
    return limit


def key_prefix(request: Request) -> str:
    wanted = request.query_params.get("key_prefix")
    own = authenticate(request)[:8]
    if wanted is not None and wanted != own and MANAGEMENT not in authenticate(request):
        raise Refused(403, "Reporting on a different key requires a management key.")
    return wanted or own


def entries_of_key(request: Request, start: datetime, end: datetime) -> list[Entry]:
    prefix = key_prefix(request)
    everything = MANAGEMENT in authenticate(request) and "key_prefix" not in request.query_params
    return [
        entry
        for entry in ledger_of(request).entries
        if (everything or entry.prefix == prefix) and start <= entry.created <= end
    ]


def written(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
