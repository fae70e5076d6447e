"""Deep JSON, in any direction: it is passed on as it is, kept and shown as far as it can be, and breaks nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from aimlapi_emulator import emulator
from aimlapi_emulator.inspector.exchanges import View
from aimlapi_emulator.inspector.keeping import keep
from aimlapi_emulator.server.request_log import Journal
from tests.emulator.test_inspector import seen

DEPTHS = [300, 990, 5_000]


def deep(depth: int, shape: str) -> str:
    """JSON of this depth, in the place where somebody reads on."""
    return {
        "list": "[" * depth + "]" * depth,
        "object": '{"error": ' * depth + "1" + "}" * depth,
        "content": '{"choices": [{"message": {"content": ' + "[" * depth + "]" * depth + "}}]}",
        "key": '{"api_key": {"x": ' + "[" * depth + "]" * depth + "}}",
        "media": '{"data": ' + '{"url": ' * depth + "1" + "}" * depth + "}",
    }[shape]


class _Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked; as the events of a stream where the path says so."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        streams = "stream" in self.path
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if streams else "application/json")
        self.end_headers()
        self.wfile.write(b"data: " + body + b"\n\ndata: [DONE]\n\n" if streams else body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def echo() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Echo) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("shape", ["list", "object", "content", "key", "media"])
def test_a_deep_exchange_passes_through_and_is_kept(tmp_path: Path, echo: str, shape: str) -> None:
    paths = ("chat/completions", "chat/completions?stream", "stt/create")
    with emulator(upstream=echo, inspect=True, keep=tmp_path / "journal") as server:
        for depth in DEPTHS:
            for path in paths:
                body = deep(depth, shape)
                body = body if shape == "list" else f'{{"model": "m", "messages": {body}, {body[1:]}'
                reply = httpx.post(f"{server.base_url}/{path}", content=body, headers={"authorization": "Bearer x"})
                assert reply.status_code == 200 and body in reply.text
        count = len(DEPTHS) * len(paths)
        assert [row["id"] for row in seen(server)["rows"]] == [*range(count, 0, -1)]
        for number in range(1, count + 1):
            httpx.get(f"{server.inspector_url}/exchanges/{number}").raise_for_status()
        httpx.get(f"{server.inspector_url}/export.jsonl").raise_for_status()
    with emulator(keep=tmp_path / "journal") as server:
        assert [row["status"] for row in seen(server)["rows"]] == [200] * count


def _exchanged(journal: Journal, count: int) -> None:
    for number in range(count):
        received = journal.note("POST", "/v1/chat/completions", "", [])
        said = [{"role": "user", "content": f"Café {number // 2}"}]
        if number % 2:
            said += [{"role": "assistant", "content": f"Answer {number - 1}"}, {"role": "user", "content": "More"}]
        received.json = {"model": "m", "messages": said}
        exchange = received.exchange
        assert exchange is not None
        exchange.body += json.dumps(received.json).encode()
        exchange.status, exchange.headers = 200, {"content-type": "text/event-stream"}
        for word in ("Ans", f"wer {number}"):
            piece: dict[str, Any] = {"id": f"c{number}", "choices": [{"index": 0, "delta": {"content": word}}]}
            exchange.pieces.append((0.1, b"data: " + json.dumps(piece).encode() + b"\n\n"))
        exchange.seconds = 0.2
        journal.changed(received)


@pytest.mark.parametrize("version", [1, 2])
def test_a_list_after_a_restart_reads_no_reply_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    """What a list and a search need is in the file; one of the version before gets it at its first use."""
    import sqlite3

    from aimlapi_emulator.inspector import exchanges

    path = tmp_path / "journal"
    journal = Journal(100, keeps_replies=True)
    view = View(journal)
    keep(journal, path)
    _exchanged(journal, 6)
    before = [view.row(*one) for one in view.all()]
    assert [row["thread"] for row in before] == [1, 1, 2, 2, 3, 3]
    journal.close()
    if version == 1:
        with sqlite3.connect(path) as database:
            database.execute("ALTER TABLE exchanges DROP COLUMN summary")
            database.execute("PRAGMA user_version = 1")
        database.close()
        journal = Journal(100, keeps_replies=True)
        keep(journal, path)
        View(journal).all()
        journal.close()
    monkeypatch.setattr(exchanges, "read_reply", lambda *_: pytest.fail("a reply was read again"))
    journal = Journal(100, keeps_replies=True)
    keep(journal, path)
    view = View(journal)
    assert [view.row(*one) for one in view.all()] == before
    found = [one[1].number for one in view.all() if view.holds(*one, ["answer", "3"])]
    assert found == [4]
    assert len([one for one in view.all() if view.holds(*one, ["café"])]) == 6
    monkeypatch.undo()
    received = journal.note("POST", "/v1/chat/completions", "", [])
    assert received.exchange is not None
    asked, answered = {"role": "user", "content": "Café 2"}, {"role": "assistant", "content": "Answer 4"}
    received.json = {"model": "m", "messages": [asked, answered, {"role": "user", "content": "And?"}]}
    received.exchange.seconds, received.exchange.status = 0.1, 200
    journal.changed(received)
    assert view.row(received, received.exchange)["thread"] == 3  # what was said before the restart goes on
    journal.close()
