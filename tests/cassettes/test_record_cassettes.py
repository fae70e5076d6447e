"""Recording, tried against a server of our own: what is kept, what is not, and that a key never is."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from cassette_files import HOST, ROOT, Cassette
from cassette_player import PLAYER
from cassette_recorder import SecretInCassette, record

from aimlapi_transport import Client

SOURCE = {"kind": "emulated", "recorded_from": "a test"}
KEY = "a-key-no-cassette-holds"


class Server(ThreadingHTTPServer):
    """Answers what it is told to, and notes what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.status = 200
        self.echo: str | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.received.append((self.path, headers, body))
        choice = {"index": 0, "finish_reason": "stop", "novelty": 1}
        if self.server.status >= 400:
            reply, kind = '{"message":"Unknown model"}', "application/json"
        elif body.get("stream"):
            event = {"id": "s", "model": "m", "choices": [{**choice, "delta": {"content": "hé"}}]}
            reply = f"data: {json.dumps(event, ensure_ascii=False)}\n\ndata: [DONE]\n\n"
            kind = "text/event-stream"
        else:
            message = {"role": "assistant", "content": self.server.echo or "héllo 🌍"}
            reply = json.dumps({"id": "w", "model": "m", "choices": [{**choice, "message": message}]})
            kind = "application/json"
        data = reply.encode()
        self.send_response(self.server.status)
        if "gzip" in headers.get("accept-encoding", ""):
            data = gzip.compress(data)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Inference-Id", "inf-1")
        self.send_header("X-Aimlapi-Usd-Spent", "0.01")
        self.send_header("Set-Cookie", "session=1")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Quietly."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()


def run(*arguments: str, key: str | None = KEY) -> subprocess.CompletedProcess[str]:
    """The recorder as a command, with or without a key."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIML")}
    if key:
        environment["AIMLAPI_API_KEY"] = key
    command = [sys.executable, "tools/record_cassettes.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


def test_without_a_key_nothing_is_sent_and_the_variable_is_named(server: Server, tmp_path: Path) -> None:
    done = run("--base-url", server.base_url, "--into", str(tmp_path), key=None)
    assert done.returncode == 2
    assert "set AIMLAPI_API_KEY" in done.stderr
    assert server.received == [] and list(tmp_path.iterdir()) == []


def test_live_recordings_ask_what_was_published_and_keep_no_key(server: Server, tmp_path: Path) -> None:
    done = run("--base-url", server.base_url, "--into", str(tmp_path), "--only", "qwen3-32b--*")
    assert done.returncode == 0, done.stdout + done.stderr
    names = ["qwen3-32b--chat-1", "qwen3-32b--stream-1"]
    assert [body for _, _, body in server.received] == [Cassette(f"published/{name}").request for name in names]
    assert {path for path, _, _ in server.received} == {"/v1/chat/completions"}
    assert {headers["authorization"] for _, headers, _ in server.received} == {f"Bearer {KEY}"}
    for name in names:
        text = (tmp_path / f"{name}.yaml").read_text(encoding="utf-8")
        assert KEY not in text and "uthorization" not in text and "session=1" not in text and "127.0.0.1" not in text
        assert "hé" in text
        data = yaml.safe_load(text)
        assert data["source"]["kind"] == "live" and data["source"]["date"]
        (one,) = data["interactions"]
        assert one["request"]["uri"] == f"{HOST}/v1/chat/completions"
        assert sorted(one["response"]["headers"]) == ["content-type", "x-aimlapi-usd-spent", "x-inference-id"]
    assert "qwen3-32b--chat-1: recorded; no longer " in done.stdout
    assert "new choices[].novelty int" in done.stdout and "[DONE]" in done.stdout
    assert "2 recorded, 0 not." in done.stdout


def test_what_was_recorded_plays(server: Server, tmp_path: Path) -> None:
    run("--base-url", server.base_url, "--into", str(tmp_path), "--only", "glm-4.5--chat-1")
    body = Cassette("published/glm-4.5--chat-1").request
    with PLAYER.use_cassette(str(tmp_path / "glm-4.5--chat-1.yaml")) as tape:
        completion = Client(api_key="other").chat(body["model"], body["messages"])
    assert tape.all_played
    assert (completion.text, completion.inference_id, completion.cost and completion.cost.usd) == (
        "héllo 🌍",
        "inf-1",
        0.01,
    )


def test_an_error_is_not_recorded_and_says_so(server: Server, tmp_path: Path) -> None:
    server.status = 404
    done = run("--base-url", server.base_url, "--into", str(tmp_path), "--limit", "2")
    assert done.returncode == 1
    assert len(server.received) == 2 and list(tmp_path.iterdir()) == []
    assert "status 404" in done.stdout and "0 recorded, 2 not." in done.stdout


def ask(server: Server, **parameters: Any) -> None:
    Client(base_url=server.base_url, api_key=KEY).chat("m", [{"role": "user", "content": "é"}], **parameters)


def test_recording_twice_gives_the_same_bytes(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    with record(path, SOURCE, base_url=server.base_url, secrets=[KEY]):
        ask(server)
        ask(server, seed=2)
    first = path.read_bytes()
    assert len(yaml.safe_load(first)["interactions"]) == 2
    with record(path, SOURCE, base_url=server.base_url, secrets=[KEY]):
        ask(server)
        ask(server, seed=2)
    assert first == path.read_bytes()


def test_a_recording_that_would_hold_the_key_is_not_written(server: Server, tmp_path: Path) -> None:
    server.echo = f"your key is {KEY}"
    path = tmp_path / "one.yaml"
    with pytest.raises(SecretInCassette), record(path, SOURCE, base_url=server.base_url, secrets=[KEY]):
        ask(server)
    assert not path.exists()


def test_a_program_that_fails_leaves_the_cassette_as_it_was(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    with pytest.raises(ZeroDivisionError), record(path, SOURCE, base_url=server.base_url):
        ask(server)
        raise ZeroDivisionError
    assert not path.exists()


def test_errors_are_kept_where_they_are_wanted(server: Server, tmp_path: Path) -> None:
    server.status = 404
    with record(tmp_path / "one.yaml", SOURCE, base_url=server.base_url), httpx.Client() as client:
        client.post(f"{server.base_url}/chat/completions", json={"model": "m"})
    (one,) = yaml.safe_load((tmp_path / "one.yaml").read_text(encoding="utf-8"))["interactions"]
    assert one["response"]["status"]["code"] == 404
