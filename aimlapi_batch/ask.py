"""One row, one request, one answer: by the transport, or by a runnable of LangChain or an LLM of LlamaIndex."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from aimlapi_batch.job import Job, Row, filled, messages_of, parameters_of
from aimlapi_transport.config.retry import RetryPolicy
from aimlapi_transport.errors import AIMLAPIError, RateLimitError

if TYPE_CHECKING:
    from aimlapi_transport.chat.request import Request
    from aimlapi_transport.chat.response import Completion
    from aimlapi_transport.client import AsyncClient

Reserve = Callable[["Request"], Any]
"""Awaited with a request before it is sent; raises where a budget would be passed."""


FIELDS = (
    *("text", "parsed", "tool_calls", "embedding", "reasoning", "usage", "cost_usd", "request_id", "seconds", "error"),
)
"""What an answer has beside its key."""


_CALL, _CALL_OF = ("id", "name", "arguments"), ("id", "name", "args")  # of a call, ours and LangChain's


class RowRetries(RetryPolicy):
    """The client's own retries, but for 429: those are for the limiter, which slows all rows down."""

    def delay(self, attempt: int, failure: AIMLAPIError) -> float | None:
        """Seconds to wait before another try; None for none."""
        return None if isinstance(failure, RateLimitError) else super().delay(attempt, failure)


def blank(key: str) -> Row:
    """An answer with nothing in it."""
    return {"key": key, **dict.fromkeys(FIELDS)}


def failed(key: str, error: BaseException, seconds: float | None = None) -> Row:
    """A row without an answer."""
    failure = {
        "class": type(error).__name__,
        "message": str(getattr(error, "message", None) or error or type(error).__name__)[:1000],
        "retryable": bool(getattr(error, "is_retryable", False)),
    }
    return {**blank(key), "request_id": getattr(error, "request_id", None), "seconds": seconds, "error": failure}


def unusable(key: str, reason: str, kind: str = "RowError") -> Row:
    """A row that cannot be asked."""
    return {**blank(key), "error": {"class": kind, "message": reason, "retryable": False}}


def from_completion(key: str, completion: Completion, job: Job, seconds: float | None) -> Row:
    """An answer as the output has it."""
    usage, cost = completion.usage, completion.cost
    row = {
        **blank(key),
        "text": completion.text,
        "reasoning": completion.reasoning or None,
        "tool_calls": [
            {"id": call.id, "name": call.name, "arguments": call.parsed if call.parsed is not None else call.arguments}
            for call in completion.tool_calls
        ]
        or None,
        "usage": usage
        and {
            "input_tokens": usage.input,
            "output_tokens": usage.output,
            "cache_read_tokens": usage.cache_read,
            "reasoning_tokens": usage.reasoning,
        },
        "cost_usd": cost and cost.usd,
        "request_id": completion.inference_id or completion.id,
        "seconds": seconds,
    }
    return with_parsed(row, job, completion.finish_reason, completion.refusal)


def with_parsed(row: Row, job: Job, finish_reason: str | None, refusal: str = "") -> Row:
    """The answer with the object its text holds, where a schema was asked for; or with why it holds none."""
    if job.schema is None:
        return row
    if refusal:
        return {**row, "error": _no_object(f"the model refused: {refusal[:200]}")}
    if finish_reason == "length":
        return {**row, "error": _no_object("the answer was cut at its limit: pass a larger `max_tokens`")}
    try:
        parsed = json.loads(row["text"] or "")
    except ValueError:
        return {**row, "error": _no_object(f"the answer is no JSON: {str(row['text'])[:200]!r}")}
    missing = [name for name in job.schema.get("required", ()) if not isinstance(parsed, dict) or name not in parsed]
    if missing:
        return {**row, "parsed": parsed, "error": _no_object(f"the answer lacks {', '.join(missing)}")}
    return {**row, "parsed": parsed}


def _no_object(message: str) -> Row:
    return {"class": "SchemaError", "message": message, "retryable": False}


class Asker:
    """Asks for rows with a client of the transport."""

    def __init__(self, job: Job, client: AsyncClient, reserve: Reserve) -> None:
        self._job = job
        self._client = client
        self._reserve = reserve
        self._parameters = parameters_of(job)

    def request(self, row: Row) -> Request:
        """What a row is asked.

        Raises:
            KeyError: it lacks a column.
            ValueError: it holds no messages, or ones that cannot be sent.
        """
        return self._client.request(str(self._job.model), messages_of(self._job, row), parameters=self._parameters)

    async def ask(self, key: str, row: Row) -> Row:
        """The answer to a row. Raises what the client raises."""
        job = self._job
        if job.runnable is not None:
            return await ask_runnable(key, row, job)
        request = self.request(row)
        await self._reserve(request)
        begun = time.perf_counter()
        completion = await self._client.complete(request)
        return from_completion(key, completion, job, round(time.perf_counter() - begun, 3))

    async def embed(self, rows: Sequence[tuple[str, Row]]) -> list[Row]:
        """The vectors of several rows, in one request."""
        job = self._job
        texts = [filled(job.prompt or "", row) for _, row in rows]
        request = self._client.embedding_request(str(job.model), texts, parameters=job.parameters)
        await self._reserve(request)
        begun = time.perf_counter()
        found = await self._client.embed(request, len(texts))
        seconds, usage, cost = round(time.perf_counter() - begun, 3), found.usage, found.cost
        share = len(rows)
        return [
            {
                **blank(key),
                "embedding": list(vector),
                "usage": usage and {"input_tokens": usage.total / share},
                "cost_usd": cost and cost.usd / share,
                "request_id": found.inference_id,
                "seconds": seconds,
            }
            for (key, _), vector in zip(rows, found.vectors, strict=True)
        ]


async def ask_runnable(key: str, row: Row, job: Job) -> Row:
    """The answer of a LangChain runnable or of a LlamaIndex LLM."""
    begun = time.perf_counter()
    has_question = job.prompt is not None or job.messages is not None
    if hasattr(job.runnable, "achat"):
        from llama_index.core.base.llms.types import ChatMessage

        whole = [{"role": "user", "content": json.dumps(row, default=str)}]
        messages = messages_of(job, row) if has_question else whole
        response = await job.runnable.achat([ChatMessage(role=m["role"], content=m["content"]) for m in messages])
        known = response.additional_kwargs
        answer = {
            "text": response.message.content,
            "usage": {"input_tokens": known.get("prompt_tokens"), "output_tokens": known.get("completion_tokens")},
            "cost_usd": known.get("cost_usd"),
            "request_id": known.get("inference_id"),
        }
    else:
        asked: Any = row
        if job.messages is not None or job.system is not None:
            asked = messages_of(job, row)
        elif job.prompt is not None:
            asked = filled(job.prompt, row)
        answer = _of_runnable(await job.runnable.ainvoke(asked))
    finished = {**blank(key), **answer, "seconds": round(time.perf_counter() - begun, 3)}
    return with_parsed(finished, job, None) if finished["parsed"] is None else finished


def _of_runnable(found: Any) -> Row:
    if hasattr(found, "response_metadata"):  # a message
        metadata, usage = found.response_metadata, found.usage_metadata or {}
        return {
            "text": found.text if isinstance(found.text, str) else str(found.content),
            "reasoning": found.additional_kwargs.get("reasoning_content"),
            "tool_calls": [
                {"id": call["id"], "name": call["name"], "arguments": call["args"]} for call in found.tool_calls
            ]
            or None,
            "usage": {name: usage.get(name) for name in ("input_tokens", "output_tokens")},
            "cost_usd": metadata.get("cost_usd"),
            "request_id": metadata.get("inference_id"),
        }
    if isinstance(found, str):
        return {"text": found}
    parsed = found.model_dump(mode="json") if hasattr(found, "model_dump") else found
    return {"text": None, "parsed": parsed}
