"""`aimlapi log` and `aimlapi config`: what is kept on this machine, and what holds by default."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any

import typer

from aimlapi_cli import completion, config, log_store, streams
from aimlapi_cli.session import AsCsv, AsJson, confirm, console, fail
from aimlapi_cli.tables import Column, show, show_one
from aimlapi_transport.errors import InvalidRequestError

_COLUMNS = (
    Column("id", "id"),
    Column("conversation", "talk"),
    Column("created", "time"),
    Column("model", "model"),
    Column("question", "question", wraps=True),
    Column("answer", "answer", wraps=True),
    Column("cost_usd", "US$"),
)
_ON_TERMINAL = ("id", "question", "answer", "created", "model", "cost_usd", "conversation")
_SECONDS = {"m": 60, "h": 3600, "d": 86400}
_SHOWN = 200  # characters of a text in a table


def log(
    words: Annotated[list[str] | None, typer.Argument(help="Words that the question or the answer holds.")] = None,
    show_id: Annotated[int | None, typer.Option("--show", help="One answer, whole, by its id.")] = None,
    model: Annotated[str | None, typer.Option(help="Only of this model.", autocompletion=completion.models)] = None,
    since: Annotated[str | None, typer.Option(help="Of the last minutes, hours or days: 30m, 24h, 7d.")] = None,
    most: Annotated[int, typer.Option("--limit", "-n", help="At most so many, the newest.", min=1)] = 20,
    delete: Annotated[int | None, typer.Option(help="Delete one answer, by its id.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Delete all of it. It asks first.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    path: Annotated[bool, typer.Option("--path", help="Where the file is.")] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """The answers that were kept on this machine, the newest first.

    None are, unless `log = true` is in the configuration, or --log is passed.

    [dim]aimlapi log tides --since 7d
    aimlapi chat --load 12    # continues with talk 12[/dim]
    """
    asked = [name for name, given in (("--path", path), ("--delete", delete is not None), ("--clear", clear),
                                      ("--show", show_id is not None)) if given]  # fmt: skip
    filtered = bool(words or model or since)
    formed = (as_json or as_csv) and any(name != "--show" for name in asked)
    if len(asked) > 1 or (asked and filtered) or (yes and not clear) or formed:
        given = asked or ["--yes"]
        raise InvalidRequestError(f"`{given[0]}` does not go with {'the words or ' if filtered else ''}other options.")
    if path:
        streams.write(f"{log_store.log_path()}\n")
    elif delete is not None:
        if not log_store.delete(delete):
            raise InvalidRequestError(f"The log has no answer {delete}.")
        streams.say(f"Answer {delete} is deleted.")
    elif clear:
        if not yes:
            confirm("Delete all answers of the log?")
        streams.say(f"{log_store.delete(None):,} answers are deleted.")
    elif show_id is not None:
        _show_one(log_store.one(show_id), as_json)
    else:
        _show(" ".join(words or ()), model, since, most, as_json, as_csv)


def _show(words: str, model: str | None, since: str | None, most: int, as_json: bool, as_csv: bool) -> None:
    found = log_store.find(words, model=model, since=None if since is None else _moment(since), most=most)
    if as_json:
        show(found, (), as_json=True)
    elif found or as_csv:
        rows = [
            {
                **row,
                "created": datetime.fromisoformat(row["created"]),
                **{name: _short(row[name]) for name in ("question", "answer")},
            }
            for row in found
        ]
        by_name = {one.name: one for one in _COLUMNS}
        show(rows, _COLUMNS, on_terminal=[by_name[name] for name in _ON_TERMINAL], as_csv=as_csv, least=2)
    if found:
        return
    if words or model or since:
        fail("No answer of the log fits that.")
    if not as_json:
        streams.say("The log is empty: --log keeps an answer, `log = true` in the configuration keeps all.")


def _show_one(row: dict[str, Any], as_json: bool) -> None:
    if as_json or not streams.is_terminal():
        show_one(row, as_json=as_json)
        return
    show_one({name: row[name] for name in row if name not in ("question", "answer", "reasoning", "messages")})
    out = console()
    for name in ("question", "reasoning", "answer"):
        if row[name]:
            out.print(f"\n{name}", style="bold")
            streams.write(f"{row[name]}\n")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 3]}..."


def _moment(text: str) -> datetime:
    found = re.fullmatch(r"(\d+)([mhd])", text.strip())
    if found is None:
        raise InvalidRequestError(f"`--since` is {text!r}: pass minutes, hours or days: 30m, 24h, 7d.")
    try:
        return datetime.now(timezone.utc) - timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
    except (OverflowError, ValueError):
        raise InvalidRequestError(f"`--since` is {text!r}: that is too long ago.") from None


def configuration(as_json: AsJson = False) -> None:
    """What holds by default: the configuration file, its profiles and templates.

    [dim]aimlapi config
    aimlapi --profile work config[/dim]
    """
    found = config.load()
    names, parameters = ("model", "system", "base_url", "log", "remember"), found.defaults.parameters
    fields = {
        "file": str(found.path) if found.exists else f"{found.path} (not there)",
        "profile": found.profile,
        **{name: value for name in names if (value := getattr(found.defaults, name)) is not None},
        **({"key_variable": variable} if (variable := found.defaults.shown_variable) is not None else {}),
        "params": parameters if as_json else [f"{name}={value}" for name, value in parameters.items()],
        "profiles": _names(found.profiles),
        "templates": _names(found.templates),
        "mcp": _names(found.mcp),
        "log_file": str(log_store.log_path()),
    }
    if as_json:
        fields["templates"] = {name: _prompt(found, name) for name in fields["templates"]}
    show_one(fields, as_json=as_json)
    for problem in config.problems(found):
        streams.say(problem, "33")


def _names(section: Mapping[str, Any]) -> list[str]:
    with suppress(InvalidRequestError):  # which is among the problems
        return list(section)
    return []


def _prompt(found: config.Config, name: str) -> str | None:
    with suppress(InvalidRequestError):
        return found.templates[name].prompt
    return None
