"""What a row of a batch job costs, beside `gather` over the client and `abatch` of both chat models.

`python -m tests.benchmarks.batches [--quick | --rows 200000]`: each in a process of its own, against the benchmark's
server; 500 at a time. `--rows` measures jobs only, of 2,000 rows and of so many: memory has to be the same.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.server import serving

HERE = Path(__file__).parents[2]
MODEL, AT_ONCE = "openai/gpt-4o", 500
SUBJECTS = ("gather", "job", "ChatAIMLAPI.abatch", "ChatOpenAI.abatch")


def prepared(subject: str, count: int, url: str) -> Callable[[], int]:
    """The program of a subject, with all it imports; it returns how many answers it got."""
    host: dict[str, Any] = {"base_url": url, "api_key": "k"}
    if subject == "job":
        import aimlapi_batch.engine
        from aimlapi_batch import Job

        kept = tempfile.TemporaryDirectory()
        folder = Path(kept.name)
        rows = folder / "rows.jsonl"
        with rows.open("w") as file:
            for number in range(count):
                file.write(json.dumps({"id": number, "text": f"row {number}"}) + "\n")
        job = Job(rows, folder / "out.jsonl", model=MODEL, prompt="{text}", key="id", concurrency=AT_ONCE, **host)
        return lambda: aimlapi_batch.engine.run(job).answered if kept else 0  # the folder lives as long
    if subject == "gather":
        import httpx  # noqa: F401  # as its client does, with the first request

        from aimlapi_transport import AsyncClient

        async def gathered() -> int:
            free = asyncio.Semaphore(AT_ONCE)
            async with AsyncClient(**host) as client:

                async def one(number: int) -> str:
                    async with free:
                        return (await client.chat(MODEL, [{"role": "user", "content": f"row {number}"}])).text

                return len(await asyncio.gather(*map(one, range(count))))

        return lambda: asyncio.run(gathered())
    if subject == "ChatAIMLAPI.abatch":
        from langchain_aimlapi import ChatAIMLAPI as Model
    else:
        from langchain_openai import ChatOpenAI as Model  # type: ignore[no-redef,import-not-found,unused-ignore]
    model = Model(model=MODEL, **host)
    texts = [f"row {number}" for number in range(count)]
    return lambda: len(asyncio.run(model.abatch(texts, config={"max_concurrency": AT_ONCE})))


def measure(subject: str, count: int, url: str) -> dict[str, float]:
    """CPU a row in microseconds, memory over the import in MB, rows a second."""
    program = prepared(subject, count, url)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    before = pages * os.sysconf("SC_PAGE_SIZE")
    cpu, start = time.process_time(), time.perf_counter()
    assert program() == count
    cpu, seconds = time.process_time() - cpu, time.perf_counter() - start
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"us": cpu / count * 1e6, "MB": (most - before) / 1e6, "rows/s": count / seconds}


def main() -> None:
    is_quick = "--quick" in sys.argv
    many, subjects = (1000, SUBJECTS[:-1]) if is_quick else (20_000, SUBJECTS)
    runs = [("job", many // 10), *((subject, many) for subject in subjects)]
    if "--rows" in sys.argv:
        runs = [("job", 2_000), ("job", int(sys.argv[sys.argv.index("--rows") + 1]))]
    print(f"{'':22}{'rows':>8}{'us CPU/row':>12}{'MB':>6}{'rows/s':>9}")
    with serving() as (port, _):
        url = f"http://127.0.0.1:{port}/reply-40/v1"
        for subject, count in runs:
            command = [sys.executable, "-m", "tests.benchmarks.batches", "--one", subject, str(count), url]
            done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"{subject:22}{done.stderr.strip().splitlines()[-1]}")
                continue
            found = json.loads(done.stdout)
            print(f"{subject:22}{count:>8,}{found['us']:>12,.0f}{found['MB']:>6.0f}{found['rows/s']:>9,.0f}")


if __name__ == "__main__":
    if "--one" in sys.argv:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]), sys.argv[4])))
    else:
        main()
