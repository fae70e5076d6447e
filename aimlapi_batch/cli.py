"""`aimlapi batch run` and `aimlapi batch status`."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from aimlapi_batch.engine import arun, run
from aimlapi_batch.job import Job, JobError
from aimlapi_batch.store import beside, is_answered, lines_of, read_manifest
from aimlapi_batch.summary import Summary
from aimlapi_cli.session import STOPPED, ApiKey, AsJson, BaseUrl, console
from aimlapi_cli.tables import show

batch = typer.Typer(
    no_args_is_help=True, help="Many rows through a model; nothing paid for is lost.", rich_markup_mode="rich"
)
_EVERY = 5.0  # seconds between two lines where there is no terminal


@batch.command("run")
def run_job(
    source: Annotated[Path, typer.Argument(help="Rows: .jsonl, .csv, .parquet (.gz of the first two).")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Answers: .jsonl or .parquet.")],
    model: Annotated[str, typer.Option(help="Id of the model.")],
    prompt: Annotated[str | None, typer.Option(help='A template over the columns: "Label this: {text}".')] = None,
    system: Annotated[str | None, typer.Option(help="An instruction, a template, too.")] = None,
    messages: Annotated[str | None, typer.Option(help="In place of a prompt: the column that holds messages.")] = None,
    key: Annotated[str | None, typer.Option(help="The column that names a row; by default a hash of it.")] = None,
    schema: Annotated[Path | None, typer.Option(help="A JSON schema that answers have to fit.")] = None,
    param: Annotated[list[str] | None, typer.Option(help="A body parameter: temperature=0; may be repeated.")] = None,
    embeddings: Annotated[bool, typer.Option("--embeddings", help="Vectors in place of answers.")] = False,
    concurrency: Annotated[int, typer.Option(help="Most requests at a time.")] = 64,
    rpm: Annotated[float | None, typer.Option(help="Most requests a minute.")] = None,
    tpm: Annotated[float | None, typer.Option(help="Most tokens a minute.")] = None,
    budget_usd: Annotated[float | None, typer.Option("--budget-usd", help="US dollars; it ends before.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first so many rows.")] = None,
    sample: Annotated[int | None, typer.Option(help="Only so many of all, always the same.")] = None,
    on_error: Annotated[str, typer.Option(help="At a row that cannot be read: stop, or skip it.")] = "stop",
    keep_order: Annotated[bool, typer.Option("--keep-order", help="In the order of the input.")] = False,
    via: Annotated[str, typer.Option(help="calls, or provider: Claude's batches, cheaper and later.")] = "calls",
    ray: Annotated[str | None, typer.Option(help="Address of a Ray cluster: auto, ray://...")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count tokens, estimate the cost, ask nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Go on with other settings than before.")] = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Asks a model about every row. Run it again and it goes on where it was, whatever stopped it.

    [dim]aimlapi batch run rows.jsonl -o answers.jsonl --model openai/gpt-4o --prompt "Label: {text}" --key id[/dim]
    """
    job = Job(
        source=source,
        output=output,
        model=model,
        prompt=prompt,
        system=system,
        messages=messages,
        key=key,
        parameters=dict(map(_parameter, param or ())),
        schema=_schema(schema),
        embeddings=embeddings,
        concurrency=concurrency,
        requests_per_minute=rpm,
        tokens_per_minute=tpm,
        budget_usd=budget_usd,
        limit=limit,
        sample=sample,
        on_error=on_error,
        keep_order=keep_order,
        via=via,
        base_url=base_url,
        api_key=api_key,
    )
    out = console(error=True)
    if ray is not None:
        summary = run(job, on=ray, force=force, dry_run=dry_run)
    else:
        with live_progress(out) as update:
            summary = asyncio.run(_interruptible(job, force, update, dry_run))
    if dry_run:
        cost = "unknown" if summary.estimated_usd is None else f"${summary.estimated_usd:.4f}"
        out.print(
            f"{summary.total or summary.asked:,} rows, about {summary.input_tokens:,} tokens in; cost about {cost}."
        )
        return
    out.print(summary_text(summary), markup=False)
    if summary.stopped == "interrupted":
        raise typer.Exit(STOPPED)
    if summary.stopped is not None or summary.errors:
        raise typer.Exit(1)


@batch.command()
def status(
    output: Annotated[Path, typer.Argument(help="The answers of a job.")],
    as_json: AsJson = False,
) -> None:
    """How far a job is, and what it cost so far.

    [dim]aimlapi batch status answers.jsonl[/dim]
    """
    manifest = read_manifest(output)
    rows = output if output.suffix.lower() != ".parquet" else beside(output, "rows.jsonl")
    if manifest is None or not rows.exists():
        raise JobError(f"{output} is the output of no job.")
    answered = errors = again = 0
    cost = 0.0
    for _, _, row in lines_of(rows):
        if row is None:
            continue
        if row.get("error") is None:
            answered += 1
        elif is_answered(row):
            errors += 1
        else:
            again += 1
        cost += row.get("cost_usd") or 0.0
    found: dict[str, Any] = {
        "model": manifest["settings"].get("model"),
        "answered": answered,
        "errors": errors,
        "to be asked again": again,
        "USD": round(cost, 6),
    }
    if manifest.get("batches"):
        found["batches under way"] = list(manifest["batches"])
    if as_json:
        show([found], (), as_json=True)
        return
    show([{"what": what, "value": value} for what, value in found.items()], ("what", "value"))


async def _interruptible(job: Job, force: bool, update: Callable[[Summary], None], dry_run: bool) -> Summary:
    """Ctrl-C once: what is under way is finished and written. Twice: now."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    task = asyncio.ensure_future(arun(job, force=force, on_progress=update, dry_run=dry_run, stop=stop))

    def interrupted() -> None:
        if stop.is_set():
            task.cancel()
        else:
            stop.set()
            sys.stderr.write("\nFinishing what is under way; Ctrl-C again stops at once.\n")

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, interrupted)
        except (NotImplementedError, RuntimeError):  # Windows, or no main thread: Ctrl-C then ends it at once
            break
    try:
        return await task
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


@contextmanager
def live_progress(out: Any) -> Iterator[Callable[[Summary], None]]:
    """Shows how a job goes: a bar on a terminal, a line now and then elsewhere."""
    if not out.is_terminal:
        printed_at = time.monotonic()

        def line(summary: Summary) -> None:
            nonlocal printed_at
            if time.monotonic() - printed_at >= _EVERY:
                printed_at = time.monotonic()
                out.print(summary_text(summary), markup=False)

        yield line
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=out) as progress:
        bar = progress.add_task("")

        def update(summary: Summary) -> None:
            done = summary.already + summary.answered + summary.errors
            progress.update(bar, completed=done, total=summary.total, description=_figures(summary))

        yield update


def summary_text(summary: Summary) -> str:
    """How a job stands, in a line."""
    parts = [f"{summary.answered:,} answered"]
    if summary.already:
        parts.append(f"{summary.already:,} before")
    if summary.errors:
        parts.append(f"{summary.errors:,} errors")
    if summary.left:
        parts.append(f"{summary.left:,} left")
    ended = {"budget": "; stopped by the budget", "interrupted": "; interrupted"}.get(str(summary.stopped), "")
    return f"{', '.join(parts)}; {_figures(summary)}{ended}"


def _figures(summary: Summary) -> str:
    done = summary.answered + summary.errors
    tokens = (summary.input_tokens + summary.output_tokens) / max(summary.seconds, 1e-9)
    figures = [f"{summary.rows_per_second:,.1f} rows/s", f"{tokens:,.0f} tokens/s", f"${summary.cost_usd:.4f}"]
    if summary.left and done:
        figures.append(f"of about ${summary.cost_usd / done * (done + summary.left):.4f}")
        seconds = summary.left / max(summary.rows_per_second, 1e-9)
        figures.append(f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02}:{int(seconds % 60):02} to go")
    if summary.errors:
        figures.append(f"{summary.errors:,} errors")
    return ", ".join(figures)


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
        raise JobError(f"`--schema` {path} holds no object.")
    return schema
