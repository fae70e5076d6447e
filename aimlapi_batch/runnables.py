"""A LangChain runnable or a LlamaIndex LLM in place of a model: what it is, what it answers, and what that cost."""

from __future__ import annotations

import hashlib
import re
import time
from typing import Any

from aimlapi_batch.answers import blank
from aimlapi_batch.job import Row
from aimlapi_batch.questions import to_json

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
_OWN = ("langchain_aimlapi", "llama_index_aimlapi")  # whose replies name their cost
_SECRET = re.compile("key|token$|secret|password|headers", re.I)


def identity(runnable: Any) -> Row:
    """What two runs have to have in common: its class, its model, and a digest of all its parameters."""
    found = _described(runnable)
    digest = hashlib.sha256(_ADDRESS.sub("", to_json(found).decode()).encode()).hexdigest()[:16]
    return {"class": type(runnable).__name__, "model": _model_in(found), "parameters": digest}


def names_cost(runnable: Any) -> bool:
    """Whether its replies say what they cost."""
    return any(name in to_json(_described(runnable)).decode() for name in _OWN)


def _described(runnable: Any) -> Any:
    """Its public description, without keys."""
    if hasattr(runnable, "achat"):
        found = {"class": f"{type(runnable).__module__}.{type(runnable).__qualname__}"}
        return {**found, **_without_secrets(runnable.to_dict() if hasattr(runnable, "to_dict") else {})}
    try:
        from langchain_core.load import dumpd
        from langchain_core.runnables import Runnable
    except ImportError:
        return repr(type(runnable))
    if isinstance(runnable, Runnable):
        return _without_secrets(dumpd(runnable))
    return {"class": f"{type(runnable).__module__}.{type(runnable).__qualname__}", "model": _model_of(runnable)}


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: inner for name, inner in value.items() if not _SECRET.search(str(name)) or name == "max_tokens"}
        return {name: _without_secrets(inner) for name, inner in kept.items()}
    return [_without_secrets(one) for one in value] if isinstance(value, (list, tuple)) else value


def _model_of(runnable: Any) -> str | None:
    named = getattr(runnable, "model", None) or getattr(runnable, "model_name", None)
    return named if isinstance(named, str) else None


def _model_in(described: Any) -> str | None:
    """The first model that a description names."""
    if isinstance(described, dict):
        for name in ("model", "model_name"):
            if isinstance(described.get(name), str):
                return str(described[name])
        described = list(described.values())
    if isinstance(described, (list, tuple)):
        return next((named for one in described if (named := _model_in(one)) is not None), None)
    return None


async def ask_runnable(runnable: Any, key: str, asked: Row) -> Row:
    """The answer of a runnable or an LLM. Raises what it raises."""
    begun = time.perf_counter()
    answer = await (_ask_llm if hasattr(runnable, "achat") else _ask_runnable)(runnable, asked)
    return {**blank(key), **answer, "seconds": round(time.perf_counter() - begun, 3)}


async def _ask_llm(llm: Any, asked: Row) -> Row:
    from llama_index.core.base.llms.types import ChatMessage

    text = to_json(asked["row"]).decode() if "row" in asked else asked.get("text")
    messages = asked.get("messages") or [{"role": "user", "content": text}]
    response = await llm.achat([ChatMessage(role=one["role"], content=one["content"]) for one in messages])
    known = response.additional_kwargs
    counts = {"input_tokens": known.get("prompt_tokens"), "output_tokens": known.get("completion_tokens")}
    return {
        "text": response.message.content,
        "finish_reason": known.get("finish_reason"),
        "model": known.get("model") or _model_of(llm),
        "usage": counts if any(count is not None for count in counts.values()) else None,
        "cost_usd": known.get("cost_usd"),
        "request_id": known.get("inference_id"),
    }


async def _ask_runnable(runnable: Any, asked: Row) -> Row:
    from langchain_core.runnables import Runnable

    value: Any = next(iter(asked.values()))
    if not isinstance(runnable, Runnable):
        return _of_value(await runnable.ainvoke(value))
    calls = _calls_counter()
    answer = _of_value(await runnable.ainvoke(value, config={"callbacks": [calls]}))
    if calls.count:
        answer["usage"] = {"input_tokens": calls.input_tokens, "output_tokens": calls.output_tokens}
        answer["cost_usd"] = calls.cost_usd if not calls.unpriced else None
        answer["model"] = answer.get("model") or calls.model
    return answer


def _of_value(value: Any) -> Row:
    """What a runnable returned: a message, a text, an object."""
    if hasattr(value, "response_metadata"):
        metadata, usage = value.response_metadata, value.usage_metadata or {}
        calls = [{"id": call["id"], "name": call["name"], "arguments": call["args"]} for call in value.tool_calls]
        return {
            "text": str(value.text if isinstance(value.text, str) else value.content),
            "reasoning": value.additional_kwargs.get("reasoning_content"),
            "refusal": value.additional_kwargs.get("refusal"),
            "tool_calls": calls or None,
            "finish_reason": metadata.get("finish_reason"),
            "model": metadata.get("model_name") or metadata.get("model"),
            "usage": {name: usage.get(name) for name in ("input_tokens", "output_tokens")} if usage else None,
            "cost_usd": metadata.get("cost_usd"),
            "request_id": metadata.get("inference_id"),
        }
    if isinstance(value, str):
        return {"text": value}
    return {"text": None, "parsed": value.model_dump(mode="json") if hasattr(value, "model_dump") else value}


def _calls_counter() -> Any:
    """Counts what the models inside a runnable used, whatever it makes of their answers."""
    from langchain_core.callbacks import AsyncCallbackHandler

    class Calls(AsyncCallbackHandler):
        run_inline = True
        count = input_tokens = output_tokens = unpriced = 0
        cost_usd = 0.0
        model: str | None = None

        async def on_llm_end(self, response: Any, **_: Any) -> None:
            for message in (getattr(one, "message", None) for some in response.generations for one in some):
                if message is None:
                    continue
                usage = message.usage_metadata or {}
                self.count += 1
                self.input_tokens += usage.get("input_tokens") or 0
                self.output_tokens += usage.get("output_tokens") or 0
                cost = message.response_metadata.get("cost_usd")
                self.cost_usd += cost or 0.0
                self.unpriced += cost is None
                self.model = self.model or message.response_metadata.get("model_name")

    return Calls()
