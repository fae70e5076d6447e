"""The conformance kit's server, speaking /v1/responses: what it is asked is noted, and answered, in chat's words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aimlapi_emulator.server.input_items import to_chat
from tests.llama_index.conformance.answers import Answer, Json
from tests.llama_index.conformance.server import Received, Reply, Server, Stream


class ResponsesServer(Server):
    """A `Server` whose answers and requests are translated."""

    def next_reply(self, received: Received) -> Any:
        if not received.path.endswith("/responses"):
            return super().next_reply(received)
        body = {**to_chat(received.body, received.body["input"]), "stream": received.body.get("stream")}
        body["messages"] = _joined(body["messages"])
        reply = super().next_reply(replace(received, body=body))
        if not isinstance(reply, Answer):
            return reply
        whole = response_of(reply)
        if received.body.get("stream"):
            return Stream(events_of(whole), headers=reply.headers)
        return Reply(200, whole, reply.headers)


def _joined(messages: list[Json]) -> list[Json]:
    """Items of one reply as one message, as chat has them."""
    joined: list[Json] = []
    for message in messages:
        last = joined[-1] if joined else {}
        if message["role"] == last.get("role") == "assistant":
            joined[-1] = {
                **last,
                "content": last.get("content") or message.get("content"),
                "tool_calls": [*last.get("tool_calls", ()), *message.get("tool_calls", ())],
            }
        else:
            joined.append(message)
    return joined


def response_of(answer: Answer) -> Json:
    """The answer as a response."""
    message = answer.message
    items: list[Json] = []
    if message.get("reasoning_content"):
        summary = [{"type": "summary_text", "text": message["reasoning_content"]}]
        items.append({"id": "rs_1", "type": "reasoning", "summary": summary, "encrypted_content": "sealed"})
    parts: list[Json] = []
    if message.get("content"):
        parts.append({"type": "output_text", "text": message["content"], "annotations": []})
    if message.get("refusal"):
        parts.append({"type": "refusal", "refusal": message["refusal"]})
    if parts:
        items.append({"id": "msg_1", "type": "message", "role": "assistant", "content": parts})
    for number, call in enumerate(message.get("tool_calls") or ()):
        made = {"id": f"fc_{number}", "type": "function_call", "call_id": call["id"], "status": "completed"}
        items.append({**made, **call["function"]})
    reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
    cut = reasons.get(answer.finish)
    whole: Json = {"id": "r1", "object": "response", "created_at": 1, "model": "served", "output": items}
    whole |= {"status": "incomplete" if cut else "completed", "incomplete_details": {"reason": cut} if cut else None}
    if answer.usage is not None:
        whole["usage"] = {
            "input_tokens": answer.usage.get("prompt_tokens"),
            "output_tokens": answer.usage.get("completion_tokens"),
            "total_tokens": answer.usage.get("total_tokens"),
            "input_tokens_details": answer.usage.get("prompt_tokens_details") or {},
            "output_tokens_details": answer.usage.get("completion_tokens_details") or {},
        }
    return {**whole, **answer.further}


def events_of(whole: Json) -> list[Json]:
    """The response as the events of a stream, every text in two pieces."""
    events: list[Json] = [{"type": "response.created", "response": {**whole, "output": [], "status": "in_progress"}}]
    for index, item in enumerate(whole["output"]):
        begun = {**item, "arguments": ""} if item["type"] == "function_call" else item
        events.append({"type": "response.output_item.added", "output_index": index, "item": begun})
        for kind, text in _texts(item):
            middle = (len(text) + 1) // 2
            events += [
                {"type": f"response.{kind}.delta", "output_index": index, "delta": piece}
                for piece in (text[:middle], text[middle:])
            ]
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    return [*events, {"type": f"response.{whole['status']}", "response": whole}]


def _texts(item: Json) -> list[tuple[str, str]]:
    if item["type"] == "function_call":
        return [("function_call_arguments", item["arguments"])]
    if item["type"] == "reasoning":
        return [("reasoning_summary_text", part["text"]) for part in item["summary"]]
    return [
        ("output_text", part["text"]) if part["type"] == "output_text" else ("refusal", part["refusal"])
        for part in item["content"]
    ]
