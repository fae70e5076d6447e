"""What came of rows -> the store, the live output, and those who follow the job. Before anything else is sent."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aimlapi_batch.job import JobError, Row
from aimlapi_batch.output import LiveOutput
from aimlapi_batch.rescue import save
from aimlapi_batch.store import DueRow, Store
from aimlapi_batch.summary import Progress, Summary

_MOST = 256  # answers that wait to be committed


class AnswerWriter:
    """Commits the answers of a run, those that come in one turn of the event loop together.

    Args:
        stop: is set where the run cannot go on.

    Attributes:
        failure: the first reason for that, which is raised at the end.
    """

    def __init__(
        self, store: Store, summary: Summary, live: LiveOutput, on_progress: Progress | None, stop: asyncio.Event
    ) -> None:
        self._store, self._summary, self._live = store, summary, live
        self._tell, self._stop = on_progress, stop
        self._run = store.begin_run()
        self.failure: BaseException | None = None
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
            return self.end(error)
        for due, answer, again in kept:
            if not again:
                self._summary.count(answer)
                self._live.append(answer, due.input)
            self.report()

    def report(self) -> None:
        """Tells those who follow the job how it stands."""
        if self._tell is None:
            return
        try:
            self._tell(self._summary)
        except BaseException as error:  # also KeyboardInterrupt, which would end the loop with what is under way
            self.end(error)

    def end(self, error: BaseException) -> None:
        """Has the run stop, and raise this at its end."""
        self.failure = self.failure or error
        self._stop.set()

    def _write(self) -> list[tuple[DueRow, Row, bool]]:
        counters = self._summary.counters()
        for _, answer, again in self._waiting:  # they are counted when they are reported
            counters["answered" if answer["error"] is None else "failed"] += not again
        self._store.write(self._run, self._waiting, counters)
        kept, self._waiting = self._waiting, []
        return kept

    def __enter__(self) -> AnswerWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Commits what waits, ends the run in the store, and raises why it failed."""
        if self._stop.is_set() and self._summary.stopped is None:
            self._summary.stopped = "interrupted"
        self.failure = self._close() or self.failure
        with suppress(JobError):  # of a full disk: that of the answers comes first
            self._store.end_run(self._run, type(self.failure).__name__ if self.failure else self._summary.stopped)
        if self.failure is not None and kind is None:
            raise self.failure

    def _close(self) -> JobError | None:
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
