"""Rows come from everything that holds some; what is wrong with them is named with its line before anything is asked."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aimlapi_batch import Job, JobError, run
from tests.batch.jobs import answers, rows, written
from tests.batch.scripted import ScriptedServer


def job(server: ScriptedServer, source: Any, output: str = "out.jsonl", **settings: Any) -> Job:
    given = {"model": "m", "prompt": "{text}", "key": "id", "base_url": server.url, "api_key": "k", **settings}
    return Job(source, output, **given)


class Frame:
    """As pandas has one: `iloc`, `to_dict`, and NaN for what is missing."""

    def __init__(self, given: list[dict[str, Any]]) -> None:
        self._rows = given
        self.iloc = self

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, part: slice) -> Frame:
        return Frame(self._rows[part])

    def to_dict(self, form: str) -> list[dict[str, Any]]:
        assert form == "records"
        return self._rows


class Polars:
    """As Polars has one."""

    def __init__(self, given: list[dict[str, Any]]) -> None:
        self._rows = given

    def iter_rows(self, *, named: bool) -> Any:
        assert named
        return iter(self._rows)


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow", "generator"])
def test_tables_and_iterables(scripted: ScriptedServer, kind: str) -> None:
    import pyarrow as pa

    given = rows(600)
    sources = {"pandas": Frame, "polars": Polars, "arrow": pa.Table.from_pylist, "generator": iter}
    assert run(job(scripted, sources[kind](given))).answered == 600
    assert [row["key"] for row in answers()] == [str(n) for n in range(600)]


@pytest.mark.parametrize(
    ("data", "settings", "notes"),
    [
        (b"id;text\n1;a,b\n2;c\n", {}, ["separated by ';'"]),
        (b"id\ttext\n1\ta,b\n2\tc\n", {}, ["separated by '\\t'"]),
        (b"id|text\n1|a,b\n2|c\n", {"delimiter": "|"}, []),
        ("id,text\n1,é\n2,c\n".encode("cp1252"), {}, ["read as cp1252"]),
        ("id,text\n1,é\n2,c\n".encode("utf-16"), {}, ["read as utf-16"]),
        ("id,text\n1,é\n2,c\n".encode("latin-1"), {"encoding": "latin-1"}, []),
        ("id,text\n1,é\n2,c\n".encode("utf-8-sig"), {}, []),
        (b'id,text\n1,"a\nb"\n\n2,c\n', {}, []),
    ],
)
def test_the_form_of_csv_is_looked_for_and_named(
    scripted: ScriptedServer, data: bytes, settings: dict[str, Any], notes: list[str]
) -> None:
    Path("rows.csv").write_bytes(data)
    summary = run(job(scripted, "rows.csv", concurrency=1, **settings))
    assert summary.answered == 2 and len(summary.notes) == len(notes)
    assert all(note in summary.notes[at] for at, note in enumerate(notes))
    assert scripted.asked in (["a,b", "c"], ["é", "c"], ["a\nb", "c"])


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.csv", b'id,text\n1,a\n2,"b\n3,c\n', "a quote that is opened in line 3 and never closed"),
        ("a.csv", b"id,text,id\n1,a,2\n", "names the column 'id' twice"),
        ("a.csv", b"id,text\n1,a,b\n", "Row 2 of a.csv cannot be used: it has 3 fields"),
        (
            "a.csv",
            b"id,text\n" + b"".join(b"%d,a\n" % n for n in range(20000)) + b"x,\xff\n",
            "is not valid utf-8-sig near line",
        ),
        ("a.jsonl", b'{"id": 1}\n{"id": 1', r"Row 2 of a\.jsonl cannot be used: it is not JSON"),
        ("a.jsonl.gz", b"\x1f\x8b\x08\x00", "cannot be read"),
        ("a.parquet", b"PAR1" + bytes(100), r"a\.parquet is not a complete Parquet file"),
        ("a.parquet", b"", r"a\.parquet is not a complete Parquet file"),
    ],
)
def test_a_file_that_is_wrong_is_a_sentence(scripted: ScriptedServer, name: str, data: bytes, says: str) -> None:
    Path(name).write_bytes(data)
    with pytest.raises(JobError, match=says):
        run(job(scripted, name, prompt="{id}"))
    assert not scripted.asked and [path.name for path in Path().iterdir()] == [name]


@pytest.mark.parametrize("data", [b'{"id": 1, "text": "a"}\n', b"id,text\n1,a\n", b"\xef\xbb\xbfid;text\n1;a\n"])
def test_the_standard_input(scripted: ScriptedServer, data: bytes) -> None:
    program = (
        "from aimlapi_batch import Job, run; run(Job('-', 'out.jsonl', model='m', prompt='{text}', key='id', api_key='k',"
        f" base_url={scripted.url!r}))"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", program], input=data, check=True)
    assert answers()[0]["key"] == "1" and scripted.asked == ["a"]


def test_null_keys_of_messages_in_parquet_are_left_out(scripted: ScriptedServer) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    chat: list[dict[str, Any]] = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "42", "tool_call_id": "c"},
    ]
    pq.write_table(pa.Table.from_pylist([{"id": 1, "chat": chat}]), "rows.parquet")
    run(job(scripted, "rows.parquet", prompt=None, messages="chat"))
    sent = scripted.bodies[0]["messages"]
    assert sent[0] == {"role": "user", "content": "hi"} and sent[2]["content"] == "42"
    assert sent[1]["tool_calls"][0]["id"] == "c" and "tool_call_id" not in sent[1]


def test_openai_s_batch_format_in_and_out(scripted: ScriptedServer) -> None:
    def line(number: int, **more: Any) -> dict[str, Any]:
        body = {"model": f"m{number}", "messages": [{"role": "user", "content": f"hi {number}"}], **more}
        return {"custom_id": f"c{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}

    given = written("in.jsonl", [line(1, temperature=0.5), line(2), line(3) | {"body": {"model": "m"}}])
    run(Job(given, "out.jsonl", base_url=scripted.url, api_key="k"))
    assert {body["model"] for body in scripted.bodies} == {"m1", "m2"}
    assert next(body for body in scripted.bodies if body["model"] == "m1")["temperature"] == 0.5
    first, _, third = answers()
    assert first["custom_id"] == "c1" and first["response"]["status_code"] == 200 and first["error"] is None
    body = first["response"]["body"]
    assert body["choices"][0]["message"]["content"] == "echo hi 1" and body["usage"]["total_tokens"] == 15
    assert third["response"] is None and third["error"]["code"] == "RowError"
    assert run(Job(given, "out.jsonl", base_url=scripted.url, api_key="k")).asked == 0
    run(Job(given, "rows.jsonl", base_url=scripted.url, api_key="k", output_format="rows"))
    assert answers("rows.jsonl")[0]["key"] == "c1"
    run(job(scripted, rows(1), "as_openai.jsonl", output_format="openai"))
    assert answers("as_openai.jsonl")[0]["custom_id"] == "0"
    with pytest.raises(JobError, match="Pass either `prompt`"):
        run(job(scripted, rows(1), "none.jsonl", prompt=None))


def test_nulls_and_objects_in_a_template(scripted: ScriptedServer) -> None:
    given = [
        {"id": 1, "text": None},
        {"id": 2, "text": float("nan")},
        {"id": 3, "text": {"a": [1, "é"]}},
        {"id": 4, "text": ["x"]},
        {"id": 5, "text": ""},
    ]
    summary = run(job(scripted, given, prompt="<{text}>"))
    assert summary.errors == 2 and "its column `text` is null" in answers()[0]["error"]["message"]
    assert sorted(scripted.asked) == ["<>", '<["x"]>', '<{"a":[1,"é"]}>']
    run(job(scripted, given, prompt="<{text}>", null="none"))
    assert scripted.counts["<none>"] == 2
    written("nested.jsonl", [{"id": 1, "text": {"name": None}}, {"id": 2, "text": "no object"}])
    summary = run(job(scripted, "nested.jsonl", "nested.out.jsonl", prompt="{text[name]}"))
    assert summary.errors == 2 and "does not fit" in answers("nested.out.jsonl")[1]["error"]["message"]


def test_keys_are_a_column_several_or_the_line(scripted: ScriptedServer) -> None:
    given = written("rows.jsonl", [{"a": 1, "b": "x", "text": "1"}, {"a": 1, "b": "y", "text": "2"}])
    given.write_text("\n" + given.read_text())
    run(job(scripted, given, "line.jsonl", key="line"))
    assert [row["key"] for row in answers("line.jsonl")] == ["2", "3"]
    for at, key in enumerate((["a", "b"], "a,b", "a, b")):
        run(job(scripted, given, f"{at}.jsonl", key=key))
        assert [row["key"] for row in answers(f"{at}.jsonl")] == ['["1", "x"]', '["1", "y"]']
    with pytest.raises(JobError, match=r"The key '1' is there twice, in rows 2 and 3"):
        run(job(scripted, given, "twice.jsonl", key="a"))
    given.write_text('{"line": "mine", "text": "1"}\n')
    run(job(scripted, given, "column.jsonl", key="line"))
    assert answers("column.jsonl")[0]["key"] == "mine"


@pytest.mark.parametrize("count", [1, 7, 199, 200, 500])
def test_a_sample_is_exactly_so_many_the_same_for_a_seed(scripted: ScriptedServer, count: int) -> None:
    given = written("rows.jsonl", rows(200))
    expected = min(count, 200)
    found = []
    for output, seed in (("a.jsonl", 0), ("b.jsonl", 0), ("c.jsonl", 1)):
        assert run(job(scripted, given, output, sample=count, seed=seed)).answered == expected
        found.append({row["key"] for row in answers(output)})
    assert found[0] == found[1] and len(found[0]) == expected and (found[0] != found[2] or expected == 200)


def test_a_dry_run_counts_what_is_done_and_says_what_it_assumed(scripted: ScriptedServer) -> None:
    given = written("rows.jsonl", rows(40))
    first = run(job(scripted, given, parameters={"max_tokens": 7}), dry_run=True)
    assert (
        first.estimated_usd is None and "7 tokens, its limit" in str(first.assumed) and "no price" in str(first.assumed)
    )
    assert not scripted.asked and not Path("out.jsonl.job").exists()
    calibrated = run(job(scripted, given), dry_run=True, calibrate=5)
    assert (calibrated.already, calibrated.left, calibrated.total) == (5, 35, 40) and len(scripted.asked) == 5
    assert calibrated.estimated_usd == pytest.approx(0.35) and "5 answers so far" in str(calibrated.assumed)
    assert run(job(scripted, given)).already == 5  # they are kept
    assert run(job(scripted, given), dry_run=True).already == 40


def test_a_standard_input_that_is_a_stream_of_python(scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(b'{"id": 1, "text": "a"}\n'))))  # type: ignore[arg-type]  # BytesIO is a raw stream, too
    assert run(job(scripted, "-")).answered == 1 and json.loads(Path("out.jsonl").read_text())["key"] == "1"


@pytest.mark.parametrize("kind", ["dicts", "pandas", "parquet"])
def test_a_key_that_is_an_object_or_a_list_is_json(scripted: ScriptedServer, kind: str) -> None:
    given: Any = [{"id": {"b": [1, None], "a": "é"}, "text": "a"}, {"id": {"b": [2, 3], "a": "y"}, "text": "b"}]
    if kind == "pandas":
        pandas = pytest.importorskip("pandas")
        given = pandas.DataFrame(given)
    elif kind == "parquet":
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        pq.write_table(pa.Table.from_pylist(given), "rows.parquet")
        given = "rows.parquet"
    run(job(scripted, given))
    assert [row["key"] for row in answers()] == ['{"a": "é", "b": [1, null]}', '{"a": "y", "b": [2, 3]}']
    run(job(scripted, [{"id": [1, "x"], "text": "a"}, {"id": (True, 2.5), "text": "b"}], "lists.jsonl"))
    assert [row["key"] for row in answers("lists.jsonl")] == ['[1, "x"]', "[true, 2.5]"]
