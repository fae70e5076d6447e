"""`aimlapi compare`: one prompt, several models, side by side."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from aimlapi_cli import streams
from aimlapi_cli.session import ApiKey, AsCsv, AsJson, BaseUrl, console, progress, streamed
from aimlapi_cli.tables import Column, show
from aimlapi_transport.errors import AIMLAPIError, InvalidRequestError

_COLUMNS = (
    Column("model", "model"),
    Column("ttft_s", "ttft s"),
    Column("tokens_per_second", "tokens/s"),
    Column("seconds", "seconds"),
    Column("input_tokens", "input"),
    Column("output_tokens", "output"),
    Column("cost_usd", "US$"),
    Column("error", "error", wraps=True),
)


@dataclass
class Run:
    """One answer: seconds, tokens and US dollars."""

    model: str
    first: float | None = None
    seconds: float | None = None
    input: int | None = None
    output: int | None = None
    usd: float | None = None
    answer: str = ""
    error: str | None = None


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
            "error": f"{len(errors)} of {len(self.runs)}: {errors[0]}" if errors else None,
            "answers": [run.answer for run in good],
        }


def compare(
    prompt: Annotated[str, typer.Argument(help="What all of them are asked.")],
    models: Annotated[str, typer.Option(help="Ids, with commas between them.")],
    runs: Annotated[int, typer.Option(help="How often each is asked.", min=1)] = 1,
    max_tokens: Annotated[int | None, typer.Option(help="Most tokens of an answer.")] = None,
    answers: Annotated[bool, typer.Option("--answers/--no-answers", help="Show what they said.")] = True,
    plot: Annotated[Path | None, typer.Option(help="Draws cost against time: .png, .svg or .html.")] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Asks several models the same: speed, tokens, cost and answers.

    [dim]aimlapi compare "Explain tides" --models openai/gpt-4o,deepseek/deepseek-r1 --runs 3 --plot out.png[/dim]
    """
    names = list(dict.fromkeys(name.strip() for name in models.split(",") if name.strip()))
    if not names:
        raise InvalidRequestError("`--models` names none: pass ids, with commas between them.")
    if plot is not None:
        from aimlapi_cli.plots import check, scatter

        check(plot)
    with progress(len(names) * runs, "Asking") as done:
        results = asyncio.run(_asked(prompt, names, runs, max_tokens, base_url, api_key, done))
    rows = [result.row() for result in results]
    columns = [one for one in _COLUMNS if one.name != "error" or any(row["error"] for row in rows)]
    show(rows, columns, as_json=as_json, as_csv=as_csv)
    if answers and not (as_json or as_csv):
        for row in rows:
            for answer in row["answers"][:1]:
                console().print(f"\n{row['model']}", style="bold", markup=False)
                console().print(answer, markup=False)
    if plot is not None:
        points = [
            (row["model"], row["seconds"], row["cost_usd"])
            for row in rows
            if row["seconds"] is not None and row["cost_usd"]
        ]
        scatter(plot, points, "seconds", "US dollars a call")
        streams.say(f"Drawn into {plot}.")


async def _asked(
    prompt: str,
    names: list[str],
    runs: int,
    max_tokens: int | None,
    base_url: str | None,
    api_key: str | None,
    done: Any,
) -> list[Result]:
    """All models side by side; the runs of one, one after another."""
    from aimlapi_transport import AsyncClient

    async with AsyncClient(base_url=base_url, api_key=api_key) as client:

        async def of(name: str) -> Result:
            result = Result(name)
            for _ in range(runs):
                result.runs.append(await _run(client, name, prompt, max_tokens))
                done()
            return result

        return list(await asyncio.gather(*map(of, names)))


async def _run(client: Any, name: str, prompt: str, max_tokens: int | None) -> Run:
    run, begun = Run(name), time.perf_counter()
    try:
        messages = [{"role": "user", "content": prompt}]
        async for delta in streamed(client, name, messages, max_tokens=max_tokens):
            if run.first is None and (delta.text or delta.reasoning):
                run.first = time.perf_counter() - begun
            if delta.completion is not None:
                completion = delta.completion
                run.answer = completion.text
                run.usd = completion.cost.usd if completion.cost else None
                if completion.usage is not None:
                    run.input, run.output = completion.usage.input, completion.usage.output
        run.seconds = time.perf_counter() - begun
    except AIMLAPIError as error:
        run.error = f"{type(error).__name__}: {error.message.splitlines()[0][:120]}"
    return run


def _middle(values: list[Any], places: int = 3) -> float | int | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    found = round(float(median(known)), places)
    return int(found) if places == 0 else found
