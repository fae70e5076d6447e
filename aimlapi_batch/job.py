"""What a job is: rows in, a question for each, and where the answers go. Pure."""

from __future__ import annotations

import os
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aimlapi_transport.errors import InvalidRequestError

Row = dict[str, Any]
DELETED = "DeletedFileError"  # among classes of errors to be asked again: answered rows whose files are gone for good
OUTPUTS = (".jsonl", ".ndjson", ".csv", ".parquet")
MEDIA = {
    "image": ("images", "prompt"),
    "video": ("video", "prompt"),
    "speech": ("speech", "text"),
    "music": ("music", "prompt"),
    "transcript": ("transcribe", "audio"),
    "ocr": ("ocr", "document"),
}
"""What a job can make of its rows: the method of the client, and which of its arguments the prompt is."""


class JobError(InvalidRequestError):
    """A job that cannot be begun, or not go on."""


class StoreError(JobError):
    """The store of a job, or its output, is damaged or cannot be written: what the store holds is not lost by that."""

    exit_code = 1  # of the command: no argument is wrong


class JobStoppedError(JobError):
    """A job that stopped because its next rows would have failed like those before; they wait for another run."""


@dataclass
class Job:
    """Many rows, one question for each.

    Attributes:
        source: rows: a file (.jsonl, .csv, .tsv, .parquet; .gz of the first three), "-" for the standard input, an
            iterable of dicts, a DataFrame of pandas or Polars, or an Arrow table. Without `prompt` and `messages` they
            are of OpenAI's batch format: `custom_id` and `body`.
        output: where answers go: .jsonl, .csv or .parquet, or "-" for the standard output. The job itself is kept in a
            file beside it, `<output>.job`.
        model: id of the model.
        prompt: a template over a row's columns, as of `str.format`: "Label this: {text}".
        system: an instruction, a template, too.
        messages: in place of `prompt`: the column that holds the messages, as they travel.
        runnable: in place of a model: a LangChain runnable (`ainvoke` gets the prompt, or the row where there is
            none), or a LlamaIndex LLM.
        key: the column that names a row, several of them, or "line" for the number of the line; by default a hash of
            the row.
        parameters: further body parameters: `temperature`, `max_tokens`, `tools`, ...
        schema: a JSON schema that answers have to fit; `parsed` then holds the value.
        schema_retries: how often an answer that does not fit is asked for again, with the reason.
        embeddings: whether vectors are asked for, of the prompt, in place of answers.
        texts_per_request: of an embeddings job.
        via: "calls", or "provider" for its batch endpoint (Claude, cheaper, within an hour or so).
        concurrency: most requests at a time; fewer where the provider says 429.
        requests_per_minute: most requests sent in a minute, retries included.
        tokens_per_minute: most tokens in a minute, input and output.
        budget_usd: US dollars that all runs of the job may spend together.
        limit: only the first so many rows.
        sample: so many rows of all, the same ones for the same `seed`.
        on_error: "stop" at a row that cannot be read, or "skip" it, with its error in the output.
        on_cut: "keep" an answer that was cut or filtered (its `finish_reason` tells), or "fail" its row.
        null: the text for a null in a column of the prompt; by default it is an error of the row.
        include: columns of the input that the output has, too; True for all.
        delimiter, encoding: of a CSV file; by default looked for.
        retry_errors: classes of errors whose rows are asked again; True for all of them; by default those of rows
            that the model did not answer.
        row_retries: further tries of a row that failed, after all others.
        keep_order: whether the output has the order of the input, or that in which answers came.
        live: whether a .jsonl output grows with each answer; it is put in order at the end.
        kind: "chat", "image", "video", "speech", "music", "transcript" or "ocr": what is made of each row; of the last
            two, the prompt is the path or the address of the sound or the document.
        save: the folder for the files of a job of media; by default one beside the output, `<output>_files`.
        output_format: "rows", or "openai" for the lines of OpenAI's batch output; by default that of the source.
        base_url, api_key, client: of the transport.
    """

    source: Any
    output: str | Path
    model: str | None = None
    prompt: str | None = None
    system: str | None = None
    messages: str | None = None
    runnable: Any = None
    key: str | Sequence[str] | None = None
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
    keep_order: bool = True
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    client: dict[str, Any] = field(default_factory=dict, repr=False)
    seed: int = 0
    schema_retries: int = 1
    on_cut: str = "keep"
    null: str | None = None
    include: Iterable[str] | bool = ()
    delimiter: str | None = None
    encoding: str | None = None
    retry_errors: Iterable[str] | bool = ()
    live: bool = True
    output_format: str | None = None
    kind: str = "chat"
    save: str | Path | None = None

    def check(self) -> None:
        """Raises `JobError` for a job that makes no sense."""
        if self.runnable is None and not self.is_openai_format and not _is_text(self.model):
            raise JobError("`model` is missing: pass the id of a model, or a `runnable`.")
        if self.prompt is not None and self.messages is not None:
            raise JobError("Pass either `prompt`, a template over the columns, or `messages`, the column of them.")
        if self.runnable is not None and not (hasattr(self.runnable, "ainvoke") or hasattr(self.runnable, "achat")):
            raise JobError("`runnable` is neither a LangChain runnable nor a LlamaIndex LLM.")
        if self.embeddings and (self.prompt is None or self.schema is not None or self.runnable is not None):
            raise JobError("An embeddings job takes a `prompt`: no messages, no schema, no runnable.")
        if self.via == "provider" and (self.embeddings or self.runnable is not None):
            raise JobError("The provider's batches answer chats only: no embeddings, no runnable.")
        if self.via == "provider" and self.budget_usd is not None:
            raise JobError("A batch of the provider is paid as a whole: no `budget_usd`; use `limit`, or a dry run.")
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                words = " or ".join(str(choice) for choice in choices if choice is not None)
                raise JobError(f"`{name}` is {value!r}: pass {words}.")
        for name, least in _WHOLE_NUMBERS.items():
            value = getattr(self, name)
            is_unset = value is None and name in ("limit", "sample")
            if not is_unset and (not isinstance(value, int) or isinstance(value, bool) or value < least):
                raise JobError(f"`{name}` is {value!r}: pass a whole number, at least {least}.")
        for name in ("budget_usd", "requests_per_minute", "tokens_per_minute"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise JobError(f"`{name}` is {value!r}: pass a number above 0.")
        for name in ("prompt", "system"):
            columns_of(getattr(self, name), name)
        if self.kind != "chat":
            self._check_media()
        self._check_files()

    def _check_media(self) -> None:
        if self.prompt is None:
            raise JobError(f"A job of kind {self.kind!r} needs a `prompt`, a template over the columns.")
        if self.via != "calls":
            raise JobError("The provider's batches answer chats only: pass via='calls'.")
        for name in ("system", "schema", "embeddings", "runnable", "tokens_per_minute"):
            if getattr(self, name):
                raise JobError(f"`{name}` is of chats, and `kind` is {self.kind!r}: leave it out.")
        if self.output_format == "openai":
            raise JobError(f"`output_format` is 'openai', which is of chats, and `kind` is {self.kind!r}.")
        if self.kind == "transcript":  # which has no files
            return
        if str(self.output) == "-" and self.save is None:
            raise JobError("`output` is the standard output: pass `save`, the folder for the files.")
        _check_folder(self.save_folder)

    def _check_files(self) -> None:
        output, source = self.path, self.source
        check_output(output, self.output_format == "openai")
        is_file = isinstance(source, (str, Path)) and Path(source).exists() and output.exists()
        if is_file and output.samefile(source):
            raise JobError(f"`output` {output} is the input: pass another file.")

    @property
    def path(self) -> Path:
        """Where answers go."""
        return Path(self.output)

    @property
    def save_folder(self) -> Path:
        """Where the files of media go."""
        return self.path.with_name(f"{self.path.stem}_files") if self.save is None else Path(self.save).expanduser()

    @property
    def is_openai_format(self) -> bool:
        """Whether the rows have to hold whole requests: `custom_id` and `body`."""
        return self.runnable is None and self.prompt is None and self.messages is None

    @property
    def reads_all(self) -> bool:
        """Whether no row of the source is left out."""
        return self.limit is None and self.sample is None

    @property
    def source_path(self) -> str | None:
        """The absolute path of the source, None where it is no file."""
        source = self.source
        if not isinstance(source, (str, Path)) or str(source) == "-" or is_pipe(Path(source)):
            return None
        return str(source) if "://" in str(source) else str(Path(source).resolve())


_CHOICES: dict[str, tuple[Any, ...]] = {
    "via": ("calls", "provider"),
    "on_error": ("stop", "skip"),
    "on_cut": ("keep", "fail"),
    "kind": ("chat", *MEDIA),
    "output_format": ("rows", "openai", None),
}
_WHOLE_NUMBERS = {
    **{"concurrency": 1, "texts_per_request": 1, "limit": 1, "sample": 1},
    **{"row_retries": 0, "schema_retries": 0},
}


def is_pipe(path: Path) -> bool:
    """Whether a source is no file, but what another process writes: a named pipe, /dev/stdin, <(a substitution)."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _check_folder(folder: Path) -> None:
    """Refuses a folder that cannot be made: what is made for the job is paid for before it is saved."""
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not nearest.is_dir():
        raise JobError(f"`save` is {folder}, and {nearest} is not a folder: pass another.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise JobError(f"`save` is {folder}, and {nearest} may not be written to: pass another.")


def check_output(output: Path, is_openai: bool) -> None:
    """Raises `JobError` for an output of no known kind, and for one that does not take OpenAI's lines."""
    kind = output.suffix.lower()
    if str(output) != "-" and kind not in OUTPUTS:
        raise JobError(f"`output` is {str(output)!r}: pass a file that ends in .jsonl or .parquet, in .csv, or -.")
    if is_openai and kind in (".csv", ".parquet"):
        raise JobError(
            f"`output_format` is 'openai', which is JSON Lines, and `output` is {str(output)!r}: pass .jsonl."
        )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


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
        raise JobError(f"`{name}` is not a valid template: {error}. Write {{{{ and }}}} for braces.") from None
    columns = {part.partition(".")[0].partition("[")[0] for part in fields}
    if "" in columns or any(column.isdigit() for column in columns):
        raise JobError(f"`{name}` has {{}} without a column: write {{text}}, and {{{{}}}} for braces.")
    return columns
