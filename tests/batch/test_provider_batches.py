"""Jobs by the provider's own batches."""

from __future__ import annotations

import asyncio
import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from aimlapi_batch import Summary, arun, run
from aimlapi_batch.provider import read_status
from aimlapi_batch.status import status_of
from aimlapi_emulator import EmulatorServer
from aimlapi_transport.errors import APIConnectionError, BadResponseError, InvalidRequestError
from aimlapi_transport.service.calls import ServiceCalls
from tests.batch.jobs import CLAUDE, answers, job, rows


async def _quick(_: float) -> None:
    await asyncio.sleep(0)


def test_a_job_through_the_provider_s_batches(server: EmulatorServer) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,iVBORw0KGgo="}}
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    chat = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is 6*7?"}, picture]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "42"}, picture]},
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
    (result,) = sent["messages"][2]["content"]
    source = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    assert result["content"] == [{"type": "text", "text": "42"}, {"type": "image", "source": source}]


def test_a_result_without_its_call_is_an_error_of_its_row(server: EmulatorServer) -> None:
    given = [{"id": 1, "chat": [{"role": "tool", "tool_call_id": "c", "content": "42"}]}, {"id": 2, "chat": "Hi"}]
    settings = {"prompt": None, "messages": "chat", "model": CLAUDE, "via": "provider", "client": {"sleep": _quick}}
    run(job(server, given, **settings))
    assert "messages[0] is the result" in answers()[0]["error"]["message"]


def test_names_of_tools_are_legal_in_a_batch_and_the_users_in_its_answers(server: EmulatorServer) -> None:
    """Whatever of a row names them: its history, the tools, the choice."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"type": "function", "function": {"name": "weather.get", "description": "The weather", "parameters": schema}}
    call = {"id": "c", "function": {"name": "weather.get", "arguments": '{"city": "Oslo"}'}}
    chat = [
        {"role": "user", "content": "What is the weather in Oslo?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "Sunny"},
        {"role": "user", "content": "What is the weather in Paris?"},
    ]
    choice = {"type": "function", "function": {"name": "weather.get"}}
    settings = {"prompt": None, "messages": "chat", "model": CLAUDE, "via": "provider", "client": {"sleep": _quick}}
    parameters = {"tools": [tool], "tool_choice": choice}
    run(job(server, [{"id": 1, "chat": chat}], parameters=parameters, **settings))
    sent = [r for r in server.requests if r.path == "/v1/batches" and r.method == "POST"][-1].json["requests"][0][
        "params"
    ]
    name = sent["tools"][0]["name"]
    assert "." not in name and sent["tool_choice"]["name"] == name == sent["messages"][1]["content"][0]["name"]
    assert [call["name"] for call in answers()[0]["tool_calls"]] == ["weather.get"]


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
    assert status_of(Path("out.jsonl"))["batches"]
    assert run(job(server, rows(5), model=CLAUDE, via="provider", client={"sleep": _quick})).answered == 5
    assert len([r for r in server.requests if r.path == "/v1/batches" and r.method == "POST"]) - before == 1


class _Killed(BaseException):
    """As SIGKILL: nothing in the job sees it coming."""


@pytest.mark.parametrize(
    "failure", [_Killed(), APIConnectionError("reset"), BadResponseError("no id", status_code=502)]
)
def test_a_batch_that_may_have_been_made_is_warned_of_when_its_rows_are_sent_again(
    server: EmulatorServer, failure: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: Any) -> None:
        raise failure

    given = job(server, rows(3), model=CLAUDE, via="provider", client={"sleep": _quick})
    with monkeypatch.context() as broken:
        broken.setattr(ServiceCalls, "send_without_retry", fails)
        with pytest.raises(type(failure)):
            run(given)
    with pytest.warns(UserWarning, match="a batch of 3 rows, and no id came back"):
        assert run(given).answered == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run(given).asked == 0


@pytest.mark.filterwarnings("error")
def test_a_batch_that_was_refused_is_just_sent_again(server: EmulatorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: Any) -> None:
        raise InvalidRequestError("no", status_code=400)

    given = job(server, rows(3), model=CLAUDE, via="provider", client={"sleep": _quick})
    with monkeypatch.context() as broken:
        broken.setattr(ServiceCalls, "send_without_retry", refused)
        with pytest.raises(InvalidRequestError):
            run(given)
    assert run(given).answered == 3


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


def test_an_answer_to_a_row_that_changed_while_its_batch_was_under_way_is_not_the_rows(server: EmulatorServer) -> None:
    """The row is sent again, in a batch of its own; the others keep their answers."""

    async def stopped() -> Summary:
        stop = asyncio.Event()
        given = job(server, rows(5), model=CLAUDE, via="provider", client={"sleep": _quick})
        return await arun(given, stop=stop, on_progress=lambda _: stop.set())

    asyncio.run(stopped())
    changed = rows(5)
    changed[2]["text"] = "What is 20 + 20?"
    before = len(server.requests)
    summary = run(job(server, changed, model=CLAUDE, via="provider", client={"sleep": _quick}))
    sent = [r.json["requests"] for r in server.requests[before:] if r.method == "POST" and r.path == "/v1/batches"]
    assert [[one["params"]["messages"][0]["content"] for one in batch] for batch in sent] == [["What is 20 + 20?"]]
    assert summary.answered == 5 and "have changed since they were sent" in "".join(summary.notes)
    assert "20 + 20" in answers()[2]["text"] and [row["key"] for row in answers()] == list("01234")
    assert not status_of(Path("out.jsonl"))["batches"]


def test_batches_that_were_sent_before_questions_were_part_of_their_names_are_fetched(server: EmulatorServer) -> None:
    from aimlapi_batch.provider import _earlier_id
    from aimlapi_batch.store import Store

    given = job(server, rows(3), model=CLAUDE, via="provider", client={"sleep": _quick})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("aimlapi_batch.provider._custom_id", lambda key, _: _earlier_id(key))

        async def stopped() -> Summary:
            stop = asyncio.Event()
            return await arun(given, stop=stop, on_progress=lambda _: stop.set())

        asyncio.run(stopped())
    store = Store(Path("out.jsonl.job"))
    store.put(batches={batch: list(names.values()) for batch, names in store.get("batches").items()})
    store.close()
    before = len(server.requests)
    assert run(given).answered == 3
    assert not [r for r in server.requests[before:] if r.method == "POST" and r.path == "/v1/batches"]
