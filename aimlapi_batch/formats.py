"""Answers as the bytes of a file: JSON Lines, OpenAI's batch output, CSV, Parquet. To write another kind, add a row."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import IO, Any

from aimlapi_batch.answers import FIELDS
from aimlapi_batch.job import JobError, Row
from aimlapi_batch.questions import to_json
from aimlapi_transport.json_codec import loads

_CHUNK = 1000  # rows of Parquet that are in memory
# what is JSON in tables
_OBJECTS = ("parsed", "tool_calls", "choices", "usage", "error", "files", "segments", "turns", "pages")
_MESSAGE = ("tool_calls", "refusal", "reasoning_content")


def _write_lines(
    rows: Iterator[bytes], file: IO[bytes], openai: bool, columns: Sequence[str] = (), fields: Sequence[str] = FIELDS
) -> None:
    for row in rows:
        file.write(line_of(row, openai))


def line_of(row: bytes, openai: bool) -> bytes:
    """An answer's JSON as a line of the output."""
    return (to_json(openai_row(loads(row))) if openai else row) + b"\n"


def _write_csv(
    rows: Iterator[bytes], file: IO[bytes], openai: bool, columns: Sequence[str] = (), fields: Sequence[str] = FIELDS
) -> None:
    text = io.TextIOWrapper(file, "utf-8", newline="")
    writer = csv.writer(text)
    writer.writerow(["key", *fields, *(f"input.{name}" for name in columns)])
    for row in rows:
        answer = loads(row)
        kept = answer.get("input") or {}
        values = [answer.get(name) for name in ("key", *fields)] + [kept.get(name) for name in columns]
        writer.writerow([_cell(value) for value in values])
    text.detach()  # flushed, and left open


def _cell(value: Any) -> Any:
    return to_json(value).decode() if isinstance(value, (dict, list)) else value


def _write_parquet(
    rows: Iterator[bytes], file: IO[bytes], openai: bool, columns: Sequence[str] = (), fields: Sequence[str] = FIELDS
) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise JobError("Parquet needs pyarrow: pip install 'aimlapi-integrations[batch]'.") from None
    schema = parquet_schema(columns, fields)
    with pq.ParquetWriter(file, schema) as writer:
        while chunk := list(islice(rows, _CHUNK)):
            answers = [to_columns(loads(row), columns, fields) for row in chunk]
            writer.write_table(pa.Table.from_pylist(answers, schema))


def parquet_schema(columns: Sequence[str] = (), fields: Sequence[str] = FIELDS) -> Any:
    """The columns of answers: vectors as lists of float32, objects as JSON, columns of the input as text."""
    import pyarrow as pa

    kinds = {
        "embedding": pa.list_(pa.float32()),
        "cost_usd": pa.float64(),
        "seconds": pa.float64(),
        "duration": pa.float64(),
        "tries": pa.int64(),
    }
    inputs = [(f"input.{name}", pa.string()) for name in columns]
    return pa.schema([*((name, kinds.get(name, pa.string())) for name in ("key", *fields)), *inputs])


def to_columns(row: Row, columns: Sequence[str] = (), fields: Sequence[str] = FIELDS) -> Row:
    """An answer as a row of Parquet."""
    found = {
        name: to_json(value).decode() if name in _OBJECTS and (value := row.get(name)) is not None else row.get(name)
        for name in ("key", *fields)
    }
    kept = row.get("input") or {}
    texts = {name: kept[name] for name in columns if kept.get(name) is not None}
    return found | {f"input.{name}": v if isinstance(v, str) else to_json(v).decode() for name, v in texts.items()}


def openai_row(row: Row) -> Row:
    """An answer as a line of OpenAI's batch output.

    Source: https://platform.openai.com/docs/api-reference/batch/request-output
    """
    error, usage = row["error"], row["usage"] or {}
    found = {"id": row["request_id"], "custom_id": row["key"], "response": None, "error": None}
    if error is not None:
        return {**found, "error": {"code": error["class"], "message": error["message"]}}
    counts = {"prompt_tokens": usage.get("input_tokens") or 0, "completion_tokens": usage.get("output_tokens") or 0}
    body = {
        "id": row["request_id"],
        "object": "chat.completion",
        "model": row["model"],
        "choices": [_openai_choice(at, one) for at, one in enumerate(row["choices"] or [row])],
        "usage": {**counts, "total_tokens": sum(counts.values())} if row["usage"] else None,
    }
    return {**found, "response": {"status_code": 200, "request_id": row["request_id"], "body": body}}


def _openai_choice(index: int, row: Row) -> Row:
    message: Row = {"role": "assistant", "content": row["text"], "refusal": row["refusal"]}
    if row["tool_calls"]:
        message["tool_calls"] = [
            {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": _text(call)}}
            for call in row["tool_calls"]
        ]
    return {"index": index, "message": message, "finish_reason": row["finish_reason"]}


def _text(call: Row) -> str:
    arguments = call["arguments"]
    return arguments if isinstance(arguments, str) else to_json(arguments).decode()


WRITERS: dict[str, Callable[..., None]] = {
    ".jsonl": _write_lines,
    ".ndjson": _write_lines,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
}
