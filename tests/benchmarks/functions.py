"""How many of our functions a streamed call enters: `python -m tests.benchmarks.functions`, with `--list` for their names.

A warm call, of an answer in four events, over a socket of this machine. Counted are the different functions, and how
often any was entered; generators and coroutines count each time they go on.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).parents[2]
OURS = tuple(str(ROOT / name) for name in ("aimlapi_transport", "langchain_aimlapi", "llama_index_aimlapi"))


def entered() -> dict[str, Counter[str]]:
    """Our functions, by module and name, that a warm call enters: for each framework."""
    with _server() as address:
        calls = {"langchain": _langchain(address), "llama_index": _llama_index(address)}
        return {framework: _counted(call) for framework, call in calls.items()}


def _counted(call: Callable[[], None]) -> Counter[str]:
    for _ in range(3):
        call()
    found: Counter[str] = Counter()

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(OURS):
            module = Path(code.co_filename).relative_to(ROOT)
            found[f"{module}:{code.co_firstlineno} {getattr(code, 'co_qualname', code.co_name)}"] += 1

    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(None)
    return found


@contextmanager
def _server() -> Iterator[str]:
    def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        value = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        return b"data: " + json.dumps(value).encode() + b"\n\n"

    pieces = [*(event({"content": text}) for text in ("One", " two", " three")), event({}, "stop"), b"data: [DONE]\n\n"]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def log_message(self, *arguments: Any) -> None: ...

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""]))

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()


def _langchain(address: str) -> Callable[[], None]:
    from langchain_aimlapi import ChatAIMLAPI

    model = ChatAIMLAPI(model="openai/gpt-4o", base_url=address, api_key="k")

    def call() -> None:
        assert "".join(str(chunk.content) for chunk in model.stream("x")) == "One two three"

    return call


def _llama_index(address: str) -> Callable[[], None]:
    from llama_index.core.llms import ChatMessage

    from llama_index_aimlapi import AIMLAPI

    llm, messages = AIMLAPI(model="openai/gpt-4o", api_base=address, api_key="k"), [ChatMessage("x")]

    def call() -> None:
        (*_, last) = llm.stream_chat(messages)
        assert last.message.content == "One two three"

    return call


def main() -> None:
    for framework, found in entered().items():
        modules = {name.partition(":")[0] for name in found}
        print(f"{framework}: {len(found)} functions in {len(modules)} modules, entered {found.total()} times")
        if "--list" in sys.argv:
            print("\n".join(f"  {count:4} {name}" for name, count in sorted(found.items())))


if __name__ == "__main__":
    main()
