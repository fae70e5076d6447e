"""Runs the benchmark: `python -m tests.benchmarks [--quick] [--rows call,stream-text] [--subjects ChatAIMLAPI,...]`.

For each row the subjects take turns, each in its own process, so that a machine that slows down slows all of them.
"""

from __future__ import annotations

import argparse
import compileall
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.pages import publish
from tests.benchmarks.report import Result, about, terminal, verdicts
from tests.benchmarks.rows import ROWS, Row
from tests.benchmarks.server import serving
from tests.benchmarks.subjects import SUBJECTS, Subject

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# As an installer compiles what is beside us: with PYTHONDONTWRITEBYTECODE each process would do it again, 15 ms of one.
_COMPILED = ("aimlapi_transport", "langchain_aimlapi", "llama_index_aimlapi", "tests/benchmarks")


SAMPLE_LIMIT = 180.0  # seconds for one sample: one integration was seen to stand still among 500 streams
_NEAREST = ("ChatOpenAI", "OpenAILike")  # the only peers of a quick run, with one sample a row
OFTENER = 3  # times as many samples of the floors and of ours as of peers: targets are close, and noise is not small


class Worker:
    """A subject's process."""

    def __init__(self, subject: Subject, origin: str) -> None:
        self.subject = subject
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.worker", subject.name, origin],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # peers complain there of loops that are gone
            text=True,
        )

    def ask(self, **order: Any) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        bound = threading.Timer(SAMPLE_LIMIT, self._process.kill)
        bound.start()
        answer = self._process.stdout.readline()
        bound.cancel()
        return json.loads(answer) if answer else {"error": f"ended with {self._process.wait()}, or took too long"}

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


@contextmanager
def working(subjects: list[Subject], origin: str) -> Iterator[list[Worker]]:
    with ExitStack() as stack:
        workers = []
        for subject in subjects:
            worker = Worker(subject, origin)
            stack.callback(worker.stop)
            workers.append(worker)
        yield workers


Samples = dict[tuple[Any, ...], dict[str, Any]]


def measured(row: Row, workers: list[Worker], origin: str, quick: bool, taken: Samples) -> list[Result]:
    """A row's samples, subject by subject in turns; two rows may show two figures of the same samples."""
    arguments = {**row.arguments, **(row.quick if quick else {})}
    repeats = min(row.repeats, 1 if row.fresh else 2) if quick else row.repeats
    chosen = [worker for worker in workers if _takes_part(row, worker.subject, quick)]
    results = {worker.subject.name: Result(row, worker.subject) for worker in chosen}
    if row.checked_scene:
        for worker in chosen:
            answer = worker.ask(measure=row.measure, arguments=arguments, check=True)
            results[worker.subject.name].take_check(answer)
    often = 1 if row.fresh or quick else OFTENER
    for turn in range(repeats * often):
        for worker in chosen if turn % 2 == 0 else reversed(chosen):
            is_peer = worker.subject.role == "peer"
            if results[worker.subject.name].error or (is_peer and (turn % often or (quick and turn))):
                continue
            key = (row.measure, json.dumps(arguments), worker.subject.name, turn)
            if key not in taken:
                taken[key] = _sample(row, worker, arguments, origin)
            results[worker.subject.name].take(taken[key], turn)
    return list(results.values())


def _sample(row: Row, worker: Worker, arguments: dict[str, Any], origin: str) -> dict[str, Any]:
    """A sample, and the share of a core the server used meanwhile."""
    before, start = _server_cpu(origin), time.perf_counter()
    if row.fresh:
        with working([worker.subject], origin) as (fresh,):
            sample = fresh.ask(measure=row.measure, arguments=arguments)
    else:
        sample = worker.ask(measure=row.measure, arguments=arguments)
    return {**sample, "server": (_server_cpu(origin) - before) / (time.perf_counter() - start)}


def _takes_part(row: Row, subject: Subject, quick: bool) -> bool:
    if row.is_embedding and subject.load_embeddings is None:
        return False
    if row.is_responses and subject.load_responses is None:
        return False
    is_left_out = quick and (row.fresh or subject.name not in _NEAREST)
    return subject.role != "peer" or (row.peers and not is_left_out)


def _server_cpu(origin: str) -> float:
    with urllib.request.urlopen(f"{origin}/stats") as reply:
        return float(json.load(reply)["cpu"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller samples, fewer peers: two minutes")
    parser.add_argument("--rows", help="only these, by key, comma-separated; a prefix will do")
    parser.add_argument("--subjects", help="only these, comma-separated")
    parser.add_argument("--publish", action="store_true", help="write the JSON, the pages' tables, the plot")
    parser.add_argument(
        "--from", type=Path, dest="earlier", help="publish an earlier run's JSON again, without running"
    )
    options = parser.parse_args()
    if options.earlier:
        data = json.loads(options.earlier.read_text())
        publish([Result.from_json(value) for value in data["results"]], data["about"])
        return
    wanted = (options.rows or "").split(",")
    names = (options.subjects or "").split(",")
    rows = [row for row in ROWS if row.key.startswith(tuple(wanted)) and not (options.quick and row.heavy)]
    subjects = [subject for subject in SUBJECTS if names == [""] or subject.name in names]
    for prefix in wanted:
        if not any(row.key.startswith(prefix) for row in rows):
            parser.error(f"no row begins with {prefix!r}: pass one of {', '.join(row.key for row in ROWS)}")
    if len(subjects) < len(names):
        parser.error(f"--subjects takes {', '.join(subject.name for subject in SUBJECTS)}")
    for package in _COMPILED:
        compileall.compile_dir(ROOT / package, quiet=1)
    results: list[Result] = []
    taken: Samples = {}
    start = time.time()
    with serving() as (port, _):
        origin = f"http://127.0.0.1:{port}"
        with working(subjects, origin) as workers:
            for row in rows:
                found = measured(row, workers, origin, options.quick, taken)
                results += found
                print(terminal(row, found), flush=True)
    print(f"\n{time.time() - start:.0f} s")
    print(verdicts(results))
    if options.publish:
        publish(results, about(subjects, quick=options.quick))


if __name__ == "__main__":
    main()
