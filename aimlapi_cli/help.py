"""Help for any width: Typer's tables where they fit, one column of text on a narrow terminal."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from textwrap import fill
from typing import Any

from typer.core import TyperCommand, TyperGroup

from aimlapi_cli.exits import WRONG, Failure, reword
from aimlapi_cli.streams import argument
from aimlapi_transport.errors import AIMLAPIError

_MAY_BE_EMPTY = ("system", "name", "null", "api_key", "param", "var")
# What the library calls an argument -> the option.
_OPTION_OF = {
    "period": "--since",
    "group_by": "--by",
    "retention": "--per",
    "requests_per_minute": "--rpm",
    "tokens_per_minute": "--tpm",
    **{name: f"--{name.replace('_', '-')}" for name in ("start", "end", "scopes", "key_prefix", "api_key")},
}
NARROW = 72  # columns; Typer's tables need more


def _stacked(command: Any, ctx: Any, formatter: Any, width: int) -> None:
    """Usage, text, options and commands under each other, with their help below, as wide as the terminal."""

    def paragraph(text: str, indent: int = 0) -> None:
        wrapped = fill(" ".join(text.split()), max(width - 1, 20), initial_indent=" " * indent,
                       subsequent_indent=" " * indent, break_on_hyphens=False)  # fmt: skip
        formatter.write(f"{wrapped}\n")

    def heading(text: str) -> None:
        formatter.write(f"\n{text}:\n")

    paragraph(f"Usage: {ctx.command_path} {' '.join(command.collect_usage_pieces(ctx))}")
    for part in _unstyled(command.help or "").split("\n\n"):
        formatter.write("\n")
        for line in part.splitlines() if "aimlapi " in part else [part]:
            paragraph(line)
    records: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is not None:
            records["Arguments" if parameter.param_type_name == "argument" else "Options"].append(record)
    if isinstance(command, TyperGroup):
        records["Commands"] = [
            (name, found.get_short_help_str(200))
            for name in command.list_commands(ctx)
            if (found := command.get_command(ctx, name)) is not None and not found.hidden
        ]
    for title, rows in records.items():
        if rows:
            heading(title)
        for name, text in rows:
            paragraph(name, 2)
            if text:
                paragraph(_unstyled(text), 6)
    if command.epilog:
        formatter.write("\n")
        paragraph(_unstyled(command.epilog))


def _unstyled(text: str) -> str:
    return re.sub(r"\[/?(?:dim|bold)\]", "", text).replace("\\[", "[")


class _AnyWidth:
    """What commands and groups have in common: help for any width, `-h`, and arguments as text."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        width = shutil.get_terminal_size().columns
        if width < NARROW:
            _stacked(self, ctx, formatter, width)
        else:
            super().format_help(ctx, formatter)  # type: ignore[misc]  # of Typer's class beside it

    def get_help_option_names(self, ctx: Any) -> list[str]:
        names: list[str] = super().get_help_option_names(ctx)  # type: ignore[misc]  # of Typer's class beside it
        taken = {name for parameter in self.params for name in parameter.opts}  # type: ignore[attr-defined]  # as above
        return [*names, *({"-h"} - taken)]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        typed = list(args)  # Click empties it
        rest: list[str] = super().parse_args(ctx, args)  # type: ignore[misc]  # of Typer's class beside it
        for name, value in ctx.params.items():
            ctx.params[name] = _decoded(value)
        for parameter in self.params:  # type: ignore[attr-defined]  # as above
            value = ctx.params.get(parameter.name)
            _check_value(parameter, value)
            if _is_empty_path(parameter, value, typed):
                raise Failure(f"`{parameter.opts[0]}` is empty: pass a path.", WRONG)
        if ctx.params.get("as_json") and ctx.params.get("as_csv"):
            raise Failure("Pass --json or --csv, not both.", WRONG)
        return rest

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)  # type: ignore[misc]  # of Typer's class beside it
        except AIMLAPIError as error:
            options = {name for parameter in self.params for name in parameter.opts}  # type: ignore[attr-defined]  # as above
            message = error.message
            for name, option in _OPTION_OF.items():
                if option in options:
                    message = message.replace(f"`{name}`", f"`{option}`")
            reword(error, message)
            raise


def _is_empty_path(parameter: Any, value: Any, args: Sequence[str]) -> bool:
    """Whether a path was typed as nothing at all, which Python takes for the current folder."""
    if Path() not in (value if isinstance(value, (list, tuple)) else [value]):
        return False
    if parameter.param_type_name == "argument":
        return "" in args
    return any(f"{name}=" in args or (name, "") in pairwise(args) for name in parameter.opts)


def _check_value(parameter: Any, value: Any) -> None:
    """Raises for what was typed by mistake: no number, or nothing at all (a variable of the shell that is not set)."""
    if parameter.param_type_name != "option":
        return
    if isinstance(value, float) and not math.isfinite(value):
        raise Failure(f"`{parameter.opts[0]}` is {value}: pass a number.", WRONG)
    given = value if isinstance(value, (list, tuple)) else [value]
    if "" in given and parameter.name not in _MAY_BE_EMPTY:
        raise Failure(f"`{parameter.opts[0]}` is empty: pass a value, or leave it out.", WRONG)


def _decoded(value: Any) -> Any:
    if isinstance(value, str):
        return argument(value)
    return type(value)(map(_decoded, value)) if isinstance(value, (list, tuple)) else value


class Command(_AnyWidth, TyperCommand):
    """A command with help for any width."""


class Group(_AnyWidth, TyperGroup):
    """A group of commands with help for any width."""
