"""Jobs: every row answered once, whatever stops them; bad input is named before anything is asked."""

from __future__ import annotations

import asyncio
import csv
import gzip
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from aimlapi_batch import Job, run
from aimlapi_batch.limiter import Limiter
from aimlapi_emulator import EmulatorServer
from tests.batch.jobs import GPT, answers, job, rows, written

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
    names |= {"seconds", "error", "choices", "refusal", "finish_reason", "model", "tries"}
    assert all(row.keys() == names for row in found.values())
    assert (found["7"]["finish_reason"], found["7"]["tries"]) == ("stop", 1) and found["7"]["model"]


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


# -- on the terminal ---------------------------------------------------------------------------------------------------


def test_the_command(
    server: EmulatorServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from aimlapi_cli.app import run as run_command

    monkeypatch.setenv("AIMLAPI_API_BASE", server.base_url)
    monkeypatch.setenv("AIMLAPI_API_KEY", "k")
    written("rows.jsonl", rows(20))
    base = ["batch", "run", "rows.jsonl", "-o", "answers.jsonl", "--model", GPT, "--prompt", "{text}", "--key", "id"]

    def ran(*arguments: str) -> tuple[int, str, str]:
        code = run_command(arguments)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    code, _, err = ran(*base, "--dry-run")
    assert code == 0 and "20 rows" in err and "$" in err
    code, _, err = ran(*base, "--param", "temperature=0", "--concurrency", "4")
    assert code == 0 and "20 answered" in err
    code, _, err = ran(*base, "--param", "temperature=0")
    assert code == 0 and "20 before" in err
    code, out, _ = ran("batch", "status", "answers.jsonl", "--json")
    assert json.loads(out)["answered"] == 20
    code, _, err = ran(*base)
    assert code == 2 and "another `parameters`" in err and len(err.splitlines()) == 1
    assert ran("batch", "status", "nowhere.jsonl")[0] == 2
