"""What came of rows -> the store, the live output, and those who follow the job. Before anything else is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aimlapi_batch.job import JobError, Row
from aimlapi_batch.output import LiveOutput
from aimlapi_batch.rescue import save
from aimlapi_batch.store import DueRow, Store
from aimlapi_batch.summary import Summary

_MOST = 256  # answers that wait to be committed


class AnswerWriter:
    """Commits answers, those that come in one turn of the event loop together.

    Args:
        run: of the store.
        report: called with each answer that is in the store.
        end: gets the error of a store that takes no more.
    """

    def __init__(
        self,
        store: Store,
        run: int,
        summary: Summary,
        live: LiveOutput,
        *,
        report: Callable[[], None],
        end: Callable[[BaseException], None],
    ) -> None:
        self._store, self._run, self._summary, self._live = store, run, summary, live
        self._report, self._end = report, end
        self._waiting: list[tuple[DueRow, Row, bool]] = []
        self._has_failed = False

    def keep(self, due: DueRow, answer: Row, *, again: bool = False) -> None:
        """Has what became of a row committed in the next turn of the loop.

        Args:
            again: whether the row is asked again in this run.
        """
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self.commit)
        self._waiting.append((due, answer, again))
        if len(self._waiting) >= _MOST:
            self.commit()

    def commit(self) -> None:
        """Commits what waits, unless that failed before: then all is tried once more at the end."""
        if not self._waiting or self._has_failed:
            return
        try:
            kept = self._write()
        except JobError as error:
            self._has_failed = True
            return self._end(error)
        for due, answer, again in kept:
            if not again:
                self._summary.count(answer)
                self._live.append(answer, due.input)
            self._report()

    def _write(self) -> list[tuple[DueRow, Row, bool]]:
        counters = self._summary.counters()
        for _, answer, again in self._waiting:  # they are counted when they are reported
            counters["answered" if answer["error"] is None else "failed"] += not again
        self._store.write(self._run, self._waiting, counters)
        kept, self._waiting = self._waiting, []
        return kept

    def close(self) -> JobError | None:
        """Commits what waits, or else puts it into a file of its own; the error that says so."""
        failure = None
        waiting = self._waiting
        try:
            if waiting:
                self._write()
        except JobError as error:
            failure = error
            failure.message += save(self._store, [(due, answer) for due, answer, again in waiting if not again])
            failure.args = (failure.message,)
        for _, answer, again in waiting:
            if not again:
                self._summary.count(answer)
        return failure
