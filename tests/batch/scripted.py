"""A server that does what the last message says: `!404` answers 404, `!say=...` says it; any other is echoed, for $0.01."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # of the five of the base class, one that comes too much is tried again after a second


class ScriptedServer:
    """Attributes:
    asked: the last messages' texts, in the order they came.
    bodies: what was sent.
    cost: US dollars that an answer names; None for an answer that names none.
    gate: an answer waits until it is set.
    hold_from: the number of the request that closes the gate before itself; None for none.
    held: how many requests wait at the gate. Those that came before it was closed do not.
    flaky: statuses that a text gets before its answer, one each time.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.cost: float | None = 0.01
        self.gate = threading.Event()
        self.gate.set()
        self.flaky: dict[str, list[int]] = {}
        self.headers: dict[str, str] = {}
        self.hold_from: int | None = None
        self.held = 0
        self.lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body are two writes, and the client would wait 40 ms

            def log_message(self, *_: Any) -> None:
                return

            def do_GET(self) -> None:
                self._send(200, {"data": []})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                text = str(body["messages"][-1]["content"])
                with outer.lock:
                    outer.asked.append(text)
                    outer.bodies.append(body)
                    if len(outer.asked) == outer.hold_from:
                        outer.gate.clear()
                    is_held = not outer.gate.is_set()
                    outer.held += is_held
                if is_held:
                    outer.gate.wait(60)
                    with outer.lock:
                        outer.held -= 1
                self._send(*outer.reply(text, body))

            def _send(self, status: int, value: Any) -> None:
                data = value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send_response(status)
                for name, header in outer.headers.items() if status != 200 else ():
                    self.send_header(name, header)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._http = _Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def reply(self, text: str, body: dict[str, Any]) -> tuple[int, Any]:
        with self.lock:
            status = next(iter(self.flaky.get(text, ())), 200)
            if status != 200:
                self.flaky[text].pop(0)
        words = text.partition("!")[2].partition(" ")[0]
        if words.isdigit():
            status = int(words)
        if status != 200:
            return status, {"message": {402: "Out of credits"}.get(status, f"refused with {status}")}
        content, finish = f"echo {text}", "stop"
        if "!say=" in text:
            content = text.partition("!say=")[2]
        elif words in ("length", "content_filter"):
            content, finish = "half", words
        message: dict[str, Any] = {"role": "assistant", "content": content}
        if words == "refuse":
            message = {"role": "assistant", "content": None, "refusal": "I will not"}
        choices = [{"index": n, "finish_reason": finish, "message": message} for n in range(body.get("n") or 1)]
        value: dict[str, Any] = {"id": "c1", "model": "served", "choices": choices, "usage": USAGE}
        if self.cost is not None:
            value["meta"] = {"usage": {"usd_spent": self.cost, "credits_used": round(self.cost * 2_000_000)}}
        return 200, value

    @property
    def counts(self) -> Counter[str]:
        return Counter(self.asked)

    def wait_for(self, count: int) -> None:
        """Waits until so many requests have come."""
        while len(self.asked) < count:
            time.sleep(0.01)  # looks how far it is

    def wait_for_held(self, count: int) -> None:
        """Waits until so many requests wait at the gate."""
        while self.held < count:
            time.sleep(0.01)  # looks how far it is

    def close(self) -> None:
        self.gate.set()
        self._http.shutdown()
        self._http.server_close()
