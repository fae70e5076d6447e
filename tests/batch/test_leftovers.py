"""What a process that was killed, a full disk, a damaged store or a link leaves is no trap."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aimlapi_batch import Job, JobError, run
from aimlapi_batch.export import export_answers
from aimlapi_batch.job import StoreError
from aimlapi_batch.status import status_of
from aimlapi_batch.store import Store
from tests.batch.jobs import answers, rows, written
from tests.batch.scripted import ScriptedServer


def job(server: ScriptedServer, source: Any, output: str = "out.jsonl", **settings: Any) -> Job:
    given = {"model": "m", "prompt": "{text}", "key": "id", "base_url": server.url, "api_key": "k", **settings}
    return Job(source, output, **given)


def export(to: str | None = None, **settings: Any) -> tuple[int, str | None]:
    given = {"openai": False, "in_order": True, "overwrite": False, **settings}
    return export_answers(Path("out.jsonl"), None if to is None else Path(to), **given)


# -- temporary files ---------------------------------------------------------------------------------------------------


def _dead_pid() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


@pytest.mark.parametrize("way", ["run", "export", "status"])
@pytest.mark.parametrize("output", ["out.jsonl", "out[1].parquet"])
def test_what_a_killed_process_left_of_its_output_is_taken_away(
    scripted: ScriptedServer, way: str, output: str
) -> None:
    run(job(scripted, rows(3), output))
    left = Path(f".{output}.{_dead_pid()}.new")
    kept = [
        Path(f".{output}.{os.getppid()}.new"),  # of a process that lives
        Path(f".other.jsonl.{_dead_pid()}.new"),
        Path(f".{output}.mine.new"),
    ]
    for path in (left, *kept):
        path.write_text("half")
    if way == "run":
        run(job(scripted, rows(3), output))
    elif way == "export":
        export_answers(Path(output), None, openai=False, in_order=True, overwrite=False)
    else:
        status_of(Path(output))
    assert not left.exists() and all(path.exists() for path in kept)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_kill_while_the_output_is_written_leaves_nothing_for_long(scripted: ScriptedServer) -> None:
    written("rows.jsonl", rows(5))
    program = (
        "import os, signal\nfrom aimlapi_batch import Job, output, run\n"
        "output.os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "run(Job('rows.jsonl', 'out.parquet', model='m', prompt='{text}', key='id', api_key='k', "
        f"base_url={scripted.url!r}))"
    )
    killed = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL and len(list(Path().glob(".out.parquet.*.new"))) == 1
    assert run(job(scripted, "rows.jsonl", "out.parquet")).asked == 0
    assert sorted(path.name for path in Path().iterdir()) == ["out.parquet", "out.parquet.job", "rows.jsonl"]


# -- answers for which there was no room -------------------------------------------------------------------------------


@pytest.mark.parametrize("is_full_beside", [False, True])
def test_answers_put_aside_are_for_the_user_only_and_are_taken_by_the_next_run(
    scripted: ScriptedServer, is_full_beside: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from aimlapi_batch import rescue

    beside, users = tmp_path / "beside", tmp_path / "users"
    if is_full_beside:
        beside.write_text("no folder")
    monkeypatch.setattr(rescue, "_folders", lambda _: (beside, users))
    given = job(scripted, rows(6), concurrency=2)
    with monkeypatch.context() as full:
        write = Store.write

        def fails(store: Store, run: int, found: Any, counters: Any) -> None:
            if len(scripted.asked) > 3:
                raise StoreError("no room")
            write(store, run, found, counters)

        full.setattr(Store, "write", fails)
        with pytest.raises(JobError, match=r"no room .* answers that came meanwhile are in "):
            run(given)
    asked = len(scripted.asked)
    (saved,) = (users if is_full_beside else beside).iterdir()
    if sys.platform != "win32":
        assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    summary = run(given)
    assert len(scripted.asked) - asked == summary.asked == 6 - asked
    assert len(answers()) == 6 and not saved.exists() and set(scripted.counts.values()) == {1}


# -- damaged stores ----------------------------------------------------------------------------------------------------

DAMAGED = {
    "no first page": lambda data: b"\0" * 4096 + data[4096:],
    "no header": lambda data: b"\xff" * 100 + data[100:],
    "cut": lambda data: data[: len(data) // 2],
    "cut, no first page": lambda data: b"\0" * 4096 + data[4096 : len(data) // 2],
}


@pytest.mark.parametrize("damage", DAMAGED)
@pytest.mark.parametrize("to", [None, "out.jsonl", "other.csv"])
def test_what_can_be_read_of_a_damaged_store_is_written_also_to_its_own_output(
    scripted: ScriptedServer, damage: str, to: str | None
) -> None:
    run(job(scripted, rows(120), concurrency=16))
    store, before = Path("out.jsonl.job"), Path("out.jsonl").read_bytes()
    store.write_bytes(DAMAGED[damage](store.read_bytes()))
    notes: list[str] = []
    count, lost = export(to, note=notes.append)
    assert lost and count >= (20 if "cut" in damage else 120)
    if to == "other.csv":
        assert Path("out.jsonl").read_bytes() == before
    else:
        assert Path("out.jsonl.bak").read_bytes() == before and len(answers()) == count
        assert notes == ["out.jsonl as it was is now out.jsonl.bak."]


@pytest.mark.parametrize("beginning", [b"", b"\0" * 4096, b"\0" * 200])
def test_answers_that_stand_in_the_log_alone_are_saved(scripted: ScriptedServer, beginning: bytes) -> None:
    """As after a kill and a damage: all of a small job is in the write-ahead log then."""

    def copied(summary: Any) -> None:
        if summary.answered == 10:
            shutil.copyfile("out.jsonl.job-wal", "log")

    run(job(scripted, rows(20), concurrency=1), on_progress=copied)
    Path("out.jsonl.job").write_bytes(beginning)
    shutil.copyfile("log", "out.jsonl.job-wal")
    assert export("saved.jsonl")[0] >= 10 and len(answers("saved.jsonl")) >= 10


def test_a_damaged_store_ends_every_command_with_one_code(scripted: ScriptedServer) -> None:
    from aimlapi_cli.app import run as command_line

    written("rows.jsonl", rows(3))
    command = ["batch", "run", "rows.jsonl", "-o", "out.jsonl", "--model", "m", "--prompt", "{text}"]
    connection = ["--base-url", scripted.url, "--api-key", "k"]
    assert command_line([*command, *connection]) == 0
    Path("out.jsonl.job").write_bytes(b"\xff" * 9000)
    codes = [
        command_line(["batch", *given])
        for given in (
            [*command[1:], *connection],
            ["status", "out.jsonl"],
            ["retry", "out.jsonl", *connection],
            ["export", "out.jsonl"],
            ["export", "out.jsonl", "-o", "other.jsonl"],
        )
    ]
    assert codes == [1] * 5


# -- links -------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_a_link_to_the_output_is_the_output(scripted: ScriptedServer) -> None:
    Path("store").mkdir()
    Path("link.jsonl").symlink_to(Path("store/out.jsonl"))
    run(job(scripted, rows(3), "store/out.jsonl"))
    assert run(job(scripted, rows(5), "link.jsonl")).asked == 2
    assert Path("link.jsonl").is_symlink() and len(answers("store/out.jsonl")) == 5
    assert status_of(Path("link.jsonl"))["answered"] == 5
    assert export_answers(Path("link.jsonl"), None, openai=False, in_order=True, overwrite=False) == (5, None)
    assert sorted(path.name for path in Path().iterdir()) == ["link.jsonl", "store"]
