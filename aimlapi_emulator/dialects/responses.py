"""An answer as a response of /v1/responses, whole or as the events of its stream, in the provider's order. Pure.

Source: the schemas and replies of https://docs.aimlapi.com/api-references/text-models-llm/openai
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from aimlapi_emulator.dialects.families import upstream_name
from aimlapi_emulator.dialects.identity import EPOCH
from aimlapi_emulator.dialects.logprobs import logprobs_of
from aimlapi_emulator.dialects.streaming import portions
from aimlapi_emulator.dialects.usage import meta_of
from aimlapi_emulator.mind.reply import Answer, Reply

Json = dict[str, Any]
_SEALED = "reasoning.encrypted_content"
_ECHOED = (
    *("instructions", "max_output_tokens", "metadata", "previous_response_id", "reasoning", "temperature", "text"),
    *("tool_choice", "tools", "top_p", "truncation", "background", "store", "parallel_tool_calls"),
)


def response_of(answer: Answer, body: Json, ran: list[Json]) -> Json:
    """The whole response.

    Args:
        ran: items of tools that the provider ran before the answer.
    """
    reply = answer.choices[0]
    waits = any(item["type"] == "mcp_approval_request" for item in ran)
    output = [*_reasoning(answer, reply, body), *ran, *(() if waits else _said(answer, reply, body, ran))]
    cut = reply.finish == "length"
    return {
        "id": answer.identity.made("{b62:21}", "response"),
        "object": "response",
        "created_at": EPOCH,
        "completed_at": EPOCH + 1,
        "status": "incomplete" if cut else "completed",
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "model": upstream_name(answer.facts),
        **{name: body.get(name) for name in _ECHOED},
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "service_tier": "default",
        "output": output,
        "usage": {
            "input_tokens": answer.prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": answer.output_tokens,
            "output_tokens_details": {"reasoning_tokens": answer.reasoning_tokens},
            "total_tokens": answer.prompt_tokens + answer.output_tokens,
        },
        **meta_of(answer),
    }


def _reasoning(answer: Answer, reply: Reply, body: Json) -> list[Json]:
    if not reply.reasoning:
        return []
    wanted = (body.get("reasoning") or {}).get("summary")
    summary = [{"type": "summary_text", "text": reply.reasoning}] if wanted else []
    item: Json = {"id": answer.identity.made("rs_{hex:48}", "reasoning"), "type": "reasoning", "summary": summary}
    if _SEALED in (body.get("include") or ()):
        item["encrypted_content"] = answer.identity.base64("sealed", 96)
    return [item]


def _said(answer: Answer, reply: Reply, body: Json, ran: list[Json]) -> list[Json]:
    items: list[Json] = []
    if reply.text or not reply.calls:
        part: Json = {"type": "output_text", "text": reply.text, "annotations": _annotations(reply.text, ran)}
        if "message.output_text.logprobs" in (body.get("include") or ()):
            part["logprobs"] = logprobs_of(answer, reply.text)["content"]
        message = {"id": answer.identity.made("msg_{hex:48}", "message"), "type": "message", "role": "assistant"}
        status = "incomplete" if reply.finish == "length" else "completed"
        items.append({**message, "status": status, "content": [part]})
    for at, call in enumerate(reply.calls):
        kind, word = ("function_call", "arguments") if call.kind == "function" else ("custom_tool_call", "input")
        made = {"id": answer.identity.made("fc_{hex:48}", f"item{at}"), "type": kind, "status": "completed"}
        items.append({**made, "call_id": call.id, "name": call.name, word: call.arguments})
    return items


def _annotations(text: str, ran: list[Json]) -> list[Json]:
    if not text or not any(item["type"] == "web_search_call" for item in ran):
        return []
    cited = {"type": "url_citation", "url": "https://example.com/source-1", "title": "Source 1"}
    return [{**cited, "start_index": 0, "end_index": len(text)}]


# -- the stream --------------------------------------------------------------------------------------------------------


def events(answer: Answer, response: Json, body: Json) -> Iterator[bytes]:
    """The events of a streamed response, each with the blank line that ends it."""
    for number, event in enumerate(_events(answer, response, body)):
        event["sequence_number"] = number
        if event["type"].endswith(".delta"):
            event["obfuscation"] = answer.identity.letters(f"obfuscation{number}", "b62", 4 + number % 13)
        yield f"event: {event['type']}\n".encode() + b"data: " + orjson.dumps(event) + b"\n\n"


def _events(answer: Answer, response: Json, body: Json) -> Iterator[Json]:
    begun = {
        **{name: value for name, value in response.items() if name != "meta"},
        **{"status": "in_progress", "output": [], "usage": None, "incomplete_details": None, "completed_at": None},
    }
    yield {"type": "response.created", "response": begun}
    if body.get("background") is True:
        yield {"type": "response.queued", "response": {**begun, "status": "queued"}}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(response["output"]):
        yield {"type": "response.output_item.added", "output_index": index, "item": _started(item)}
        yield from _inner(item, index)
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{response['status']}", "response": response}


def _started(item: Json) -> Json:
    """An item at its announcement: without what its events bring."""
    empty: Json = {"status": "in_progress"} if "status" in item else {}
    for name in ("content", "summary"):
        if name in item:
            empty[name] = []
    for name in ("arguments", "input", "code"):
        if name in item:
            empty[name] = ""
    return {name: value for name, value in {**item, **empty}.items() if name not in ("result", "outputs", "output")}


def _inner(item: Json, index: int) -> Iterator[Json]:
    place = {"item_id": item["id"], "output_index": index}
    kind = item["type"]
    if kind == "message":
        yield from _message(item, place)
    elif kind == "reasoning":
        for at, part in enumerate(item["summary"]):
            here = {**place, "summary_index": at}
            yield {"type": "response.reasoning_summary_part.added", **here, "part": {**part, "text": ""}}
            for piece in portions(part["text"]):
                yield {"type": "response.reasoning_summary_text.delta", **here, "delta": piece}
            yield {"type": "response.reasoning_summary_text.done", **here, "text": part["text"]}
            yield {"type": "response.reasoning_summary_part.done", **here, "part": part}
    elif kind in ("function_call", "custom_tool_call"):
        word, name = ("arguments", "function_call_arguments") if kind == "function_call" else ("input", f"{kind}_input")
        for piece in portions(item[word]):
            yield {"type": f"response.{name}.delta", **place, "delta": piece}
        yield {"type": f"response.{name}.done", **place, word: item[word]}
    elif kind == "code_interpreter_call":
        yield {"type": "response.code_interpreter_call.in_progress", **place}
        for piece in portions(item["code"]):
            yield {"type": "response.code_interpreter_call_code.delta", **place, "delta": piece}
        yield {"type": "response.code_interpreter_call_code.done", **place, "code": item["code"]}
        yield {"type": "response.code_interpreter_call.interpreting", **place}
        yield {"type": "response.code_interpreter_call.completed", **place}
    elif kind in _STEPS:
        for step in _STEPS[kind]:
            yield {"type": f"response.{kind}.{step}", **place}


_STEPS = {
    "web_search_call": ("in_progress", "searching", "completed"),
    "file_search_call": ("in_progress", "searching", "completed"),
    "image_generation_call": ("in_progress", "generating", "completed"),
    "mcp_list_tools": ("in_progress", "completed"),
    "mcp_call": ("in_progress", "completed"),
}


def _message(item: Json, place: Json) -> Iterator[Json]:
    for at, part in enumerate(item["content"]):
        here = {**place, "content_index": at}
        yield {"type": "response.content_part.added", **here, "part": {**part, "text": "", "annotations": []}}
        for piece in portions(part["text"]):
            yield {"type": "response.output_text.delta", **here, "delta": piece, "logprobs": []}
        for number, annotation in enumerate(part["annotations"]):
            added = {"annotation_index": number, "annotation": annotation}
            yield {"type": "response.output_text.annotation.added", **here, **added}
        yield {"type": "response.output_text.done", **here, "text": part["text"], "logprobs": []}
        yield {"type": "response.content_part.done", **here, "part": part}
