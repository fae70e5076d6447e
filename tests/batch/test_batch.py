"""Jobs: every row answered once, whatever stops them; bad input is named before anything is asked."""

from __future__ import annotations

import asyncio
import csv
import gzip
import json
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from aimlapi_batch import Job, JobError, Summary, arun, run
from aimlapi_batch.limiter import Limiter
from aimlapi_batch.provider import read_status
from aimlapi_batch.store import Lock, beside
from aimlapi_emulator import EmulatorServer
from aimlapi_transport.errors import AuthenticationError

GPT, CLAUDE = "openai/gpt-4o", "anthropic/claude-sonnet-4.5"


@pytest.fixture(autouse=True)
def own_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def rows(count: int = 30, **more: Any) -> list[dict[str, Any]]:
    return [{"id": number, "text": f"What is {number} + 1?", **more} for number in range(count)]


def written(path: str, given: list[dict[str, Any]]) -> Path:
    Path(path).write_text("".join(json.dumps(row) + "\n" for row in given))
    return Path(path)


def job(server: EmulatorServer, source: Any, output: str = "out.jsonl", **settings: Any) -> Job:
    given = {"model": GPT, "prompt": "{text}", "key": "id", "base_url": server.base_url, "api_key": "k", **settings}
    return Job(source, output, **given)


def answers(path: str = "out.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


# -- in and out --------------------------------------------------------------------------------------------------------


def sources(given: list[dict[str, Any]]) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    lines = "".join(json.dumps(row) + "\n" for row in given).encode()
    Path("rows.jsonl").write_bytes(lines)
    Path("rows.jsonl.gz").write_bytes(gzip.compress(lines))
    with open("rows.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, given[0])
        writer.writeheader()
        writer.writerows(given)
    pq.write_table(pa.Table.from_pylist(given), "rows.parquet")
    names = ("rows.jsonl", "rows.jsonl.gz", "rows.csv", "rows.parquet")
    return {**{name: name for name in names}, "list": given, "iterator": iter(given)}


@pytest.mark.parametrize("kind", ["rows.jsonl", "rows.jsonl.gz", "rows.csv", "rows.parquet", "list", "iterator"])
def test_rows_come_from_every_kind_of_source(server: EmulatorServer, kind: str) -> None:
    summary = run(job(server, sources(rows())[kind], keep_order=True))
    assert (summary.answered, summary.errors) == (30, 0) and summary.cost_usd > 0
    found = {row["key"]: row for row in answers()}
    assert len(found) == 30 and found["7"]["text"] == "7 + 1 equals 8."
    if kind != "iterator":
        assert [row["key"] for row in answers()] == [str(number) for number in range(30)]
    names = {"key", "text", "parsed", "tool_calls", "embedding", "reasoning", "usage", "cost_usd", "request_id"}
    assert all(row.keys() == names | {"seconds", "error"} for row in found.values())


def test_answers_go_to_parquet(server: EmulatorServer) -> None:
    import pyarrow.parquet as pq

    run(job(server, rows(), "out.parquet"))
    table = pq.read_table("out.parquet")
    assert table.num_rows == 30 and set(table.column("key").to_pylist()) == {str(n) for n in range(30)}
    run(job(server, rows(70), "vectors.parquet", model="text-embedding-3-small", embeddings=True, texts_per_request=32))
    vectors = pq.read_table("vectors.parquet").column("embedding")
    assert len(vectors) == 70 and len(vectors[0]) == 1536 and str(vectors.type) == "list<element: float>"


def test_a_schema_gives_objects_and_says_where_there_is_none(server: EmulatorServer) -> None:
    schema = {
        "title": "Person",
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
    }
    given = [{"id": 1, "text": "Ann is 30 years old"}]
    run(job(server, given, schema=schema))
    assert answers()[0]["parsed"] == {"name": "Ann", "age": 30}
    run(job(server, given, "cut.jsonl", schema=schema, parameters={"max_tokens": 3}))
    assert answers("cut.jsonl")[0]["error"]["class"] == "SchemaError"


def test_messages_tools_and_instructions(server: EmulatorServer) -> None:
    tool = {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
    asked = [{"role": "user", "content": "What is the weather in Paris?"}]
    given = [{"id": 1, "chat": asked}, {"id": 2, "chat": json.dumps(asked)}, {"id": 3, "chat": "no list"}]
    run(job(server, given, prompt=None, messages="chat", system="Be brief.", parameters={"tools": [tool]}))
    found = {row["key"]: row for row in answers()}
    assert found["1"]["tool_calls"][0]["name"] == found["2"]["tool_calls"][0]["name"] == "get_weather"
    assert found["3"]["error"]["retryable"] is False
    sent = next(r for r in reversed(server.requests) if r.path.endswith("completions"))
    assert sent.json["messages"][0] == {"role": "system", "content": "Be brief."}


def test_runnables_of_both_frameworks(server: EmulatorServer) -> None:
    from langchain_core.prompts import ChatPromptTemplate
    from pydantic import BaseModel

    from langchain_aimlapi import ChatAIMLAPI
    from llama_index_aimlapi import AIMLAPI

    class Person(BaseModel):
        """A person."""

        name: str
        age: int

    model = ChatAIMLAPI(model=GPT, base_url=server.base_url, api_key="k")
    chain = ChatPromptTemplate.from_template("{text}") | model
    run(Job(rows(3), "chain.jsonl", runnable=chain, key="id"))
    assert {row["text"] for row in answers("chain.jsonl")} == {"0 + 1 equals 1.", "1 + 1 equals 2.", "2 + 1 equals 3."}
    assert answers("chain.jsonl")[0]["cost_usd"] > 0
    extract = model.with_structured_output(Person)
    run(Job([{"id": 1, "text": "Ann is 30 years old"}], "o.jsonl", runnable=extract, prompt="{text}", key="id"))
    assert answers("o.jsonl")[0]["parsed"] == {"name": "Ann", "age": 30}
    llm = AIMLAPI(model=GPT, api_base=server.base_url, api_key="k")
    run(Job(rows(3), "llm.jsonl", runnable=llm, prompt="{text}", key="id"))
    assert answers("llm.jsonl")[0]["text"].endswith(".") and answers("llm.jsonl")[0]["cost_usd"] > 0


def test_only_some_rows(server: EmulatorServer) -> None:
    given = written("rows.jsonl", rows(200))
    assert run(job(server, given, limit=5)).answered == 5
    run(job(server, given, "a.jsonl", sample=20))
    run(job(server, given, "b.jsonl", sample=20))
    picked = {row["key"] for row in answers("a.jsonl")}
    assert picked == {row["key"] for row in answers("b.jsonl")} and 5 <= len(picked) <= 45


def test_a_dry_run_asks_nothing(server: EmulatorServer) -> None:
    before = len([r for r in server.requests if r.path.endswith("completions")])
    summary = run(job(server, rows()), dry_run=True)
    assert summary.input_tokens > 0 and (summary.estimated_usd or 0) > 0
    assert (
        len([r for r in server.requests if r.path.endswith("completions")]) == before and not Path("out.jsonl").exists()
    )


# -- bad input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"prompt": "{texts}"}, "No row has a column `texts`: the columns are id, text"),
        ({"prompt": "{text"}, "is no template"),
        ({"prompt": "{}"}, "without a column"),
        ({"prompt": None}, "Pass either `prompt`"),
        ({"model": None}, "`model` is missing"),
        ({"key": "name"}, "it has nothing in its column `name`"),
        ({"output": "out.txt"}, "ends in .jsonl or .parquet"),
        ({"output": "/proc/nowhere/out.jsonl"}, "cannot be written"),
        ({"source": "nowhere.jsonl"}, "There is no file"),
        ({"source": "rows.xlsx"}, "no known kind"),
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
        ({"budget_usd": 1.0}, "no `budget_usd`"),
        ({"via": "provider", "model": "anthropic/claude-sonnet-4.5"}, "no provider's batches"),
        ({"source": [{"n": 1}]}, "a path that all workers see"),
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
    summary = run(job(server, iter([*rows(3), {"id": 1, "text": "again"}])))
    assert (summary.answered, summary.errors) == (3, 1)


def test_a_bad_line_stops_or_is_skipped(server: EmulatorServer) -> None:
    Path("rows.jsonl").write_text('{"id": 1, "text": "hi"}\n{"id": 2, \n[1]\n{"id": 4, "text": "hi"}\n')
    with pytest.raises(JobError, match=r"Row 2 of rows\.jsonl cannot be used: it is no JSON"):
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


# -- going on ----------------------------------------------------------------------------------------------------------


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


def test_other_settings_are_refused(server: EmulatorServer) -> None:
    run(job(server, rows(3)))
    with pytest.raises(JobError, match="another `prompt`"):
        run(job(server, rows(3), prompt="Say {text}"))
    with pytest.raises(JobError, match="another `model` and another `prompt`"):
        run(job(server, rows(3), prompt="Say {text}", model="gpt-4o-mini"))
    assert run(job(server, rows(4), prompt="Say {text}"), force=True).answered == 1
    Path("mine.jsonl").write_text("my own notes\n")
    with pytest.raises(JobError, match="exists, and is of no job"):
        run(job(server, rows(3), "mine.jsonl"))
    assert Path("mine.jsonl").read_text() == "my own notes\n"


def test_two_processes_on_one_output(server: EmulatorServer) -> None:
    lock = Lock(beside(Path("out.jsonl"), "lock"))
    program = f"from aimlapi_batch import Job, run; run(Job([{{'id': 1}}], 'out.jsonl', model='m', prompt='{{id}}', api_key='k', base_url={server.base_url!r}))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "Another process (pid" in ran.stderr
    lock.release()
    assert run(job(server, rows(2))).answered == 2


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
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))  # no file grows over 4,000 bytes
run(Job("rows.jsonl", "out.jsonl", model="openai/gpt-4o", prompt="{text}", key="id", base_url=sys.argv[1], api_key="k"))
"""


def test_a_full_disk_is_said_and_harms_nothing(server: EmulatorServer) -> None:
    given = written("rows.jsonl", rows(30))
    ran = subprocess.run([sys.executable, "-c", LIMITED, server.base_url], capture_output=True, text=True, check=False)
    assert re.search(r"out\.jsonl cannot be written: (File too large|no room).*What stands in it is whole", ran.stderr)
    kept = len(answers())
    assert 0 < kept < 30
    assert run(job(server, given)).already == kept and len(answers()) == 30


# -- as fast as the provider allows ------------------------------------------------------------------------------------


class Storm(BaseHTTPRequestHandler):
    """Answers at most four at a time, after a while; all others get 429."""

    protocol_version = "HTTP/1.1"
    under_way = 0
    most = 0
    refused = 0
    lock = threading.Lock()

    def log_message(self, *args: Any) -> None:
        return

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        kind = type(self)
        with kind.lock:
            is_taken = kind.under_way < 4
            kind.under_way += is_taken
            kind.most = max(kind.most, kind.under_way)
            kind.refused += not is_taken
        if is_taken:
            time.sleep(0.01)  # what an answer takes, not a wait of ours
        choice = {"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}
        body = json.dumps({"id": "1", "choices": [choice]} if is_taken else {"message": "Too Many Requests"}).encode()
        if is_taken:
            with kind.lock:
                kind.under_way -= 1
        self.send_response(200 if is_taken else 429)
        self.send_header("content-length", str(len(body)))
        self.send_header("retry-after", "0")
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def storm() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Storm)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()


def test_a_storm_of_429s_costs_no_row(storm: str) -> None:
    summary = run(Job(rows(200), "out.jsonl", model="m", prompt="{text}", key="id", base_url=storm, api_key="k"))
    assert (summary.answered, summary.errors) == (200, 0)
    assert Storm.refused > 0 and summary.concurrency < 64


def test_the_limiter_halves_and_grows() -> None:
    now = [0.0]

    async def lived() -> list[float]:
        limiter = Limiter(64, clock=lambda: now[0])
        seen = []
        for _ in range(3):
            limiter.refused(0)
        seen.append(limiter.limit)  # one storm is one
        now[0] = 2.0
        limiter.refused(0)
        seen.append(limiter.limit)
        for _ in range(100):
            await limiter.begin()
            await limiter.end(succeeded=True)
        seen.append(limiter.limit)
        return seen

    first, second, third = asyncio.run(lived())
    assert (first, second) == (32, 16) and 20 < third <= 64


# -- the provider's batches --------------------------------------------------------------------------------------------


async def _quick(_: float) -> None:
    await asyncio.sleep(0)


def test_a_job_through_the_provider_s_batches(server: EmulatorServer) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    chat = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is 6*7?"}, picture]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "42"},
    ]
    given = [
        {"id": 1, "chat": chat},
        *({"id": n, "chat": [{"role": "user", "content": f"Say {n}"}]} for n in range(2, 8)),
    ]
    settings = {"prompt": None, "messages": "chat", "model": CLAUDE, "via": "provider", "client": {"sleep": _quick}}
    summary = run(job(server, given, parameters={"tools": [tool], "max_tokens": 50}, keep_order=True, **settings))
    assert (summary.answered, summary.errors) == (7, 0)
    assert [row["key"] for row in answers()] == [str(n) for n in range(1, 8)]
    sent = next(r for r in server.requests if r.path == "/v1/batches" and r.method == "POST").json["requests"][0][
        "params"
    ]
    assert sent["system"] == "Be brief." and [m["role"] for m in sent["messages"]] == ["user", "assistant", "user"]
    assert sent["messages"][0]["content"][1]["type"] == "image" and sent["tools"][0]["input_schema"]
    assert sent["messages"][2]["content"][0] == {"type": "tool_result", "tool_use_id": "c", "content": "42"}


def test_rows_of_a_batch_that_expire_are_sent_again_and_errors_told(server: EmulatorServer) -> None:
    given = [{"id": n, "text": f"Say {n}"} for n in range(4)]
    given[1]["text"] += " fault-expired"
    given[2]["text"] += " fault-errored"
    summary = run(job(server, given, model=CLAUDE, via="provider", client={"sleep": _quick}))
    found = {row["key"]: row for row in answers()}
    assert (summary.answered, summary.errors) == (3, 1)
    assert found["1"]["error"] is None and "Spoilt" in found["2"]["error"]["message"]


def test_a_batch_is_not_paid_for_twice(server: EmulatorServer) -> None:
    """Stopped while it waits, a job goes on with the batch whose id it kept."""

    async def stopped() -> Summary:
        stop = asyncio.Event()
        given = job(server, rows(5), model=CLAUDE, via="provider", client={"sleep": _quick})
        return await arun(given, stop=stop, on_progress=lambda _: stop.set())

    before = len([r for r in server.requests if r.path == "/v1/batches" and r.method == "POST"])
    assert asyncio.run(stopped()).stopped == "interrupted"
    assert json.loads(Path("out.jsonl.manifest.json").read_text())["batches"]
    assert run(job(server, rows(5), model=CLAUDE, via="provider", client={"sleep": _quick})).answered == 5
    assert len([r for r in server.requests if r.path == "/v1/batches" and r.method == "POST"]) - before == 1


PAYLOADS = json.loads((Path(__file__).parents[1] / "transport" / "service_payloads.json").read_text())


@pytest.mark.parametrize("row", [r for r in PAYLOADS if r["kind"].startswith("batch")], ids=lambda row: row["name"])
def test_every_published_payload_of_batches_is_read(row: dict[str, Any]) -> None:
    for data in (json.dumps(row["body"]).encode(),):
        status, results = read_status(data)
        if row["kind"] == "batch-results":
            assert results and results[0]["result"]["type"] == "succeeded"
            lines = b"\n".join(json.dumps(one).encode() for one in row["body"])
            assert read_status(lines) == (status, results)
        else:
            assert status in ("in_progress", "generating", "canceling") and results == []


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


# -- on the terminal ---------------------------------------------------------------------------------------------------


def test_the_command(
    server: EmulatorServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from aimlapi_cli.app import app
    from aimlapi_cli.session import run as run_command

    monkeypatch.setenv("AIMLAPI_API_BASE", server.base_url)
    monkeypatch.setenv("AIMLAPI_API_KEY", "k")
    written("rows.jsonl", rows(20))
    base = ["batch", "run", "rows.jsonl", "-o", "answers.jsonl", "--model", GPT, "--prompt", "{text}", "--key", "id"]

    def ran(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["aimlapi", *arguments])
        code = run_command(app)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    code, _, err = ran(*base, "--dry-run")
    assert code == 0 and "20 rows" in err and "$" in err
    code, _, err = ran(*base, "--param", "temperature=0", "--concurrency", "4")
    assert code == 0 and "20 answered" in err
    code, _, err = ran(*base, "--param", "temperature=0")
    assert code == 0 and "20 before" in err
    code, out, _ = ran("batch", "status", "answers.jsonl", "--json")
    assert json.loads(out)[0]["answered"] == 20
    code, _, err = ran(*base)
    assert code == 2 and "another `parameters`" in err and len(err.splitlines()) == 1
    assert ran("batch", "status", "nowhere.jsonl")[0] == 2
