"""Rows as a table, as tab-separated lines in a pipe, as JSON or as CSV."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich import box
from rich.table import Table

from aimlapi_cli.session import console

Row = Mapping[str, Any]


def show(
    rows: Iterable[Row],
    columns: Sequence[str],
    *,
    as_json: bool = False,
    as_csv: bool = False,
    title: str | None = None,
    total: Callable[[list[Row]], Row] | None = None,
) -> None:
    """Shows rows.

    Args:
        columns: those shown; JSON has all there are.
        total: makes a last row, for people only.
    """
    found = list(rows)
    if as_json:
        sys.stdout.write(json.dumps([*map(dict, found)], default=plain, ensure_ascii=False, indent=2) + "\n")
        return
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([text(row.get(name)) for name in columns] for row in found)
        return
    if not sys.stdout.isatty():
        for row in found:
            sys.stdout.write("\t".join(text(row.get(name)).replace("\t", " ") for name in columns) + "\n")
        return
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for place, name in enumerate(columns):
        numbers = any(isinstance(row.get(name), (int, float, Decimal)) for row in found)
        whole = place == 0 or numbers  # what is copied, and what is compared, stays in one piece
        table.add_column(name, justify="right" if numbers else "left", overflow="fold", no_wrap=whole)
    for row in found:
        table.add_row(*(text(row.get(name)) for name in columns))
    if total is not None and found:
        table.add_section()
        last = total(found)
        table.add_row(*(text(last.get(name)) for name in columns), style="bold")
    console().print(table)


def is_narrow() -> bool:
    """Whether a terminal has no room for all."""
    return sys.stdout.isatty() and console().width < 110


def text(value: Any) -> str:
    """A cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value:.6f}".rstrip("0").rstrip(".") if value else "0"
    if isinstance(value, float):
        return f"{value:,.6f}".rstrip("0").rstrip(".")
    if isinstance(value, int):
        return f"{value:,}" if sys.stdout.isatty() else str(value)
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return str(value).replace("\n", " ")


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
