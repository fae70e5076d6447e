"""`aimlapi balance`, `usage`, `logs` and `keys`."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aimlapi_cli.session import ApiKey, AsCsv, AsJson, BaseUrl, client, console
from aimlapi_cli.tables import Row, show
from aimlapi_transport.errors import InvalidRequestError

if TYPE_CHECKING:
    from aimlapi_transport.service.keys import Key

Since = Annotated[str | None, typer.Option("--since", help="The last hours or days: 24h, 7d.")]
Start = Annotated[str | None, typer.Option(help="In its place: from this time, in ISO 8601.")]
End = Annotated[str | None, typer.Option(help="To this time.")]
Prefix = Annotated[str, typer.Argument(help="The first 8 characters of the key.")]
Scopes = Annotated[str | None, typer.Option(help="What it may be used for: model:chat,model:embeddings")]
Limit = Annotated[float | None, typer.Option(help="Most US dollars it may spend.")]
Per = Annotated[str, typer.Option(help="When that count starts over: no_reset, day, week, month.")]


def balance(as_json: AsJson = False, base_url: BaseUrl = None, api_key: ApiKey = None) -> None:
    """What is left on the account, in US dollars.

    [dim]aimlapi balance[/dim]
    """
    found = client(base_url, api_key).balance()
    row = {"usd": found.usd, "credits": found.credits, "low": found.is_low, "status": found.status}
    if as_json:
        show([row], (), as_json=True)
        return
    console().print(f"${found.usd:,.2f}" + (" (low)" if found.is_low else ""))


def usage(
    by: Annotated[str | None, typer.Option(help="day, model, or day,model.")] = None,
    since: Since = None,
    start: Start = None,
    end: End = None,
    tz: Annotated[str | None, typer.Option(help="Whose days: Europe/Berlin.")] = None,
    key_prefix: Annotated[str | None, typer.Option(help="Of another key; needs a management key.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draws it into this file: .png, .svg or .html.")] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """What was spent, by model, by day or both.

    [dim]aimlapi usage --by day,model --since 7d[/dim]
    """
    report = client(base_url, api_key).usage(since, start=start, end=end, group_by=by, tz=tz, key_prefix=key_prefix)
    groups = report.groups or report.models
    rows = [
        {
            "day": group.day,
            "model": group.model,
            "requests": group.requests,
            "failed": group.failed,
            "input": group.input_tokens,
            "output": group.output_tokens,
            "USD": group.usd,
        }
        for group in groups
    ]
    shown = [name for name in ("day", "model", "requests", "failed", "input", "output", "USD") if _has(rows, name)]
    columns = shown or ["model", "requests", "USD"]

    def total(found: list[Row]) -> Row:
        requests = sum(row["requests"] for row in found)
        return {columns[0]: "total", "requests": requests, "USD": sum((row["USD"] for row in found), Decimal(0))}

    title = f"{report.start:%Y-%m-%d} to {report.end:%Y-%m-%d}" if report.start and report.end else None
    show(rows, columns, as_json=as_json, as_csv=as_csv, title=title, total=total)
    if plot is not None:
        from aimlapi_cli.plots import bars

        names = [" ".join(filter(None, (group.day, group.model))) for group in groups]
        bars(plot, names, [float(group.usd) for group in groups], "US dollars")
        console(error=True).print(f"Drawn into {plot}.")


def _has(rows: list[dict[str, Any]], name: str) -> bool:
    return any(row[name] is not None for row in rows)


def logs(
    failed: Annotated[bool, typer.Option("--failed", help="Only requests that failed.")] = False,
    model: Annotated[list[str] | None, typer.Option(help="Only of this model; may be repeated.")] = None,
    most: Annotated[int, typer.Option("--limit", "-n", help="At most so many, the newest.", min=1)] = 50,
    since: Since = None,
    start: Start = None,
    end: End = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """The key's requests, the newest first.

    [dim]aimlapi logs --failed --since 24h[/dim]
    """
    status = "failed" if failed else None
    found = client(base_url, api_key).logs(since, start=start, end=end, model=model, status=status)
    rows = [
        {
            "time": entry.created,
            "status": entry.status,
            "model": entry.model,
            "tokens": entry.total_tokens,
            "USD": entry.usd,
            "inference id": entry.inference_id,
        }
        for entry, _ in zip(found, range(most), strict=False)
    ]
    show(rows, ("time", "status", "model", "tokens", "USD", "inference id"), as_json=as_json, as_csv=as_csv)


# -- keys --------------------------------------------------------------------------------------------------------------

keys = typer.Typer(no_args_is_help=True, help="The account's keys: needs a management key.", rich_markup_mode="rich")
_COLUMNS = ("prefix", "name", "disabled", "scopes", "limit", "this month")


def _row(key: Key) -> dict[str, Any]:
    limit = f"${key.limit.usd:f} ({key.limit.retention})" if key.limit else None
    return {
        "prefix": key.prefix,
        "name": key.name,
        "disabled": key.is_disabled,
        "scopes": key.scopes or "all",
        "limit": limit,
        "this month": key.monthly_usage,
    }


@keys.command("list")
def list_keys(as_json: AsJson = False, as_csv: AsCsv = False, base_url: BaseUrl = None, api_key: ApiKey = None) -> None:
    """All keys, without their secrets."""
    rows = [_row(key) for key in client(base_url, api_key).keys.list()]
    show(rows, _COLUMNS, as_json=as_json, as_csv=as_csv)


@keys.command()
def create(
    name: Annotated[str | None, typer.Option(help="Your name for it.")] = None,
    scopes: Scopes = None,
    limit: Limit = None,
    per: Per = "no_reset",
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """A new key. It is printed once: keep it.

    [dim]aimlapi keys create --name ci --limit 5 --per month[/dim]
    """
    new = client(base_url, api_key).keys.create(name=name, scopes=_scopes(scopes), limit=_limit(limit, per))
    console(error=True).print(f"The key {new.key.prefix}... was made. This is the only time it is shown:")
    console().print(new.secret, markup=False)


@keys.command()
def update(
    prefix: Prefix,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    scopes: Scopes = None,
    limit: Limit = None,
    per: Per = "no_reset",
    disable: Annotated[bool | None, typer.Option("--disable/--enable", help="Whether it is refused.")] = None,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Changes a key; what is not given stays."""
    ours = client(base_url, api_key).keys
    changed = ours.update(prefix, name=name, scopes=_scopes(scopes), limit=_limit(limit, per), disabled=disable)
    show([_row(changed)], _COLUMNS)


@keys.command()
def delete(
    prefix: Prefix,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Deletes a key for good. It asks first."""
    if not yes and not typer.confirm(f"Delete the key {prefix}...? Programs that use it will be refused.", err=True):
        raise typer.Exit(1)
    client(base_url, api_key).keys.delete(prefix)
    console(error=True).print(f"The key {prefix}... is deleted.")


def _scopes(text: str | None) -> list[str] | None:
    return None if text is None else [scope.strip() for scope in text.split(",") if scope.strip()]


def _limit(usd: float | None, per: str) -> Any:
    from aimlapi_transport.service.keys import KeyLimit

    if usd is None:
        if per != "no_reset":
            raise InvalidRequestError("`--per` needs a `--limit`.")
        return None
    return KeyLimit(Decimal(str(usd)), per)
