"""What the inspector adds to a stream's first token, beside the same server asked directly.

`python -m tests.benchmarks.inspector [--quick]`: both servers in processes of their own, asked in turns; wall time.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

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


def main() -> None:
    count = 50 if "--quick" in sys.argv else 300
    with serving() as (port, _), httpx.Client(trust_env=False) as client:
        direct = f"http://127.0.0.1:{port}/text-10-5ms/v1"
        with inspecting(direct) as inspected:
            turns = [(first_token(client, direct), first_token(client, inspected)) for _ in range(count + 10)][10:]
    added = sorted(there - here for here, there in turns)
    median, most = statistics.median(added), added[int(len(added) * 0.95)]
    print(f"the inspector adds to a first token {median:.1f} ms (median of {count} turns; 95th percentile {most:.1f})")


if __name__ == "__main__":
    main()
