"""Rows as a table, or as records where that is too wide; as TSV in a pipe; as JSON or CSV.

Machines get the names of fields and plain numbers, people get titles and thousands separators.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from aimlapi_cli import streams
from aimlapi_cli.session import console

Row = Mapping[str, Any]
_GAP = 2  # columns between two of a table
_WRAPPED = 16  # columns that a text which may be wrapped gets at least


class Column(NamedTuple):
    """A column: the field's name, for machines; a title, for people; whether its texts may be wrapped."""

    name: str
    title: str
    wraps: bool = False


def column(given: str | Column) -> Column:
    """A column of a field's name."""
    return given if isinstance(given, Column) else Column(given, given.replace("_", " "))


def show(
    rows: Iterable[Row],
    columns: Sequence[str | Column],
    *,
    on_terminal: Sequence[str | Column] | None = None,
    least: int = 2,
    as_json: bool = False,
    as_csv: bool = False,
    title: str | None = None,
    total: Callable[[list[Row]], Row] | None = None,
) -> None:
    """Shows rows.

    Args:
        columns: those shown; JSON has all fields.
        on_terminal: the same in the order for people, what matters most first: a narrow terminal leaves out the last.
        least: where fewer of these fit, rows stand as records.
        total: makes a last row, for people only.
    """
    found, named = list(rows), [column(one) for one in columns]
    if as_json:
        streams.write_json([dict(row) for row in found])
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(one.name for one in named)
        writer.writerows([plain(row.get(one.name)) for one in named] for row in found)
    elif not streams.is_terminal():
        _tsv([one.name for one in named], ([row.get(one.name) for one in named] for row in found))
    else:
        people = [column(one) for one in on_terminal or named]
        _table(found, people, title, min(least, len(people)), total(found) if total is not None and found else None)


def show_one(
    row: Row, *, as_json: bool = False, title: str | None = None, titles: Mapping[str, str] | None = None
) -> None:
    """Shows one thing: its fields under each other; as JSON one object.

    Args:
        titles: of fields, where a name with spaces for its underscores will not do.
    """
    if as_json:
        streams.write_json(dict(row))
        return
    known = {name: value for name, value in row.items() if value not in (None, "", (), [])}
    if not streams.is_terminal():
        _tsv(["field", "value"], ([name, value] for name, value in known.items()))
        return
    if title:
        console().print(title, style="italic", markup=False)
    _record(known, {name: (titles or {}).get(name) or column(name).title for name in known})


def _tsv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    sys.stdout.write("\t".join(names) + "\n")
    for row in rows:
        sys.stdout.write("\t".join(" ".join(plain(value).split("\t")) for value in row).replace("\r", "") + "\n")


# -- for people --------------------------------------------------------------------------------------------------------


def _table(rows: list[Row], columns: list[Column], title: str | None, least_count: int, last: Row | None) -> None:
    """A table of as many columns as fit in whole; records where fewer than two do."""
    from rich.cells import cell_len

    out = console()
    if title:
        out.print(title, style="italic", markup=False)
    if not rows:
        out.print("(none)", style="dim")
        return
    cells = [[printed(row.get(one.name)) for one in columns] for row in (*rows, *([last] if last else ()))]
    full = [max([cell_len(one.title), *(cell_len(line[place]) for line in cells)]) for place, one in enumerate(columns)]
    least = [
        min(size, max(_WRAPPED, cell_len(one.title))) if one.wraps else size
        for size, one in zip(full, columns, strict=True)
    ]
    count = len(columns)
    while count > 1 and sum(least[:count]) + _GAP * (count - 1) > out.width:
        count -= 1
    if count < least_count:
        _records(out, rows, columns)
        return
    _print_table(out, columns[:count], cells, _shared(full[:count], least[:count], out.width), last is not None)
    if count < len(columns):
        names = ", ".join(one.title for one in columns[count:])
        out.print(f"Too narrow for: {names}. A wider terminal, --json or a pipe shows all.", style="dim", markup=False)


def _shared(full: list[int], least: list[int], width: int) -> list[int]:
    """The widths of columns: what is free goes to those that would wrap, from the left."""
    free = width - sum(least) - _GAP * (len(least) - 1)
    widths = []
    for wanted, given in zip(full, least, strict=True):
        more = min(wanted - given, max(free, 0))
        free -= more
        widths.append(given + more)
    return widths


def _print_table(out: Any, columns: list[Column], cells: list[list[str]], widths: list[int], has_total: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for place, (one, width) in enumerate(zip(columns, widths, strict=True)):
        numbers = any(line[place] for line in cells) and all(_is_number(line[place]) for line in cells if line[place])
        right = numbers and not one.wraps
        table.add_column(
            Text(one.title), justify="right" if right else "left", width=width, no_wrap=not one.wraps, overflow="fold"
        )
    for place, line in enumerate(cells):
        is_last = has_total and place == len(cells) - 1
        table.add_row(*map(Text, line[: len(columns)]), style="bold" if is_last else None)
    out.print(table)


def _is_number(text: str) -> bool:
    return text.lstrip("-$").replace(",", "").replace(".", "", 1).isdigit() or text == "total"


def _records(out: Any, rows: list[Row], columns: list[Column]) -> None:
    """Each row as lines of a name and a value."""
    for place, row in enumerate(rows):
        if place:
            out.print()
        _record({one.name: row.get(one.name) for one in columns}, {one.name: one.title for one in columns})


def _record(row: Row, titles: Mapping[str, str]) -> None:
    """One thing; a long id beside its name is left to the terminal to wrap, so that it is copied in one piece."""
    from rich.cells import cell_len
    from rich.text import Text

    out = console()
    size = max((cell_len(title) for title in titles.values()), default=0)
    room = out.width - size - _GAP
    for name, value in row.items():
        text = printed(value)
        if not text:
            continue
        if max((cell_len(word) for word in text.split()), default=0) > room or room < _WRAPPED:
            out.print(Text.assemble((titles[name], "bold")))
            out.print(Text(text), soft_wrap=" " not in text)
        else:
            wrapped = Text(text).wrap(out, room)
            for place, line in enumerate(wrapped):
                label = titles[name] if place == 0 else ""
                out.print(Text.assemble((label + " " * (size - cell_len(label) + _GAP), "bold"), line))


# -- values ------------------------------------------------------------------------------------------------------------


def printed(value: Any) -> str:
    """A value for people: thousands separators, local time."""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        whole, dot, rest = plain(value).partition(".")
        return f"{int(whole):,}{dot}{rest}" if whole.lstrip("-").isdigit() and whole != "-0" else plain(value)
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return streams.printable(plain(value)).replace("\n", " ").replace("\t", " ")


def plain(value: Any) -> str:
    """A value for programs, on one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (float, Decimal)):
        return f"{value:.9f}".rstrip("0").rstrip(".") if value else "0"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return ",".join(map(plain, value))
    return str(value).replace("\n", " ")
