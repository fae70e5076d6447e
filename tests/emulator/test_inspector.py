"""The inspector: what passes is shown as it was, threads are found, keys are nowhere, and other sites get nothing."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from aimlapi_emulator import EmulatorServer, emulator
from aimlapi_emulator.inspector.conversation import messages_of
from aimlapi_emulator.inspector.exchanges import View
from aimlapi_emulator.inspector.export import cassette
from aimlapi_emulator.server.request_log import Journal
from aimlapi_transport import Client
from tests.reliability.checks import ENDLESS, eventually
from tests.scripted import scripted

KEY = "sk-secret-0123456789"
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture
def inspected() -> Iterator[EmulatorServer]:
    with emulator(inspect=True) as server:
        yield server


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def said(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def asked(server: EmulatorServer, *messages: Any, model: str = "openai/gpt-4o", **parameters: Any) -> Any:
    with Client(base_url=server.base_url, api_key=KEY, max_retries=0) as client:
        return client.chat(model, list(messages), **parameters)


def seen(server: EmulatorServer, path: str = "exchanges", **asked: Any) -> Any:
    return httpx.get(f"{server.inspector_url}/{path}", params=asked).raise_for_status().json()


def test_without_it_nothing_is_kept_and_there_is_no_page(server: EmulatorServer) -> None:
    asked(server, user("Hello"))
    assert server.requests[-1].exchange is None
    assert httpx.get(server.inspector_url).status_code == 404


def test_a_call_is_shown_with_its_figures(inspected: EmulatorServer) -> None:
    answer = asked(inspected, user("Hello"))
    (row,) = seen(inspected)["rows"]
    assert (row["model"], row["endpoint"], row["status"], row["error"]) == ("openai/gpt-4o", "chat", 200, None)
    assert (row["input_tokens"], row["output_tokens"]) == (answer.usage.input, answer.usage.output)
    assert row["cost_usd"] == pytest.approx(float(answer.cost.usd))
    assert 0 < row["ttft"] <= row["seconds"]
    assert (row["asked"], row["answer"]) == ("Hello", answer.text[:160])
    assert inspected.requests[0].exchange is not None  # the journal that tests read is the one that is shown
    totals = seen(inspected, "totals")
    assert (totals["calls"], totals["errors"], totals["models"]) == (1, 0, ["openai/gpt-4o"])
    assert totals["cost_usd"] == pytest.approx(row["cost_usd"])


def test_a_stream_is_shown_chunk_by_chunk(inspected: EmulatorServer) -> None:
    with Client(base_url=inspected.base_url, api_key=KEY) as client:
        text = "".join(
            delta.text or "" for delta in client.stream_chat("deepseek/deepseek-r1", [user("How deep is the sea?")])
        )
    found = seen(inspected, "exchanges/1")
    assert found["stream"] and found["reply"]["parts"] == [{"kind": "text", "text": text}]
    assert found["reply"]["reasoning"]
    assert len(found["pieces"]) > 5
    times = [after for after, _, _ in found["pieces"]]
    assert times == sorted(times) and times[0] == found["ttft"]
    assert sum(size for _, size, _ in found["pieces"]) == found["size"]


def test_a_conversation_is_one_thread_with_what_is_new_in_each_turn(inspected: EmulatorServer) -> None:
    messages: list[Any] = [user("What is the weather in Lisbon? Use the tool.")]
    first = asked(inspected, *messages, tools=[TOOL])
    (call,) = first.tool_calls
    raw = {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
    messages += [
        {"role": "assistant", "content": None, "tool_calls": [raw]},
        {"role": "tool", "tool_call_id": call.id, "content": "18 degrees"},
    ]
    asked(inspected, *messages, tools=[TOOL], temperature=0.5)
    asked(inspected, user("Something else"))
    grouped = seen(inspected, grouped=1)["rows"]
    assert [(row["id"], row["turns"]) for row in grouped] == [(3, 1), (2, 2)]
    found = seen(inspected, "exchanges/2")
    assert (found["before"], found["changed"]) == (1, ["temperature"])
    assert [one["is_new"] for one in found["messages"]] == [False, True, True]
    (shown,) = found["messages"][1]["calls"]
    assert shown["name"] == "get_weather" and json.loads(shown["arguments"]) == {"city": "Lisbon"}
    assert shown["result"] == [{"kind": "text", "text": "18 degrees"}]  # beside the call
    assert found["messages"][2]["is_beside"]
    assert [row["id"] for row in seen(inspected, thread=found["thread"])["rows"]] == [2, 1]


def test_turns_of_responses_are_found_by_the_id_of_the_former_one(inspected: EmulatorServer) -> None:
    address = f"{inspected.base_url}/responses"
    headers = {"authorization": f"Bearer {KEY}"}
    body = {"model": "openai/gpt-5-1-codex", "input": "How deep is the sea?", "store": True}
    first = httpx.post(address, json=body, headers=headers).raise_for_status().json()
    body = {"model": "openai/gpt-5-1-codex", "input": "And the lake?", "previous_response_id": first["id"]}
    httpx.post(address, json=body, headers=headers).raise_for_status()
    new, old = seen(inspected)["rows"]
    assert new["thread"] == old["thread"] and new["endpoint"] == "responses" and old["answer"]


def test_search_and_filters(inspected: EmulatorServer) -> None:
    asked(inspected, user("The quick brown fox"))
    asked(inspected, user("An ähnliches Wort"), model="deepseek/deepseek-r1")
    with pytest.raises(Exception, match="not found"):
        asked(inspected, user("Hello"), model="no/such")

    def ids(**chosen: Any) -> list[int]:
        return [row["id"] for row in seen(inspected, **chosen)["rows"]]

    assert ids() == [3, 2, 1]
    assert ids(q="QUICK fox") == [1]
    assert ids(q="ähnliches") == [2]
    assert ids(model="deepseek/deepseek-r1") == [2]
    assert ids(status="error") == [3] and ids(status="404") == [3] and ids(status="200") == [2, 1]
    assert ids(endpoint="embeddings") == []
    assert ids(before=2) == [1]
    assert seen(inspected, "totals", status="error")["calls"] == 1


def test_rows_come_in_pages(inspected: EmulatorServer) -> None:
    with httpx.Client() as client:  # one for all: each loads certificates
        for number in range(205):
            client.get(f"{inspected.base_url}/nothing", params={"n": number})
    first = seen(inspected)
    rest = seen(inspected, before=first["rows"][-1]["id"])
    assert (len(first["rows"]), first["more"], len(rest["rows"]), rest["more"]) == (200, True, 5, False)


def test_what_happens_is_told_as_it_happens(inspected: EmulatorServer) -> None:
    with httpx.stream("GET", f"{inspected.inspector_url}/events", timeout=10) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 1000"
        asked(inspected, user("Hello"))
        rows: list[Any] = []
        while not (rows and rows[-1]["ended"]):
            line = next(lines)
            if line.startswith("data: "):
                rows += json.loads(line[6:])
        assert rows[-1]["status"] == 200


def test_no_key_is_kept_or_shown(inspected: EmulatorServer, tmp_path: Path) -> None:
    asked(inspected, user("Hello"))
    for headers in ({"authorization": f"Bearer {KEY}"}, {"api-key": KEY}, {"x-api-key": KEY, "cookie": f"a={KEY}"}):
        httpx.post(f"{inspected.base_url}/chat/completions", json={"model": "no/such", "messages": []}, headers=headers)
    management = {"authorization": f"Bearer management-{KEY}"}
    made = httpx.post(f"{inspected.base_url}/keys", json={"name": "n"}, headers=management).raise_for_status().text
    shown = "".join(
        httpx.get(f"{inspected.inspector_url}/{path}").text
        for path in ("exchanges", "export.jsonl", "export.yaml", *(f"exchanges/{number}" for number in range(1, 6)))
    )
    assert "Hello" in shown and KEY not in shown and KEY not in repr(inspected.requests)
    secret = max(
        json.loads(made)["data"].values() if "data" in json.loads(made) else json.loads(made).values(),
        key=lambda v: len(str(v)),
    )
    assert len(secret) > 20 and secret not in shown
    assert "$AIMLAPI_API_KEY" in seen(inspected, "exchanges/1")["curl"]


def test_a_key_that_the_provider_repeats_is_cut(tmp_path: Path) -> None:
    reply = f'{{"message": "Incorrect API key provided: {KEY}", "statusCode": 401}}'.encode()
    with raw_server(reply, status=b"401 Unauthorized") as address, emulator(inspect=True, upstream=address) as server:
        with pytest.raises(Exception, match="Incorrect"):
            asked(server, user("Hello"))
        assert KEY not in json.dumps(seen(server, "exchanges/1"))
        assert "(hidden)" in seen(server, "exchanges/1")["raw"]


@pytest.mark.parametrize(
    ("headers", "method", "path"),
    [
        ({"host": "evil.example"}, "GET", ""),
        ({"host": "evil.example:80"}, "GET", "/exchanges"),
        ({"origin": "http://evil.example"}, "GET", "/exchanges"),
        ({"origin": "null"}, "POST", "/clear"),
        ({"sec-fetch-site": "cross-site"}, "GET", "/export.jsonl"),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, "GET", "/export.jsonl"),
        ({"sec-fetch-site": "same-site"}, "GET", "/exchanges"),
        ({}, "POST", "/clear"),  # a form of another site has no origin in some browsers
    ],
)
def test_other_sites_get_nothing(inspected: EmulatorServer, headers: dict[str, str], method: str, path: str) -> None:
    asked(inspected, user("Hello"))
    reply = httpx.request(method, inspected.inspector_url + path, headers=headers)
    assert reply.status_code == 403 and "Hello" not in reply.text
    assert len(inspected.requests) == 1


def test_a_link_leads_to_the_page(inspected: EmulatorServer) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    reply = httpx.get(inspected.inspector_url, headers=headers)
    assert reply.status_code == 200
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    for path in ("/page.js", "/page.css"):
        assert httpx.get(inspected.inspector_url + path).headers["x-content-type-options"] == "nosniff"
    for text in (reply.text, httpx.get(f"{inspected.inspector_url}/page.js").text):
        assert "https://" not in text and "innerHTML" not in text  # nothing from elsewhere, nothing as HTML


def test_clear_is_a_post_of_the_page(inspected: EmulatorServer) -> None:
    asked(inspected, user("Hello"))
    assert httpx.get(f"{inspected.inspector_url}/clear").status_code == 405
    assert len(inspected.requests) == 1
    assert httpx.post(f"{inspected.inspector_url}/clear", headers={"x-inspector": "1"}).status_code == 204
    assert inspected.requests == [] and seen(inspected)["rows"] == []


def test_exports_are_read_again(inspected: EmulatorServer, tmp_path: Path) -> None:
    answer = asked(inspected, user("Hello 🌊"))
    line = json.loads(httpx.get(f"{inspected.inspector_url}/export.jsonl").text)
    assert line["request"]["body"]["messages"] == [user("Hello 🌊")]
    assert "authorization" not in line["request"]["headers"]
    held = yaml.safe_load(httpx.get(f"{inspected.inspector_url}/export.yaml").text)
    assert held["source"] == {"kind": "emulated", "recorded_from": "aimlapi_emulator"}
    (interaction,) = held["interactions"]
    assert interaction["request"]["uri"] == "https://api.aimlapi.com/v1/chat/completions"
    assert json.loads(interaction["response"]["body"]["string"])["choices"][0]["message"]["content"] == answer.text
    import vcr

    path = tmp_path / "it.yaml"
    path.write_text(
        cassette(
            [(one, one.exchange) for one in inspected.requests if one.exchange],
            "https://api.aimlapi.com",
            is_live=False,
        )
    )
    with vcr.use_cassette(str(path), record_mode="none", match_on=["method", "uri"]):
        body = {"model": "openai/gpt-4o", "messages": [user("Hello 🌊")]}
        replayed = httpx.post("https://api.aimlapi.com/v1/chat/completions", json=body).json()
    assert replayed["choices"][0]["message"]["content"] == answer.text


def test_memory_is_bounded_and_a_dropped_exchange_says_so() -> None:
    journal = Journal(100, keeps_replies=True, max_bytes=1000)
    for _ in range(300):
        received = journal.note("POST", "/v1/chat/completions", "", [])
        assert received.exchange is not None
        received.exchange.body += b"x" * 300
        received.exchange.seconds = 0.1
        journal.hold(received.exchange, 300)
    view = View(journal)
    kept = [len(exchange.body) for _, exchange in view.all()]
    assert len(kept) == 100 and sum(kept) <= 1000 and kept[-3:] == [300, 300, 300]
    assert view.details(*view.all()[0], "http://x")["is_dropped"]


def test_ten_thousand_exchanges_are_listed(inspected: EmulatorServer) -> None:
    journal = inspected._journal
    for number in range(10_500):
        received = journal.note("POST", "/v1/chat/completions", "", [])
        received.json = {"model": "m", "messages": [user(f"row {number}")]}
        assert received.exchange is not None
        received.exchange.seconds = 0.1
    found = seen(inspected, grouped=1)
    assert len(found["rows"]) == 200 and found["rows"][0]["asked"] == "row 10499"
    totals = seen(inspected, "totals")
    assert totals["calls"] == 10_000 and len(totals["points"]) <= 1002


@pytest.mark.parametrize(
    "body", [None, [], "x", {"messages": "x"}, {"messages": [1]}, {"messages": [{}]}, {"input": [{"type": "new"}]}]
)
def test_odd_requests_are_shown_all_the_same(inspected: EmulatorServer, body: Any) -> None:
    httpx.post(f"{inspected.base_url}/chat/completions", json=body, headers={"authorization": f"Bearer {KEY}"})
    assert seen(inspected)["rows"][0]["ended"]
    assert "messages" in seen(inspected, "exchanges/1")
    messages_of(body)


# In front of a provider


class raw_server:  # used as a function
    """Answers each request with these bytes, after a head."""

    def __init__(self, body: bytes, status: bytes = b"200 OK", pieces: int = 1, pause: float = 0.0) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.heads: list[bytes] = []
        self._sent = (body, status, pieces, pause)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        body, status, pieces, pause = self._sent
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                data = b""
                while b"\r\n\r\n" not in data:
                    data += connection.recv(65536)
                head, _, rest = data.partition(b"\r\n\r\n")
                self.heads.append(head)
                length = next(
                    (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
                )
                while len(rest) < length:
                    rest += connection.recv(65536)
                kind = b"text/event-stream" if pieces > 1 else b"application/json"
                connection.sendall(
                    b"HTTP/1.1 " + status + b"\r\ncontent-type: " + kind + b"\r\nconnection: close\r\n\r\n"
                )
                for _ in range(pieces):
                    connection.sendall(body)
                    time.sleep(pause)  # as a model that thinks

    def __enter__(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    def __exit__(self, *args: object) -> None:
        self._socket.close()


def test_it_stands_in_front_of_a_provider(server: EmulatorServer, tmp_path: Path) -> None:
    """Chat, streams, models and the account pass; a cassette of each is live."""
    with emulator(inspect=True, upstream=server.base_url, record_to=tmp_path / "live") as front:
        direct, passed = asked(server, user("Hello")), asked(front, user("Hello"))
        assert (passed.text, passed.usage) == (direct.text, direct.usage)
        with Client(base_url=front.base_url, api_key=KEY) as client:
            assert (
                "".join(delta.text or "" for delta in client.stream_chat("openai/gpt-4o", [user("Hello")]))
                == direct.text
            )
            assert client.balance().usd > 0
            assert any(model.id == "openai/gpt-4o" for model in client.models())
        assert [row["status"] for row in seen(front)["rows"]] == [200] * len(seen(front)["rows"])
        assert front.requests[0].json["model"] == "openai/gpt-4o"
    recorded = [yaml.safe_load(path.read_text()) for path in sorted((tmp_path / "live").glob("*.yaml"))]
    assert len(recorded) == len(front.requests) >= 4
    assert all(one["source"] == {"kind": "live", "recorded_from": server.url} for one in recorded)
    assert KEY not in "".join(path.read_text() for path in (tmp_path / "live").glob("*"))


def test_pieces_of_a_provider_pass_as_they_come() -> None:
    """The first piece is there while the provider still has others to send."""
    event = b'data: {"choices": [{"index": 0, "delta": {"content": "x"}}]}\n\n'
    with raw_server(event, pieces=5, pause=0.1) as address, emulator(inspect=True, upstream=address) as front:
        with httpx.stream("POST", f"{front.base_url}/chat/completions", json={}) as stream:
            arrived = [time.monotonic() for _ in stream.iter_raw()]
        assert len(arrived) >= 4 and arrived[-1] - arrived[0] > 0.2


def test_a_provider_that_is_not_there_is_said() -> None:
    with emulator(inspect=True, upstream="http://127.0.0.1:1/v1") as front:
        with pytest.raises(Exception, match="cannot be reached"):
            asked(front, user("Hello"))
        assert seen(front)["rows"][0]["status"] == 502
    with pytest.raises(ValueError, match="pass an address"):
        emulator(upstream="api.aimlapi.com").__enter__()


def test_a_stream_that_is_left_is_left_at_the_provider_too() -> None:
    with scripted(ENDLESS) as provider, emulator(inspect=True, upstream=provider.base_url) as front:
        with Client(base_url=front.base_url, api_key=KEY) as client:
            next(iter(client.stream_chat("openai/gpt-4o", [user("Hello")])))
        assert eventually(lambda: provider.closed == provider.connections == 1)
        assert eventually(lambda: seen(front)["rows"][0]["ended"])
        assert seen(front)["rows"][0]["error"]
