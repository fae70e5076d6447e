"""The keys of an account, as values. Pure.

Source: https://docs.aimlapi.com/api-references/service-endpoints (keys)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from aimlapi_transport.errors import BadResponseError, InvalidRequestError
from aimlapi_transport.service.fields import Json, an_object, moment, money, objects, text, texts
from aimlapi_transport.surrogates import whole_text

SCOPES = tuple(
    f"model:{kind}" for kind in ("chat", "responses", "image", "audio", "video", "embeddings", "speech", "ocr")
)
RETENTIONS = ("no_reset", "day", "week", "month")


@dataclass(frozen=True, slots=True)
class KeyLimit:
    """How much a key may spend.

    Attributes:
        usd: US dollars.
        retention: when the count starts over: `no_reset`, `day`, `week` or `month`.
    """

    usd: Decimal
    retention: str = "no_reset"


@dataclass(frozen=True, slots=True)
class Key:
    """A key, without its secret.

    Attributes:
        prefix: its first 8 characters, by which it is named.
        scopes: what it may be used for; None for everything.
        monthly_usage: US dollars spent this month.
    """

    prefix: str
    name: str | None
    is_disabled: bool
    scopes: tuple[str, ...] | None
    limit: KeyLimit | None
    created: datetime | None
    updated: datetime | None
    monthly_usage: Decimal
    raw: Json = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made, with its secret, which the provider tells this once.

    Attributes:
        key: what is known of it later, too.
        secret: keep it; it is in no repr.
    """

    key: Key
    secret: str = field(repr=False)


def read_key(payload: Any) -> Key:
    """The key of a reply.

    Raises:
        BadResponseError: it holds none.
    """
    row = an_object(payload).get("data")
    if not isinstance(row, dict) or not text(row.get("prefix")):
        raise BadResponseError("The provider's reply holds no key.")
    return _key(row)


def read_deleted(payload: Any) -> bool:
    """Whether a reply says that the key is gone."""
    return an_object(an_object(payload).get("data")).get("deleted") is True


def read_keys(payload: Any) -> list[Key]:
    """The keys of a reply.

    Raises:
        BadResponseError: it is no list.
    """
    rows = an_object(payload).get("data")
    if not isinstance(rows, list):
        raise BadResponseError("The provider's reply is no list of keys.")
    return [_key(row) for row in objects(rows)]


def read_new_key(payload: Any) -> NewKey:
    """A new key with its secret.

    Raises:
        BadResponseError: it has none.
    """
    secret = an_object(an_object(payload).get("data")).get("key")
    if not text(secret):
        raise BadResponseError("The provider's reply holds no new key.")
    return NewKey(read_key(payload), str(secret))


def _key(row: Json) -> Key:
    limit = row.get("limit")
    return Key(
        prefix=text(row.get("prefix")) or "",
        name=text(row.get("name")),
        is_disabled=row.get("disabled") is True,
        scopes=None if row.get("scopes") is None else texts(row["scopes"]),
        limit=KeyLimit(money(limit.get("threshold")), text(limit.get("retention")) or "no_reset")
        if isinstance(limit, dict)
        else None,
        created=moment(row.get("created_at")),
        updated=moment(row.get("updated_at")),
        monthly_usage=money(row.get("monthly_usage")),
        raw={name: value for name, value in row.items() if name != "key"},  # a new key's secret
    )


def key_body(
    name: str | None, scopes: Sequence[str] | None, limit: KeyLimit | None, *, disabled: bool | None = None
) -> Json:
    """The body that makes or changes a key; what is None is not in it.

    Raises:
        InvalidRequestError: a scope or a retention that nobody knows.
    """
    for scope in scopes or ():
        if scope not in SCOPES:
            raise InvalidRequestError(f"`scopes` has {scope!r}: pass some of {', '.join(SCOPES)}.")
    if limit is not None and limit.retention not in RETENTIONS:
        raise InvalidRequestError(f"`retention` is {limit.retention!r}: pass one of {', '.join(RETENTIONS)}.")
    body = {
        "name": name,
        "scopes": None if scopes is None else list(scopes),
        "limit": None if limit is None else {"retention": limit.retention, "threshold": float(limit.usd)},
        "disabled": disabled,
    }
    return {field_: value for field_, value in body.items() if value is not None}


def key_path(prefix: str) -> str:
    """The path of one key.

    Raises:
        InvalidRequestError: the prefix is missing.
    """
    if not isinstance(prefix, str) or not prefix.strip():
        raise InvalidRequestError("The prefix of a key is missing: pass its first 8 characters.")
    return f"/keys/{quote(whole_text(prefix.strip()), safe='')}"
