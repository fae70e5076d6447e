"""Pictures, speech and transcripts as jobs, against the emulator: files by key, paid for once, whatever stops the job."""

from __future__ import annotations

import asyncio
import csv
import json
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from aimlapi_batch import Job, JobError, Summary, arun, run
from aimlapi_batch.job import StoreError
from aimlapi_batch.media_files import file_stem
from aimlapi_batch.status import status_of
from aimlapi_emulator import EmulatorServer
from aimlapi_transport import AsyncClient, media_types
from aimlapi_transport.errors import APIConnectionError, InvalidRequestError, NotFoundError
from tests.batch.jobs import answers, rows

MODELS = {
    "image": "flux/dev",
    "video": "kling-video/v1/standard/text-to-video",
    "speech": "minimax/speech-2.8-hd",
    "music": "stable-audio",
    "transcript": "#g1_nova-2-general",
    "ocr": "mistral/mistral-ocr-latest",
}
ENDINGS = {"image": "png", "video": "mp4", "speech": "wav", "music": "wav"}


async def _quick(_: float) -> None:
    await asyncio.sleep(0)


def job(server: EmulatorServer, source: Any, kind: str, output: str = "out.jsonl", **settings: Any) -> Job:
    given = {"model": MODELS[kind], "prompt": "{text}", "key": "id", "base_url": server.base_url, "api_key": "k"}
    return Job(source, output, kind=kind, **{"client": {"sleep": _quick}, **given, **settings})


@pytest.fixture(autouse=True)
def _own_requests(server: EmulatorServer) -> None:
    server.clear()


def ordered(server: EmulatorServer) -> int:
    return sum(1 for request in server.requests if request.method == "POST")


def spoken(server: EmulatorServer, texts: list[str]) -> list[dict[str, Any]]:
    """Rows that name files in which a text is spoken."""
    run(job(server, [{"id": n, "text": text} for n, text in enumerate(texts)], "speech", "spoken.jsonl", save="talks"))
    return [{"id": row["key"], "text": row["path"]} for row in answers("spoken.jsonl")]


def asked(server: EmulatorServer, kind: str, count: int = 3) -> list[dict[str, Any]]:
    """Rows of which something can be made."""
    if kind == "transcript":
        return spoken(server, ["One", "Two", "Three"][:count])
    if kind != "ocr":
        return rows(count)
    run(job(server, rows(count), "image", "scans.jsonl", save="scans"))
    return [{"id": row["key"], "text": row["path"]} for row in answers("scans.jsonl")]


# -- what comes of it --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ENDINGS)
def test_files_are_saved_by_key_with_their_address_and_cost(server: EmulatorServer, kind: str) -> None:
    summary = run(job(server, rows(3), kind))
    found = answers()
    assert (summary.answered, summary.errors) == (3, 0) and summary.cost_usd == pytest.approx(
        sum(row["cost_usd"] for row in found)
    )
    ending = ENDINGS[kind]
    assert [row["path"] for row in found] == [f"out_files/{n}.{ending}" for n in range(3)]
    for row in found:
        (file,) = row["files"]
        assert media_types.sniff(Path(row["path"]).read_bytes()) == f"{'audio' if ending == 'wav' else kind}/{ending}"
        assert file["path"] == row["path"] and file["url"] == row["url"] and row["url"].startswith("http")
        assert row["error"] is None and row["cost_usd"] > 0 and row["seconds"] >= 0 and row["tries"] == 1
    assert sorted(path.name for path in Path("out_files").iterdir()) == [f"{n}.{ending}" for n in range(3)]
    before = ordered(server)
    assert run(job(server, rows(3), kind)).asked == 0 and ordered(server) == before


def test_transcripts_have_text_segments_and_times(server: EmulatorServer) -> None:
    given = spoken(server, ["Good morning to you", "Where is my parcel"])
    assert run(job(server, given, "transcript")).answered == 2
    found = answers()
    assert "good morning" in found[0]["text"].lower() and "parcel" in found[1]["text"].lower()
    words = found[0]["segments"]
    assert [word["text"].lower().strip(".,") for word in words][:2] == ["good", "morning"]
    assert words[0]["start"] is not None and words[0]["end"] > words[0]["start"] and found[0]["path"] is None
    assert status_of(Path("out.jsonl"))["ordered"] == 0


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_tables_have_the_columns_of_media(server: EmulatorServer, ending: str) -> None:
    run(job(server, rows(2), "image", f"out.{ending}"))
    if ending == "csv":
        table = list(csv.DictReader(Path("out.csv").read_text().splitlines()))
    else:
        table = pytest.importorskip("pyarrow.parquet").read_table("out.parquet").to_pylist()
    assert [row["path"] for row in table] == ["out_files/0.png", "out_files/1.png"]
    assert json.loads(table[0]["files"])[0]["media_type"] is None or "url" in json.loads(table[0]["files"])[0]
    assert "tool_calls" not in table[0] and float(table[0]["cost_usd"]) > 0


def test_several_files_and_odd_keys_get_names_of_their_own(server: EmulatorServer) -> None:
    odd = "../a b/ü:" + "x" * 200
    given = [{"id": 1, "text": "a cat"}, {"id": odd, "text": "a dog"}]
    Path("pictures").mkdir()
    Path("pictures/1.png").write_text("the user's own")
    run(job(server, given, "image", parameters={"num_images": 2}, save="pictures"))
    first, second = answers()
    assert [file["path"] for file in first["files"]] == ["pictures/1~2.png", "pictures/1~3.png"]
    assert Path("pictures/1.png").read_text() == "the user's own"
    assert len({file["path"] for file in second["files"]}) == 2
    assert all(Path(file["path"]).resolve().parent == Path("pictures").resolve() for file in second["files"])
    assert len({file_stem(key) for key in ("a/b", "a_b", "a b", "a:b")}) == 4


def test_a_changed_row_is_made_again_beside_the_file_it_had(server: EmulatorServer) -> None:
    given = rows(2)
    run(job(server, given, "image"))
    given[1]["text"] = "something else"
    assert run(job(server, given, "image")).asked == 1
    assert answers()[1]["path"] == "out_files/1~2.png" and Path("out_files/1.png").exists()


# -- refusals, budgets, failures ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"kind": "film"}, "`kind` is 'film': pass chat or image"),
        ({"prompt": None}, "needs a `prompt`"),
        ({"schema": {"type": "object"}}, "`schema` is of chats"),
        ({"tokens_per_minute": 5}, "`tokens_per_minute` is of chats"),
        ({"output_format": "openai"}, "`output_format` is 'openai'"),
        ({"via": "provider"}, "answer chats only"),
        ({"output": "-"}, "pass `save`"),
    ],
)
def test_what_media_cannot_is_refused_by_name(server: EmulatorServer, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(JobError, match=says):
        run(replace(job(server, rows(1), "image"), **settings))
    assert not ordered(server)


@pytest.mark.parametrize("save", ["taken", "taken/deeper/still"])
def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_ordered(server: EmulatorServer, save: str) -> None:
    Path("taken").write_text("")
    with pytest.raises(JobError, match="taken is not a folder"):
        run(job(server, rows(2), "image", save=save))
    assert ordered(server) == 0


def test_a_folder_may_be_named_from_home(server: EmulatorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(Path.cwd()))
    assert run(job(server, rows(1), "image", save="~/cats")).answered == 1
    assert Path("cats/0.png").is_file()


def test_what_a_reply_does_not_say_of_a_file_is_read_from_it(server: EmulatorServer) -> None:
    run(job(server, rows(1), "image", parameters={"size": "640x480"}))
    [row] = answers()
    known = ("media_type", "width", "height", "seconds")
    assert [row["files"][0][name] for name in known] == ["image/png", 640, 480, None]
    run(job(server, rows(1), "speech", "said.jsonl"))
    [row] = answers("said.jsonl")
    assert row["files"][0]["media_type"] == "audio/wav" and row["files"][0]["seconds"] == row["duration"] > 0


def test_a_budget_holds_by_the_prices_of_media(server: EmulatorServer) -> None:
    given = job(server, rows(10), "image", budget_usd=0.10)
    for _ in range(2):
        summary = run(given)
        assert summary.stopped == "budget" and summary.spent_usd == pytest.approx(0.08)
    assert ordered(server) == 2 == status_of(Path("out.jsonl"))["answered"]


@pytest.mark.parametrize("kind", ["image", "video"])
def test_a_budget_whose_price_is_not_known_is_refused_before_anything_is_ordered(
    server: EmulatorServer, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unknown(*_: Any) -> None:
        return None

    monkeypatch.setattr(AsyncClient, "pricing", unknown)
    with pytest.raises(JobError, match="`budget_usd` needs to know"):
        run(job(server, rows(3), kind, budget_usd=1.0))
    assert not ordered(server)


def test_a_dry_run_estimates_by_the_prices_of_media(server: EmulatorServer) -> None:
    summary = run(job(server, rows(10), "image", parameters={"num_images": 2}), dry_run=True)
    assert summary.estimated_usd == pytest.approx(0.8) and not ordered(server)


def test_a_model_that_is_not_there_stops_it(server: EmulatorServer) -> None:
    with pytest.raises(Exception, match="rows wait"):
        run(job(server, rows(30), "image", model="no/such-model"))
    assert status_of(Path("out.jsonl"))["waiting"] == 30


def test_a_sound_that_is_not_there_is_an_error_of_its_row(server: EmulatorServer) -> None:
    given = [*spoken(server, ["Hello"]), {"id": 7, "text": "missing.wav"}]
    summary = run(job(server, given, "transcript"))
    assert (summary.answered, summary.errors) == (1, 1)
    assert "missing.wav" in answers()[1]["error"]["message"] and "finish_reason" not in answers()[1]


# -- paid for once -----------------------------------------------------------------------------------------------------


def test_a_file_that_could_not_be_fetched_is_fetched_by_the_next_run_and_not_made_again(
    server: EmulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: Any) -> None:
        raise APIConnectionError("broke off")

    with monkeypatch.context() as broken:
        broken.setattr(AsyncClient, "save", fails)
        summary = run(job(server, rows(3), "image"))
        assert summary.failures["DownloadError"][0] == 3 and ordered(server) == 3
    assert status_of(Path("out.jsonl"))["ordered"] == 3
    summary = run(job(server, rows(3), "image"))
    assert (summary.answered, ordered(server)) == (3, 3) and summary.spent_usd == pytest.approx(0.12)
    assert status_of(Path("out.jsonl"))["ordered"] == 0


def test_an_address_that_has_expired_is_made_again_by_the_next_run(
    server: EmulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: Any) -> None:
        raise NotFoundError("no longer gives out this file", status_code=404)

    with monkeypatch.context() as broken:
        broken.setattr(AsyncClient, "save", gone)
        summary = run(job(server, rows(2), "image"))
        assert summary.failures["NotFoundError"][0] == 2 and summary.cost_usd == pytest.approx(0.08)
    assert run(job(server, rows(2), "image")).answered == 2 and ordered(server) == 4


def test_a_stop_leaves_what_is_ordered_to_the_next_run(server: EmulatorServer) -> None:
    """It waits for no transcript: its id is in the store."""
    given = spoken(server, ["One", "Two", "Three"])
    before = ordered(server)

    async def stopped() -> Summary:
        stop = asyncio.Event()

        async def never(_: float) -> None:
            stop.set()
            await asyncio.Event().wait()

        return await asyncio.wait_for(arun(job(server, given, "transcript", client={"sleep": never}), stop=stop), 30)

    summary = asyncio.run(stopped())
    assert summary.stopped == "interrupted"
    ids = status_of(Path("out.jsonl"))["ordered"]
    assert ids == ordered(server) - before >= 1
    assert run(job(server, given, "transcript")).answered == 3 - summary.answered
    assert ordered(server) - before == 3


def faulty(fault: str) -> dict[str, Any]:
    return {"sleep": _quick, "headers": {"x-emulator-fault": fault}}


def test_an_order_that_failed_is_ordered_again_and_one_that_never_ends_is_waited_for(server: EmulatorServer) -> None:
    settings: dict[str, Any] = {"parameters": {"wait_timeout": 0.2}, "row_retries": 0}
    given = spoken(server, ["One"])
    server.clear()
    summary = run(job(server, given, "transcript", client=faulty("media-fails"), **settings))
    assert summary.errors == 1 and status_of(Path("out.jsonl"))["ordered"] == 0
    summary = run(job(server, given, "transcript", client=faulty("media-never-ends"), **settings))
    assert summary.failures["APITimeoutError"][0] == 1 and status_of(Path("out.jsonl"))["ordered"] == 1
    summary = run(job(server, given, "transcript", **settings))
    assert summary.failures["APITimeoutError"][0] == 1 and ordered(server) == 2  # of the same order


@pytest.mark.parametrize("kind", ["image", "speech"])
def test_a_reply_that_is_the_file_itself_is_saved(server: EmulatorServer, kind: str) -> None:
    assert run(job(server, rows(2), kind, client=faulty("media-bytes"))).answered == 2
    assert [row["url"] for row in answers()] == [None, None]
    assert all(Path(row["path"]).stat().st_size > 100 for row in answers())


def test_an_address_that_the_host_gives_out_no_more(server: EmulatorServer) -> None:
    summary = run(job(server, rows(2), "image", client=faulty("media-expired")))
    assert summary.errors == 2 and "expire" in answers()[0]["error"]["message"]
    assert run(job(server, rows(2), "image")).answered == 2


PROGRAM = """
import asyncio, os, signal, sys
from aimlapi_batch import Job, media, run
when, kind, model, url = sys.argv[1:5]
def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if when in ("sent", "ordered"):  # the id is in the store, and nothing else; or not even that
    kept = media.put_order
    def put_order(store, row, digest, generation):
        if when == "sent" and generation:
            killed()
        kept(store, row, digest, generation)
        if generation:
            killed()
    media.put_order = put_order
elif when == "saved":  # the file has its name, and no answer names it
    media.remove_order = killed
run(Job("rows.jsonl", "out.jsonl", kind=kind, model=model, prompt="{text}", key="id", concurrency=1, base_url=url,
        api_key="k"))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
@pytest.mark.parametrize("when", ["ordered", "saved"])
@pytest.mark.parametrize("kind", MODELS)
def test_a_kill_pays_for_nothing_twice(server: EmulatorServer, when: str, kind: str) -> None:
    given = asked(server, kind)
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in given))
    before = ordered(server)
    command = [sys.executable, "-c", PROGRAM, when, kind, MODELS[kind], server.base_url]
    killed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert ordered(server) - before == 1 and status_of(Path("out.jsonl"))["ordered"] == 1
    assert run(job(server, Path("rows.jsonl"), kind)).answered == 3
    assert ordered(server) - before == 3 and len(answers()) == 3
    if kind in ENDINGS:
        assert len(list(Path("out_files").iterdir())) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
@pytest.mark.parametrize("kind", ["image", "video", "ocr"])
def test_a_kill_before_the_reply_leaves_an_order_that_only_the_user_repeats(server: EmulatorServer, kind: str) -> None:
    given = asked(server, kind)
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in given))
    before = ordered(server)
    command = [sys.executable, "-c", PROGRAM, "sent", kind, MODELS[kind], server.base_url]
    assert subprocess.run(command, capture_output=True, check=False).returncode == -signal.SIGKILL
    assert ordered(server) - before == 1 and status_of(Path("out.jsonl"))["ordered"] == 0
    for _ in range(2):
        summary = run(job(server, Path("rows.jsonl"), kind))
        assert (
            ordered(server) - before == 3 and status_of(Path("out.jsonl"))["failures"]["LostOrderError"]["count"] == 1
        )
        assert "not known" in answers()[0]["error"]["message"] and not answers()[0]["error"]["retryable"]
    assert "being ordered" not in " ".join(summary.notes)
    summary = run(job(server, Path("rows.jsonl"), kind, retry_errors=["LostOrderError"]))
    assert summary.answered == 1 and ordered(server) - before == 4 and all(row["error"] is None for row in answers())


class _BreaksOff(ThreadingHTTPServer):
    """Takes each order, and answers none."""

    daemon_threads = True

    def __init__(self) -> None:
        self.orders = orders = list[bytes]()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                orders.append(self.rfile.read(int(self.headers["content-length"])))
                self.close_connection = True

            def log_message(self, *_: Any) -> None:
                return

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"


@pytest.mark.parametrize("kind", ["image", "video", "speech", "music"])
def test_an_order_whose_connection_broke_is_not_repeated_by_itself(kind: str) -> None:
    with _BreaksOff() as broken:
        threading.Thread(target=broken.serve_forever, daemon=True).start()
        settings: dict[str, Any] = {"model": MODELS[kind], "base_url": broken.url, "api_key": "k", "prompt": "{text}"}
        settings |= {"kind": kind, "client": {"sleep": _quick}, "key": "id"}
        for _ in range(2):
            run(Job(rows(2), "out.jsonl", **settings))
            assert len(broken.orders) == 2
        assert status_of(Path("out.jsonl"))["failures"]["LostOrderError"]["count"] == 2
        run(Job(rows(2), "out.jsonl", **settings, retry_errors=True))
        assert len(broken.orders) == 4
        broken.shutdown()


def test_an_order_that_found_no_connection_is_sent_again(server: EmulatorServer) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    summary = run(job(server, rows(2), "video", base_url=url, row_retries=0))
    assert summary.failures["APIConnectionError"][0] == 2
    assert run(job(server, rows(2), "video"), force=True).answered == 2


# -- files that were deleted -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ENDINGS)
def test_a_file_that_was_deleted_is_fetched_again_for_nothing(server: EmulatorServer, kind: str) -> None:
    run(job(server, rows(3), kind))
    before, path = ordered(server), Path(answers()[1]["path"])
    data, spent = path.read_bytes(), status_of(Path("out.jsonl"))["spent_usd"]
    path.unlink()
    summary = run(job(server, rows(3), kind))
    assert path.read_bytes() == data and ordered(server) == before and summary.asked == 0
    assert "1 files that were deleted" in " ".join(summary.notes) and status_of(Path("out.jsonl"))["spent_usd"] == spent


def test_a_file_that_was_deleted_and_whose_address_has_expired_is_reported(server: EmulatorServer) -> None:
    settings: dict[str, Any] = {"client": {"sleep": _quick, "headers": {"x-emulator-fault": "media-bytes"}}}
    run(job(server, rows(2), "image", **settings))
    Path(answers()[0]["path"]).unlink()
    before = ordered(server)
    summary = run(job(server, rows(2), "image"))
    assert "cannot be fetched again" in " ".join(summary.notes) and ordered(server) == before
    assert run(job(server, rows(2), "image", retry_errors=["DeletedFileError"])).answered == 1
    assert ordered(server) == before + 1 and Path(answers()[0]["path"]).exists()
    assert run(job(server, rows(2), "image", retry_errors=["DeletedFileError"])).asked == 0


def test_files_that_were_moved_with_their_folder_are_not_fetched(server: EmulatorServer) -> None:
    run(job(server, rows(2), "image"))
    Path("out_files").rename("elsewhere")
    before = len(server.requests)
    run(job(server, rows(2), "image", save="elsewhere"))
    assert len(server.requests) == before


def test_a_folder_that_is_full_ends_the_job_before_more_is_paid_for(
    server: EmulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any) -> None:
        raise InvalidRequestError("out_files cannot be written (No space left on device).")

    with monkeypatch.context() as broken:
        broken.setattr(AsyncClient, "save", full)
        with pytest.raises(StoreError, match=r"No space.*9 rows wait"):
            run(job(server, rows(9), "image", concurrency=1))
    assert ordered(server) == 1
    assert run(job(server, rows(9), "image")).answered == 9 and ordered(server) == 9


# -- the command -------------------------------------------------------------------------------------------------------


def test_pages_are_read_and_their_figures_saved(server: EmulatorServer) -> None:
    given = asked(server, "ocr", 1)
    assert run(job(server, given, "ocr")).answered == 1
    [row] = answers()
    assert [page["index"] for page in row["pages"]] == list(range(len(row["pages"]))) and row["cost_usd"] > 0
    assert row["pages"][0]["markdown"] in row["text"]


def test_the_command_takes_media(server: EmulatorServer, capsys: pytest.CaptureFixture[str]) -> None:
    from aimlapi_cli.app import run as command_line

    Path("rows.csv").write_text("id,text\na,A red cat\nb,A blue dog\n")
    given = ["--kind", "image", "--model", MODELS["image"], "--prompt", "{text}", "--key", "id", "--save", "pictures"]
    connection = ["--base-url", server.base_url, "--api-key", "k"]
    assert command_line(["batch", "run", "rows.csv", "-o", "out.jsonl", *given, *connection]) == 0
    assert [row["path"] for row in answers()] == ["pictures/a.png", "pictures/b.png"]
    assert "2 answered" in capsys.readouterr().err
    assert command_line(["batch", "retry", "out.jsonl", *connection]) == 0
    assert command_line(["batch", "status", "out.jsonl"]) == 0
