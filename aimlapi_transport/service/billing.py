"""Balance, spending, transactions and logs of an account, as values.

Source: https://docs.aimlapi.com/api-references/service-endpoints (billing, usage and logs)
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, PlainValidator, TypeAdapter

from aimlapi_transport.chat.usage import CREDITS_PER_USD
from aimlapi_transport.config.settings import suggestion
from aimlapi_transport.errors import BadResponseError, InvalidRequestError
from aimlapi_transport.service import fields
from aimlapi_transport.service.fields import Json

LONGEST_WINDOW = 92  # days
_PERIOD = re.compile(r"([1-9]\d*)([hd])")
_GROUPS = ("day", "model", "day,model")
_STATUSES = ("succeeded", "failed")
_DIRECTIONS = ("TOPUP", "CHARGE")


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left on an account.

    Attributes:
        usd: US dollars.
        credits: the provider's own, 2,000,000 to the dollar.
        is_low: whether it is below the account's own threshold; None where that is not reported.
        status: what the provider says of it, `current` for example; None where it says nothing.
    """

    usd: Decimal
    credits: int
    is_low: bool | None = None
    status: str | None = None
    raw: fields.Object = field(default_factory=dict, repr=False, compare=False)


def _requests(value: Any) -> int:
    return fields.count(value["total"] if isinstance(value, dict) and "total" in value else value) or 0


@dataclass(frozen=True, slots=True)
class UsageGroup:
    """What was spent on a day, with a model, or both.

    Attributes:
        day: `YYYY-MM-DD` in the time zone that was asked for; None where days are not separate.
        model: its id; None where models are not separate.
        usd: US dollars.
        requests, succeeded, failed: calls; the latter two None where not reported.
        input_tokens, output_tokens: None where not reported.
    """

    day: fields.OptionalText = None
    model: fields.OptionalText = None
    usd: Annotated[fields.Money, fields.path("spend")] = Decimal(0)
    requests: Annotated[int, PlainValidator(_requests)] = 0
    succeeded: Annotated[fields.OptionalCount, fields.path("requests", "succeeded")] = None
    failed: Annotated[fields.OptionalCount, fields.path("requests", "failed")] = None
    input_tokens: Annotated[fields.OptionalCount, fields.path("tokens", "input")] = None
    output_tokens: Annotated[fields.OptionalCount, fields.path("tokens", "output")] = None


Groups: TypeAlias = Annotated[tuple[UsageGroup, ...], BeforeValidator(fields.objects)]


@dataclass(frozen=True, slots=True)
class UsageReport:
    """What a key spent in a window of time.

    Attributes:
        start, end: the window, with their time zone.
        usd: US dollars.
        requests: calls.
        models: one group for each model.
        groups: as they were asked for (`group_by`); empty otherwise.
    """

    start: fields.Moment = None
    end: fields.Moment = None
    usd: Annotated[fields.Money, fields.path("spend")] = Decimal(0)
    requests: fields.Count = 0
    key_prefix: Annotated[fields.OptionalText, fields.path("api_key_prefix")] = None
    models: Groups = ()
    groups: Groups = ()
    raw: fields.Object = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Transaction:
    """A line of the account: money in (`TOPUP`) or out (`CHARGE`).

    Attributes:
        type: PAYMENT, BONUS, REFUND, ADJUSTMENT, MODEL_USAGE, CREDITS_EXPIRED or INIT.
        usd: US dollars, `credits` the same in credits.
        model: of a call. `reference_id` is its `inference_id`.
    """

    created: Annotated[fields.Moment, fields.path("created_at")] = None
    direction: fields.Text = ""
    type: fields.Text = ""
    usd: Annotated[fields.Money, fields.path("amount", "usd")] = Decimal(0)
    credits: Annotated[fields.Count, fields.path("amount", "credits")] = 0
    model: fields.OptionalText = None
    reference_id: fields.OptionalText = None
    raw: fields.Object = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One request of a key.

    Attributes:
        status: `succeeded` or `failed`.
        origin: `api` or `playground`.
        usd, credits: what it cost.
        inference_id: the `x-inference-id` of its reply; `client_request_id` the id you sent.
    """

    created: fields.Moment = None
    status: fields.Text = ""
    origin: fields.OptionalText = None
    model: fields.Text = ""
    usd: Annotated[fields.Money, fields.path("cost", "usd")] = Decimal(0)
    credits: Annotated[fields.Count, fields.path("cost", "credits")] = 0
    input_tokens: Annotated[fields.Count, fields.path("tokens", "input")] = 0
    output_tokens: Annotated[fields.Count, fields.path("tokens", "output")] = 0
    total_tokens: Annotated[fields.Count, fields.path("tokens", "total")] = 0
    inference_id: fields.OptionalText = None
    client_request_id: fields.OptionalText = None
    raw: fields.Object = field(default_factory=dict, repr=False, compare=False)


_REPORT: TypeAdapter[UsageReport] = TypeAdapter(Annotated[UsageReport, BeforeValidator(fields.with_raw)])
_TRANSACTIONS = TypeAdapter(list[Annotated[Transaction, BeforeValidator(fields.with_raw)]])
_LOGS = TypeAdapter(list[Annotated[LogEntry, BeforeValidator(fields.with_raw)]])


def read_balance(payload: Any) -> Balance:
    """A balance in dollars (/v2/billing) or in credits (/v1/billing/balance).

    Raises:
        BadResponseError: it is none.
    """
    value = fields.an_object(payload)
    if "current_balance" in value:
        usd = fields.money(value["current_balance"])
        return Balance(usd, round(usd * CREDITS_PER_USD), raw=value)
    if "balance" in value:
        credits = fields.count(value["balance"]) or 0
        low = value.get("lowBalance")
        usd = Decimal(credits) / CREDITS_PER_USD
        return Balance(usd, credits, low if isinstance(low, bool) else None, fields.text(value.get("status")), value)
    raise BadResponseError("The provider's reply contains no balance.", body=payload)


def read_usage(payload: Any) -> UsageReport:
    """A report of /v2/usage or /v2/usage/detail.

    Raises:
        BadResponseError: it is none.
    """
    if "spend" not in fields.an_object(payload):
        raise BadResponseError("The provider's reply is not a report of usage.", body=payload)
    return _REPORT.validate_python(payload)


def read_transactions(payload: Any) -> tuple[list[Transaction], str | None]:
    """A page, and the cursor of the next; None at the end.

    Raises:
        BadResponseError: it is none.
    """
    rows, paging = _page(payload)
    cursor = fields.text(paging.get("next_cursor")) if paging.get("has_more") else None
    return _TRANSACTIONS.validate_python(rows), cursor


def read_logs(payload: Any) -> tuple[list[LogEntry], bool]:
    """A page, and whether there are more.

    Raises:
        BadResponseError: it is none.
    """
    rows, paging = _page(payload)
    return _LOGS.validate_python(rows), paging.get("has_more") is True


def _page(payload: Any) -> tuple[list[Json], Json]:
    value = fields.an_object(payload)
    if not isinstance(value.get("data"), list):
        raise BadResponseError("The provider's reply is not a page of a list.", body=payload)
    return fields.objects(value["data"]), fields.an_object(value.get("pagination"))


# -- what may be asked -------------------------------------------------------------------------------------------------


def window(period: str | None, start: Any, end: Any) -> list[tuple[str, str]]:
    """The parameters of a window of time.

    Args:
        period: the last hours or days, `24h` or `7d`; by default 30 days.
        start, end: in its place, `datetime`, `date` or ISO 8601; without a zone they are UTC.

    Raises:
        InvalidRequestError: two windows at once, half of one, one of more than 92 days, or none that can be read.
    """
    if period is not None and (start is not None or end is not None):
        raise InvalidRequestError(f"`period` is {period!r}, and `start` or `end` is given, too: pass one window.")
    if start is None and end is None:
        period = "30d" if period is None else period
        read = _PERIOD.fullmatch(period) if isinstance(period, str) else None
        if read is None:
            raise InvalidRequestError(f"`period` is {period!r}: pass a number of hours or days, `24h` or `7d`.")
        days = int(read[1]) / (24 if read[2] == "h" else 1)
        if days > LONGEST_WINDOW:
            raise InvalidRequestError(f"`period` is {period!r}: at most {LONGEST_WINDOW} days are accepted.")
        return [("period", period)]
    if start is None or end is None:
        missing = "start" if start is None else "end"
        raise InvalidRequestError(f"`{missing}` is missing: a window has a `start` and an `end`.")
    first, last = _moment(start, "start"), _moment(end, "end")
    if last < first:
        raise InvalidRequestError(f"`end` ({end}) is before `start` ({start}).")
    if last - first > timedelta(days=LONGEST_WINDOW):
        raise InvalidRequestError(
            f"`start` and `end` are {(last - first).days} days apart: at most {LONGEST_WINDOW} are accepted."
        )
    return [("start", first.isoformat()), ("end", last.isoformat())]


def _moment(value: Any, name: str) -> datetime:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    parsed = fields.moment(value) if isinstance(value, str) else value if isinstance(value, datetime) else None
    if parsed is None:
        raise InvalidRequestError(f"`{name}` is {value!r}: pass a date or a time in ISO 8601.")
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)


def grouping(group_by: str | Sequence[str] | None, tz: str | None) -> list[tuple[str, str]]:
    """The parameters of how a report is divided.

    Raises:
        InvalidRequestError: by something else than `day` and `model`, or days of an unknown time zone.
    """
    query: list[tuple[str, str]] = []
    if group_by is not None:
        words = group_by.replace(" ", "") if isinstance(group_by, str) else ",".join(group_by)
        words = "day,model" if words == "model,day" else words
        if words not in _GROUPS:
            raise InvalidRequestError(f"`group_by` is {group_by!r}: pass one of {', '.join(map(repr, _GROUPS))}.")
        query.append(("group_by", words))
    if tz is not None:
        _check_zone(tz)
        query.append(("tz", tz))
    return query


def _check_zone(tz: str) -> None:
    names = zoneinfo.available_timezones()
    if names and tz not in names:  # where the machine has no list, the provider's decides
        raise InvalidRequestError(
            f"`tz` is {tz!r}, which is not a time zone: pass a name such as `Europe/Berlin`." + suggestion(tz, names)
        )


def choices(name: str, value: str | Sequence[str] | None, accepted: Sequence[str]) -> list[tuple[str, str]]:
    """A parameter for each of some words.

    Raises:
        InvalidRequestError: another word.
    """
    words = [value] if isinstance(value, str) else list(value or ())
    for word in words:
        if word not in accepted:
            raise InvalidRequestError(f"`{name}` is {word!r}: pass one of {', '.join(accepted)}.")
    return [(name, word) for word in words]


def log_filters(
    model: str | Sequence[str] | None, status: str | Sequence[str] | None, key_prefix: str | None
) -> list[tuple[str, str]]:
    """The parameters that choose among the logs."""
    models = [model] if isinstance(model, str) else list(model or ())
    query = [("model", name) for name in models] + choices("status", status, _STATUSES)
    return [*query, *([("key_prefix", key_prefix)] if key_prefix else [])]


def transaction_filters(start: Any, end: Any, direction: str | None, kind: str | None) -> list[tuple[str, str]]:
    """The parameters that choose among the transactions."""
    query: list[tuple[str, str]] = []
    if start is not None:
        query.append(("from", _moment(start, "start").isoformat()))
    if end is not None:
        query.append(("to", _moment(end, "end").isoformat()))
    query += choices("direction", direction, _DIRECTIONS)
    return [*query, *([("type", kind)] if kind else [])]
