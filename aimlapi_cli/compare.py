"""`aimlapi compare`: one prompt, several models, side by side."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from aimlapi_cli import completion, config, options, streams
from aimlapi_cli.answers import notice
from aimlapi_cli.nearest import names_of, sentence
from aimlapi_cli.option_groups import with_options
from aimlapi_cli.session import AsCsv, AsJson, connection, fail, progress, streamed
from aimlapi_cli.tables import Column, printed, show
from aimlapi_transport.errors import AIMLAPIError, InvalidRequestError, NotFoundError

_COLUMNS = (
    Column("model", "model"),
    Column("ttft_s", "ttft s"),
    Column("tokens_per_second", "tokens/s"),
    Column("seconds", "seconds"),
    Column("input_tokens", "input"),
    Column("output_tokens", "output"),
    Column("cost_usd", "US$"),
    Column("error", "error", wraps=True),
    Column("note", "note", wraps=True),
)


@dataclass
class Run:
    """One answer: seconds, tokens and US dollars; why it failed, and what is odd about it."""

    model: str
    first: float | None = None
    seconds: float | None = None
    input: int | None = None
    output: int | None = None
    usd: float | None = None
    answer: str = ""
    error: str | None = None
    note: str | None = None


@dataclass
class Result:
    """The runs of a model, by their medians."""

    model: str
    runs: list[Run] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """As a table shows it."""
        good = [run for run in self.runs if run.error is None]
        errors = [run.error for run in self.runs if run.error is not None]
        speeds = [
            run.output / (run.seconds - run.first)
            for run in good
            if run.output and run.seconds is not None and run.first is not None and run.seconds > run.first
        ]
        return {
            "model": self.model,
            "ttft_s": _middle([run.first for run in good]),
            "tokens_per_second": _middle(speeds, 1),
            "seconds": _middle([run.seconds for run in good]),
            "input_tokens": _middle([run.input for run in good], 0),
            "output_tokens": _middle([run.output for run in good], 0),
            "cost_usd": _middle([run.usd for run in good], 6),
            "runs": len(self.runs),
            "failed_runs": len(errors),
            "error": _reason(errors, len(self.runs)),
            "note": next((run.note for run in good if run.note), None),
            "answers": [run.answer for run in good],
        }


@with_options
def compare(
    prompt: Annotated[
        str | None, typer.Argument(metavar="QUESTION", help="What all of them are asked, or what comes in by the pipe.")
    ] = None,
    models: Annotated[
        str | None, typer.Option(help="Ids, with commas between them.", autocompletion=completion.several_models)
    ] = None,
    runs: Annotated[int, typer.Option(help="How often each is asked.", min=1)] = 1,
    answers: Annotated[bool, typer.Option("--answers/--no-answers", help="Show what they said.")] = True,
    plot: Annotated[
        Path | None, typer.Option(help="Draws cost against time: .png, .svg, or .html with table and answers.")
    ] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    *,
    asked: options.Asked,
) -> None:
    """Asks several models the same: speed, tokens, cost and answers.

    The exit code is 1 where a model failed; the table says why.

    [dim]aimlapi compare "Explain tides" --models openai/gpt-4o,deepseek/deepseek-r1 --runs 3 --plot out.png[/dim]
    """
    if asked.profile is not None:
        config.choose(asked.profile)
    names = list(dict.fromkeys(name for name in re.split(r"[,\s]+", models or "") if name))
    if not names:
        raise InvalidRequestError("`--models` names no model: pass ids, with commas between them.")
    prompt = streams.piped() if prompt is None else prompt
    if not prompt.strip():
        raise InvalidRequestError("There is no question: pass one.")
    if plot is not None:
        from aimlapi_cli import plots

        plots.check(plot)
    call = options.call_of(asked, None)
    messages = [{"role": "system", "content": call.system}] if call.system else []
    messages.append({"role": "user", "content": prompt})
    connected = connection(asked.base_url, asked.api_key)
    with progress(len(names) * runs, "Asking") as done:
        results = asyncio.run(_asked(messages, names, runs, call.parameters, connected, done))
    rows = [result.row() for result in results]
    empty = {"error", "note"} - {name for row in rows for name in ("error", "note") if row[name]}
    columns = [one for one in _COLUMNS if one.name not in empty]
    answered = any(row["answers"] for row in rows)
    try:
        if plot is not None and answered:
            points = [
                (row["model"], row["seconds"], row["cost_usd"])
                for row in rows
                if row["seconds"] is not None and row["cost_usd"] is not None
            ]
            shown = [{one.title: printed(row.get(one.name)) for one in columns} for row in rows]
            report = plots.Report(prompt, shown, {row["model"]: row["answers"][:1] for row in rows})
            plots.scatter(plot, points, "seconds", "US dollars a call", report)
    finally:  # neither is lost where the other cannot be written: both are paid for
        _show(rows, columns, answers=answers, as_json=as_json, as_csv=as_csv)
    if plot is not None:  # a drawing of before is worth more than none
        streams.say(f"Drawn into {plot}." if answered else f"{plot} is as it was: no model answered.")
    failed = [row["model"] for row in rows if row["error"]]
    if failed:
        fail(f"{len(failed)} of {len(rows)} models failed: {', '.join(failed)}.")


def _show(rows: list[dict[str, Any]], columns: list[Column], *, answers: bool, as_json: bool, as_csv: bool) -> None:
    """The table, what is odd about its rows, and the answers."""
    show(rows, columns, on_terminal=_COLUMNS[:-2], as_json=as_json, as_csv=as_csv)
    if as_json or as_csv:
        return
    if streams.is_terminal():  # sentences, which a column would break into pieces
        for row in rows:
            for reason in filter(None, (row["error"], row["note"])):
                streams.write(f"{row['model']}: {reason}\n")
    if answers:
        for row in rows:
            for answer in row["answers"][:1]:
                streams.write(f"\n{row['model']}\n{answer}\n")


async def _asked(
    messages: list[dict[str, Any]],
    names: list[str],
    runs: int,
    parameters: dict[str, Any],
    connected: dict[str, Any],
    done: Callable[[], None],
) -> list[Result]:
    """All models side by side; the runs of one, one after another."""
    from aimlapi_transport import AsyncClient

    async with AsyncClient(**connected) as client:

        async def of(name: str) -> Result:
            result = Result(name)
            for _ in range(runs):
                result.runs.append(await _run(client, name, messages, parameters))
                done()
            return result

        return list(await asyncio.gather(*map(of, names)))


async def _run(client: Any, name: str, messages: list[dict[str, Any]], parameters: dict[str, Any]) -> Run:
    run, begun = Run(name), time.perf_counter()
    found = None
    try:
        async for delta in streamed(client, name, messages, parameters):
            if run.first is None and (delta.text or delta.reasoning):
                run.first = time.perf_counter() - begun
            found = delta.completion or found
        run.seconds = time.perf_counter() - begun
    except AIMLAPIError as error:
        near = await _nearest(client, name) if isinstance(error, NotFoundError) else ""
        run.error = f"{type(error).__name__}: {streams.one_line(error.message)[:200]}{near}"
        return run
    run.note = notice(found)
    if found is not None:
        run.answer = found.text
        run.usd = found.cost.usd if found.cost else None
        if found.usage is not None:
            run.input, run.output = found.usage.input, found.usage.output
    return run


async def _nearest(client: Any, name: str) -> str:
    try:
        known = names_of(await client.models(include="all"))
    except AIMLAPIError:
        return ""
    return "" if name in known else sentence(name, known)


def _reason(errors: list[str], runs: int) -> str | None:
    if not errors:
        return None
    return errors[0] if runs == 1 else f"{len(errors)} of {runs} runs failed: {errors[0]}"


def _middle(values: list[Any], places: int = 3) -> float | int | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    found = round(float(median(known)), places)
    return int(found) if places == 0 else found
