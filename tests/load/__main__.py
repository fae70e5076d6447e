"""Load and endurance, against the emulator in a process of its own: `make soak` (SECONDS=600 by default).

    python -m tests.load --seconds 600

First 500 concurrent streams and 1,000 threaded calls of each framework, each of which must get its own answer; then a
mix of everything (answers, streams, streams left early, cancelled calls, faults, models made and dropped) for so many
seconds, while memory and descriptors are measured. Ends with 1 where an answer was another's, or something grew.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import platform
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from aimlapi_transport.errors import AIMLAPIError
from tests.reliability.kinds import KINDS, Kind

STREAMS, CALLS, THREADS = 500, 1000, 50
FLAT_KB = 8 * 1024  # what memory may grow by between the second quarter of a soak and its end, for the allocator's sake
FAULTS = ("fault-503-then-ok", "fault-cut-midstream", "fault-401-echoes-key", "fault-bad-json-data", "fault-html-200")


@contextmanager
def emulator_process() -> Iterator[str]:
    """The base URL of an emulator in another process, so that its memory and descriptors are not counted here."""
    command = [sys.executable, "-m", "aimlapi_emulator", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)


def measured() -> tuple[int, int]:
    """Resident memory in kB, and open descriptors, after a collection."""
    gc.collect()
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024, len(os.listdir("/proc/self/fd"))


async def streamed(kind: Kind, model: Any, text: str) -> str:
    return "".join([piece async for piece in kind.astream(model, text)])


def at_once(kind: Kind, url: str) -> list[str]:
    """500 streams in one loop, then 1,000 calls from 50 threads. What was wrong."""
    wrong = []
    model = kind.echo(url, max_retries=0)

    async def all_streams() -> list[str]:
        return await asyncio.gather(*(streamed(kind, model, f"stream {n}") for n in range(STREAMS)))

    start = time.monotonic()
    if asyncio.run(all_streams()) != [f"stream {n}" for n in range(STREAMS)]:
        wrong.append(f"{kind}: a stream got another's answer")
    streams = time.monotonic() - start
    texts = [f"call {n}" for n in range(CALLS)]
    start = time.monotonic()
    with ThreadPoolExecutor(THREADS) as threads:
        if list(threads.map(lambda text: kind.ask(model, text), texts)) != texts:
            wrong.append(f"{kind}: a call got another's answer")
    print(f"{kind}: {STREAMS} streams at once in {streams:.1f} s; ", end="")
    print(f"{CALLS} calls from {THREADS} threads in {time.monotonic() - start:.1f} s; every answer the caller's own")
    return wrong


async def one(kind: Kind, url: str, kept: Any, rng: random.Random, done: Counter[str]) -> None:
    """One thing a user might do."""
    text = f"{rng.random()}"
    what = rng.choice(["call", "stream", "stream", "left", "cancelled", "fault", "dropped"])
    done[what] += 1
    if what == "call":
        assert await kind.aask(kept, text) == text
    elif what == "stream":
        assert await streamed(kind, kept, text) == text
    elif what == "dropped":
        assert await kind.aask(kind.echo(url), text) == text
    elif what == "left":
        pieces = kind.astream(kind.make("fault-endless", url))
        async for _ in pieces:
            break
        await pieces.aclose()
    elif what == "cancelled":
        task = asyncio.ensure_future(streamed(kind, kind.make("fault-endless", url), text))
        await asyncio.sleep(rng.random() * 0.05)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
            raise AssertionError("a cancellation was lost")
    else:
        with contextlib.suppress(AIMLAPIError):
            await streamed(kind, kind.make(rng.choice(FAULTS), url, max_retries=1), text)


async def burst(url: str, kept: dict[str, Any], rng: random.Random, done: Counter[str], seconds: float) -> None:
    """Twenty users at a time, for so long."""
    end = time.monotonic() + seconds

    async def user() -> None:
        while time.monotonic() < end:
            kind = rng.choice(list(KINDS.values()))
            await one(kind, url, kept[kind.name], rng, done)

    await asyncio.gather(*(user() for _ in range(20)))


def soak(url: str, seconds: float) -> list[str]:
    """A mix of everything, in loops that come and go, and threads between them. What grew."""
    rng, done = random.Random(1), Counter[str]()
    kept = {kind.name: kind.echo(url) for kind in KINDS.values()}
    slices = max(8, min(60, int(seconds / 10)))
    seen = []
    for n in range(slices):
        asyncio.run(burst(url, kept, rng, done, seconds / slices * 0.8))
        end = time.monotonic() + seconds / slices * 0.2

        def calls(_: int, end: float = end) -> None:
            while time.monotonic() < end:
                for kind in KINDS.values():
                    assert kind.ask(kept[kind.name], "sync") == "sync"
                    done["sync"] += 1

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(calls, range(8)))
        seen.append(measured())
        print(
            f"{(n + 1) * seconds / slices:6.0f} s  {seen[-1][0] / 1024:7.1f} MB  {seen[-1][1]:3} descriptors",
            flush=True,
        )
    print(", ".join(f"{count} {what}" for what, count in sorted(done.items())))
    later = seen[slices // 4 :]
    grown = later[-1][0] - min(memory for memory, _ in later)
    print(
        f"memory grew by {grown / 1024:.1f} MB and descriptors by {later[-1][1] - later[0][1]} after the first quarter"
    )
    return [f"memory grew by {grown} kB"] * (grown > FLAT_KB) + ["descriptors grew"] * (later[-1][1] > later[0][1] + 10)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    seconds = parser.parse_args().seconds
    print(
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}"
    )
    with emulator_process() as url:
        wrong = [line for kind in KINDS.values() for line in at_once(kind, url)]
        wrong += soak(url, seconds)
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
