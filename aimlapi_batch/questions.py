"""What a row is asked: its template or its messages, rendered once, when the row is read. Pure."""

from __future__ import annotations

import hashlib
import json
import math
import string
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from aimlapi_batch.job import Job, Row, columns_of
from aimlapi_transport.json_codec import dumps
from aimlapi_transport.surrogates import whole_text

MISSING, NULL = "it has no column {}", "its column `{}` is null: pass `null`, the text that stands for it"


class RowProblem(ValueError):
    """Why a row cannot be asked."""


class _Template(string.Formatter):
    """`str.format` over a row, for which a null is no value, and an object is JSON."""

    def __init__(self, null: str | None) -> None:
        self._null = null

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:
        value, first = super().get_field(field_name, args, kwargs)
        if is_null(value):
            if self._null is None:
                raise RowProblem(NULL.format(field_name))
            value = self._null
        elif isinstance(value, (dict, list, tuple)):
            value = to_json(value).decode()
        return value, first


def wanted_columns(job: Job) -> set[str]:
    """The columns that rows have to have."""
    if job.is_openai_format:
        return {"body"}
    return columns_of(job.prompt) | columns_of(job.system, "system") | ({job.messages} if job.messages else set())


class Questions:
    """Renders what the rows of a job are asked."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._template = _Template(job.null)

    def ask(self, row: Row) -> Row:
        """What a row is asked: `messages`, `text` or `body`; `row` where a runnable gets the whole of it.

        Raises:
            RowProblem: it lacks a column, or what it holds cannot be asked.
        """
        job = self._job
        if job.is_openai_format:
            return {"body": self._body(row)}
        if (
            job.embeddings
            or job.kind != "chat"
            or (job.runnable is not None and job.prompt is not None and job.system is None)
        ):
            return {"text": self._filled(job.prompt or "", row)}
        if job.prompt is None and job.messages is None:
            return {"row": row}
        if job.messages is not None:
            messages = self._messages(row)
        else:
            messages = [{"role": "user", "content": self._filled(job.prompt or "", row)}]
        if job.system is not None:
            messages = [{"role": "system", "content": self._filled(job.system, row)}, *messages]
        return {"messages": messages}

    def _filled(self, template: str, row: Row) -> str:
        try:
            return whole_text(self._template.vformat(template, (), row))
        except RowProblem:
            raise
        except KeyError as error:
            raise RowProblem(MISSING.format(error)) from None
        # of a user's template: {n:.2f} of a text, or a width that no memory holds
        except (ValueError, LookupError, TypeError, AttributeError, MemoryError) as error:
            raise RowProblem(f"the template does not fit it ({error or type(error).__name__})") from None

    def _messages(self, row: Row) -> list[Row]:
        column = str(self._job.messages)
        if column not in row:
            raise RowProblem(MISSING.format(repr(column)))
        value = row[column]
        try:
            value = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            raise RowProblem(f"`{column}` is not a list of messages") from None
        is_list = isinstance(value, Sequence) or hasattr(value, "tolist")  # an array of NumPy, out of pandas
        if isinstance(value, str) or not is_list or not all(isinstance(one, Mapping) for one in value):
            raise RowProblem(f"`{column}` is not a list of messages")
        return [_without_nulls(dict(one), keep=("content",)) for one in value]

    def _body(self, row: Row) -> Row:
        body = row.get("body")
        if not isinstance(body, Mapping) or not isinstance(body.get("messages"), Sequence):
            raise RowProblem("its `body` is not a request for a chat completion")
        if not (self._job.model or body.get("model")):
            raise RowProblem("neither its `body` nor the job names a `model`")
        found: Row = _without_nulls(dict(body), keep=("content",))
        return found


def _without_nulls(value: Any, keep: Sequence[str] = ()) -> Any:
    """An object without keys that are null: Parquet gives each row the keys of all others."""
    if isinstance(value, Mapping):
        return {k: _without_nulls(v, keep) for k, v in value.items() if v is not None or k in keep}
    if isinstance(value, (list, tuple)):
        return [_without_nulls(one, keep) for one in value]
    return _without_nulls(value.tolist(), keep) if hasattr(value, "tolist") else value


def is_null(value: Any) -> bool:
    """Whether a cell is empty: None, or the NaN that pandas has for it."""
    return (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or type(value).__name__ in ("NAType", "NaTType")
    )


def key_of(row: Row, column: str | Sequence[str] | None, place: int) -> str:
    """A row's name: a column's value (JSON of an object), several as a JSON list, the number of its line, or a hash.

    Raises:
        RowProblem: it has no such column, or nothing in it.
    """
    if column is None:
        text = json.dumps(row, sort_keys=True, ensure_ascii=False, default=str, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    if isinstance(column, str) and column not in row:
        if column == "line":
            return str(place)
        column = [name.strip() for name in column.split(",")]
    values = [_part_of_key(row, name) for name in ([column] if isinstance(column, str) else column)]
    return values[0] if len(values) == 1 else json.dumps(values, ensure_ascii=False)


def _part_of_key(row: Row, column: str) -> str:
    value: Any = row.get(column)
    value = value.tolist() if hasattr(value, "tolist") else value  # of NumPy, out of pandas
    if is_null(value) or value == "":
        raise RowProblem(f"it has nothing in its column `{column}`")
    if isinstance(value, (Mapping, list, tuple)):
        value = json.dumps(_as_json(value), ensure_ascii=False, sort_keys=True)
    return whole_text(str(value))


def hash_of(data: bytes) -> bytes:
    """96 bits of what a row is asked."""
    return hashlib.blake2b(data, digest_size=12).digest()


def number_of(key: str, seed: str = "") -> int:
    """64 bits of a key."""
    return int.from_bytes(hashlib.blake2b(f"{seed}{key}".encode(), digest_size=8).digest(), "big")


def to_json(value: Any) -> bytes:
    """JSON of whatever a row or an answer holds: what JSON has no form for is its text, NaN is null."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
    except (TypeError, ValueError):  # integers past 64 bits, halves of surrogate pairs, odd keys
        return dumps(_as_json(value))


def _as_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _as_json(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return whole_text(value)
    return value if value is None or isinstance(value, (bool, int)) else str(value)
