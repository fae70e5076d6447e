"""What the inspector adds to a stream's first token, and how long its page waits where 5,000 exchanges are kept.

`python -m tests.benchmarks.inspector [--quick]`: servers in processes of their own, asked in turns; wall time. The page's
lists are asked of a server in a thread of this process.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from aimlapi_emulator import emulator
from tests.benchmarks.server import serving

BODY = {"model": "openai/gpt-4o", "stream": True, "messages": [{"role": "user", "content": "Hello"}]}


@contextmanager
def inspecting(upstream: str) -> Iterator[str]:
    """The inspector in front of a server; its base URL."""
    command = [sys.executable, "-m", "aimlapi_emulator", "--upstream", upstream, "--inspect"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[0]
    finally:
        process.terminate()
        process.wait(10)


def first_token(client: httpx.Client, base_url: str) -> float:
    """Milliseconds from the request to the first bytes of the reply's body; all of it is read."""
    start = time.perf_counter()
    headers = {"authorization": "Bearer benchmark"}
    with client.stream("POST", f"{base_url}/chat/completions", json=BODY, headers=headers) as response:
        pieces = response.iter_raw()
        next(pieces)
        first = time.perf_counter() - start
        for _ in pieces:
            pass
    return first * 1e3


def list_times(count: int) -> dict[str, float]:
    """Milliseconds of the page's requests, the median of nine, with `count` streamed exchanges of about 10 kB each."""
    event = b'data: {"id":"c","choices":[{"delta":{"content":"word%d "}}]}\n\n'
    stream = b"".join(event % number for number in range(60))
    asked = {
        "list": ("exchanges", {"grouped": "1"}),
        "search, one found": ("exchanges", {"q": "row-4321", "grouped": "1"}),
        "search, none found": ("exchanges", {"q": "no such words"}),
        "totals": ("totals", {}),
    }
    with emulator(inspect=True) as server, httpx.Client(trust_env=False) as client:
        for number in range(count):
            received = server._journal.note("POST", "/v1/chat/completions", "", [("content-type", "application/json")])
            text = f"row-{number} " + "lorem ipsum " * 150
            received.json = {"model": f"m{number % 7}", "messages": [{"role": "user", "content": text}]}
            exchange = received.exchange
            assert exchange is not None
            exchange.body += json.dumps(received.json).encode()
            exchange.status, exchange.headers = 200, {"content-type": "text/event-stream"}
            exchange.pieces, exchange.seconds = [(0.01, stream)], 0.1
            server._journal.hold(exchange, len(exchange.body) + len(stream))
            server._journal.changed(received)
        found = {}
        for name, (path, query) in asked.items():
            times = []
            for _ in range(9):
                start = time.perf_counter()
                client.get(f"{server.inspector_url}/{path}", params=query).raise_for_status()
                times.append((time.perf_counter() - start) * 1e3)
            found[name] = statistics.median(times)
    return found


def main() -> None:
    count = 50 if "--quick" in sys.argv else 300
    with serving() as (port, _), httpx.Client(trust_env=False) as client:
        direct = f"http://127.0.0.1:{port}/text-10-5ms/v1"
        with inspecting(direct) as inspected:
            turns = [(first_token(client, direct), first_token(client, inspected)) for _ in range(count + 10)][10:]
    added = sorted(there - here for here, there in turns)
    median, most = statistics.median(added), added[int(len(added) * 0.95)]
    print(f"the inspector adds to a first token {median:.1f} ms (median of {count} turns; 95th percentile {most:.1f})")
    for name, milliseconds in list_times(5000).items():
        print(f"5,000 exchanges, {name}: {milliseconds:.0f} ms")


if __name__ == "__main__":
    main()
