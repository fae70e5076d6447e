"""/v1/responses of the emulator: what it refuses, keeps, and makes in the background."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from aimlapi_emulator import EmulatorServer

Json = dict[str, Any]
GPT = "openai/gpt-5-pro"
CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
HI = {"role": "user", "content": "hi"}


def ask(server: EmulatorServer, path: str = "/responses", method: str = "POST", **body: Any) -> httpx.Response:
    headers = {"authorization": "Bearer k"}
    return httpx.request(method, server.base_url + path, json=body or None, headers=headers)


def post(server: EmulatorServer, **body: Any) -> httpx.Response:
    return ask(server, **{"model": GPT, "input": "hi", **body})


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"model": "openai/no-such-model"}, 404, "not found"),
        ({"model": "anthropic/claude-sonnet-4.5"}, 404, "not served by /v1/responses"),
        ({"input": None}, 400, "input"),
        ({"input": []}, 400, "at least 1"),
        ({"input": [{"role": "nobody", "content": "x"}]}, 400, "role"),
        ({"input": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}, 400, "input_text"),
        ({"max_output_tokens": 15}, 400, "16"),
        ({"stop": ["x"]}, 400, "Unknown parameter: 'stop'"),
        ({"tools": [{"type": "function", "name": "f", "parameters": {}}]}, 400, "strict"),
        ({"input": [HI, CALL, HI]}, 400, "No tool output found for function call c1"),
        ({"input": [HI, {"type": "function_call_output", "call_id": "c1", "output": ""}]}, 400, "No tool call found"),
        ({"input": [HI, {"type": "reasoning", "summary": []}, HI]}, 400, "required following item"),
        ({"input": [HI, {"type": "reasoning", "id": "rs_1", "summary": []}, CALL]}, 404, "not persisted"),
        ({"previous_response_id": "nobody"}, 400, "previous_response_not_found"),
    ],
)
def test_what_the_provider_refuses(server: EmulatorServer, body: Json, status: int, says: str) -> None:
    reply = post(server, **body)
    assert (reply.status_code, says in reply.json()["message"]) == (status, True), reply.text


def test_a_stream_tells_the_whole_response_in_the_end(server: EmulatorServer) -> None:
    import json

    whole = post(server, reasoning={"summary": "auto"}, tools=[{"type": "web_search"}]).json()
    reply = post(server, reasoning={"summary": "auto"}, tools=[{"type": "web_search"}], stream=True)
    events = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: ")]
    assert [event["sequence_number"] for event in events] == [*range(len(events))]
    assert events[0]["type"] == "response.created"
    assert events[-1] == {**events[-1], "type": "response.completed", "response": whole}
    added = [event["item"]["type"] for event in events if event["type"] == "response.output_item.added"]
    assert added == [item["type"] for item in whole["output"]] == ["reasoning", "web_search_call", "message"]


def test_a_stored_response_is_continued(server: EmulatorServer) -> None:
    first = post(server, input="My name is Ann.", store=True).json()
    second = post(server, input="Who am I?", previous_response_id=first["id"])
    assert second.status_code == 200
    assert ask(server, f"/responses/{first['id']}", "GET").json() == first
    assert ask(server, "/responses/nobody", "GET").status_code == 404


def test_a_response_in_the_background_takes_its_time(server: EmulatorServer) -> None:
    queued = post(server, input="Take your time.", background=True).json()
    path = f"/responses/{queued['id']}"
    assert (queued["status"], queued["output"]) == ("queued", [])
    seen = [ask(server, path, "GET").json()["status"] for _ in range(3)]
    assert seen == ["in_progress", "in_progress", "completed"]
    other = post(server, input="Never mind.", background=True).json()
    assert ask(server, f"/responses/{other['id']}/cancel").json()["status"] == "cancelled"
    assert ask(server, f"/responses/{other['id']}", "GET").json()["status"] == "cancelled"
