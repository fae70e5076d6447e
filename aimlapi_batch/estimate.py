"""A dry run: what the rows that wait will use, from what was answered so far, or from a few that are asked for it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from aimlapi_batch.ask import Asker
from aimlapi_batch.job import Job, JobError
from aimlapi_batch.registration import register
from aimlapi_batch.running import check, run_job
from aimlapi_batch.store import Store, store_path
from aimlapi_batch.summary import Summary
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.json_codec import loads

_BYTES_PER_TOKEN = 4
_OUTPUT_LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
_TYPICAL_OUTPUT = 500  # tokens
_PAGE = 256  # rows read from the store at a time


async def estimate(job: Job, calibrate: int, stop: asyncio.Event | None = None) -> Summary:
    """Counts what is done, and estimates the tokens and the cost of the rest.

    Args:
        calibrate: rows that are asked for real first; their answers are kept in the job.
    """
    check(job)
    asked = None
    if calibrate:
        if isinstance(job.source, Iterator) or (isinstance(job.source, (str, Path)) and job.source_path is None):
            raise JobError("`calibrate` reads the rows twice, which the source gives only once: pass a file.")
        asked = await run_job(replace(job, sample=calibrate, live=False), None, stop=stop)
    summary = Summary()
    if asked is not None:
        summary.cost_usd, summary.requests = asked.cost_usd, asked.requests
    path = store_path(job.path)
    known = Store(path, is_writer=False) if str(job.output) != "-" and path.exists() else None
    with tempfile.TemporaryDirectory(prefix="aimlapi-batch-") as folder:
        rows = Store(Path(folder) / "rows.job")
        try:
            await asyncio.to_thread(register, rows, job, summary.notes.append, accept=False)
            await _Estimate(job, rows, known, summary).all()
        finally:
            rows.close()
            if known is not None:
                known.close()
    return summary


class _Estimate:
    def __init__(self, job: Job, rows: Store, known: Store | None, summary: Summary) -> None:
        self._job, self._rows, self._known, self._summary = job, rows, known, summary
        self._media: list[float | None] = []  # US dollars of each row of media

    def _media_asker(self, client: Any) -> Any:
        from aimlapi_batch.media import MediaAsker

        return MediaAsker(self._job, client, self._rows, lambda awaitable: awaitable)

    async def all(self) -> None:
        from aimlapi_transport import AsyncClient

        job, summary = self._job, self._summary
        waiting = 0
        async with AsyncClient(base_url=job.base_url, api_key=job.api_key or "unused", **job.client) as client:
            is_media = job.kind != "chat"
            asker: Any = self._media_asker(client) if is_media else Asker(job, client)
            if is_media:
                asker.prices = await client.pricing(str(job.model))
            for due, digest in self._due():
                if self._is_done(due.key, digest):
                    summary.already += 1
                    continue
                question = loads(due.asked or b"{}")
                if "problem" in question:
                    summary.errors += 1
                    continue
                try:
                    request = asker.request([question])
                except (KeyError, TypeError, ValueError, InvalidRequestError):
                    summary.errors += 1
                    continue
                waiting += 1
                if is_media:
                    self._media.append(asker.estimate(question, None))
                    continue
                summary.input_tokens += len(due.asked or b"" if request is None else request.body) // _BYTES_PER_TOKEN
            summary.total = summary.already + summary.errors + waiting
            summary.asked = waiting
            await self._cost(client, waiting)

    def _due(self) -> Any:
        position = -1
        while page := self._rows.due(position, _PAGE):
            for due in page:
                yield due, self._rows.one("SELECT hash FROM rows WHERE id = ?", due.id)
            position = page[-1].position

    def _is_done(self, key: str, digest: bytes) -> bool:
        found = None
        if self._known is not None:
            found = self._known.one("SELECT 1 FROM rows WHERE key = ? AND state = 1 AND hash = ?", key, digest)
        return found is not None

    async def _cost(self, client: Any, waiting: int) -> None:
        """By what answers cost so far; else by the catalogue's prices and how long an answer may be."""
        summary, job = self._summary, self._job
        sums: tuple[int, float, float | None] = (0, 0.0, None)
        if self._known is not None:
            sums = next(
                self._known.query("SELECT count(cost_usd), avg(cost_usd), avg(output_tokens) FROM rows WHERE state = 1")
            )
        answers, cost, output = sums
        if answers:
            summary.estimated_usd = cost * waiting
            summary.assumed = (
                f"each of the {waiting:,} rows costs what the {answers:,} answers so far cost on average, ${cost:.6f}"
                + ("" if output is None else f" for {output:,.0f} tokens out")
            )
            return
        if job.kind != "chat":
            costs = [cost for cost in self._media if cost is not None]
            summary.estimated_usd = sum(costs) if len(costs) == waiting else None
            summary.assumed = "each row costs what the catalogue says of it"
            if summary.estimated_usd is None:
                summary.assumed = "the catalogue has no price for the model, or one by what is not known yet"
            return
        limits = [job.parameters[name] for name in _OUTPUT_LIMITS if isinstance(job.parameters.get(name), int)]
        tokens = 0 if job.embeddings else min(limits, default=_TYPICAL_OUTPUT)
        prices = await client.pricing(str(job.model)) if job.model else None
        total = None if prices is None else prices.cost(summary.input_tokens, tokens * waiting)
        if total is not None:
            summary.estimated_usd = float(total)
        length = f"{tokens:,} tokens, " + ("its limit" if limits else "as nothing limits it")
        summary.assumed = "a token is 4 bytes" + ("" if job.embeddings else f", and each answer has {length}")
        if total is None:
            summary.assumed += "; the catalogue has no price for the model"
