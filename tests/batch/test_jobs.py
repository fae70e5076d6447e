"""What a job is, when it stops by itself, what it may spend, and what its answers tell."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aimlapi_batch import Job, JobError, Summary, arun, run
from aimlapi_batch.job import JobStoppedError
from aimlapi_batch.status import job_of, status_of
from aimlapi_transport.errors import (
    AIMLAPIError,
    AuthenticationError,
    InsufficientCreditsError,
    NotFoundError,
    QuotaExceededError,
)
from tests.batch.jobs import answers, rows, written
from tests.batch.scripted import ScriptedServer


def job(server: ScriptedServer, source: Any, output: str = "out.jsonl", **settings: Any) -> Job:
    given = {"model": "m", "prompt": "{text}", "key": "id", "base_url": server.url, "api_key": "k", **settings}
    return Job(source, output, **given)


def texts(*given: str) -> list[dict[str, Any]]:
    return [{"id": number, "text": text} for number, text in enumerate(given)]


async def no_sleep(_: float) -> None:
    await asyncio.sleep(0)


QUICK = {"client": {"sleep": no_sleep}}

# -- the same job ------------------------------------------------------------------------------------------------------


def test_a_row_that_changed_is_asked_again_and_says_so(scripted: ScriptedServer) -> None:
    run(job(scripted, texts("a", "b", "c")))
    summary = run(job(scripted, texts("a", "B", "c")))
    assert (summary.changed, summary.answered, summary.already) == (1, 1, 2) and "1 row" in summary.notes[0]
    assert [row["text"] for row in answers()] == ["echo a", "echo B", "echo c"]
    assert run(job(scripted, [*reversed(texts("a", "B", "c"))])).asked == 0
    assert [row["key"] for row in answers()] == ["2", "1", "0"]


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"base_url": "http://127.0.0.1:1/v1"}, "base_url"),
        ({"model": "n"}, "model"),
        ({"parameters": {"temperature": 0}}, "parameters"),
        ({"schema": {"type": "object"}}, "schema"),
        ({"system": "Be brief."}, "system"),
        ({"key": ["id"]}, "key"),
    ],
)
def test_another_address_or_model_or_parameter_is_another_job(
    scripted: ScriptedServer, settings: dict[str, Any], name: str
) -> None:
    run(job(scripted, texts("a")))
    with pytest.raises(JobError, match=f"another `{name}`"):
        run(job(scripted, texts("a"), **settings))


def test_one_file_by_two_names_is_the_same_and_another_file_is_not(scripted: ScriptedServer) -> None:
    given = written("rows.jsonl", texts("a", "b"))
    run(job(scripted, given))
    for name in ("./rows.jsonl", given.resolve(), str(given.resolve())):
        assert run(job(scripted, name)).asked == 0
    other = written("others.jsonl", texts("a", "b"))
    with pytest.raises(JobError, match="another `source`"):
        run(job(scripted, other))
    given.unlink()
    assert run(job(scripted, other)).asked == 0  # the file was renamed


def test_a_runnable_is_its_model_and_its_parameters(scripted: ScriptedServer) -> None:
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.runnables import RunnableLambda

    from langchain_aimlapi import ChatAIMLAPI
    from llama_index_aimlapi import AIMLAPI

    def chain(**settings: Any) -> Any:
        given = {"model": "m", "base_url": scripted.url, "api_key": "k", **settings}
        return ChatPromptTemplate.from_template("{text}") | ChatAIMLAPI(**given)

    def llm(**settings: Any) -> Any:
        return AIMLAPI(**{"model": "m", "api_base": scripted.url, "api_key": "k", **settings})

    for make in (chain, llm):
        output, prompt = f"{make.__name__}.jsonl", None if make is chain else "{text}"
        run(Job(texts("a"), output, runnable=make(), prompt=prompt, key="id"))
        assert run(Job(texts("a"), output, runnable=make(api_key="another"), prompt=prompt, key="id")).asked == 0
        for other in (make(model="n"), make(temperature=0.5), RunnableLambda(lambda row: "x")):
            with pytest.raises(JobError, match="another `runnable`"):
                run(Job(texts("a"), output, runnable=other, prompt=prompt, key="id"))
        assert "another" not in Path(f"{output}.job").read_bytes().decode("latin-1").replace("another `", "")


# -- what is asked again -----------------------------------------------------------------------------------------------


def test_a_new_run_asks_again_for_what_the_model_did_not_answer(scripted: ScriptedServer) -> None:
    given = texts("ok", "!400", "!404", "late")
    scripted.flaky["late"] = [503] * 9
    assert run(job(scripted, given, row_retries=0, concurrency=1, **QUICK)).errors == 3
    assert {row["key"]: row["error"]["retryable"] for row in answers() if row["error"]} == {
        "1": False,
        "2": True,
        "3": True,
    }
    scripted.flaky.clear()
    before = len(scripted.asked)
    with pytest.raises(NotFoundError):
        run(job(scripted, given, concurrency=1, **QUICK))
    assert "!400" not in scripted.asked[before:]
    assert run(job(scripted, [given[0], given[1], {"id": 2, "text": "mended"}, given[3]])).answered == 2
    assert run(job(scripted, given[:2], retry_errors=["InvalidRequestError"])).errors == 1
    before = len(scripted.asked)
    run(job(scripted, given[:2], retry_errors=True))
    assert scripted.asked[before:] == ["!400"]


def test_retry_asks_again_from_the_store_alone(scripted: ScriptedServer) -> None:
    given = written("rows.jsonl", texts("ok", "late", "!400"))
    scripted.flaky["late"] = [503] * 3
    run(job(scripted, given, row_retries=0, parameters={"temperature": 0.5}, system="Be brief.", **QUICK))
    given.unlink()
    summary = run(job_of(Path("out.jsonl"), api_key="k", retry_errors=["ServerError"]))
    assert (summary.answered, summary.already) == (1, 2)
    assert scripted.bodies[-1]["temperature"] == 0.5 and scripted.bodies[-1]["messages"][0]["content"] == "Be brief."
    with pytest.raises(JobError, match="not the output of a job"):
        job_of(Path("nowhere.jsonl"))


# -- it stops by itself ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (401, AuthenticationError, "pass a key"),
        (402, InsufficientCreditsError, "top up"),
        (403, AIMLAPIError, "what the key may do"),
        (404, NotFoundError, "aimlapi models"),
    ],
)
def test_it_stops_where_no_row_can_be_answered_and_the_rows_wait(
    scripted: ScriptedServer, status: int, kind: type[AIMLAPIError], says: str
) -> None:
    given = texts(*(f"!{status} {n}" for n in range(200)))
    with pytest.raises(kind, match=rf"200 rows wait: .*{says}"):
        run(job(scripted, given, concurrency=4))
    assert len(scripted.asked) <= 4 and answers() == []
    kept = status_of(Path("out.jsonl"))
    assert (kept["waiting"], kept["failed"], kept["answered"]) == (200, 0, 0)


def test_answers_that_are_kept_in_one_write_have_a_rate(scripted: ScriptedServer) -> None:
    run(job(scripted, rows(1)))
    assert status_of(Path("out.jsonl"))["rows_per_second"] > 0


def test_a_quota_that_is_used_up_stops_it(scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripted, "reply", lambda *_: (429, {"message": "You exceeded your current quota"}))
    with pytest.raises(QuotaExceededError, match="50 rows wait: wait for the quota"):
        run(job(scripted, rows(50), concurrency=1))
    assert len(scripted.asked) == 1


@pytest.mark.parametrize("status", [400, 500])
def test_it_stops_where_the_first_20_rows_fail_alike(scripted: ScriptedServer, status: int) -> None:
    given = texts(*(f"!{status} {n}" for n in range(200)))
    with pytest.raises(JobStoppedError, match=r"first 20 rows failed alike.*refused with.*200 rows wait"):
        run(job(scripted, given, concurrency=8, client={"sleep": no_sleep, "max_retries": 0}))
    assert len(scripted.asked) <= 28
    assert status_of(Path("out.jsonl"))["waiting"] == 200
    given = texts("fine", *(f"!{status} {n}" for n in range(50)))
    given_settings = {"concurrency": 1, "row_retries": 0, "client": {"sleep": no_sleep, "max_retries": 0}}
    summary = run(job(scripted, given, "other.jsonl", **given_settings))
    assert (summary.answered, summary.errors) == (1, 50) and next(iter(summary.failures.values()))[0] == 50


def test_failures_are_counted_by_class_with_an_example(scripted: ScriptedServer) -> None:
    summary = run(job(scripted, texts("ok", "!400 a", "!400 b", "!404"), row_retries=0, concurrency=1))
    assert summary.failures == {
        "InvalidRequestError": (2, "refused with 400"),
        "NotFoundError": (1, "refused with 404"),
    }
    assert status_of(Path("out.jsonl"))["failures"]["InvalidRequestError"]["count"] == 2


# -- budgets and limits ------------------------------------------------------------------------------------------------


def test_a_budget_is_over_all_runs_and_spent_to_the_end(scripted: ScriptedServer) -> None:
    """A hundred at a time: what is under way is waited for before it gives up."""
    given = job(scripted, rows(300), budget_usd=0.5, concurrency=100)
    first = run(given)
    assert first.stopped == "budget" and 0.48 <= first.spent_usd <= 0.5 + 1e-9
    again = run(job(scripted, rows(300)))  # the budget is the job's
    assert again.stopped == "budget" and again.answered <= 2 and again.spent_usd <= 0.5 + 1e-9
    more = run(job(scripted, rows(300), budget_usd=1))
    assert more.answered >= 48 and more.spent_usd <= 1 + 1e-9
    assert status_of(Path("out.jsonl"))["spent_usd"] == pytest.approx(more.spent_usd)
    assert len(scripted.asked) == round(more.spent_usd / 0.01)


def test_a_budget_needs_a_price(scripted: ScriptedServer) -> None:
    from langchain_core.runnables import RunnableLambda

    with pytest.raises(JobError, match="needs to know what an answer costs"):
        run(Job(rows(3), "a.jsonl", runnable=RunnableLambda(lambda row: "x"), key="id", budget_usd=1, api_key="k"))
    scripted.cost = None
    with pytest.raises(JobError, match="nor catalogue name a cost"):
        run(job(scripted, rows(50), "b.jsonl", budget_usd=1))
    assert len(scripted.asked) == 1


@pytest.mark.parametrize("kind", ["chain", "structured", "llm"])
def test_a_runnable_has_a_budget(scripted: ScriptedServer, kind: str) -> None:
    from langchain_aimlapi import ChatAIMLAPI
    from llama_index_aimlapi import AIMLAPI

    model = ChatAIMLAPI(model="m", base_url=scripted.url, api_key="k")
    schema = {"title": "P", "type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    runnable: Any = {
        "chain": model,
        "structured": model.with_structured_output(schema, method="json_schema"),
        "llm": AIMLAPI(model="m", api_base=scripted.url, api_key="k"),
    }[kind]
    given = texts(*(f'{n} !say={{"n": {n}}}' for n in range(60)))
    summary = run(
        Job(
            given,
            "out.jsonl",
            runnable=runnable,
            prompt="{text}",
            key="id",
            budget_usd=0.2,
            base_url=scripted.url,
            api_key="k",
        )
    )
    assert summary.stopped == "budget" and 0.18 <= summary.spent_usd <= 0.2 + 1e-9
    assert answers()[0]["cost_usd"] == 0.01 and answers()[0]["usage"]["output_tokens"] == 5


def test_a_cost_that_is_unknown_is_no_zero(scripted: ScriptedServer) -> None:
    scripted.cost = None
    summary = run(job(scripted, rows(3)))
    assert summary.cost_usd is None and summary.unpriced == 3 and summary.as_dict()["cost_usd"] is None
    assert status_of(Path("out.jsonl"))["spent_usd"] is None
    scripted.cost = 0.01
    summary = run(job(scripted, rows(5)))
    assert (summary.cost_usd, summary.unpriced) == (0.02, 0)
    assert status_of(Path("out.jsonl"))["unpriced"] == 3


def test_limits_count_requests_that_are_sent_and_tokens_in_and_out(
    scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aimlapi_batch.limiter import Rate

    taken: list[tuple[Rate, float]] = []

    async def take(rate: Rate, expected: Callable[[], float] = lambda: 1.0) -> float:
        taken.append((rate, expected()))
        return taken[-1][1]

    monkeypatch.setattr(Rate, "take", take)
    monkeypatch.setattr(Rate, "correct", lambda rate, units: taken.append((rate, units)))
    scripted.flaky["b"] = [500, 429]
    scripted.headers = {"retry-after": "0"}
    summary = run(
        job(scripted, texts("a", "b"), concurrency=1, requests_per_minute=1000, tokens_per_minute=1000, **QUICK)
    )
    assert summary.requests == len(scripted.asked) == 4
    by_rate: dict[int, list[float]] = {}
    for rate, units in taken:
        by_rate.setdefault(id(rate), []).append(units)
    counts = sorted(by_rate.values(), key=len)
    assert counts[0] == [1.0] * 4  # requests
    assert sum(counts[1]) == pytest.approx(2 * 15 + counts[1][2] + counts[1][3])  # answers at what they used


@pytest.mark.parametrize("waits_for", ["rpm", "429", "retry"])
def test_a_stop_ends_what_waits_at_once(scripted: ScriptedServer, waits_for: str) -> None:
    settings: dict[str, Any] = {"rpm": {"requests_per_minute": 0.01}}.get(waits_for, {})
    given = texts("a", "b", "c")
    if waits_for != "rpm":
        given = texts("a", *(f"!{'429' if waits_for == '429' else '503'} {n}" for n in range(9)))
        scripted.headers = {"retry-after": "59"}

    async def stopped() -> Summary:
        stop = asyncio.Event()
        running = asyncio.ensure_future(arun(job(scripted, given, **settings), stop=stop))
        await asyncio.to_thread(scripted.wait_for, 1 if waits_for == "rpm" else 2)
        await asyncio.sleep(0.1)
        stop.set()
        return await asyncio.wait_for(running, 20)

    summary = asyncio.run(stopped())
    assert summary.stopped == "interrupted" and (summary.left or 0) >= 2
    assert status_of(Path("out.jsonl"))["waiting"] >= 2


def test_a_stop_waits_for_no_pause_that_begins_after_it(scripted: ScriptedServer) -> None:
    """What is sent when it is stopped is refused, with a minute to wait."""
    scripted.headers = {"retry-after": "59"}
    scripted.gate.clear()

    async def stopped() -> Summary:
        stop = asyncio.Event()
        running = asyncio.ensure_future(arun(job(scripted, texts("!429 a", "!429 b")), stop=stop))
        await asyncio.to_thread(scripted.wait_for, 2)
        stop.set()
        await asyncio.sleep(0)
        scripted.gate.set()
        return await asyncio.wait_for(running, 20)

    assert asyncio.run(stopped()).left == 2 and len(scripted.asked) == 2


def test_a_pause_is_shown_with_its_seconds_and_its_reason(scripted: ScriptedServer) -> None:
    from aimlapi_batch.progress import figures

    scripted.flaky["b"] = [429]
    scripted.headers = {"retry-after": "1"}
    seen: list[str] = []
    run(job(scripted, texts("a", "b"), concurrency=1), on_progress=lambda summary: seen.append(figures(summary)))
    assert any("paused 1 s: refused with 429" in text for text in seen)


# -- answers -----------------------------------------------------------------------------------------------------------


def test_an_answer_tells_all(scripted: ScriptedServer) -> None:
    run(job(scripted, texts("hi", "!length", "!refuse"), include=["id"], parameters={"n": 3}))
    first, cut, refused = answers()
    assert [one["text"] for one in first["choices"]] == ["echo hi"] * 3
    assert (first["finish_reason"], first["model"], first["tries"], first["request_id"]) == ("stop", "served", 1, "c1")
    assert first["usage"]["output_tokens"] == 5 and first["cost_usd"] == 0.01 and first["seconds"] > 0
    assert first["input"] == {"id": 0} and cut["finish_reason"] == "length" and cut["error"] is None
    assert refused["refusal"] == "I will not"
    run(job(scripted, texts("!length", "!content_filter"), "cut.jsonl", on_cut="fail", include=True))
    found = answers("cut.jsonl")
    assert [row["error"]["class"] for row in found] == ["CutError", "FilteredError"]
    assert [row["text"] for row in found] == ["half", "half"] and found[0]["input"]["text"] == "!length"
    assert run(job(scripted, texts("!length", "!content_filter"), "cut.jsonl", on_cut="fail", include=True)).asked == 0


PERSON = {
    "title": "Person",
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 2}, "pets": {"type": "array", "items": {"enum": ["cat"]}}},
    "required": ["name"],
}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"name": "Ann"}', None),
        ('```json\n{"name": "Ann"}\n```', None),
        ('Here it is: {"name": "Ann"}', None),
        ('{"name": "A"}', r"\$\.name"),
        ('{"name": "Ann", "pets": ["dog"]}', r"\$\.pets\[0\]"),
        ('{"pets": []}', "'name' is a required property"),
        ("no", "not JSON"),
    ],
)
def test_a_schema_is_checked_whole(scripted: ScriptedServer, text: str, problem: str | None) -> None:
    import re

    summary = run(job(scripted, texts(f"!say={text}"), schema=PERSON))
    (row,) = answers()
    if problem is None:
        assert row["error"] is None and row["parsed"]["name"] == "Ann" and len(scripted.asked) == 1
        return
    assert row["error"]["class"] == "SchemaError" and summary.errors == 1 and row["tries"] == 2
    assert row["cost_usd"] == 0.02 == summary.cost_usd and row["usage"]["output_tokens"] == 10
    assert len(scripted.asked) == 2 and re.search(problem, scripted.asked[1])  # it was asked again, with the reason
    assert scripted.bodies[1]["messages"][-2] == {"role": "assistant", "content": text}
    assert run(job(scripted, texts(f"!say={text}"), schema=PERSON, schema_retries=0)).errors == 1
    assert len(scripted.asked) == 3


def test_a_schema_of_a_list_and_one_that_is_none(scripted: ScriptedServer) -> None:
    numbers = {"type": "array", "items": {"type": "integer"}}
    run(job(scripted, texts('!say={"value": [1, 2]}', "!say=[3]"), schema=numbers))
    assert [row["parsed"] for row in answers()] == [[1, 2], [3]]
    with pytest.raises(JobError, match="`schema` is not a valid JSON schema"):
        run(job(scripted, texts("a"), "b.jsonl", schema={"type": "nothing"}))


def test_numbers_of_any_size_nan_and_half_characters_end_no_job(scripted: ScriptedServer) -> None:
    big = 123456789012345678901234567890
    line = f'{{"id": 0, "text": {big}, "nan": NaN}}\n{{"id": 1, "text": "half \\ud83d"}}\n'
    Path("rows.jsonl").write_text(line + json.dumps({"id": 2, "text": '!say={"n": %d, "x": NaN}' % big}) + "\n")  # noqa: UP031 - braces
    run(job(scripted, "rows.jsonl", include=True, schema={"type": "object"}, schema_retries=0))
    first, second, third = answers()
    assert first["input"] == {"id": 0, "text": big, "nan": None} and third["parsed"] == {"n": big, "x": None}
    assert str(big) in scripted.asked and "half \ufffd" in scripted.asked and second["input"]["text"] == "half \ufffd"


def test_errors_of_a_runnable_are_told_as_they_are(scripted: ScriptedServer) -> None:
    from langchain_core.runnables import RunnableLambda

    def broken(row: dict[str, Any]) -> str:
        if row["id"]:
            raise KeyError("session_id")
        return f"{row['at']!r}"

    at = object()
    run(Job([{"id": 0, "at": at}, {"id": 1}], "out.jsonl", runnable=RunnableLambda(broken), key="id"))
    assert answers()[0]["text"] == repr(at)  # a runnable gets its values as they are
    assert answers()[1]["error"] == {"class": "KeyError", "message": "'session_id'", "retryable": True}


def test_a_progress_that_raises_writes_no_row_twice(scripted: ScriptedServer) -> None:
    def raises(_: Summary) -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        run(job(scripted, rows(20), concurrency=1), on_progress=raises)
    assert len(scripted.asked) == 1 == len(answers()) and answers()[0]["error"] is None
    assert run(job(scripted, rows(20))).answered == 19 and len(answers()) == 20


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_a_progress_that_interrupts_finishes_what_is_sent(scripted: ScriptedServer, error: BaseException) -> None:
    """No answer that was paid for is lost, and the interrupt arrives as it was."""

    def interrupts(summary: Summary) -> None:
        if summary.answered >= 3:
            raise error

    with pytest.raises(type(error)):
        run(job(scripted, texts(*"abcdefghijklmnop"), concurrency=4), on_progress=interrupts)
    assert status_of(Path("out.jsonl"))["answered"] == len(answers()) == len(scripted.asked) < 16
    assert run(job(scripted, texts(*"abcdefghijklmnop"))).errors == 0
    assert set(scripted.counts.values()) == {1}


def test_runs_at_the_same_budget_ask_for_no_row_more(scripted: ScriptedServer) -> None:
    """The first request of a run is no exception: what a row costs is known from the runs before."""
    scripted.cost = 0.3
    given = job(scripted, texts(*"abcdefgh"), budget_usd=1.0, concurrency=1)
    assert run(given).stopped == "budget" and len(scripted.asked) == 3
    for _ in range(3):
        assert run(given).stopped == "budget"
    assert len(scripted.asked) == 3 and status_of(Path("out.jsonl"))["spent_usd"] == pytest.approx(0.9)


def test_a_run_that_was_stopped_at_its_budget_sends_nothing_more(scripted: ScriptedServer) -> None:
    scripted.cost, stop = 0.3, asyncio.Event()
    given = job(scripted, texts(*"abcdefgh"), budget_usd=1.0, concurrency=4)
    asyncio.run(arun(given, stop=stop, on_progress=lambda _: stop.set()))
    run(given)
    assert status_of(Path("out.jsonl"))["spent_usd"] <= 1.0 and len(scripted.asked) == 3


@pytest.mark.parametrize("text", ["", None])
def test_an_answer_with_nothing_in_it_is_a_failure_that_is_asked_again_on_demand(
    scripted: ScriptedServer, text: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = scripted.reply

    def empty(asked: str, body: dict[str, Any]) -> tuple[int, Any]:
        status, value = reply(asked, body)
        for choice in value["choices"]:
            choice["message"] |= {"content": text, "reasoning_content": "hm"}
        return status, value

    with monkeypatch.context() as patched:
        patched.setattr(scripted, "reply", empty)
        summary = run(job(scripted, texts("a", "b"), parameters={"n": 2}))
    assert (summary.answered, summary.errors, summary.cost_usd) == (0, 2, 0.02)
    assert summary.failures["EmptyError"] == (2, "the answer has no text, no call and no refusal")
    assert run(job(scripted, texts("a", "b"), parameters={"n": 2})).asked == 0
    assert run(job(scripted, texts("a", "b"), parameters={"n": 2}, retry_errors=["EmptyError"])).answered == 2


def test_openais_lines_go_to_no_table(scripted: ScriptedServer) -> None:
    from aimlapi_batch.export import export_answers

    for output in ("out.csv", "out.parquet"):
        with pytest.raises(JobError, match=r"`output_format` is 'openai'.* and `output` is 'out\."):
            run(job(scripted, texts("a"), output, output_format="openai"))
    run(job(scripted, texts("a")))
    with pytest.raises(JobError, match="`output_format` is 'openai'"):
        export_answers(Path("out.jsonl"), Path("other.csv"), openai=True, in_order=True, overwrite=False)
    assert not Path("other.csv").exists()
