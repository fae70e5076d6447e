"""What happens to the files and the network of a job while it runs: nothing that was paid for is lost by it."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aimlapi_batch import Job, JobError, JobStoppedError, Summary, calls, run
from aimlapi_batch.job import StoreError
from aimlapi_batch.status import status_of
from tests.batch.jobs import answers, rows
from tests.batch.scripted import ScriptedServer

posix = pytest.mark.skipif(sys.platform == "win32", reason="of POSIX: an open file can be deleted")


def job(server: ScriptedServer, source: Any, output: str | Path = "out.jsonl", **settings: Any) -> Job:
    given = {"model": "m", "prompt": "{text}", "key": "id", "base_url": server.url, "api_key": "k", **settings}
    return Job(source, output, concurrency=1, **given)


def after(count: int, deed: Callable[[], Any]) -> Callable[[Summary], None]:
    """Does something once, after so many answers."""
    seen: list[int] = []

    def progress(summary: Summary) -> None:
        seen.append(summary.answered)
        if len(seen) == count:
            deed()

    return progress


@posix
def test_a_store_that_is_deleted_meanwhile_is_written_anew(scripted: ScriptedServer) -> None:
    def delete() -> None:
        for path in Path().glob("out.jsonl.job*"):
            path.unlink()

    with pytest.warns(UserWarning, match="was deleted while the job ran: all answers stand in out.jsonl.job"):
        assert run(job(scripted, rows(9)), on_progress=after(3, delete)).answered == 9
    assert status_of(Path("out.jsonl"))["answered"] == 9
    assert run(job(scripted, rows(9))).asked == 0 and len(answers()) == 9
    assert sorted(path.name for path in Path().iterdir()) == ["out.jsonl", "out.jsonl.job"]


@posix
def test_a_folder_that_is_deleted_meanwhile(scripted: ScriptedServer) -> None:
    with pytest.warns(UserWarning, match="was deleted while the job ran"):
        run(
            job(scripted, rows(5), Path("deep/out.jsonl").absolute()),
            on_progress=after(2, lambda: shutil.rmtree("deep")),
        )
    assert len(answers("deep/out.jsonl")) == 5 and status_of(Path("deep/out.jsonl"))["answered"] == 5


@posix
def test_the_own_folder_that_is_deleted_meanwhile(
    scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    monkeypatch.setenv("HOME", str(state))
    inner = tmp_path / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)
    with pytest.warns(UserWarning, match="all answers stand in"), pytest.raises(StoreError, match="cannot be written"):
        run(job(scripted, rows(5)), on_progress=after(2, lambda: shutil.rmtree(inner)))
    os.chdir(tmp_path)
    [kept] = state.rglob("out.jsonl.job")
    assert status_of(kept)["answered"] == 5


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv"])
def test_what_a_user_writes_into_the_output_meanwhile_is_moved_aside(scripted: ScriptedServer, name: str) -> None:
    def edit() -> None:
        with Path(name).open("a") as file:
            file.write("my note\n")

    summary = run(job(scripted, rows(5), name), on_progress=after(2, edit))
    assert summary.answered == 5 and f"{name} was changed" in " ".join(summary.notes)
    assert "my note" in Path(f"{name}.bak").read_text() and "my note" not in Path(name).read_text()
    assert run(job(scripted, rows(5), name)).asked == 0 and not Path(f"{name}.2.bak").exists()


def test_a_job_that_is_refused_leaves_no_store_and_no_warning(scripted: ScriptedServer) -> None:
    Path("out.jsonl").write_text("the user's own")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(JobError, match="not of this job"):
            run(job(scripted, rows(2)))
    assert [path.name for path in Path().iterdir()] == ["out.jsonl"]


def test_an_output_that_is_deleted_meanwhile_is_written_at_the_end(scripted: ScriptedServer) -> None:
    if sys.platform != "win32":
        assert run(job(scripted, rows(5)), on_progress=after(2, Path("out.jsonl").unlink)).answered == 5
        assert len(answers()) == 5 and not Path("out.jsonl.bak").exists()


@pytest.mark.parametrize("row_retries", [0, 2])
def test_an_outage_in_the_midst_of_a_job_ends_it_and_its_rows_wait(
    scripted: ScriptedServer, row_retries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def quick(_: float) -> None:
        return

    monkeypatch.setattr(calls, "OUTAGE_SECONDS", 0.0)
    given = [{"id": n, "text": f"row {n}" if n < 10 else f"row {n} !503 "} for n in range(200)]
    settings: dict[str, Any] = {"client": {"sleep": quick, "max_retries": 0}, "row_retries": row_retries}
    with pytest.raises(JobStoppedError, match=r"last 20 rows failed alike.*190 rows wait") as stopped:
        run(job(scripted, given, **settings))
    summary = vars(stopped.value)["summary"]
    assert (summary.answered, summary.errors, summary.failures) == (10, 0, {}) and len(scripted.asked) == 30
    found = status_of(Path("out.jsonl"))
    assert (found["answered"], found["waiting"], found["failed"]) == (10, 190, 0)


def test_rows_that_fail_now_and_then_do_not_end_a_job(
    scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "OUTAGE_SECONDS", 0.0)
    given = [{"id": n, "text": f"row {n}" + (" !400 " if n % 20 else "")} for n in range(100)]
    summary = run(job(scripted, given))
    assert (summary.answered, summary.errors) == (5, 95)
