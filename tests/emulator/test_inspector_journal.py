"""What the inspector exports, sends again, and keeps in a file: whole, bounded, without secrets."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest

from aimlapi_emulator import EmulatorServer, emulator
from aimlapi_emulator.inspector.keeping import keep
from aimlapi_emulator.server.request_log import Journal
from aimlapi_transport import Client
from tests.emulator.test_inspector import KEY, asked, inspected, said, seen, user

__all__ = ["inspected"]  # the fixture


def test_a_har_is_whole_and_without_secrets(inspected: EmulatorServer) -> None:
    answer = asked(inspected, user("Hello 🌊"))
    with pytest.raises(Exception, match="not found"):
        asked(inspected, user("Hello"), model="no/such")
    httpx.get(f"{inspected.base_url}/models?limit=2&key={KEY}", headers={"cookie": f"a={KEY}"})
    text = httpx.get(f"{inspected.inspector_url}/export.har").text
    log = json.loads(text)["log"]
    assert log["version"] == "1.2" and KEY not in text
    first, failed, models = log["entries"]
    assert json.loads(first["response"]["content"]["text"])["choices"][0]["message"]["content"] == answer.text
    assert json.loads(first["request"]["postData"]["text"])["messages"] == [user("Hello 🌊")]
    assert first["time"] == pytest.approx(sum(first["timings"].values()))
    assert failed["response"]["status"] == 404
    assert models["request"]["queryString"][0] == {"name": "limit", "value": "2"}
    for entry in log["entries"]:
        assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= entry.keys()
        assert {"method", "url", "httpVersion", "cookies", "headers", "queryString"} <= entry["request"].keys()
        assert {"status", "statusText", "content", "redirectURL", "headersSize"} <= entry["response"].keys()


def test_a_request_is_sent_again_from_the_page(inspected: EmulatorServer) -> None:
    headers = {"x-inspector": "replay", "authorization": "Bearer emulator", "origin": inspected.url}
    body = {"model": "openai/gpt-4o", "messages": [user("Again")]}
    reply = httpx.post(f"{inspected.base_url}/chat/completions", json=body, headers=headers)
    assert reply.status_code == 200 and reply.headers["x-inspector-exchange"] == "1"
    found = seen(inspected, "exchanges/1")
    assert found["asked"] == "Again" and not {"x-inspector", "origin"} & found["request_headers"].keys()
    plain = httpx.post(f"{inspected.base_url}/chat/completions", json=body, headers={"authorization": "Bearer x"})
    assert "x-inspector-exchange" not in plain.headers
    for others in ({"host": "evil.example"}, {"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        refused = httpx.post(f"{inspected.base_url}/chat/completions", json=body, headers={**headers, **others})
        assert refused.status_code == 403
    assert len(inspected.requests) == 2


def test_a_journal_is_there_after_a_restart_without_secrets(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    messages: list[Any] = [user(f"Hello 🌊, my key is {KEY}")]
    with emulator(keep=path) as server:
        answer = asked(server, *messages)
        with Client(base_url=server.base_url, api_key=KEY) as client:
            list(client.stream_chat("deepseek/deepseek-r1", [user("How deep is the sea?")]))
        before = [seen(server, f"exchanges/{number}") for number in (1, 2)]
        with pytest.raises(ValueError, match="cannot be kept"), emulator(keep=path):
            pass
    with emulator(keep=path) as server:
        again = [seen(server, f"exchanges/{number}") for number in (1, 2)]
        for one in (*before, *again):
            del one["curl"]  # names the port
        assert again == before and not again[0]["is_dropped"]
        asked(server, *messages, said(answer.text), user("More"))
        assert [(row["id"], row["thread"]) for row in seen(server)["rows"]] == [(3, 1), (2, 2), (1, 1)]
    held = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert "Hello 🌊".encode() in held and KEY.encode() not in held
    assert path.stat().st_mode & 0o077 == 0
    with emulator(keep=path) as server:
        server.clear()
    with emulator(keep=path) as server:
        assert server.requests == []


@pytest.mark.parametrize("depth", [100, 500, 900, 5000, 200_000])
def test_a_deep_request_is_answered_and_kept_all_the_same(tmp_path: Path, depth: int) -> None:
    content = '{"model": "openai/gpt-4o", "messages": [{"role": "user", "content": ' + "[" * depth + "]" * depth + "}]}"
    with emulator(keep=tmp_path / "journal") as server:
        headers = {"authorization": "Bearer x", "content-type": "application/json"}
        reply = httpx.post(f"{server.base_url}/chat/completions", content=content, headers=headers)
        assert reply.status_code < 500
        assert [row["id"] for row in seen(server)["rows"]] == [1]
        httpx.get(f"{server.inspector_url}/exchanges/1").raise_for_status()
    with emulator(keep=tmp_path / "journal") as server:
        assert [row["id"] for row in seen(server, q="gpt-4o")["rows"]] == [1]


def test_a_kept_journal_is_bounded(tmp_path: Path) -> None:
    journal = Journal(10, keeps_replies=True)
    keep(journal, tmp_path / "journal", max_bytes=1000)
    for _ in range(30):
        received = journal.note("POST", "/v1/x", "", [])
        assert received.exchange is not None
        received.exchange.body += b"x" * 300
        received.exchange.seconds = 0.1
        journal.changed(received)
        journal.changed(received)
    journal.close()
    restored = Journal(10, keeps_replies=True)
    keep(restored, tmp_path / "journal")
    assert [one.exchange.number for one in restored.kept if one.exchange] == [28, 29, 30]
    restored.close()


@pytest.mark.parametrize("kind", ["text", "another", "folder", "no folder"])
def test_a_file_that_is_no_journal_is_refused_and_left_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file"
    if kind == "text":
        path.write_text("no database " * 100)
    elif kind == "another":
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE mine (x)")
        database.close()
    elif kind == "folder":
        path.mkdir()
    else:
        path = path / "deeper"
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(ValueError, match="cannot be kept in"):
        EmulatorServer(keep=path).start()
    assert before is None or path.read_bytes() == before
