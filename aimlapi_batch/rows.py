"""Rows out of files and iterables, one at a time: however long the input, a few are held."""

from __future__ import annotations

import csv
import gzip
import io
import json
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from aimlapi_batch.job import Job, JobError, Row, columns_of, hash_of, key_of

_KINDS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
_CSV_FIELD = 128 * 1024 * 1024  # bytes


@dataclass(slots=True)
class Read:
    """A row, or why there is none.

    Attributes:
        place: the line of a file, or the number of a row, from 1.
    """

    place: int
    key: str
    row: Row
    error: str | None = None


def read(job: Job) -> Iterator[Read]:
    """The rows of a job, each with its key.

    Raises:
        JobError: a file that cannot be read; with `on_error="stop"`, a row that cannot.
    """
    for seen, (place, row, problem) in enumerate(_raw(job.source)):
        key = f"line-{place}"
        if problem is None:
            try:
                key = key_of(row, job.key)
            except KeyError:
                problem = f"it has nothing in its column `{job.key}`"
        if problem is not None and job.on_error == "stop":
            raise JobError(f"Row {place} of {_name(job.source)} cannot be used: {problem}.")
        if job.limit is not None and seen >= job.limit:
            return
        yield Read(place, key, row, problem)


def _name(source: Any) -> str:
    return str(source) if isinstance(source, (str, Path)) else "the input"


def _raw(source: Any) -> Iterator[tuple[int, Row, str | None]]:
    if not isinstance(source, (str, Path)):
        for place, row in enumerate(source, 1):
            if isinstance(row, Mapping):
                yield place, dict(row), None
            else:
                yield place, {}, f"it is a {type(row).__name__}, not an object"
        return
    path = Path(source)
    kind = Path(path.stem).suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()
    if kind not in _KINDS:
        raise JobError(f"{path} is of no known kind: pass .jsonl, .csv or .parquet (.gz of the first two).")
    if not path.is_file():
        raise JobError(f"There is no file {path}.")
    try:
        if kind == ".parquet":
            yield from _parquet(path)
        elif kind in (".csv", ".tsv"):
            yield from _csv(path, "\t" if kind == ".tsv" else ",")
        else:
            yield from _lines(path)
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise JobError(f"{path} cannot be read: {error}.") from None


def _opened(path: Path) -> Any:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")


def _lines(path: Path) -> Iterator[tuple[int, Row, str | None]]:
    with _opened(path) as file:
        for place, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.lstrip(b"\xef\xbb\xbf"))
            except (ValueError, UnicodeDecodeError, RecursionError) as error:
                yield place, {}, f"it is no JSON ({error})"
                continue
            if isinstance(row, dict):
                yield place, row, None
            else:
                yield place, {}, f"it is a JSON {type(row).__name__}, not an object"


def _csv(path: Path, delimiter: str) -> Iterator[tuple[int, Row, str | None]]:
    csv.field_size_limit(_CSV_FIELD)
    with _opened(path) as file:
        reader = csv.DictReader(io.TextIOWrapper(file, "utf-8-sig", newline=""), delimiter=delimiter)
        while True:
            try:
                row = next(reader, None)
            except csv.Error as error:
                yield reader.line_num, {}, f"it is no CSV ({error})"
                continue
            if row is None:
                return
            if None in row or None in row.values():
                yield reader.line_num, {}, "it has another number of fields than the first line"
            else:
                yield reader.line_num, dict(row), None


def _parquet(path: Path) -> Iterator[tuple[int, Row, str | None]]:
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise JobError("Parquet needs pyarrow: pip install 'aimlapi-integrations[batch]'.") from None
    place = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=256):
            for row in batch.to_pylist():
                place += 1
                yield place, row, None


class Hashes:
    """Many 64-bit numbers in eight bytes each."""

    def __init__(self, values: array[int]) -> None:
        self._sorted = array("Q", sorted(values))

    def __len__(self) -> int:
        return len(self._sorted)

    def __contains__(self, value: int) -> bool:
        place = bisect_left(self._sorted, value)
        return place < len(self._sorted) and self._sorted[place] == value

    def repeated(self) -> int | None:
        """A number that is there twice."""
        numbers = self._sorted
        return next((a for a, b in pairwise(numbers) if a == b), None)


def check_rows(job: Job) -> int:
    """Looks through a file before anything is asked; how many rows it has.

    Raises:
        JobError: a key that is there twice, a column no row has; with `on_error="stop"`, a row that cannot be used.
    """
    wanted = columns_of(job.prompt) | columns_of(job.system, "system") | ({job.messages} if job.messages else set())
    missing = set(wanted)
    hashes: array[int] = array("Q")
    columns: dict[str, None] = {}
    for one in read(job):
        if one.error is None:
            missing -= one.row.keys()
            if len(columns) < 1000:
                columns.update(dict.fromkeys(one.row))
        hashes.append(hash_of(one.key))
    if missing and len(hashes):
        raise JobError(
            f"No row has a column {', '.join(f'`{name}`' for name in sorted(missing))}: the columns are "
            f"{', '.join(columns) or 'none'}."
        )
    twice = Hashes(hashes).repeated()
    if twice is not None:
        places = [one for one in read(job) if hash_of(one.key) == twice][:2]
        raise JobError(
            f"The key {places[0].key!r} is there twice, in rows {places[0].place} and {places[-1].place}: keys have to "
            "differ" + ("." if job.key else "; pass `key`, the column that names a row.")
        )
    return len(hashes)


def is_sampled(key: str, sample: int, total: int) -> bool:
    """Whether a row is among so many of all, chosen by its key: the same ones each time."""
    return total <= sample or hash_of(f"sample {key}") % total < sample
