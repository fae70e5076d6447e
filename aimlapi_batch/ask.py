"""What is sent for a row, and the answer: by the transport's client, or by a runnable."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aimlapi_batch.answers import blank, checked, from_completion
from aimlapi_batch.job import Job, Row
from aimlapi_batch.runnables import ask_runnable
from aimlapi_batch.store import DueRow
from aimlapi_transport.service.prices import cost_of

if TYPE_CHECKING:
    from aimlapi_batch.schemas import AnswerCheck
    from aimlapi_transport.client import AsyncClient
    from aimlapi_transport.service.catalogue import Pricing

_NO_PARAMETERS = ("model", "messages", "stream", "stream_options")  # of a body: each has a place of its own


def parameters_of(job: Job) -> tuple[Row, AnswerCheck | None]:
    """The body parameters of every request, and the schema that answers have to fit."""
    if job.schema is None:
        return dict(job.parameters), None
    from aimlapi_batch.schemas import AnswerCheck

    schema = AnswerCheck(job.schema)
    return {"response_format": schema.response_format, **job.parameters}, schema


class Asker:
    """Asks for rows, one by one, or several in a request for embeddings.

    Attributes:
        prices: of the model, in a job with a budget; None where they are not known.
    """

    def __init__(self, job: Job, client: AsyncClient) -> None:
        self._job = job
        self._client = client
        self._parameters, self._schema = parameters_of(job)
        self.prices: Pricing | None = None

    def request(self, questions: Sequence[Row]) -> Any:
        """The request for one row, or for the vectors of several; None where a runnable makes its own.

        Raises:
            ValueError: what a row holds cannot be sent.
        """
        job, asked = self._job, questions[0]
        if job.runnable is not None:
            return None
        if job.embeddings:
            texts = [one["text"] for one in questions]
            return self._client.embedding_request(str(job.model), texts, parameters=job.parameters)
        if "body" in asked:
            body = asked["body"]
            own = {name: value for name, value in body.items() if name not in _NO_PARAMETERS}
            model, messages = job.model or body["model"], body["messages"]
            return self._client.request(model, messages, parameters={**own, **self._parameters})
        return self._client.request(str(job.model), asked["messages"], parameters=self._parameters)

    def estimate(self, question: Row, request: Any) -> float | None:
        """US dollars that a request will cost at most, by its tokens; None where nothing tells."""
        cost = None if request is None or self._job.embeddings else cost_of(self.prices, request)
        return None if cost is None else float(cost)

    def priced(self, answer: Row) -> float | None:
        """The cost of an answer by its tokens, where the reply does not name it."""
        usage = answer["usage"]
        if self.prices is None or usage is None:
            return None
        cost = self.prices.cost(usage.get("input_tokens") or 0, usage.get("output_tokens") or 0)
        return None if cost is None else float(cost)

    async def ask(self, dues: Sequence[DueRow], questions: Sequence[Row], request: Any) -> list[Row]:
        """The answers to rows. Raises what the client or the runnable raises."""
        job, due = self._job, dues[0]
        if job.embeddings:
            return await self._embed(dues, request)
        if job.runnable is not None:
            answer = await ask_runnable(job.runnable, due.key, questions[0])
            if answer["parsed"] is not None and self._schema is None:
                return [answer]
        else:
            begun = time.perf_counter()
            completion = await self._client.complete(request)
            answer = from_completion(due.key, completion, round(time.perf_counter() - begun, 3))
        return [checked(answer, job, self._schema)]

    async def _embed(self, dues: Sequence[DueRow], request: Any) -> list[Row]:
        begun = time.perf_counter()
        found = await self._client.embed(request, len(dues))
        seconds, usage, cost = round(time.perf_counter() - begun, 3), found.usage, found.cost
        share = len(dues)
        return [
            {
                **blank(due.key),
                "embedding": list(vector),
                "model": found.model,
                "usage": usage and {"input_tokens": usage.total / share},
                "cost_usd": cost and cost.usd / share,
                "request_id": found.inference_id,
                "seconds": seconds,
            }
            for due, vector in zip(dues, found.vectors, strict=True)
        ]

    def ask_to_fit(self, asked: Row, answer: Row) -> Row | None:
        """The question again, with an answer that does not fit its schema and why; None where it cannot be put."""
        messages = asked["body"]["messages"] if "body" in asked else asked.get("messages")
        if messages is None or self._job.runnable is not None:
            return None
        reason = f"{answer['error']['message']}. Answer again, with JSON that fits the schema and nothing else."
        added = [
            *messages,
            {"role": "assistant", "content": answer["text"] or "(nothing)"},
            {"role": "user", "content": reason[:1].upper() + reason[1:]},
        ]
        return {"body": {**asked["body"], "messages": added}} if "body" in asked else {"messages": added}


def summed(earlier: Row | None, answer: Row) -> Row:
    """An answer with what the tries before it used."""
    if earlier is None:
        return answer
    costs = (earlier["cost_usd"], answer["cost_usd"])
    usage = dict(answer["usage"] or {})
    for name, count in (earlier["usage"] or {}).items():
        usage[name] = None if count is None and usage.get(name) is None else (count or 0) + (usage.get(name) or 0)
    cost = None if None in costs else sum(costs)
    seconds = None if answer["seconds"] is None else round(answer["seconds"] + (earlier["seconds"] or 0), 3)
    return {**answer, "cost_usd": cost, "usage": usage or None, "seconds": seconds}
