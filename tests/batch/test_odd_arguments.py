"""What a careless user passes: pipes, odd files, huge numbers, impossible parameters. Each is a sentence, or works."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from aimlapi_batch import Job, JobError, run
from aimlapi_batch.export import export_answers
from aimlapi_batch.lock import Lock
from aimlapi_batch.progress import figures
from aimlapi_batch.status import status_of
from aimlapi_batch.store import Store, store_path
from aimlapi_batch.store_rows import DueRow, next_chunk
from aimlapi_batch.summary import Summary
from aimlapi_cli.app import run as command_line
from aimlapi_transport.errors import AIMLAPIError
from tests.batch.jobs import answers, rows, written
from tests.batch.scripted import ScriptedServer

posix = pytest.mark.skipif(sys.platform == "win32", reason="of POSIX")


def job(server: ScriptedServer, source: Any, output: str = "out.jsonl", **settings: Any) -> Job:
    given = {"model": "m", "prompt": "{text}", "key": "id", "base_url": server.url, "api_key": "k", **settings}
    return Job(source, output, **given)


# -- sources -----------------------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("name", ["pipe", "pipe.jsonl"])
def test_rows_come_from_a_pipe_and_its_name_does_not_belong_to_the_job(scripted: ScriptedServer, name: str) -> None:
    lines = written("rows.jsonl", rows(3)).read_bytes()
    for expected in (3, 0):
        os.mkfifo(name)
        writer = threading.Thread(target=Path(name).write_bytes, args=(lines,))
        writer.start()
        assert run(job(scripted, name)).asked == expected
        writer.join()
        os.unlink(name)
        name = f"other-{name}"


@posix
def test_rows_come_from_a_process_substitution(scripted: ScriptedServer) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"id,text\n1,a\n2,b\n")
    os.close(writing)
    summary = run(job(scripted, f"/dev/fd/{reading}"))
    os.close(reading)
    assert summary.answered == 2 and "is read as CSV" in " ".join(summary.notes)


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (b"", 0),
        (b"\n \r\n\t\n", 0),
        (b"\xef\xbb\xbf", 0),
        (b"\xef\xbb\xbf\r\n", 0),
        (b'\xef\xbb\xbf{"id":1,"text":"a"}\r\n\r\n{"id":2,"text":"b"}', 2),
        ('{"id":1,"text":"ü"}\n{"id":2,"text":"b"}\n'.encode("utf-16"), 2),
    ],
)
def test_json_lines_of_any_ending_and_mark(scripted: ScriptedServer, data: bytes, count: int) -> None:
    Path("rows.jsonl").write_bytes(data)
    summary = run(job(scripted, "rows.jsonl"))
    assert summary.answered == len(answers()) == count
    assert ("There is no row in rows.jsonl." in summary.notes) is (count == 0)


def test_blank_lines_of_csv_are_no_rows(scripted: ScriptedServer) -> None:
    Path("rows.csv").write_bytes(b"id,text\r\n1,a\r\n   \r\n\r\n2,b\r\n  ")
    assert run(job(scripted, "rows.csv")).answered == 2


def test_rows_without_a_key_are_errors_of_their_own_also_where_all_are(scripted: ScriptedServer) -> None:
    given = [{"id": None, "text": "a"}, {"text": "b"}]
    assert run(job(scripted, given, on_error="skip")).errors == 2
    assert [row["key"] for row in answers()] == ["line-1", "line-2"]


def test_answered_rows_that_the_source_has_no_more_stay_and_are_mentioned(scripted: ScriptedServer) -> None:
    run(job(scripted, rows(4)))
    summary = run(job(scripted, rows(3)))
    assert summary.asked == 0 and len(answers()) == 4
    assert "1 answered rows are not in the input any more" in " ".join(summary.notes)
    assert not run(job(scripted, rows(4), limit=2)).notes


def test_a_few_long_rows_are_in_memory_at_a_time() -> None:
    long = (DueRow(n, n, str(n), 0, b"x" * 5_000_000, None) for n in range(100))
    assert [len(next_chunk(long)) for _ in range(3)] == [2, 2, 2]
    short = (DueRow(n, n, str(n), 0, b"x", None) for n in range(100))
    assert len(next_chunk(short)) == 100


def test_long_rows_are_all_asked(scripted: ScriptedServer) -> None:
    given = [{"id": n, "text": f"{n}" + "x" * 3_000_000} for n in range(9)]
    assert run(job(scripted, given, concurrency=2)).answered == 9 == len(answers())


@pytest.mark.parametrize("source", [iter(rows(3)), "-"])
def test_what_can_be_read_once_is_not_calibrated(scripted: ScriptedServer, source: Any) -> None:
    with pytest.raises(JobError, match="reads the rows twice"):
        run(job(scripted, source), dry_run=True, calibrate=1)


# -- numbers and parameters --------------------------------------------------------------------------------------------


def test_huge_numbers_take_no_longer(scripted: ScriptedServer) -> None:
    given = job(scripted, rows(3), concurrency=10**7, row_retries=10**20, limit=10**30, sample=10**30)
    assert run(given).answered == 3


@pytest.mark.parametrize(
    "settings",
    [
        {"parameters": {"temperature": "hot"}},
        {"parameters": {"max_tokens": -1}},
        {"parameters": {"n": 0}},
        {"parameters": {"tools": 5}},
        {"via": "provider", "model": "anthropic/claude-sonnet-4.5", "parameters": {"logit_bias": {"1": 1}}},
    ],
)
def test_a_parameter_that_no_request_takes_is_refused_before_the_first_row(
    scripted: ScriptedServer, settings: dict[str, Any]
) -> None:
    with pytest.raises(AIMLAPIError, match=next(iter(settings["parameters"]))):
        run(job(scripted, rows(3), **{"model": "openai/gpt-4o", **settings}))
    assert not scripted.asked and not store_path(Path("out.jsonl")).exists()


def test_a_template_that_no_memory_holds_is_an_error_of_its_row(scripted: ScriptedServer) -> None:
    assert run(job(scripted, rows(2), prompt="{text:>999999999999999}")).failures["RowError"][0] == 2


def test_no_time_left_is_shown_before_there_is_a_rate() -> None:
    assert "left" not in figures(Summary(total=10))


# -- stores ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [".", "/", ""])
def test_a_path_that_is_no_file_is_a_sentence(path: str) -> None:
    with pytest.raises(JobError, match="not the output of a job"):
        status_of(Path(path))
    with pytest.raises(JobError, match="not the output of a job"):
        export_answers(Path(path), Path("x.csv"), openai=False, in_order=True, overwrite=False)


def test_a_folder_in_place_of_the_store_is_a_sentence(scripted: ScriptedServer) -> None:
    Path("out.jsonl.job").mkdir()
    with pytest.raises(JobError, match="is a folder"):
        run(job(scripted, rows(1)))
    with pytest.raises(JobError, match="is a folder"):
        status_of(Path("out.jsonl"))
    assert Path("out.jsonl.job").is_dir() and not scripted.asked


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_second_writer_is_refused_with_the_pid_of_the_first(scripted: ScriptedServer, overwrite: bool) -> None:
    run(job(scripted, rows(1)))
    first = Lock(Path("out.jsonl.job"))
    try:
        with pytest.raises(JobError, match=rf"Another process \(pid {os.getpid()}\) works on"):
            run(job(scripted, rows(1)), overwrite=overwrite)
        assert status_of(Path("out.jsonl"))["running"]
    finally:
        first.release()
    assert sorted(path.name for path in Path().iterdir()) == ["out.jsonl", "out.jsonl.job"]


@posix
def test_a_store_is_read_where_nothing_can_be_written(scripted: ScriptedServer) -> None:
    """SQLite wants to write beside a store with a log. A limit of 20 KB stands for a folder that takes none."""
    run(job(scripted, rows(3)))
    program = (
        "import resource, signal\nfrom pathlib import Path\nfrom aimlapi_batch.status import status_of\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nprint(status_of(Path('out.jsonl'))['answered'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "3", done.stderr


def test_a_store_with_a_log_is_read_from_a_copy_where_nothing_can_be_written(
    scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(job(scripted, rows(3)))
    store = Store(Path("out.jsonl.job"))
    store.put(note="in the log")
    for ending in ("", "-wal"):
        shutil.copy(f"out.jsonl.job{ending}", f"copy.jsonl.job{ending}")
    store.close()
    connect = sqlite3.connect

    def refused(path: Any, **settings: Any) -> Any:
        if Path(path) == Path("copy.jsonl.job"):
            path = Path("no-folder", path)
        return connect(path, **settings)

    monkeypatch.setattr(sqlite3, "connect", refused)
    copy = Store(Path("copy.jsonl.job"), is_writer=False)
    assert copy.get("note") == "in the log" and copy.count()[1] == 3
    copy.close()


# -- signals -----------------------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_terminal_that_is_closed_ends_a_job_as_ctrl_c_does(scripted: ScriptedServer, name: str) -> None:
    written("rows.jsonl", rows(20))
    scripted.gate.clear()
    given = ["rows.jsonl", "-o", "out.jsonl", "--model", "m", "--prompt", "{text}", "--key", "id", "--concurrency", "4"]
    program = f"import sys\nfrom aimlapi_cli.app import run\nsys.exit(run({['batch', 'run', *given]!r}))"
    environment = {**os.environ, "AIMLAPI_API_BASE": scripted.url, "AIMLAPI_API_KEY": "k"}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, stderr=subprocess.PIPE) as process:
        scripted.wait_for(4)
        process.send_signal(getattr(signal, name))
        assert process.stderr is not None
        while b"Finishing" not in process.stderr.readline():
            assert process.poll() is None
        scripted.gate.set()
        assert process.wait() == 130
    assert len(answers()) == 4 == len(scripted.asked)


@posix
def test_a_signal_that_is_ignored_stays_so(scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of `nohup aimlapi batch run`."""
    monkeypatch.setenv("AIMLAPI_API_BASE", scripted.url)
    monkeypatch.setenv("AIMLAPI_API_KEY", "k")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        reply = scripted.reply

        def hung_up(text: str, body: dict[str, Any]) -> tuple[int, Any]:
            os.kill(os.getpid(), signal.SIGHUP)
            return reply(text, body)

        monkeypatch.setattr(scripted, "reply", hung_up)
        written("rows.jsonl", rows(3))
        given = ["rows.jsonl", "-o", "out.jsonl", "--model", "m", "--prompt", "{text}", "--key", "id"]
        assert command_line(["batch", "run", *given]) == 0 and len(answers()) == 3
    finally:
        signal.signal(signal.SIGHUP, before)
