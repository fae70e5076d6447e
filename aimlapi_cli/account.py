"""`aimlapi balance`, `usage` and `logs`."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from aimlapi_cli import completion, streams
from aimlapi_cli.keys import managing
from aimlapi_cli.session import ApiKey, AsCsv, AsJson, BaseUrl, client, console
from aimlapi_cli.tables import Column, Row, show, show_one

Since = Annotated[str | None, typer.Option("--since", help="The last hours or days: 24h, 7d.")]
Start = Annotated[str | None, typer.Option(help="In its place: from this time, in ISO 8601.")]
_USAGE = (
    *(Column(name, name) for name in ("day", "model", "requests", "failed")),
    Column("input_tokens", "input"),
    Column("output_tokens", "output"),
    Column("cost_usd", "US$"),
)
_PEOPLE = ("day", "model", "cost_usd", "requests", "failed", "input_tokens", "output_tokens")
_LOGS = (
    *(Column(name, name) for name in ("time", "status", "model", "tokens")),
    Column("cost_usd", "US$"),
    Column("inference_id", "inference id"),
)
End = Annotated[str | None, typer.Option(help="To this time.")]


def balance(as_json: AsJson = False, base_url: BaseUrl = None, api_key: ApiKey = None) -> None:
    """What is left on the account, in US dollars.

    [dim]aimlapi balance[/dim]
    """
    found = client(base_url, api_key).balance()
    row = {"usd": found.usd, "credits": found.credits, "low": found.is_low, "status": found.status}
    if as_json:
        show_one(row, as_json=True)
        return
    console().print(f"${found.usd:,.2f}" + (" (low)" if found.is_low else ""))


def usage(
    by: Annotated[
        str | None,
        typer.Option(help="day, model, or day,model.", autocompletion=completion.listed(("day", "model"))),
    ] = None,
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
    if plot is not None:
        from aimlapi_cli.plots import bars, check

        check(plot)
    with managing():
        report = client(base_url, api_key).usage(since, start=start, end=end, group_by=by, tz=tz, key_prefix=key_prefix)
    groups = report.groups or report.models
    rows = [
        {
            "day": group.day,
            "model": group.model,
            "requests": group.requests,
            "failed": group.failed,
            "input_tokens": group.input_tokens,
            "output_tokens": group.output_tokens,
            "cost_usd": group.usd,
        }
        for group in groups
    ]
    columns = [one for one in _USAGE if _has(rows, one.name)] or [_USAGE[1], _USAGE[-1]]
    people = sorted(columns, key=lambda one: _PEOPLE.index(one.name))

    def total(found: list[Row]) -> Row:
        requests = sum(row["requests"] for row in found)
        return {
            people[0].name: "total",
            "requests": requests,
            "cost_usd": sum((row["cost_usd"] for row in found), Decimal(0)),
        }

    title = f"{report.start:%Y-%m-%d} to {report.end:%Y-%m-%d}" if report.start and report.end else None
    show(rows, columns, on_terminal=people, least=3, as_json=as_json, as_csv=as_csv, title=title, total=total)
    if plot is not None:
        names = [" ".join(filter(None, (group.day, group.model))) for group in groups]
        bars(plot, names, [float(group.usd) for group in groups], "US dollars")
        streams.say(f"Drawn into {plot}.")


def _has(rows: list[dict[str, Any]], name: str) -> bool:
    return any(row[name] is not None for row in rows)


def logs(
    failed: Annotated[bool, typer.Option("--failed", help="Only requests that failed.")] = False,
    model: Annotated[
        list[str] | None, typer.Option(help="Only of this model; may be repeated.", autocompletion=completion.models)
    ] = None,
    most: Annotated[int, typer.Option("--limit", "-n", help="At most so many, the newest.", min=1)] = 50,
    since: Since = None,
    start: Start = None,
    end: End = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """The key's requests at the provider, the newest first.

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
            "cost_usd": entry.usd,
            "inference_id": entry.inference_id,
        }
        for entry, _ in zip(found, range(most), strict=False)
    ]
    show(
        rows, _LOGS, on_terminal=[_LOGS[place] for place in (0, 2, 1, 4, 3, 5)], least=3, as_json=as_json, as_csv=as_csv
    )
