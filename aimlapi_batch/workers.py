"""Workers of Ray that send what one process has to be sent, and hand each answer back to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aimlapi_batch.ask import Asker
from aimlapi_batch.job import Job, Row
from aimlapi_batch.store import DueRow
from aimlapi_transport.errors import APIConnectionError

if TYPE_CHECKING:
    from aimlapi_transport.client import AsyncClient

_CPUS = 0.1  # of a worker, which mostly waits


class Workers:
    """Actors of a cluster, each with connections of its own.

    Args:
        ray: the module.
        count: how many there are.
    """

    def __init__(self, ray: Any, job: Job, count: int) -> None:
        self._ray, self._job = ray, replace(job, source=[], output="unused.jsonl")
        self._actors = [self._begun() for _ in range(count)]
        self._under_way = [0] * count

    def _begun(self) -> Any:
        kind = self._ray.remote(Worker).options(num_cpus=_CPUS, max_concurrency=self._job.concurrency)
        return kind.remote(self._job)

    async def ask(self, dues: Sequence[DueRow], questions: Sequence[Row], request: Any) -> list[Row]:
        """The answers to rows, from the worker that has least to do.

        Raises:
            APIConnectionError: the worker died; another one takes its place.
        """
        at = self._under_way.index(min(self._under_way))
        actor = self._actors[at]
        self._under_way[at] += 1
        try:
            found = await actor.ask.remote([replace(due, asked=None) for due in dues], questions, request)
        except self._ray.exceptions.RayActorError as error:
            if self._actors[at] is actor:
                self._actors[at] = self._begun()
            raise APIConnectionError(f"A worker of the cluster died: {str(error).splitlines()[0]}") from None
        finally:
            self._under_way[at] -= 1
        if isinstance(found, Exception):
            raise found
        answers: list[Row] = found
        return answers

    def close(self) -> None:
        """Ends them."""
        for actor in self._actors:
            self._ray.kill(actor)


class RemoteAsker(Asker):
    """Builds requests here, and has them sent there."""

    def __init__(self, job: Job, client: AsyncClient, workers: Workers) -> None:
        super().__init__(job, client)
        self._workers = workers

    async def ask(self, dues: Sequence[DueRow], questions: Sequence[Row], request: Any) -> list[Row]:
        """As `Asker.ask`, by a worker."""
        return await self._workers.ask(dues, questions, request)


class Worker:
    """One worker: an asynchronous actor."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._asker: Asker | None = None

    async def ask(self, dues: Sequence[DueRow], questions: Sequence[Row], request: Any) -> Any:
        """The answers, or the exception: as a value, so that it arrives as it is."""
        if self._asker is None:
            from aimlapi_transport import AsyncClient

            settings = {name: value for name, value in self._job.client.items() if name not in ("retry", "max_retries")}
            client = AsyncClient(base_url=self._job.base_url, api_key=self._job.api_key, max_retries=0, **settings)
            self._asker = Asker(self._job, client)
        try:
            return await self._asker.ask(dues, questions, request)
        except Exception as error:
            return error
