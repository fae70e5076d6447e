"""Every fault does what its row says, and no other."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from aimlapi_emulator.faults.scene import TEXT
from aimlapi_emulator.faults.table import FAULTS, explained
from aimlapi_emulator.server.run import EmulatorServer
from tests.emulator.conftest import WEATHER, asking, chunks_of, folded

SLOW = {"fault-endless", "fault-slow-drip", "fault-keepalive-forever", "fault-stall", "fault-stall-midstream"}
SLOW |= {"fault-slow-headers", "fault-huge-line", "fault-many-events", "fault-split-utf8"}
HARMLESS = {  # faults of framing: the answer arrives whole
    "fault-ok", "fault-cut-before-done", "fault-done-no-finish", "fault-garbage-line", "fault-comment-keepalive",
    "fault-no-space-after-colon", "fault-event-id-retry", "fault-no-charset", "fault-wrong-content-type", "fault-gzip",
    "fault-choice-without-delta", "fault-null-delta", "fault-unknown-finish-reason", "fault-usage-missing",
}  # fmt: skip


def ask(client: httpx.Client, name: str, *, stream: bool = False, **fields: Any) -> httpx.Response:
    body = asking("Weather in Paris and Rome?", name, stream=stream, **fields)
    return client.post("/chat/completions", json=body)


def text_of(response: httpx.Response) -> str:
    lines = [line.partition(":")[2].strip() for line in response.text.splitlines() if line.startswith("data:")]
    chunks = [json.loads(line) for line in lines if line != "[DONE]"]
    return "".join((c.get("delta") or {}).get("content") or "" for chunk in chunks for c in chunk["choices"])


@pytest.mark.parametrize("name", sorted(HARMLESS))
def test_an_odd_frame_still_holds_the_whole_text(client: httpx.Client, name: str) -> None:
    assert text_of(ask(client, name, stream=True)) == TEXT
    assert ask(client, name).json()["choices"][0]["message"]["content"] == TEXT


@pytest.mark.parametrize("name", sorted(name for name, fault in FAULTS.items() if fault.times))
def test_a_sequence_fails_as_often_as_it_says_then_answers_then_starts_over(client: httpx.Client, name: str) -> None:
    def fails() -> bool:
        try:
            response = ask(client, name, stream=True)
        except httpx.TransportError:
            return True
        return response.status_code != 200 or '"error"' in response.text

    times = FAULTS[name].times
    assert [fails() for _ in range(2 * (times + 1))] == 2 * ([True] * times + [False])


def test_sequences_of_different_tests_do_not_mix(client: httpx.Client) -> None:
    def status(test: str) -> int:
        body = asking("Hi", "fault-503-then-ok")
        return client.post("/chat/completions", json=body, headers={"X-Test-Id": test}).status_code

    assert [status(test) for test in ("a", "b", "a", "b")] == [503, 503, 200, 200]


@pytest.mark.parametrize("name", sorted(set(FAULTS) - SLOW))
@pytest.mark.parametrize("kind", ["whole", "stream", "embeddings"])
def test_no_fault_is_an_accident(client: httpx.Client, name: str, kind: str) -> None:
    """A 500 is only ever one that was asked for; whatever else happens, happens in the transport."""
    body = {"model": name, "input": "a"} if kind == "embeddings" else asking("Hi", name, stream=kind == "stream")
    try:
        response = client.post("/embeddings" if kind == "embeddings" else "/chat/completions", json=body)
    except (httpx.TransportError, httpx.DecodingError):
        return
    assert response.status_code != 500 or name == "fault-500-html"


@pytest.mark.parametrize(
    ("name", "header", "value"),
    [
        ("fault-429-retry-after-seconds", "retry-after", "2"),
        ("fault-429-retry-after-ms", "retry-after-ms", "1500"),
        ("fault-429-retry-after-huge", "retry-after", "3600"),
        ("fault-429-retry-after-garbage", "retry-after", "soon"),
        ("fault-503-should-retry-false", "x-should-retry", "false"),
    ],
)
def test_a_hint_is_in_its_header(client: httpx.Client, name: str, header: str, value: str) -> None:
    reply = client.post("/chat/completions", json=asking("Hi", name), headers={"X-Test-Id": "hint"})
    assert reply.headers[header] == value


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("fault-connection-reset", httpx.ReadError),
        ("fault-cut-midstream", httpx.RemoteProtocolError),
        ("fault-reset-midstream", httpx.ReadError),
        ("fault-bad-gzip", httpx.DecodingError),
    ],
)
def test_a_broken_connection_is_broken(client: httpx.Client, name: str, error: type[Exception], stream: bool) -> None:
    with pytest.raises(error):
        ask(client, name, stream=stream)


@pytest.mark.parametrize(
    ("name", "stream"), [("fault-stall", True), ("fault-slow-headers", False), ("fault-stall-midstream", True)]
)
def test_a_stall_is_silence(server: EmulatorServer, name: str, stream: bool) -> None:
    headers = {"Authorization": "Bearer k"}
    with (
        httpx.Client(base_url=server.base_url, headers=headers, timeout=0.5) as http,
        pytest.raises(httpx.ReadTimeout),
    ):
        ask(http, name, stream=stream)


def test_an_endless_stream_ends_when_its_reader_leaves(server: EmulatorServer) -> None:
    headers = {"Authorization": "Bearer k"}
    with httpx.stream(
        "POST", f"{server.base_url}/chat/completions", json=asking("Hi", "fault-endless", stream=True), headers=headers
    ) as r:
        assert sum(1 for _, line in zip(range(5), r.iter_lines(), strict=False) if line.startswith("data: ")) == 3


def test_large_answers_arrive_whole(client: httpx.Client) -> None:
    assert len(ask(client, "fault-huge-line").json()["choices"][0]["message"]["content"]) == 20 * 1024 * 1024
    assert ask(client, "fault-many-events", stream=True).text.count('"content":"x"') == 20_000
    assert text_of(ask(client, "fault-split-utf8", stream=True)) == TEXT


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("name", "arguments", "finish"),
    [
        ("fault-tool-ok", ['{"city":"Paris"}'], "tool_calls"),
        ("fault-tool-truncated", ['{"city":"P'], "length"),
        ("fault-tool-finish-stop", ['{"city":"Paris"}'], "stop"),
        ("fault-tool-interleaved", ['{"city":"Paris"}', '{"city":"Rome"}'], "tool_calls"),
        ("fault-tool-name-in-later-chunk", ['{"city":"Paris"}'], "tool_calls"),
        ("fault-tool-name-repeated", ['{"city":"Paris"}'], "tool_calls"),
        ("fault-tool-empty-args", [""], "tool_calls"),
        ("fault-tool-args-not-object", ['["not", "an", "object"]'], "tool_calls"),
    ],
)
def test_a_broken_call_is_broken_as_its_name_says(
    client: httpx.Client, name: str, arguments: list[str], finish: str, stream: bool
) -> None:
    response = ask(client, name, stream=stream, tools=[WEATHER])
    if stream:
        fold = folded(chunks_of(response))
        calls, reason = list(fold["calls"].values()), fold["finish"]
    else:
        choice = response.json()["choices"][0]
        calls, reason = [call["function"] for call in choice["message"]["tool_calls"]], choice["finish_reason"]
    assert ([call["arguments"] for call in calls], reason) == (arguments, finish)
    assert {call["name"] for call in calls} == {"get_weather"}


def test_the_key_that_is_echoed_is_the_one_that_was_sent(client: httpx.Client) -> None:
    assert "any-key" in ask(client, "fault-401-echoes-key").text


def test_a_redirect_leads_where_it_says(client: httpx.Client) -> None:
    moved = ask(client, "fault-redirect-308-same-host")
    assert (moved.status_code, moved.headers["location"]) == (308, "/redirected/v1/chat/completions")
    followed = client.post(
        "/chat/completions", json=asking("Hi", "fault-redirect-308-same-host"), follow_redirects=True
    )
    assert followed.json()["choices"][0]["message"]["content"] == TEXT
    away = ask(client, "fault-redirect-307-other-host")
    assert away.headers["location"].startswith("http://localhost:")
    with pytest.raises(httpx.TooManyRedirects):
        client.post("/chat/completions", json=asking("Hi", "fault-redirect-loop"), follow_redirects=True)


def test_a_header_asks_a_real_model_for_a_fault(client: httpx.Client) -> None:
    def reply(fault: str) -> httpx.Response:
        return client.post(
            "/chat/completions", json=asking("Hi"), headers={"X-Emulator-Fault": fault, "X-Test-Id": "header"}
        )

    assert [reply("fault-503-then-ok").status_code for _ in range(2)] == [503, 200]
    assert reply("fault-ok").json()["choices"][0]["message"]["content"] == "Hello! How can I help you today?"
    assert reply("fault-nonsense").status_code == 404


def test_the_list_explains_every_fault() -> None:
    lines = explained().splitlines()
    assert all(any(line.startswith(f"{name} ") for line in lines) for name in FAULTS)
    assert "X-Emulator-Fault" in lines[0]
