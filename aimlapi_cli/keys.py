"""`aimlapi keys`: the account's keys, with a management key."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aimlapi_cli import completion, streams
from aimlapi_cli.exits import reword
from aimlapi_cli.nearest import sentence
from aimlapi_cli.session import ApiKey, AsCsv, AsJson, BaseUrl, client, confirm
from aimlapi_cli.tables import Column, show, show_one
from aimlapi_transport.errors import InvalidRequestError, NotFoundError, PermissionDeniedError

if TYPE_CHECKING:
    from aimlapi_transport.service.keys import Key, KeyLimit

Prefix = Annotated[str, typer.Argument(help="The first 8 characters of the key.")]
Scopes = Annotated[
    str | None,
    typer.Option(
        help="What it may be used for: model:chat,model:embeddings",
        autocompletion=completion.listed([f"model:{kind}" for kind in ("chat", "responses", "embeddings", "image")]),
    ),
]
Limit = Annotated[float | None, typer.Option(help="Most US dollars it may spend.")]
Per = Annotated[
    str | None,
    typer.Option(
        help="When that count starts over: no_reset, day, week, month.",
        autocompletion=completion.among(("no_reset", "day", "week", "month")),
    ),
]

keys = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="The account's keys: needs a management key.",
    rich_markup_mode="rich",
)
_COLUMNS = (
    *("prefix", "name", "disabled"),
    Column("scopes", "scopes", wraps=True),
    Column("limit_usd", "limit $"),
    Column("limit_per", "per"),
    Column("monthly_usage_usd", "this month $"),
)
_ON_TERMINAL = (*_COLUMNS[:3], *_COLUMNS[4:], _COLUMNS[3])


def _row(key: Key) -> dict[str, Any]:
    return {
        "prefix": key.prefix,
        "name": key.name,
        "disabled": key.is_disabled,
        "scopes": key.scopes or "all",
        "limit_usd": key.limit and key.limit.usd,
        "limit_per": key.limit and key.limit.retention,
        "monthly_usage_usd": key.monthly_usage,
    }


@contextmanager
def managing(ours: Any = None, prefix: str = "") -> Iterator[None]:
    """What a key of another kind is refused, with what to do about it; a key that is not there, with the nearest."""
    try:
        yield
    except PermissionDeniedError as error:
        if "management" in error.message.lower():
            where = "one of https://aimlapi.com/app/keys (the emulator takes any that holds the word `management`)"
            reword(error, f"{error.message.rstrip('.')}: set AIMLAPI_API_KEY to {where}.")
        raise
    except NotFoundError as error:
        if ours is not None:
            near = sentence(prefix, [key.prefix for key in ours.list()])
            reword(error, f"There is no key {prefix!r}.{near}")
        raise


@keys.command("list")
def list_keys(as_json: AsJson = False, as_csv: AsCsv = False, base_url: BaseUrl = None, api_key: ApiKey = None) -> None:
    """All keys, without their secrets."""
    with managing():
        rows = [_row(key) for key in client(base_url, api_key).keys.list()]
    show(rows, _COLUMNS, on_terminal=_ON_TERMINAL, as_json=as_json, as_csv=as_csv)


@keys.command()
def create(
    name: Annotated[str | None, typer.Option(help="Your name for it.")] = None,
    scopes: Scopes = None,
    limit: Limit = None,
    per: Per = None,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """A new key. It is printed once: keep it.

    [dim]aimlapi keys create --name ci --limit 5 --per month[/dim]
    """
    if limit is None and per is not None:
        raise InvalidRequestError("`--per` needs a `--limit`.")
    ours = client(base_url, api_key).keys
    with managing():
        new = ours.create(name=name, scopes=_scopes(scopes), limit=_limit(limit, per))
    if not as_json:
        streams.say(f"The key {new.key.prefix}... was made. This is the only time it is shown:")
    secret = streams.json_text({**_row(new.key), "secret": new.secret}) if as_json else f"{new.secret}\n"
    try:
        streams.write_result(secret)
    except streams.LostError:
        ours.delete(new.key.prefix)  # a key that nobody knows
        raise


@keys.command()
def update(
    prefix: Prefix,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    scopes: Scopes = None,
    limit: Limit = None,
    per: Per = None,
    disable: Annotated[bool | None, typer.Option("--disable/--enable", help="Whether it is refused.")] = None,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Changes a key; what is not given stays.

    [dim]aimlapi keys update b747e891 --limit 10[/dim]
    """
    if all(given is None for given in (name, scopes, limit, per, disable)):
        raise InvalidRequestError("There is nothing to change: pass --name, --scopes, --limit, --per or --disable.")
    ours = client(base_url, api_key).keys
    with managing(ours, prefix):
        new_limit = _limit(limit, per)
        if (limit is None) != (per is None):  # a limit goes out as a whole: the half that is not given is as it was
            new_limit = _changed(_current(ours.list(), prefix).limit, limit, per)
        changed = ours.update(prefix, name=name, scopes=_scopes(scopes), limit=new_limit, disabled=disable)
    if as_json:
        show_one(_row(changed), as_json=True)
        return
    show([_row(changed)], _COLUMNS, on_terminal=_ON_TERMINAL)


@keys.command()
def delete(
    prefix: Prefix,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Deletes a key for good. It asks first."""
    if not yes:
        confirm(f"Delete the key {prefix}...? Programs that use it will be refused.")
    ours = client(base_url, api_key).keys
    with managing(ours, prefix):
        ours.delete(prefix)
    streams.say(f"The key {prefix}... is deleted.")


def _current(found: list[Key], prefix: str) -> Key:
    for key in found:
        if key.prefix == prefix.strip():
            return key
    raise NotFoundError(f"There is no key {prefix!r}.", status_code=404)


def _scopes(text: str | None) -> list[str] | None:
    if text is None:
        return None
    scopes = [scope.strip() for scope in text.split(",") if scope.strip()]
    if not scopes:  # a key without scopes may do everything
        raise InvalidRequestError("`--scopes` names none: pass some, or leave it out for all.")
    return scopes


def _limit(usd: float | None, per: str | None) -> KeyLimit | None:
    from aimlapi_transport.service.keys import KeyLimit

    return None if usd is None else KeyLimit(_dollars(usd), per or "no_reset")


def _dollars(usd: float) -> Decimal:
    if not math.isfinite(usd) or usd < 0:
        raise InvalidRequestError(f"`--limit` is {usd}: pass US dollars.")
    return Decimal(str(usd))


def _changed(current: KeyLimit | None, usd: float | None, per: str | None) -> KeyLimit | None:
    """The current limit with its amount, or its time, changed."""
    from aimlapi_transport.service.keys import KeyLimit

    if current is None:
        if usd is None:
            raise InvalidRequestError("`--per` needs a `--limit`: this key has none.")
        return _limit(usd, per)
    return KeyLimit(current.usd if usd is None else _dollars(usd), per or current.retention)
