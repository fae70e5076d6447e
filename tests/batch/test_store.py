"""The store is the truth: what is in it survives kills, torn files and edits, and no file of a user's is written over."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aimlapi_batch import Job, JobError, arun, lock, run
from aimlapi_batch import output as output_module
from aimlapi_batch.export import export_answers
from aimlapi_batch.output import Output
from aimlapi_batch.status import status_of
from aimlapi_batch.store import Store
from tests.batch.jobs import answers, rows, written
from tests.batch.scripted import ScriptedServer


def job(server: ScriptedServer, source: Any, output: str = "out.jsonl", **settings: Any) -> Job:
    given = {"model": "m", "prompt": "{text}", "key": "id", "base_url": server.url, "api_key": "k", **settings}
    return Job(source, output, **given)


# -- the output is a copy ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["jsonl", "ndjson", "csv", "parquet"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_that_is_not_the_jobs_is_never_written_over(
    scripted: ScriptedServer, ending: str, overwrite: bool
) -> None:
    mine = Path(f"out.{ending}")
    mine.write_bytes(b'{"key": "1", "text": "mine"}\n' * 3)
    if overwrite:
        Path(f"out.{ending}.bak").write_text("an older one")
        assert run(job(scripted, rows(3), str(mine)), overwrite=True).answered == 3
        assert Path(f"out.{ending}.2.bak").read_bytes() == b'{"key": "1", "text": "mine"}\n' * 3
        assert Path(f"out.{ending}.bak").read_text() == "an older one"
    else:
        for force in (False, True):
            with pytest.raises(JobError, match="exists and is not of this job"):
                run(job(scripted, rows(3), str(mine)), force=force)
        assert mine.read_bytes() == b'{"key": "1", "text": "mine"}\n' * 3 and not scripted.asked
        assert not Path(f"{mine}.job").exists()


@pytest.mark.parametrize("settings", [{}, {"force": True}, {"overwrite": True}])
def test_the_input_is_no_output(scripted: ScriptedServer, settings: dict[str, Any]) -> None:
    given = written("rows.jsonl", rows(3))
    before = given.read_bytes()
    Path("link.jsonl").symlink_to(given)
    for output in ("rows.jsonl", "./rows.jsonl", str(given.resolve()), "link.jsonl"):
        with pytest.raises(JobError, match="is the input"):
            run(job(scripted, given, output), **settings)
    assert given.read_bytes() == before


def test_an_output_that_was_taken_away_is_written_again_and_nothing_asked(scripted: ScriptedServer) -> None:
    run(job(scripted, rows(5)))
    before = Path("out.jsonl").read_bytes()
    Path("out.jsonl").unlink()
    assert run(job(scripted, rows(5))).asked == 0
    assert Path("out.jsonl").read_bytes() == before and len(scripted.asked) == 5


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_what_a_user_edited_is_moved_aside(scripted: ScriptedServer, ending: str) -> None:
    run(job(scripted, rows(5), f"out.{ending}"))
    path = Path(f"out.{ending}")
    before = path.read_text()
    path.write_text(before.replace("echo", "my own words"))
    summary = run(job(scripted, rows(5), f"out.{ending}"))
    assert summary.asked == 0 and path.read_text() == before
    assert "my own words" in Path(f"out.{ending}.bak").read_text() and "was changed" in summary.notes[0]


def test_a_line_that_cannot_be_read_is_asked_again_and_one_that_a_kill_tore_is_not(scripted: ScriptedServer) -> None:
    run(job(scripted, rows(10)))
    lines = Path("out.jsonl").read_bytes().splitlines(keepends=True)
    for number in (2, 7):
        lines[number] = b"\0" * (len(lines[number]) - 1) + b"\n"
    Path("out.jsonl").write_bytes(b"".join(lines))
    summary = run(job(scripted, rows(10)))
    assert (summary.answered, summary.already) == (2, 8) and "2 lines" in summary.notes[0]
    assert scripted.counts["What is 2 + 1?"] == scripted.counts["What is 7 + 1?"] == 2
    with Path("out.jsonl").open("ab") as file:
        file.write(b'{"key": "1')
    assert run(job(scripted, rows(10))).asked == 0
    assert [row["key"] for row in answers()] == [str(n) for n in range(10)]


def test_limits_samples_and_orders_take_no_answer_away(scripted: ScriptedServer) -> None:
    given = written("rows.jsonl", rows(50))
    run(job(scripted, given))
    for settings in ({"limit": 5}, {"sample": 7}, {"keep_order": False}, {"concurrency": 1}, {"limit": 3, "sample": 2}):
        assert run(job(scripted, given, **settings)).asked == 0
        assert sorted(int(row["key"]) for row in answers()) == list(range(50))


def test_a_live_output_grows_and_is_then_put_in_order(scripted: ScriptedServer) -> None:
    seen: list[int] = []
    given = rows(20)
    order = list(range(20))
    random.Random(1).shuffle(order)
    run(job(scripted, [given[n] for n in order]), on_progress=lambda _: seen.append(len(answers())))
    assert seen == list(range(1, 21))
    assert [int(row["key"]) for row in answers()] == order
    run(job(scripted, given, "late.jsonl", live=False), on_progress=lambda _: seen.append(Path("late.jsonl").exists()))
    assert not any(seen[20:]) and len(answers("late.jsonl")) == 20


def test_the_standard_output_gets_answers_only(scripted: ScriptedServer) -> None:
    program = (
        "from aimlapi_batch import Job, run; "
        f"run(Job([{{'id': 1}}, {{'id': 2}}], '-', model='m', prompt='{{id}}', key='id', api_key='k', base_url={scripted.url!r}))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert [json.loads(line)["key"] for line in ran.stdout.splitlines()] == ["1", "2"] and not list(Path().iterdir())


# -- full disks, kills, damage -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_no_room_for_the_output_is_a_sentence_and_leaves_nothing_behind(
    scripted: ScriptedServer, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aimlapi_batch import output

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    given = job(scripted, rows(5), f"out.{ending}", live=False)
    with monkeypatch.context() as broken:
        broken.setattr(output.os, "fsync", full)
        with pytest.raises(
            JobError, match=r"out\.\w+ cannot be written: No space left on device\. All answers stand in"
        ):
            run(given)
        with pytest.raises(JobError, match="No space left"):
            export_answers(Path(f"out.{ending}"), Path("other.jsonl"), openai=False, in_order=True, overwrite=False)
    assert sorted(path.name for path in Path().iterdir()) == [f"out.{ending}.job"]
    assert run(given).asked == 0 and Path(f"out.{ending}").exists()


def test_no_room_for_an_answer_keeps_it_where_there_is_some(
    scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store takes it at the end, if it can by then."""
    write = Store.write
    fails = iter([False, False, True])

    def full(store: Store, *given: Any) -> None:
        if next(fails, False):
            raise JobError("no room")
        write(store, *given)

    monkeypatch.setattr(Store, "write", full)
    with pytest.raises(JobError, match="no room"):
        run(job(scripted, rows(10), concurrency=1))
    assert len(answers()) == 3 == len(scripted.asked)


PROGRAM = """
import sys
from aimlapi_batch import Job, run
run(Job("rows.jsonl", "out.jsonl", model="m", prompt="{text}", key="id", concurrency=8, base_url=sys.argv[1],
        api_key="k", live=sys.argv[2] == "live"))
"""


@pytest.mark.parametrize("live", ["live", "late"])
def test_a_kill_at_any_moment_costs_what_was_under_way(scripted: ScriptedServer, live: str) -> None:
    chance, count = random.Random(3), 400
    given = written("rows.jsonl", rows(count))
    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, scripted.url, live])
        until = len(scripted.asked) + chance.randrange(0, 60)
        while process.poll() is None and len(scripted.asked) <= until:
            time.sleep(0.002)  # looks how far it is
        time.sleep(chance.random() / 50)
        process.send_signal(signal.SIGKILL)
        process.wait()
    kept = status_of(Path("out.jsonl"))
    assert kept["running"] is False and kept["answered"] >= len(scripted.asked) - 5 * 8
    assert run(job(scripted, given, concurrency=8)).errors == 0
    assert [row["key"] for row in answers()] == [str(n) for n in range(count)]
    assert max(scripted.counts.values()) <= 6 and len(scripted.asked) <= count + 5 * 8


def begun(scripted: ScriptedServer, count: int) -> Path:
    """A job whose process died: its answers stand in the log beside the store."""
    given = written("rows.jsonl", rows(count))
    scripted.gate.set()
    told = f'"live"), on_progress=lambda s: s.answered == {count - 20} and os._exit(9)'
    program = PROGRAM.replace('"live")', told).replace("import sys", "import os, sys")
    subprocess.run([sys.executable, "-c", program, scripted.url, "live"], check=False)
    assert Path("out.jsonl.job-wal").stat().st_size > 0
    return given


@pytest.mark.parametrize("seed", range(6))
def test_a_log_that_a_power_cut_tore_loses_its_end_at_most(scripted: ScriptedServer, seed: int) -> None:
    chance, given = random.Random(seed), begun(scripted, 80)
    log = Path("out.jsonl.job-wal")
    data = bytearray(log.read_bytes())
    cut = chance.randrange(len(data) // 2, len(data))
    if seed % 2:
        data[cut:] = bytes(len(data) - cut)  # a block of zeros
    else:
        del data[cut:]
    log.write_bytes(data)
    Path("out.jsonl.job-shm").unlink(missing_ok=True)
    Path("out.jsonl").unlink()
    run(job(scripted, given))
    assert [row["key"] for row in answers()] == [str(n) for n in range(80)]


@pytest.mark.parametrize("where", [0.3, 0.6, 0.9])
def test_a_damaged_store_is_named_and_what_can_be_read_is_saved(scripted: ScriptedServer, where: float) -> None:
    given = written("rows.jsonl", rows(300))
    run(job(scripted, given))
    store = Path("out.jsonl.job")
    data = bytearray(store.read_bytes())
    page = int(len(data) * where) // 4096 * 4096
    data[page : page + 4096] = b"\xff" * 4096
    store.write_bytes(data)
    with pytest.raises(JobError, match=r"out\.jsonl\.job is damaged .*`aimlapi batch export`"):
        run(job(scripted, given))
    assert store.read_bytes() == data and len(scripted.asked) == 300
    count, lost = export_answers(Path("out.jsonl"), Path("saved.jsonl"), openai=False, in_order=True, overwrite=False)
    assert count >= 250 and lost and len(answers("saved.jsonl")) == count
    store.write_bytes(b"\xff" * 4096 * 3)
    with pytest.raises(JobError, match=r"is damaged|Nothing of"):
        export_answers(Path("out.jsonl"), Path("none.jsonl"), openai=False, in_order=True, overwrite=False)
    assert len(answers()) == 300 and not Path("none.jsonl").exists()


def test_a_file_that_is_no_store_is_left_alone(scripted: ScriptedServer) -> None:
    with closing(sqlite3.connect("out.jsonl.job")) as db:
        db.execute("CREATE TABLE mine (a)")
        db.commit()
    before = Path("out.jsonl.job").read_bytes()
    with pytest.raises(JobError):
        run(job(scripted, rows(2)))
    assert Path("out.jsonl.job").read_bytes() == before
    Path("out.jsonl.job").write_text("my notes")
    with pytest.raises(JobError):
        run(job(scripted, rows(2)))
    assert Path("out.jsonl.job").read_text() == "my notes"


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_a_store_that_was_cut_is_saved_as_far_as_it_goes(scripted: ScriptedServer, share: float) -> None:
    run(job(scripted, written("rows.jsonl", rows(300))))
    store = Path("out.jsonl.job")
    store.write_bytes(store.read_bytes()[: int(store.stat().st_size * share)])
    count, lost = export_answers(Path("out.jsonl"), Path("saved.jsonl"), openai=False, in_order=True, overwrite=False)
    assert count >= 100 and lost and len(answers("saved.jsonl")) == count


def test_where_nothing_can_be_read_the_store_is_named_and_an_empty_one_is_none(scripted: ScriptedServer) -> None:
    for data, said in ((b"\xff" * 9000, r"Nothing of out\.jsonl\.job can be read"), (b"", "is not the store of a job")):
        Path("out.jsonl.job").write_bytes(data)
        with pytest.raises(JobError, match=said):
            export_answers(Path("out.jsonl"), Path("none.jsonl"), openai=False, in_order=True, overwrite=False)
    assert not Path("none.jsonl").exists()


def test_a_lock_for_which_there_is_no_room_is_no_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(lock, "_locked", full)
    with pytest.raises(JobError, match=r"out\.jsonl\.job\.lock cannot be written \(database or disk is full\)"):
        Store(Path("out.jsonl.job"))
    assert not lock.is_locked(Path("out.jsonl.job"))


def test_a_store_is_closed_only_after_what_reads_it(scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second Ctrl-C while the output is written: SQLite would be used after it was closed, in another thread."""
    begun, goes_on, order = threading.Event(), threading.Event(), list[str]()
    write, close = Output.write, Store.close

    def slow(output: Output, **settings: Any) -> None:
        begun.set()
        goes_on.wait(10)
        write(output, **settings)
        order.append("written")

    def closed(store: Store) -> None:
        order.append("closed")
        close(store)

    monkeypatch.setattr(Output, "write", slow)
    monkeypatch.setattr(Store, "close", closed)

    async def cancelled() -> None:
        task = asyncio.ensure_future(arun(job(scripted, rows(3), live=False)))
        await asyncio.to_thread(begun.wait, 10)
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0)
        goes_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert order == ["written", "closed"] and len(answers()) == 3


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_query_may_end_after_its_store() -> None:
    store = Store.in_memory()
    begun = store.query("SELECT 1 UNION SELECT 2")
    assert next(begun) == (1,)
    store.close()
    del begun
    gc.collect()


def test_answers_that_the_standard_output_has_no_room_for_are_kept(
    scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with monkeypatch.context() as broken:
        broken.setattr(output_module, "write_output", full)
        with pytest.raises(JobError, match="The standard output cannot be written: No space left on device") as error:
            run(job(scripted, rows(3), "-"))
    (store,) = tmp_path.glob("aimlapi-batch-*/answers.job")
    assert f"`aimlapi batch export {store} -o FILE`" in str(error.value)
    assert export_answers(store, Path("saved.jsonl"), openai=False, in_order=True, overwrite=False) == (3, None)


# -- jobs from before --------------------------------------------------------------------------------------------------

EARLIER = Path(__file__).parent / "earlier"


def test_a_job_with_a_manifest_is_taken_over_once(scripted: ScriptedServer) -> None:
    """Ten rows: eight answered, one that failed for good, one to be asked again; a torn line behind them."""
    for path in EARLIER.iterdir():
        shutil.copy(path, path.name)
    given = written("rows.jsonl", rows(12))
    with pytest.raises(JobError, match="another `model`"):
        run(job(scripted, given, model="other"))
    summary = run(job(scripted, given))
    assert (summary.already, summary.answered) == (9, 3) and "10 rows of a job" in summary.notes[0]
    assert [row["key"] for row in answers()] == [str(n) for n in range(12)]
    assert answers()[0]["text"] == "an earlier answer" and answers()[8]["error"]["class"] == "RowError"
    assert run(job(scripted, given)).asked == 0 and status_of(Path("out.jsonl"))["spent_usd"] == pytest.approx(0.11)


# -- export ------------------------------------------------------------------------------------------------------------


def test_export_writes_any_format_at_any_time(scripted: ScriptedServer) -> None:
    import pyarrow.parquet as pq

    run(job(scripted, rows(5), include=["text"]))
    for ending in ("csv", "parquet", "jsonl"):
        export_answers(Path("out.jsonl"), Path(f"other.{ending}"), openai=False, in_order=True, overwrite=False)
    assert pq.read_table("other.parquet").column("input.text").to_pylist()[2] == "What is 2 + 1?"
    assert Path("other.csv").read_text().splitlines()[0].endswith("error,input.text")
    assert Path("other.jsonl").read_bytes() == Path("out.jsonl").read_bytes()
    with pytest.raises(JobError, match="exists"):
        export_answers(Path("out.jsonl"), Path("other.csv"), openai=False, in_order=True, overwrite=False)
    store = Store(Path("out.jsonl.job"))  # as a process that works on it
    assert export_answers(Path("out.jsonl"), Path("5.csv"), openai=False, in_order=True, overwrite=False) == (5, None)
    assert status_of(Path("out.jsonl"))["running"] is True
    store.close()


def test_a_store_is_closed_before_its_output_is_replaced(scripted: ScriptedServer) -> None:
    """On Windows an open file cannot be replaced: the live output is closed first."""
    closed: list[bool] = []
    write = Output.write

    def watched(output: Output, **settings: Any) -> None:
        found = [path.resolve() for path in Path("/proc/self/fd").iterdir()] if Path("/proc/self/fd").exists() else []
        closed.append(output.path.resolve() not in found)
        write(output, **settings)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Output, "write", watched)
        run(replace(job(scripted, rows(3)), live=True))
    assert closed and all(closed)
