"""Jobs on Ray: every row once, also where a worker is killed; two workers keep twice as many under way. `make test-ray`."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ray = pytest.importorskip("ray", reason="make test-ray installs it")

from aimlapi_batch import Job  # noqa: E402  # only where Ray is
from aimlapi_batch.ray import ChatStage, run_on_ray  # noqa: E402  # only where Ray is
from aimlapi_batch.status import status_of  # noqa: E402


class Slow(BaseHTTPRequestHandler):
    """Answers after 200 ms, and counts what it answered."""

    protocol_version = "HTTP/1.1"
    answered: list[str]
    under_way = 0
    most = 0
    lock = threading.Lock()

    def log_message(self, *args: Any) -> None:
        return

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.lock:
            Slow.under_way += 1
            Slow.most = max(Slow.most, Slow.under_way)
        time.sleep(0.2)  # what an answer takes
        with self.lock:
            Slow.under_way -= 1
        asked = body["messages"][0]["content"]
        meta = {"usage": {"usd_spent": 0.01, "credits_used": 20_000}}
        choice = {"index": 0, "message": {"role": "assistant", "content": asked}, "finish_reason": "stop"}
        data = json.dumps({"id": "1", "choices": [choice], "meta": meta}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        with self.lock:
            type(self).answered.append(asked)


@pytest.fixture
def slow() -> Iterator[str]:
    Slow.answered = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
    yield
    ray.shutdown()


def job(base_url: str, folder: Path, count: int, **settings: Any) -> Job:
    rows = folder / "rows.jsonl"
    rows.write_text("".join(json.dumps({"id": str(n), "text": f"row {n}"}) + "\n" for n in range(count)))
    given = {"model": "m", "prompt": "{text}", "key": "id", "base_url": base_url, "api_key": "k", **settings}
    return Job(str(rows), str(folder / "out.jsonl"), **given)


def answers(folder: Path) -> dict[str, Any]:
    rows = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    assert len({row["key"] for row in rows}) == len(rows)
    return {row["key"]: row for row in rows}


def test_every_row_is_answered_once(slow: str, tmp_path: Path) -> None:
    assert run_on_ray(job(slow, tmp_path, 120, concurrency=32), actors=2, block_rows=30).answered == 120
    assert {key: row["text"] for key, row in answers(tmp_path).items()} == {str(n): f"row {n}" for n in range(120)}
    assert len(Slow.answered) == 120
    assert (
        run_on_ray(job(slow, tmp_path, 120, concurrency=32), actors=2, block_rows=30).already == 120
    )  # nothing to ask
    assert len(Slow.answered) == 120


def test_a_worker_that_is_killed_costs_what_was_under_way(slow: str, tmp_path: Path) -> None:
    def kill() -> None:
        while len(Slow.answered) < 60:
            time.sleep(0.01)  # looks how far they are
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    line = Path(f"/proc/{name}/cmdline").read_bytes()
                except OSError:
                    continue
                if line.startswith(b"ray::Worker"):
                    os.kill(int(name), signal.SIGKILL)
                    killed.append(int(name))
                    return

    killed: list[int] = []
    killer = threading.Thread(target=kill)
    killer.start()
    assert run_on_ray(job(slow, tmp_path, 240, concurrency=16), actors=2, block_rows=60).answered == 240
    killer.join()
    assert killed and len(answers(tmp_path)) == 240
    assert 240 <= len(Slow.answered) <= 240 + 16


def test_each_worker_takes_its_share_side_by_side(slow: str, tmp_path: Path) -> None:
    """Two workers keep twice as many requests under way as one, and no more than the job allows."""
    for actors in (1, 2):
        folder = tmp_path / str(actors)
        folder.mkdir()
        Slow.most = 0
        run_on_ray(job(slow, folder, 240, concurrency=8 * actors), actors=actors, block_rows=24)
        assert Slow.most == 8 * actors


def test_a_budget_an_order_and_a_status_as_of_any_job(slow: str, tmp_path: Path) -> None:
    given = job(slow, tmp_path, 200, concurrency=16, budget_usd=0.4, sample=100)
    first = run_on_ray(given, actors=2)
    assert first.stopped == "budget" and 0.38 <= first.spent_usd <= 0.4 + 1e-9
    assert len(Slow.answered) == round(first.spent_usd / 0.01)
    seen: list[int] = []
    more = run_on_ray(replace(given, budget_usd=5), actors=2, on_progress=lambda summary: seen.append(summary.answered))
    assert (more.total, more.answered + more.already) == (100, 100) and seen[-1] == more.answered
    keys = [int(json.loads(line)["key"]) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert keys == sorted(keys) and len(keys) == 100
    known = status_of(tmp_path / "out.jsonl")
    assert (known["answered"], known["spent_usd"]) == (100, pytest.approx(1.0))


def test_a_folder_in_and_a_folder_out(slow: str, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (tmp_path / "rows").mkdir()
    for part in range(3):
        rows = [{"id": f"{part}-{n}", "text": f"row {n}"} for n in range(10)]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows" / f"{part}.parquet")
    given = Job(
        str(tmp_path / "rows"), str(tmp_path / "out"), model="m", prompt="{text}", key="id", base_url=slow, api_key="k"
    )
    assert run_on_ray(given, actors=2, block_rows=7).answered == 30
    assert pq.read_table(tmp_path / "out").num_rows == 30


def test_stages_of_a_pipeline_keep_their_blocks(slow: str, tmp_path: Path) -> None:
    settings = {"model": "m", "prompt": "{text}", "key": "id", "base_url": slow, "api_key": "k"}
    stage = ChatStage(Job([], "unused.jsonl", **settings), commit=str(tmp_path / "done"))

    def texts() -> list[str]:
        rows = ray.data.from_items([{"id": n, "text": f"row {n}"} for n in range(20)])
        return [
            row["text"]
            for row in stage(next(iter(rows.iter_batches(batch_size=20, batch_format="pyarrow")))).to_pylist()
        ]

    assert sorted(texts()) == sorted(texts()) and len(Slow.answered) == 20
