"""What a job is: rows in, a question for each, and where the answers go. Pure."""

from __future__ import annotations

import hashlib
import json
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aimlapi_transport.errors import InvalidRequestError

Row = dict[str, Any]


class JobError(InvalidRequestError):
    """A job that cannot be begun, or not go on: said before anything is asked."""


@dataclass
class Job:
    """Many rows, one question for each.

    Attributes:
        source: a file of rows (.jsonl, .csv, .parquet; .gz of the first two), or an iterable of dicts.
        output: where answers go: .jsonl, or .parquet (kept as JSON Lines beside it until the job is done).
        model: id of the model.
        prompt: a template over a row's columns, as of `str.format`: "Label this: {text}".
        system: an instruction, a template, too.
        messages: in place of `prompt`: the column that holds the messages, as they travel.
        runnable: in place of a model: a LangChain runnable (`ainvoke` gets the prompt, or the row where there is
            none), or a LlamaIndex LLM.
        key: the column that names a row; by default a hash of the row.
        parameters: further body parameters: `temperature`, `max_tokens`, `tools`, ...
        schema: a JSON schema that answers have to fit; `parsed` then holds the object.
        embeddings: whether vectors are asked for, of the prompt, in place of answers.
        texts_per_request: of an embeddings job.
        via: "calls", or "provider" for its batch endpoint (Claude, cheaper, within an hour or so).
        concurrency: most requests at a time; fewer where the provider says 429.
        requests_per_minute, tokens_per_minute: limits of your own.
        budget_usd: US dollars; the job ends before it passes them.
        limit, sample: only the first so many rows, or so many of all, chosen by their keys.
        on_error: "stop" at a row that cannot be read, or "skip" it, with its error in the output.
        row_retries: further tries of a row that failed, after all others.
        keep_order: whether the output gets the order of the input when the job is done.
        base_url, api_key, client: of the transport.
    """

    source: str | Path | Iterable[Mapping[str, Any]]
    output: str | Path
    model: str | None = None
    prompt: str | None = None
    system: str | None = None
    messages: str | None = None
    runnable: Any = None
    key: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    schema: dict[str, Any] | None = None
    embeddings: bool = False
    texts_per_request: int = 64
    via: str = "calls"
    concurrency: int = 64
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    budget_usd: float | None = None
    limit: int | None = None
    sample: int | None = None
    on_error: str = "stop"
    row_retries: int = 2
    keep_order: bool = False
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    client: dict[str, Any] = field(default_factory=dict, repr=False)

    def check(self) -> None:
        """Raises `JobError` for a job that makes no sense."""
        if self.runnable is None and not (isinstance(self.model, str) and self.model.strip()):
            raise JobError("`model` is missing: pass the id of a model, or a `runnable`.")
        if self.runnable is None and (self.prompt is None) == (self.messages is None):
            raise JobError("Pass either `prompt`, a template over the columns, or `messages`, the column of them.")
        if self.runnable is not None and not (hasattr(self.runnable, "ainvoke") or hasattr(self.runnable, "achat")):
            raise JobError("`runnable` is neither a LangChain runnable nor a LlamaIndex LLM.")
        if self.embeddings and (self.messages or self.schema is not None or self.runnable is not None):
            raise JobError("An embeddings job takes a `prompt`: no messages, no schema, no runnable.")
        if self.via not in ("calls", "provider"):
            raise JobError(f"`via` is {self.via!r}: pass calls or provider.")
        if self.via == "provider" and (self.embeddings or self.runnable is not None):
            raise JobError("The provider's batches answer chats only: no embeddings, no runnable.")
        if self.via == "provider" and self.budget_usd is not None:
            raise JobError("A batch of the provider is paid as a whole: no `budget_usd`; use `limit`, or a dry run.")
        if self.on_error not in ("stop", "skip"):
            raise JobError(f"`on_error` is {self.on_error!r}: pass stop or skip.")
        for name in ("concurrency", "texts_per_request"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise JobError(f"`{name}` is {value!r}: pass a whole number, at least 1.")
        for name in ("limit", "sample"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise JobError(f"`{name}` is {value!r}: pass a whole number, at least 1.")
        for name in ("budget_usd", "requests_per_minute", "tokens_per_minute"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise JobError(f"`{name}` is {value!r}: pass a number above 0.")
        for name in ("prompt", "system"):
            columns_of(getattr(self, name), name)

    @property
    def path(self) -> Path:
        """Where answers go."""
        return Path(self.output)

    def settings(self) -> Row:
        """What a resumed job has to have in common with the one before: all that decides what a row is asked."""
        source = str(self.source) if isinstance(self.source, (str, Path)) else None
        names = ("model", "prompt", "system", "messages", "key", "parameters", "schema", "embeddings", "via")
        runnable = None if self.runnable is None else type(self.runnable).__name__
        return {"source": source, "runnable": runnable, **{name: getattr(self, name) for name in names}}


def columns_of(template: str | None, name: str = "prompt") -> set[str]:
    """The columns a template names.

    Raises:
        JobError: it is no template.
    """
    if template is None:
        return set()
    try:
        fields = [part for _, part, _, _ in string.Formatter().parse(template) if part is not None]
    except ValueError as error:
        raise JobError(f"`{name}` is no template: {error}. Write {{{{ and }}}} for braces.") from None
    columns = {part.partition(".")[0].partition("[")[0] for part in fields}
    if "" in columns or any(column.isdigit() for column in columns):
        raise JobError(f"`{name}` has {{}} without a column: write {{text}}, and {{{{}}}} for braces.")
    return columns


def filled(template: str, row: Row) -> str:
    """The template with a row's values.

    Raises:
        KeyError: the row has no such column.
    """
    return string.Formatter().vformat(template, (), row)


def key_of(row: Row, column: str | None) -> str:
    """A row's name: a column's value, or a hash of the row.

    Raises:
        KeyError: it has no such column, or nothing in it.
    """
    if column is None:
        written = json.dumps(row, sort_keys=True, ensure_ascii=False, default=str, separators=(",", ":"))
        return hashlib.sha256(written.encode()).hexdigest()[:24]
    value = row[column]
    if value is None or value == "":
        raise KeyError(column)
    return str(value)


def hash_of(key: str) -> int:
    """64 bits of a key."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")


def messages_of(job: Job, row: Row) -> list[Row]:
    """The messages a row is asked.

    Raises:
        KeyError: the row lacks a column.
        ValueError: what stands for messages is none.
    """
    if job.messages is not None:
        held = row[job.messages]
        held = json.loads(held) if isinstance(held, str) else held
        if not isinstance(held, Sequence) or not all(isinstance(one, Mapping) for one in held):
            raise ValueError(f"`{job.messages}` holds no list of messages")
        messages = [dict(one) for one in held]
    else:
        messages = [{"role": "user", "content": filled(job.prompt or "", row)}]
    if job.system is not None:
        messages = [{"role": "system", "content": filled(job.system, row)}, *messages]
    return messages


def parameters_of(job: Job) -> Row:
    """The body parameters of every request."""
    parameters = dict(job.parameters)
    if job.schema is not None:
        name = "".join(letter if letter.isalnum() else "_" for letter in str(job.schema.get("title") or "answer"))[:64]
        parameters["response_format"] = {"type": "json_schema", "json_schema": {"name": name, "schema": job.schema}}
    return parameters
