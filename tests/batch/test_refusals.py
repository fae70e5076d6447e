"""Jobs that make no sense, and rows that are wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from aimlapi_batch import Job, JobError, run
from aimlapi_emulator import EmulatorServer
from aimlapi_transport.errors import AuthenticationError
from tests.batch.jobs import answers, job, rows


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"prompt": "{texts}"}, "No row has a column `texts`: the columns are id, text"),
        ({"prompt": "{text"}, "is not a valid template"),
        ({"prompt": "{}"}, "without a column"),
        ({"prompt": None}, "Pass either `prompt`"),
        ({"model": None}, "`model` is missing"),
        ({"key": "name"}, "it has nothing in its column `name`"),
        ({"output": "out.txt"}, "ends in .jsonl or .parquet"),
        ({"output": "/proc/nowhere/out.jsonl"}, "cannot be written"),
        ({"source": "nowhere.jsonl"}, "There is no file"),
        ({"source": "rows.xlsx"}, "an unknown kind"),
        ({"via": "post"}, "`via` is 'post'"),
        ({"via": "provider"}, "take Claude's models only, and `model` is openai/gpt-4o"),
        ({"concurrency": 0}, "`concurrency` is 0"),
        ({"budget_usd": 0}, "`budget_usd` is 0"),
        ({"via": "provider", "model": "anthropic/claude-sonnet-4.5", "budget_usd": 1.0}, "no `budget_usd`"),
        ({"embeddings": True, "schema": {}}, "An embeddings job takes a `prompt`"),
        ({"runnable": object()}, "neither a LangChain runnable"),
    ],
)
def test_a_job_that_makes_no_sense_is_refused_before(
    server: EmulatorServer, settings: dict[str, Any], says: str
) -> None:
    before = len(server.requests)
    given = {"source": rows(), "output": "out.jsonl", **settings}
    with pytest.raises(JobError, match=says):
        run(job(server, given.pop("source"), given.pop("output"), **given))
    assert len(server.requests) == before


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"via": "provider", "model": "anthropic/claude-sonnet-4.5"}, "no provider's batches"),
        ({"prompt": None, "runnable": object()}, "no runnable"),
    ],
)
def test_what_ray_cannot_do_is_said_without_ray(settings: dict[str, Any], says: str) -> None:
    given = {"source": "rows.jsonl", "output": "out.jsonl", "model": "m", "prompt": "{n}", "key": "n", **settings}
    Path("rows.jsonl").write_text('{"n": 1}\n')
    with pytest.raises(JobError, match=says):
        run(Job(**given), on="auto")


def test_ray_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    Path("rows.jsonl").write_text('{"n": 1}\n')
    with pytest.raises(JobError, match=r"pip install 'aimlapi-integrations\[ray\]'"):
        run(Job("rows.jsonl", "out.jsonl", model="m", prompt="{n}", key="n"), on="auto")


def test_keys_that_are_there_twice_are_named(server: EmulatorServer) -> None:
    with pytest.raises(JobError, match=r"The key '3' is there twice, in rows 4 and 31"):
        run(job(server, [*rows(), {"id": 3, "text": "again"}]))
    with pytest.raises(JobError, match="pass `key`"):
        run(job(server, [{"text": "x"}, {"text": "x"}], key=None))
    with pytest.raises(JobError, match=r"The key '1' is there twice, in rows 2 and 4"):
        run(job(server, iter([*rows(3), {"id": 1, "text": "again"}])))
    assert not list(Path().glob("out.jsonl*"))  # nothing is left of what was not begun


def test_a_bad_line_stops_or_is_skipped(server: EmulatorServer) -> None:
    Path("rows.jsonl").write_text('{"id": 1, "text": "hi"}\n{"id": 2, \n[1]\n{"id": 4, "text": "hi"}\n')
    with pytest.raises(JobError, match=r"Row 2 of rows\.jsonl cannot be used: it is not JSON"):
        run(job(server, "rows.jsonl"))
    summary = run(job(server, "rows.jsonl", on_error="skip"))
    assert (summary.answered, summary.errors) == (2, 2)
    assert {row["key"] for row in answers() if row["error"]} == {"line-2", "line-3"}


def test_a_row_that_is_wrong_is_wrong_alone(server: EmulatorServer) -> None:
    given = [*rows(3), {"id": 9, "other": "no text"}]
    summary = run(job(server, given))
    assert (summary.answered, summary.errors) == (3, 1)
    assert "`text`" in next(row for row in answers() if row["key"] == "9")["error"]["message"].replace("'", "`")


def test_a_key_that_is_refused_ends_the_job(server: EmulatorServer) -> None:
    refused = {"headers": {"x-emulator-fault": "fault-401"}}
    with pytest.raises(AuthenticationError):
        run(job(server, rows(200), client=refused))
    assert len(answers()) < 200
