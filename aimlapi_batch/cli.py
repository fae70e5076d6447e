"""`aimlapi batch run`, `status`, `retry` and `export`."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from aimlapi_batch.engine import arun, run
from aimlapi_batch.job import Job, JobError, JobStoppedError
from aimlapi_batch.progress import cost_text, duration, live_progress, summary_text
from aimlapi_batch.summary import Summary
from aimlapi_cli import streams
from aimlapi_cli.exits import FAILED, STOPPED, WAITING, Failure
from aimlapi_cli.help import Command
from aimlapi_cli.nearest import suggestions
from aimlapi_cli.session import ApiKey, AsJson, BaseUrl, client, connection, console
from aimlapi_cli.tables import show_one
from aimlapi_transport.errors import AIMLAPIError, InvalidRequestError

batch = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Many rows through a model; nothing paid for is lost.",
    rich_markup_mode="rich",
)
_CLASS = re.compile(r"[A-Z]\w*|all")


class _RunCommand(Command):
    """Takes `--retry-errors` with no class, which means all of them, and with several."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        found: list[str] = []
        rest = list(args)
        while rest:
            word = rest.pop(0)
            if word != "--retry-errors":
                found.append(word)
                continue
            classes = []
            while rest and _CLASS.fullmatch(rest[0]):
                classes.append(rest.pop(0))
            for name in classes or ["all"]:
                found += [word, name]
        return super().parse_args(ctx, found)


@batch.command("run", cls=_RunCommand)
def run_job(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="Rows: .jsonl, .csv, .tsv, .parquet, or - for standard input.")],
    output: Annotated[str, typer.Option("--output", "-o", help="Answers: .jsonl, .csv, .parquet, or -.")],
    model: Annotated[str | None, typer.Option(help="Id of the model.")] = None,
    prompt: Annotated[str | None, typer.Option(help='A template over the columns: "Label this: {text}".')] = None,
    system: Annotated[str | None, typer.Option(help="An instruction, a template, too.")] = None,
    messages: Annotated[str | None, typer.Option(help="In place of a prompt: the column that holds messages.")] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="The column that names a row, several, or `line`; else a hash of it.")
    ] = None,
    schema: Annotated[Path | None, typer.Option(help="A JSON schema that answers have to fit.")] = None,
    schema_retries: Annotated[int, typer.Option(help="Further questions where an answer does not fit.")] = 1,
    param: Annotated[list[str] | None, typer.Option(help="A body parameter: temperature=0; may be repeated.")] = None,
    embeddings: Annotated[bool, typer.Option("--embeddings", help="Vectors in place of answers.")] = False,
    kind: Annotated[str, typer.Option(help="chat, image, video, speech, music, transcript or ocr.")] = "chat",
    save: Annotated[Path | None, typer.Option(help="The folder for files of media.")] = None,
    concurrency: Annotated[int, typer.Option(help="Most requests at a time.")] = 64,
    rpm: Annotated[float | None, typer.Option(help="Most requests sent in a minute.")] = None,
    tpm: Annotated[float | None, typer.Option(help="Most tokens in a minute, in and out.")] = None,
    budget_usd: Annotated[float | None, typer.Option("--budget-usd", help="US dollars, over all runs.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first so many rows.")] = None,
    sample: Annotated[int | None, typer.Option(help="Exactly so many of all rows.")] = None,
    seed: Annotated[int, typer.Option(help="Which rows a sample has.")] = 0,
    include: Annotated[
        list[str] | None, typer.Option(help="A column of the input for the output, or `all`; may be repeated.")
    ] = None,
    null: Annotated[str | None, typer.Option(help="Text for a null in a column of the prompt.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Between the fields of CSV.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Of the input.")] = None,
    on_error: Annotated[str, typer.Option(help="At a row that cannot be read: stop, or skip it.")] = "stop",
    on_cut: Annotated[str, typer.Option(help="An answer that was cut or filtered: keep, or fail.")] = "keep",
    retry_errors: Annotated[
        list[str] | None,
        typer.Option(metavar="[CLASS]...", help="Ask failed rows again: which errors, or all."),
    ] = None,
    row_retries: Annotated[int, typer.Option(help="Further tries of a row, after all others.")] = 2,
    keep_order: Annotated[bool, typer.Option("--keep-order/--as-answered", help="Order of the output.")] = True,
    live: Annotated[bool, typer.Option("--live/--no-live", help="A .jsonl output grows with each answer.")] = True,
    output_format: Annotated[str | None, typer.Option(help="rows, or openai: OpenAI's batch output.")] = None,
    via: Annotated[str, typer.Option(help="calls, or provider: Claude's batches, cheaper and later.")] = "calls",
    ray: Annotated[str | None, typer.Option(help="Address of a Ray cluster: auto, ray://...")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count tokens, estimate the cost, ask nothing.")] = False,
    calibrate: Annotated[int, typer.Option(help="Of a dry run: so many rows are asked to learn the cost.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Continue with other settings than before.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Move the output aside (.bak); begin anew.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The summary as JSON, for programs.")] = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Asks a model about every row. Run it again and it goes on where it was, whatever stopped it.

    [dim]aimlapi batch run rows.jsonl -o answers.jsonl --model openai/gpt-4o --prompt "Label: {text}" --key id[/dim]
    """
    given = {name: value for name, value in context.params.items() if name in Job.__dataclass_fields__}
    given |= {
        "key": key[0] if key and len(key) == 1 else key or None,
        "parameters": dict(map(_parameter, param or ())),
        "schema": _schema(schema),
        "requests_per_minute": rpm,
        "tokens_per_minute": tpm,
        "include": "all" in (include or ()) or include or (),
        "delimiter": None if delimiter is None else delimiter.replace("\\t", "\t"),
        "retry_errors": "all" in (retry_errors or ()) or retry_errors or (),
    }
    job = Job(**given | connection(base_url, api_key))
    if dry_run:
        summary = asyncio.run(arun(job, dry_run=True, calibrate=calibrate))
        _show_estimate(summary, as_json)
        return
    if calibrate:
        raise JobError("`--calibrate` needs a dry run: add `--dry-run`.")
    _run(job, as_json, ray=ray, force=force, overwrite=overwrite)


@batch.command()
def retry(
    output: Annotated[Path, typer.Argument(help="The answers of a job.")],
    error: Annotated[list[str] | None, typer.Option(help="Only rows with this class of error.")] = None,
    concurrency: Annotated[int, typer.Option(help="Most requests at a time.")] = 64,
    budget_usd: Annotated[float | None, typer.Option("--budget-usd", help="US dollars, over all runs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The summary as JSON, for programs.")] = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Asks again for the rows of a job that failed, as it was begun; and for those that wait.

    [dim]aimlapi batch retry answers.jsonl --error SchemaError[/dim]
    """
    from aimlapi_batch.status import job_of

    found = connection(base_url, api_key)
    changed: dict[str, Any] = {"concurrency": concurrency, "budget_usd": budget_usd, "retry_errors": error or True}
    changed["api_key"] = found["api_key"]
    if base_url is not None:  # else where the job was begun
        changed["base_url"] = base_url
    _run(job_of(output, **changed), as_json)


@batch.command()
def status(
    output: Annotated[Path, typer.Argument(help="The answers of a job.")],
    as_json: AsJson = False,
) -> None:
    """How far a job is, what it cost so far, and what failed.

    [dim]aimlapi batch status answers.jsonl[/dim]
    """
    from aimlapi_batch.status import status_of

    found = status_of(output)
    if not as_json:
        found["failures"] = [
            f"{kind} {one['count']}: {one['example'][:100]}" for kind, one in found["failures"].items()
        ]
    if not as_json and streams.is_terminal():  # a pipe gets plain numbers
        found["spent_usd"] = cost_text(found["spent_usd"], found["unpriced"])
        found["seconds_left"] = found["seconds_left"] and duration(found["seconds_left"])
    show_one(found, as_json=as_json, titles={"seconds_left": "time left"})


@batch.command()
def export(
    output: Annotated[Path, typer.Argument(help="The answers of a job, or its .job file.")],
    to: Annotated[Path | None, typer.Option("--output", "-o", help="Another file: .jsonl, .csv, .parquet, -.")] = None,
    output_format: Annotated[str, typer.Option(help="rows, or openai: OpenAI's batch output.")] = "rows",
    as_answered: Annotated[bool, typer.Option("--as-answered", help="In the order the answers came in.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Move a file that is there aside (.bak).")] = False,
) -> None:
    """Writes the answers there are, also while the job runs, and what can be read of a damaged one.

    [dim]aimlapi batch export answers.jsonl -o answers.csv[/dim]
    """
    from aimlapi_batch.export import export_answers

    if output_format not in ("rows", "openai"):
        raise JobError(f"`--output-format` is {output_format!r}: pass rows or openai.")
    out = console(error=True)
    notes: list[str] = []
    count, lost = export_answers(
        output,
        to,
        openai=output_format == "openai",
        in_order=not as_answered,
        overwrite=overwrite,
        note=notes.append,
    )
    for note in notes:
        out.print(note, markup=False, soft_wrap=True)
    out.print(f"{count:,} answers written to {to or output}.", markup=False, soft_wrap=True)
    if lost:
        raise Failure(f"The store is damaged: {lost} could not be read.")


def _run(job: Job, as_json: bool, *, ray: str | None = None, force: bool = False, overwrite: bool = False) -> None:
    """Runs a job, shows how it goes, and ends with the exit code of what became of it."""
    out = console(error=True)
    ours = client(job.base_url, job.api_key)
    try:
        with suggestions(ours, str(job.model)), live_progress(out) as update:
            if ray is not None:
                summary = run(job, on=ray, force=force, overwrite=overwrite, on_progress=update)
            else:
                summary = asyncio.run(_interruptible(job, force, overwrite, update))
    except AIMLAPIError as error:
        stopped: Summary | None = getattr(error, "summary", None)
        if as_json and stopped is not None:
            streams.write_json({**stopped.as_dict(), "error": str(error)})
        if isinstance(error, InvalidRequestError) and not isinstance(error, JobStoppedError):
            raise
        raise Failure(str(error), WAITING) from error
    for note in summary.notes:
        out.print(note, markup=False, soft_wrap=True)
    out.print(summary_text(summary), markup=False, soft_wrap=True)
    if as_json:
        streams.write_json(summary.as_dict())
    if summary.stopped == "interrupted":
        raise typer.Exit(STOPPED)
    if summary.stopped is not None:
        raise typer.Exit(WAITING)
    if summary.errors:
        raise typer.Exit(FAILED)


async def _interruptible(job: Job, force: bool, overwrite: bool, update: Callable[[Summary], None]) -> Summary:
    """Ctrl-C, SIGTERM or a closed terminal once: what is sent is finished and kept. Twice: now."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    latest: Summary | None = None

    def progress(summary: Summary) -> None:
        nonlocal latest
        latest = summary
        update(summary)

    running = arun(job, force=force, overwrite=overwrite, on_progress=progress, stop=stop)
    task = asyncio.ensure_future(running)

    def interrupted() -> None:
        if stop.is_set():
            task.cancel()
            return
        stop.set()
        sent, waiting = (
            ("the", "what waits is") if latest is None else (latest.under_way, f"{latest.waiting} that wait are")
        )
        with suppress(OSError, ValueError):  # of a terminal that was closed
            sys.stderr.write(
                f"\nFinishing {sent} requests that are sent; {waiting} left for the next run. Ctrl-C again stops at "
                "once.\n"
            )

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is None or signal.getsignal(number) is signal.SIG_IGN:  # as `nohup` and `&` have it
            continue
        try:
            loop.add_signal_handler(number, interrupted)
        except NotImplementedError:  # Windows
            with suppress(ValueError):  # no main thread: Ctrl-C then ends it at once
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(interrupted))
        except RuntimeError:  # no main thread
            break
    try:
        return await task
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _show_estimate(summary: Summary, as_json: bool) -> None:
    if as_json:
        streams.write_json(summary.as_dict())
        return
    out = console(error=True)
    for note in summary.notes:
        out.print(note, markup=False, soft_wrap=True)
    cost = "unknown" if summary.estimated_usd is None else f"about ${summary.estimated_usd:.4f}"
    parts = [f"{summary.total or 0:,} rows, {summary.already:,} of them done"]
    if summary.errors:
        parts.append(f"{summary.errors:,} that cannot be asked")
    parts.append(f"about {summary.input_tokens:,} tokens in; the cost of what is left is {cost}.")
    out.print(", ".join(parts), markup=False, soft_wrap=True)
    out.print(f"Assumed: {summary.assumed}.", markup=False, soft_wrap=True)


def _parameter(text: str) -> tuple[str, Any]:
    name, mark, value = text.partition("=")
    if not mark or not name.strip():
        raise JobError(f"`--param` is {text!r}: pass NAME=VALUE.")
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value


def _schema(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise JobError(f"`--schema` {path} cannot be read as JSON: {error}.") from None
    if not isinstance(schema, dict):
        raise JobError(f"`--schema` {path} does not contain a JSON object.")
    return schema
