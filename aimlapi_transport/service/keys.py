"""The keys of an account, as values.

Source: https://docs.aimlapi.com/api-references/service-endpoints (keys)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BeforeValidator, PlainValidator, TypeAdapter

from aimlapi_transport.errors import BadResponseError, InvalidRequestError
from aimlapi_transport.service import fields
from aimlapi_transport.service.fields import Json
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

    usd: Annotated[fields.Money, fields.path("threshold")] = Decimal(0)
    retention: Annotated[str, PlainValidator(lambda value: fields.text(value) or "no_reset")] = "no_reset"


def _scopes(value: Any) -> tuple[str, ...] | None:
    return None if value is None else fields.texts(value)


@dataclass(frozen=True, slots=True)
class Key:
    """A key, without its secret.

    Attributes:
        prefix: its first 8 characters, by which it is named.
        scopes: what it may be used for; None for everything.
        monthly_usage: US dollars spent this month.
    """

    prefix: fields.Text = ""
    name: fields.OptionalText = None
    is_disabled: Annotated[bool, fields.path("disabled"), PlainValidator(lambda value: value is True)] = False
    scopes: Annotated[tuple[str, ...] | None, PlainValidator(_scopes)] = None
    limit: Annotated[KeyLimit | None, BeforeValidator(lambda value: value if isinstance(value, dict) else None)] = None
    created: Annotated[fields.Moment, fields.path("created_at")] = None
    updated: Annotated[fields.Moment, fields.path("updated_at")] = None
    monthly_usage: fields.Money = Decimal(0)
    raw: fields.Object = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made, with its secret, which the provider tells this once.

    Attributes:
        key: what is known of it later, too.
        secret: keep it; it is in no repr.
    """

    key: Key
    secret: str = field(repr=False)


def _with_raw(row: Json) -> Json:
    """A row with itself as `raw`, but for the secret of a new key."""
    return fields.with_raw({name: value for name, value in row.items() if name != "key"})


_KEY: TypeAdapter[Key] = TypeAdapter(Annotated[Key, BeforeValidator(_with_raw)])


def read_key(payload: Any) -> Key:
    """The key of a reply.

    Raises:
        BadResponseError: it holds none.
    """
    row = fields.an_object(payload).get("data")
    if not isinstance(row, dict) or not fields.text(row.get("prefix")):
        raise BadResponseError("The provider's reply contains no key.")
    return _KEY.validate_python(row)


def read_deleted(payload: Any) -> bool:
    """Whether a reply says that the key is gone."""
    return fields.an_object(fields.an_object(payload).get("data")).get("deleted") is True


def read_keys(payload: Any) -> list[Key]:
    """The keys of a reply.

    Raises:
        BadResponseError: it is no list.
    """
    rows = fields.an_object(payload).get("data")
    if not isinstance(rows, list):
        raise BadResponseError("The provider's reply is not a list of keys.")
    return [_KEY.validate_python(row) for row in fields.objects(rows)]


def read_new_key(payload: Any) -> NewKey:
    """A new key with its secret.

    Raises:
        BadResponseError: it has none.
    """
    secret = fields.an_object(fields.an_object(payload).get("data")).get("key")
    if not fields.text(secret):
        raise BadResponseError("The provider's reply contains no new key.")
    return NewKey(read_key(payload), str(secret))


def key_body(
    name: str | None, scopes: Sequence[str] | None, limit: KeyLimit | None, *, disabled: bool | None = None
) -> Json:
    """The body that makes or changes a key; what is None is not in it.

    Raises:
        InvalidRequestError: an unknown scope or retention.
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
