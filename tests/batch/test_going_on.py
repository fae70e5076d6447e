"""A job that was stopped, killed or failed goes on where it was."""

from __future__ import annotations

import asyncio
import json
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from aimlapi_batch import JobError, Summary, arun, run
from aimlapi_batch.store import Store, store_path
from aimlapi_emulator import EmulatorServer
from tests.batch.jobs import answers, job, rows, written


def test_a_job_goes_on_where_it_was(server: EmulatorServer) -> None:
    given = written("rows.jsonl", rows(50))
    run(job(server, given, limit=20))
    before = len([r for r in server.requests if r.path.endswith("completions")])
    summary = run(job(server, given))
    assert (summary.already, summary.answered) == (20, 30)
    assert len([r for r in server.requests if r.path.endswith("completions")]) - before == 30
    assert Counter(row["key"] for row in answers()).most_common(1)[0][1] == 1


def test_a_torn_line_is_cut_off_and_asked_again(server: EmulatorServer) -> None:
    given = written("rows.jsonl", rows(10))
    run(job(server, given))
    data = Path("out.jsonl").read_bytes()
    Path("out.jsonl").write_bytes(data[:-20])
    assert run(job(server, given)).answered == 1
    assert len(answers()) == 10
    Path("out.jsonl").write_bytes(data + b'{"key": "1')  # half of a line that was never answered
    assert run(job(server, given)).answered == 0
    assert len(answers()) == 10


def test_a_changed_row_that_is_not_asked_keeps_its_answer(server: EmulatorServer) -> None:
    """A sample never removes an answer; and a row that is put back as it was is not paid for again."""

    def asked() -> int:
        return len([one for one in server.requests if one.path.endswith("completions")])

    given = rows(12)
    run(job(server, written("rows.jsonl", given)))
    first, before = {row["key"]: row["text"] for row in answers()}, asked()
    changed = [{**row, "text": f"{row['text']} Now."} for row in given]
    summary = run(job(server, written("rows.jsonl", changed), sample=4))
    assert asked() - before == 4 and len(answers()) == 12
    assert sum(row["text"] == first[row["key"]] for row in answers()) >= 8
    assert any("4 rows have changed" in note for note in summary.notes)
    run(job(server, written("rows.jsonl", given)))
    assert asked() - before == 8  # those of the sample alone


def test_other_settings_are_refused(server: EmulatorServer) -> None:
    run(job(server, rows(3)))
    with pytest.raises(JobError, match="another `prompt`"):
        run(job(server, rows(3), prompt="Say {text}"))
    with pytest.raises(JobError, match="another `model` and another `prompt`"):
        run(job(server, rows(3), prompt="Say {text}", model="gpt-4o-mini"))
    assert run(job(server, rows(4), prompt="Say {text}"), force=True).answered == 1
    Path("mine.jsonl").write_text("my own notes\n")
    with pytest.raises(JobError, match="exists and is not of this job"):
        run(job(server, rows(3), "mine.jsonl"))
    assert Path("mine.jsonl").read_text() == "my own notes\n"


def test_two_processes_on_one_output(server: EmulatorServer) -> None:
    store = Store(store_path(Path("out.jsonl")))
    program = f"from aimlapi_batch import Job, run; run(Job([{{'id': 1}}], 'out.jsonl', model='m', prompt='{{id}}', api_key='k', base_url={server.base_url!r}))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "Another process (pid" in ran.stderr
    store.close()
    assert run(job(server, rows(2))).answered == 2
    assert not list(Path().glob("out.jsonl.job?*"))  # one file beside the output


def test_rows_that_failed_are_asked_again_last_and_bounded(server: EmulatorServer) -> None:
    settings = {"headers": {"x-emulator-fault": "fault-500-html"}, "sleep": _no_sleep, "max_retries": 0}
    summary = run(job(server, rows(3), client=settings, row_retries=1))
    assert summary.errors == 3 and all(row["error"]["retryable"] for row in answers())
    assert run(job(server, rows(3))).answered == 3  # run again, they are asked again
    assert len(answers()) == 3 and not any(row["error"] for row in answers())


async def _no_sleep(_: float) -> None:
    await asyncio.sleep(0)


def test_a_budget_is_not_passed(server: EmulatorServer) -> None:
    summary = run(job(server, rows(200), budget_usd=0.006, parameters={"max_tokens": 20}))
    assert summary.stopped == "budget" and 0 < summary.cost_usd <= 0.006 and 0 < summary.answered < 200
    assert run(job(server, rows(200), parameters={"max_tokens": 20})).already == summary.answered


def test_what_is_under_way_is_finished_when_it_is_stopped(server: EmulatorServer) -> None:
    async def stopped() -> Summary:
        stop = asyncio.Event()
        return await arun(
            job(server, rows(500), concurrency=8),
            stop=stop,
            on_progress=lambda summary: stop.set() if summary.answered == 20 else None,
        )

    summary = asyncio.run(stopped())
    assert summary.stopped == "interrupted" and 20 <= summary.answered <= 40 and len(answers()) == summary.answered


LIMITED = """
import resource, sys
from aimlapi_batch import Job, run
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))  # no file grows over 150,000 bytes
run(Job("rows.jsonl", "out.jsonl", model="openai/gpt-4o", prompt="{text}", key="id", base_url=sys.argv[1], api_key="k"))
"""


def test_a_full_disk_is_said_and_harms_nothing(server: EmulatorServer) -> None:
    given = written("rows.jsonl", [{"id": n, "text": f"Say full {n}."} for n in range(400)])
    ran = subprocess.run([sys.executable, "-c", LIMITED, server.base_url], capture_output=True, text=True, check=False)
    said = re.search(r"out\.jsonl\.job cannot be written \(.*\)\. What stands in it is whole.*", ran.stderr)
    assert said and "Traceback" not in said[0]
    kept = {row["key"] for row in answers()}
    sent = [r.json["messages"][0]["content"] for r in server.requests if r.path.endswith("completions") and r.json]
    asked = {text for text in sent if str(text).startswith("Say full")}
    assert 0 < len(kept) < 400 and not list(Path().glob(".out.jsonl*.new"))
    aside = re.search(r"(\d+) answers that came meanwhile are in (\S+)\.jsonl", said[0])
    assert aside and int(aside[1]) == len(answers(f"{aside[2]}.jsonl"))
    assert len(asked) == len(kept) + int(aside[1])  # each answer is in one of both
    summary = run(job(server, given))
    assert summary.already == len(asked) and len(answers()) == 400 and not Path(f"{aside[2]}.jsonl").exists()
    sent = [r.json["messages"][0]["content"] for r in server.requests if r.path.endswith("completions") and r.json]
    assert sum(str(text).startswith("Say full") for text in sent) == 400  # none is paid for twice


# -- kills -------------------------------------------------------------------------------------------------------------

KILLED = """
import json, sys
from aimlapi_batch import Job, run
run(Job("rows.jsonl", "out.jsonl", model="openai/gpt-4o", prompt="{text}", key="id", concurrency=16,
        base_url=sys.argv[1], api_key="k"))
"""


def test_a_job_that_is_killed_again_and_again_answers_each_row_once(server: EmulatorServer) -> None:
    chance, count = random.Random(7), 3000
    written("rows.jsonl", [{"id": number, "text": f"Say k{number}."} for number in range(count)])
    answered: set[str] = set()
    kills = 0
    while len(answered) < count and kills < 12:
        process = subprocess.Popen([sys.executable, "-c", KILLED, server.base_url], stderr=subprocess.PIPE)
        until = len(answered) + chance.randrange(100, 700)
        while process.poll() is None and _lines() < until:
            time.sleep(0.002)  # looks how far it is
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
        data = Path("out.jsonl").read_bytes() if Path("out.jsonl").exists() else b""
        whole = {json.loads(line)["key"] for line in data.splitlines(keepends=True) if line.endswith(b"\n")}
        assert answered <= whole  # nothing that was written is lost
        answered = whole
    assert kills > 2
    asked_before = Counter(_asked(server))
    assert run(job(server, "rows.jsonl", concurrency=16)).errors == 0
    assert Counter(row["key"] for row in answers()) == Counter(str(n) for n in range(count))
    asked = Counter(_asked(server))
    for key in answered:
        assert asked[f"Say k{key}."] == asked_before[f"Say k{key}."]  # no finished row is asked again
    assert sum(asked.values()) <= count + kills * 16


def _lines() -> int:
    try:
        return Path("out.jsonl").read_bytes().count(b"\n")
    except OSError:
        return 0


def _asked(server: EmulatorServer) -> list[str]:
    said = [r.json["messages"][0]["content"] for r in server.requests if r.path.endswith("completions") and r.json]
    return [text for text in said if str(text).startswith("Say k")]
