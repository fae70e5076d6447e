"""The output and what stands beside it: answers that survive a kill, the job's settings, and who may write.

Answers are JSON Lines, each written at once and whole; a line that was torn by a crash is cut off when the job goes on.
"""

from __future__ import annotations

import json
import os
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import orjson

from aimlapi_batch.ask import FIELDS
from aimlapi_batch.job import Job, JobError, Row, hash_of
from aimlapi_batch.rows import Hashes, read

_SYNC_ROWS, _SYNC_SECONDS = 200, 1.0  # answers, and seconds, that a power failure may cost
FORMAT = 1
_OBJECTS = ("parsed", "tool_calls", "usage", "error")  # JSON in Parquet


class Store:
    """The files of one job, while this process may write them.

    Raises:
        JobError: another process writes them, or they are of a job with other settings.
    """

    def __init__(self, job: Job, *, force: bool = False) -> None:
        self._job = job
        self.path = job.path
        self._is_parquet = self.path.suffix.lower() == ".parquet"
        if not self._is_parquet and self.path.suffix.lower() not in (".jsonl", ".ndjson"):
            raise JobError(f"`output` is {str(self.path)!r}: pass a file that ends in .jsonl or .parquet.")
        self.rows_path = self.path.with_name(self.path.name + ".rows.jsonl") if self._is_parquet else self.path
        self.manifest_path = beside(self.path, "manifest.json")
        self._file: IO[bytes] | None = None
        self._unsynced, self._synced_at = 0, time.monotonic()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = Lock(beside(self.path, "lock"))
        except OSError as error:
            raise JobError(f"{self.path} cannot be written: {error.strerror or error}.") from None
        try:
            self._open(force)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, force: bool) -> None:
        settings = self._job.settings()
        manifest = read_manifest(self.path)
        if manifest is not None and not force:
            different = [name for name, value in settings.items() if manifest["settings"].get(name) != value]
            if different:
                raise JobError(
                    f"{self.path} is of a job with another {' and another '.join(f'`{name}`' for name in different)}: "
                    "pass another output, or `force` to go on all the same."
                )
        if manifest is None and self.rows_path.exists() and self.rows_path.stat().st_size and not force:
            raise JobError(f"{self.path} exists, and is of no job: pass another output, or `force` to add to it.")
        self.manifest: Row = {**(manifest or {}), "format": FORMAT, "settings": settings}
        self.write_manifest()
        self.done = self._repair()
        try:
            self._file = self.rows_path.open("ab", buffering=0)
        except OSError as error:
            raise JobError(f"{self.rows_path} cannot be written: {error.strerror or error}.") from None

    def _repair(self) -> Hashes:
        """Cuts off a torn line and takes out answers to be asked for again; the keys that are answered."""
        hashes: array[int] = array("Q")
        if not self.rows_path.exists():
            return Hashes(hashes)
        end, again = 0, False
        for start, line, row in lines_of(self.rows_path):
            if row is None:
                break
            end = start + len(line)
            if is_answered(row):
                hashes.append(hash_of(row["key"]))
            else:
                again = True
        if end < self.rows_path.stat().st_size:
            with self.rows_path.open("r+b") as file:
                file.truncate(end)
        if again:
            self.rewrite(lambda: (line for _, line, row in lines_of(self.rows_path) if row and is_answered(row)))
        return Hashes(hashes)

    def rewrite(self, lines: Callable[[], Iterator[bytes]]) -> None:
        """Replaces the answers with these lines, all at once."""
        temporary = self.rows_path.with_name(self.rows_path.name + ".new")
        with temporary.open("wb") as file:
            for line in lines():
                file.write(line)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.rows_path)

    def write(self, row: Row) -> None:
        """Adds an answer: whole, or not at all.

        Raises:
            JobError: the disk is full, say; what was written before is as it was.
        """
        assert self._file is not None, "closed"
        line = orjson.dumps(row, default=str) + b"\n"
        start = self._file.seek(0, os.SEEK_END)
        try:
            written = self._file.write(line)
            if written != len(line):
                raise OSError(28, "no room for a whole row")
            self._sync(force=False)
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(start)
            raise JobError(
                f"{self.rows_path} cannot be written: {error.strerror or error}. What stands in it is whole; run the "
                "job again when there is room."
            ) from None

    def _sync(self, *, force: bool) -> None:
        self._unsynced += 1
        now = time.monotonic()
        if self._file is not None and (force or self._unsynced >= _SYNC_ROWS or now - self._synced_at >= _SYNC_SECONDS):
            os.fsync(self._file.fileno())
            self._unsynced, self._synced_at = 0, now

    def write_manifest(self) -> None:
        """Keeps the settings, and what else a job has to know when it goes on."""
        temporary = self.manifest_path.with_name(self.manifest_path.name + ".new")
        try:
            temporary.write_bytes(orjson.dumps(self.manifest, default=str, option=orjson.OPT_INDENT_2))
            os.replace(temporary, self.manifest_path)
        except OSError as error:
            raise JobError(f"{self.manifest_path} cannot be written: {error.strerror or error}.") from None

    def finish(self, *, is_counted: bool) -> None:
        """What comes once all is answered: the order of the input where the job wants it, and Parquet.

        Args:
            is_counted: whether the rows can be read once more.
        """
        if self._file is not None:
            self._sync(force=True)
        if self._job.keep_order and is_counted:
            offsets = {hash_of(row["key"]): (start, len(line)) for start, line, row in lines_of(self.rows_path) if row}

            def ordered() -> Iterator[bytes]:
                with self.rows_path.open("rb") as file:
                    for key in (one.key for one in read(self._job)):
                        start, length = offsets.pop(hash_of(key), (0, 0))
                        if length:
                            file.seek(start)
                            yield file.read(length)

            self.rewrite(ordered)
        if self._is_parquet:
            write_parquet(self.rows_path, self.path)

    def close(self) -> None:
        """Lets others write."""
        if self._file is not None:
            with suppress(OSError):
                self._sync(force=True)
            self._file.close()
            self._file = None
        self._lock.release()


class Lock:
    """A file that one living process holds; one that died holds nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a+")
        while (taken := _locked(self._file)) and not _is_there(self._file, path):
            self._file.close()  # its holder took the file away after we had opened it
            self._file = path.open("a+")
        if not taken:
            self._file.seek(0)
            holder = self._file.read(20).strip() or "unknown"
            self._file.close()
            raise JobError(
                f"Another process (pid {holder}) writes {path.name.removesuffix('.lock')}: wait until it ends."
            )
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def release(self) -> None:
        with suppress(OSError):
            self._path.unlink()
        self._file.close()


def _is_there(file: IO[str], path: Path) -> bool:
    """Whether a path still names the open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def _locked(file: IO[str]) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]  # only Windows has it
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def beside(path: Path, ending: str) -> Path:
    """A file that belongs to an output."""
    return path.with_name(f"{path.name}.{ending}")


def read_manifest(path: Path) -> Row | None:
    """What is kept of the job that writes an output; None where there is none."""
    try:
        kept = json.loads(beside(path, "manifest.json").read_bytes())
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) and isinstance(kept.get("settings"), dict) else None


def lines_of(path: Path) -> Iterator[tuple[int, bytes, Row | None]]:
    """Each line with its place in the file, and the row it holds; None for one that is torn."""
    start = 0
    with path.open("rb") as file:
        for line in file:
            row: Any = None
            if line.endswith(b"\n"):
                with suppress(orjson.JSONDecodeError):
                    row = orjson.loads(line)
            yield start, line, row if isinstance(row, dict) and isinstance(row.get("key"), str) else None
            start += len(line)


def is_answered(row: Row) -> bool:
    """Whether a row need not be asked again: it has an answer, or an error that another try would not cure."""
    error = row.get("error")
    return error is None or not (isinstance(error, dict) and error.get("retryable"))


def parquet_schema() -> Any:
    """The columns of answers: vectors as lists of float32, objects as JSON."""
    import pyarrow as pa

    kinds = {"embedding": pa.list_(pa.float32()), "cost_usd": pa.float64(), "seconds": pa.float64()}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in ("key", *FIELDS)])


def to_columns(row: Row) -> Row:
    """An answer as a row of Parquet."""
    held = {name: row.get(name) for name in ("key", *FIELDS)}
    return {
        name: orjson.dumps(value, default=str).decode() if name in _OBJECTS and value is not None else value
        for name, value in held.items()
    }


def from_columns(row: Row) -> Row:
    """The answer again."""
    vector = row["embedding"]
    held = {k: orjson.loads(v) if k in _OBJECTS and isinstance(v, str) else v for k, v in row.items()}
    return {**held, "embedding": None if vector is None else [float(number) for number in vector]}


def write_parquet(rows: Path, target: Path) -> None:
    """The answers as Parquet: vectors as lists of float32, objects as JSON."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise JobError("Parquet needs pyarrow: pip install 'aimlapi-integrations[batch]'.") from None
    schema = parquet_schema()
    temporary = target.with_name(target.name + ".new")
    with pq.ParquetWriter(temporary, schema) as writer:
        kept: list[Row] = []
        for _, _, row in lines_of(rows):
            if row is None:
                continue
            kept.append(to_columns(row))
            if len(kept) == 1000:
                writer.write_table(pa.Table.from_pylist(kept, schema))
                kept = []
        writer.write_table(pa.Table.from_pylist(kept, schema))
    os.replace(temporary, target)
