"""Rows out of files, tables and iterables, one at a time: however long the input, a few are in memory.

To read another kind of file, add a reader to `_readers`.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from aimlapi_batch.job import Job, JobError, Row, is_pipe
from aimlapi_batch.questions import RowProblem, key_of

_KINDS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
_CSV_FIELD = 128 * 1024 * 1024  # bytes
_SNIFFED = 64 * 1024  # bytes
_TABLE_ROWS = 256
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")

Raw = tuple[int, Row, str | None]
"""A line's number from 1, its row, and why there is none."""
Note = Callable[[str], None]


@dataclass(slots=True)
class SourceRow:
    """A row, or why there is none.

    Attributes:
        place: the line of a file, or the number of a row, from 1.
    """

    place: int
    key: str
    row: Row
    error: str | None = None


def read(job: Job, note: Note = lambda _: None) -> Iterator[SourceRow]:
    """The rows of a job, each with its key.

    Args:
        note: gets what was assumed of a file, as a sentence.

    Raises:
        JobError: a file that cannot be read; with `on_error="stop"`, a row that cannot.
    """
    column = job.key
    for seen, (place, row, problem) in enumerate(_raw(job, note)):
        if job.limit is not None and seen >= job.limit:
            return
        key = f"line-{place}"
        if problem is None:
            if seen == 0 and column is None and job.is_openai_format and "custom_id" in row:
                column = "custom_id"
            try:
                key = key_of(row, column, place)
            except RowProblem as error:
                problem = str(error)
        if problem is not None and job.on_error == "stop":
            raise JobError(f"Row {place} of {source_name(job)} cannot be used: {problem}.")
        yield SourceRow(place, key, row, problem)


def source_name(job: Job) -> str:
    """The source, for a message."""
    if str(job.source) == "-" and isinstance(job.source, (str, Path)):
        return "the standard input"
    return str(job.source) if isinstance(job.source, (str, Path)) else "the input"


def _raw(job: Job, note: Note) -> Iterator[Raw]:
    source = job.source
    if not isinstance(source, (str, Path)):
        for place, row in enumerate(_rows_of(source), 1):
            is_row = isinstance(row, Mapping)
            yield (
                place,
                dict(row) if is_row else {},
                None if is_row else f"it is of type {type(row).__name__}, no object",
            )
        return
    name, kind = source_name(job), _kind_of(job)
    try:
        if kind == ".parquet":
            yield from _parquet(str(source))
            return
        with nullcontext(sys.stdin.buffer) if str(source) == "-" else _opened(Path(source)) as file:
            if not kind:
                kind = _kind_by_content(file)
                note(f"{name[:1].upper()}{name[1:]} is read as {'CSV' if kind == '.csv' else 'JSON Lines'}.")
            if kind in (".csv", ".tsv"):
                yield from _csv(file, "\t" if kind == ".tsv" else job.delimiter, job.encoding, name, note)
            else:
                yield from _lines(file, job.encoding)
    except (OSError, UnicodeError, EOFError, LookupError, zlib.error) as error:
        raise JobError(f"{name} cannot be read: {error}.") from None


def _kind_of(job: Job) -> str | None:
    """The kind of a file by its name; None for the standard input, and for a pipe without a known ending."""
    unknown = ".csv" if job.delimiter is not None else None
    if str(job.source) == "-":
        return unknown
    path = Path(job.source)
    kind = Path(path.stem).suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()
    if is_pipe(path):
        return kind if kind in _KINDS else unknown
    if kind not in _KINDS:
        raise JobError(f"{path} is of an unknown kind: pass .jsonl, .csv or .parquet (.gz of the first two).")
    if not path.is_file():
        raise JobError(f"There is no file {path}.")
    return kind


def _opened(path: Path) -> Any:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")


def _kind_by_content(file: Any) -> str:
    return ".jsonl" if file.peek(_SNIFFED).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[", b"") else ".csv"


def _rows_of(source: Any) -> Iterator[Any]:
    """The rows of an iterable, a DataFrame or an Arrow table."""
    if hasattr(source, "to_batches"):  # Arrow
        for batch in source.to_batches(max_chunksize=_TABLE_ROWS):
            yield from batch.to_pylist()
    elif hasattr(source, "iter_rows"):  # Polars
        yield from source.iter_rows(named=True)
    elif hasattr(source, "iloc"):  # pandas
        for first in range(0, len(source), _TABLE_ROWS):
            yield from source.iloc[first : first + _TABLE_ROWS].to_dict("records")
    else:
        yield from source


def _lines(file: Any, encoding: str | None) -> Iterator[Raw]:
    if encoding is None and file.peek(2)[:2] in _UTF_16:
        encoding = "utf-16"
    lines: Any = file if encoding is None else io.TextIOWrapper(file, encoding)
    for place, line in enumerate(lines, 1):
        text = line.lstrip("\ufeff") if isinstance(line, str) else line.removeprefix(b"\xef\xbb\xbf")
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            yield place, {}, f"it is not JSON ({error})"
            continue
        if isinstance(row, dict):
            yield place, row, None
        else:
            yield place, {}, f"it is a JSON {type(row).__name__}, not an object"


def _csv(file: Any, delimiter: str | None, encoding: str | None, name: str, note: Note) -> Iterator[Raw]:
    csv.field_size_limit(_CSV_FIELD)
    beginning = file.peek(_SNIFFED)[:_SNIFFED]
    if encoding is None:
        encoding = _encoding_of(beginning)
        if encoding != "utf-8-sig":
            note(f"{name} is not UTF-8: it is read as {encoding}; pass `encoding` if it is another.")
    text = io.TextIOWrapper(file, encoding, newline="")
    first = text.readline()
    if delimiter is None:
        delimiter = max(",;\t|", key=first.count)
        if delimiter != "," and first.count(delimiter):
            note(f"The fields of {name} are separated by {delimiter!r}; pass `delimiter` if they are not.")
    reader = csv.reader(chain([first], text), delimiter=delimiter, strict=True)
    columns = _columns(reader, name)
    while True:
        begun = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            if "unexpected end" in str(error):
                raise JobError(f"{name} has a quote that is opened in line {begun} and never closed.") from None
            yield begun, {}, f"it is not CSV ({error})"
            continue
        except UnicodeError:
            raise JobError(f"{name} is not valid {encoding} near line {begun}: pass its `encoding`.") from None
        if fields is None:
            return
        if not fields or (len(fields) < len(columns) and not "".join(fields).strip()):
            continue
        if len(fields) != len(columns):
            yield begun, {}, f"it has {len(fields)} fields, and the first line names {len(columns)}"
        else:
            yield begun, dict(zip(columns, fields, strict=True)), None


def _columns(reader: Any, name: str) -> list[str]:
    try:
        columns: list[str] = next(reader, [])
    except csv.Error as error:
        raise JobError(f"Line 1 of {name} names no columns: {error}.") from None
    twice = next((column for at, column in enumerate(columns) if column in columns[:at]), None)
    if twice is not None:
        raise JobError(f"Line 1 of {name} names the column {twice!r} twice.")
    return columns


def _encoding_of(beginning: bytes) -> str:
    if beginning[:2] in _UTF_16:
        return "utf-16"
    try:
        beginning.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(beginning) - 3:  # else a character that the end of what was looked at cuts
            return "cp1252"
    return "utf-8-sig"


def _parquet(path: str) -> Iterator[Raw]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise JobError("Parquet needs pyarrow: pip install 'aimlapi-integrations[batch]'.") from None
    place = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_TABLE_ROWS):
                for row in batch.to_pylist():
                    place += 1
                    yield place, row, None
    except (pa.ArrowException, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise JobError(f"{path} is not a complete Parquet file: {reason}") from None
