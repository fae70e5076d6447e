"""`image`, `edit`, `video`, `say`, `transcribe`, `ocr`, `music`: addresses or text alone in a pipe, and nothing paid is lost."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from aimlapi_cli import exits, media_calls, media_output, session
from aimlapi_cli.media_options import Common
from aimlapi_emulator import EmulatorServer
from aimlapi_transport import media_types
from aimlapi_transport.media.values import MediaFile, MediaResult
from tests.cli.conftest import Cli
from tests.cli.shell import environment, in_a_pipe, in_bash, on_a_terminal

VIDEO = ("video", "google/veo3", "A cat runs", "--duration", "4")
MUSIC = ("music", "elevenlabs/eleven_music", "A slow waltz", "--duration", "30")
needs_unix = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals and signals of Unix")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that a command in this process would have slept."""
    pauses: list[float] = []
    made = media_calls.client
    monkeypatch.setattr(media_calls, "client", lambda *where: made(*where, sleep=pauses.append))
    return pauses


@pytest.fixture
def home(server: EmulatorServer, tmp_path: Path) -> dict[str, str]:
    return environment(server.base_url, tmp_path)


def sent(server: EmulatorServer) -> dict[str, Any]:
    """The fields of the last order."""
    found: dict[str, Any] = [one for one in server.requests if one.method == "POST"][-1].json
    return found


def kind(path: str | Path) -> str | None:
    return media_types.sniff(Path(path).read_bytes())


# -- what comes out ----------------------------------------------------------------------------------------------------


def test_pictures_are_addresses_one_per_line_or_paths(cli: Cli, server: EmulatorServer, tmp_path: Path) -> None:
    line = (
        "image",
        "flux/dev",
        "A red cat",
        "--size",
        "1024x768",
        "-n",
        "2",
        "--seed",
        "7",
        "-p",
        "num_inference_steps=9",
    )
    ran = cli(*line)
    assert (ran.code, ran.err) == (0, "")
    assert len(ran.out.splitlines()) == 2 and all(one.startswith("http") for one in ran.out.splitlines())
    fields = sent(server)
    assert (fields["num_images"], fields["seed"], fields["num_inference_steps"]) == (2, 7, 9)
    assert fields["image_size"] == {"width": 1024, "height": 768}
    saved = cli(*line, "--save", "pictures/").out.splitlines()
    assert len(saved) == 2 and [kind(one) for one in saved] == ["image/png"] * 2
    assert {Path(one).parent for one in saved} == {Path("pictures")}


def test_a_prompt_is_piped_in_below_what_was_typed(cli: Cli, server: EmulatorServer) -> None:
    assert cli("image", "flux/dev", stdin="A cat\n").code == 0
    assert sent(server)["prompt"] == "A cat"
    assert cli("image", "flux/dev", "Draw this:", stdin="A cat\n").code == 0
    assert sent(server)["prompt"] == "Draw this:\n\nA cat"


def test_a_picture_is_changed(cli: Cli, server: EmulatorServer) -> None:
    cli("image", "flux/dev", "A cat", "--save", "cat.png")
    ran = cli("edit", "openai/gpt-image-1", "Give it a hat", "cat.png", "--save", "hat.png")
    assert (ran.code, ran.out, kind("hat.png")) == (0, "hat.png\n", "image/png")


def test_speech_is_saved_and_transcribed(cli: Cli, server: EmulatorServer, no_pauses: list[float]) -> None:
    ran = cli("say", "openai/tts-1", "--voice", "alloy", "--format", "wav", "-o", "talk.wav", stdin="The ferry leaves.")
    assert (ran.code, ran.out, kind("talk.wav")) == (0, "talk.wav\n", "audio/wav")
    assert (sent(server)["voice"], sent(server)["response_format"]) == ("alloy", "wav")
    assert cli("transcribe", "nova-3", "talk.wav").out == "The ferry leaves.\n"
    assert cli("transcribe", "nova-3", "talk.wav", "--diarize").out == "The ferry leaves.\n"
    assert cli("transcribe", "nova-3", "talk.wav", "--save", "talk.txt").out == "talk.txt\n"
    assert Path("talk.txt").read_text() == "The ferry leaves."
    told = json.loads(cli("transcribe", "nova-3", "talk.wav", "--json").out)
    assert (
        told["text"] == "The ferry leaves."
        and told["segments"][0]["text"] == "The"
        and told["operation"] == "transcribe"
    )


def test_pages_are_read(cli: Cli) -> None:
    cli("image", "flux/dev", "Total 42 dollars", "--save", "invoice.png")
    ran = cli("ocr", "mistral/mistral-ocr-latest", "invoice.png")
    assert ran.code == 0 and "Total 42 dollars" in ran.out
    assert cli("ocr", "mistral/mistral-ocr-latest", "invoice.png", "--save", "./").out == "pages.md\n"


def test_what_comes_without_an_address_is_saved_anyway(server: EmulatorServer, cli: Cli, capsys: Any) -> None:
    file = MediaFile(data=b"\x89PNG\r\n\x1a\n", media_type="image/png")
    ours = media_calls.client(server.base_url, "key")
    media_output.show(ours, Common(), MediaResult("m", "images", files=(file,)))
    assert kind(capsys.readouterr().out.strip()) == "image/png"


@pytest.mark.parametrize(("line", "media_type"), [(VIDEO, "video/mp4"), (MUSIC, "audio/")])
def test_what_takes_minutes_is_waited_for(
    cli: Cli, line: tuple[str, ...], media_type: str, no_pauses: list[float]
) -> None:
    ran = cli(*line)
    assert (ran.code, ran.err) == (0, "") and re.fullmatch(r"http\S+\n", ran.out) and no_pauses
    assert (kind(cli(*line, "--save", "out.bin").out.strip()) or "").startswith(media_type)


# -- orders ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [VIDEO, MUSIC, ("transcribe", "nova-3", "https://example.com/talk.mp3")])
@pytest.mark.parametrize("form", ["json", "piped", "id", "reference"])
def test_an_order_is_followed_by_another_process(cli: Cli, line: tuple[str, ...], form: str) -> None:
    ordered = cli(*line, "--no-wait")
    assert ordered.code == 0 and len(ordered.out.splitlines()) == 1
    order = json.loads(ordered.out)
    given = {
        "json": (ordered.out,),
        "piped": (),
        "id": (order["id"], "--model", order["model"]),
        "reference": (f"{order['operation']}:{order['model']}:{order['id']}",),
    }[form]
    stdin = ordered.out if form == "piped" else ""
    first = cli(line[0], "status", *given, stdin=stdin)
    assert (first.code, first.out) == (exits.WAITING, "") and "Not done yet" in first.err
    done = cli(line[0], "wait", *given, stdin=stdin)
    assert (done.code, done.err) == (0, "") and done.out
    assert cli(line[0], "status", *given, stdin=stdin).out == done.out
    assert json.loads(cli(line[0], "status", *given, "--json", stdin=stdin).out)["id"] == order["id"]


def test_the_state_is_json_too(cli: Cli) -> None:
    order = cli(*VIDEO, "--no-wait").out
    ran = cli("video", "status", order, "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["state"], told["generation"]) == (exits.WAITING, "under_way", json.loads(order))


def test_a_wait_that_ends_early_says_how_to_go_on(cli: Cli) -> None:
    ran = cli(*VIDEO, "--wait-timeout", "0")
    found = re.search(r"aimlapi video wait (\S+)", ran.err)
    assert (ran.code, ran.out) == (exits.WAITING, "") and found is not None
    assert cli("video", "wait", found[1]).out.startswith("http")


def test_a_wait_that_is_stopped_says_how_to_go_on(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(media_calls, "client", lambda *where: session.client(*where, sleep=stopped))
    ran = cli(*VIDEO)
    assert (ran.code, ran.out) == (exits.STOPPED, "")
    assert "It goes on at the provider: aimlapi video wait video:google/veo3:" in ran.err


# -- what is wrong -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        (("image", "flux/dv", "A cat"), exits.FAILED, "The nearest: flux/dev"),
        (("video", "google/veo33", "A cat"), exits.FAILED, "The nearest: google/veo3"),
        (("image", "google/veo3", "A cat"), exits.WRONG, "google/veo3 is a model for `aimlapi video`"),
        (("say", "nova-3", "Hello"), exits.WRONG, "nova-3 is a model for `aimlapi transcribe`"),
        (("image", "flux/dev"), exits.WRONG, "requires `prompt`"),
        (("edit", "openai/gpt-image-1", "A hat", "none.png"), exits.WRONG, "none.png"),
        (("transcribe", "nova-3"), exits.WRONG, "There is no sound"),
        (("transcribe", "nova-3", "none.mp3"), exits.WRONG, "none.mp3"),
        (("image", "flux/dev", "A cat", "-p", "timeout=3"), exits.WRONG, "`timeout`"),
        (("image", "flux/dev", "A cat", "-p", "on_progress=3"), exits.WRONG, "`on_progress`"),
        (("image", "flux/dev", "A cat", "-p", "seed"), exits.WRONG, "NAME=VALUE"),
        (("image", "flux/dev", "A cat", "--save", "taken/cat.png"), exits.WRONG, "taken"),
        ((*VIDEO, "--no-wait", "--save", "x.mp4"), exits.WRONG, "--no-wait"),
        (("video", "status"), exits.WRONG, "There is no generation"),
        (("video", "wait", "two words"), exits.WRONG, "There is no generation"),
        (("video", "wait", '{"id": 1}'), exits.WRONG, "not a generation"),
        (("video", "status", "no-such-id"), exits.FAILED, "no-such-id"),
        (("music", "wait", '{"id": "1", "model": "m", "operation": "video", "created_at": "2026-01-01T00:00:00+00:00"}'),
         exits.WRONG, "aimlapi video"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_a_sentence(
    cli: Cli, server: EmulatorServer, line: tuple[str, ...], code: int, says: str
) -> None:
    Path("taken").write_text("a file")
    before = len(server.requests)
    ran = cli(*line)
    assert (ran.code, ran.out) == (code, "") and says in ran.err and len(ran.err.splitlines()) == 1
    assert code != exits.WRONG or len(server.requests) == before  # nothing was paid for


def test_a_download_that_fails_leaves_the_address(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from aimlapi_transport.errors import NotFoundError
    from aimlapi_transport.media import downloads

    def expired(*_: Any, **__: Any) -> Any:
        raise NotFoundError("The address has expired.", status_code=404)

    monkeypatch.setattr(downloads, "save", expired)
    ran = cli("image", "flux/dev", "A cat", "--save", "cat.png")
    assert ran.code == exits.FAILED and ran.out.startswith("http") and "has expired" in ran.err


def test_open_shows_the_saved_file_and_no_failure_of_it_is_one(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(media_output.typer, "launch", lambda target: opened.append(target) or len(opened) - 1)
    assert cli("image", "flux/dev", "A cat", "--save", "cat.png", "--open").err == ""
    assert opened == [str(Path("cat.png").absolute())]
    ran = cli("image", "flux/dev", "A cat", "--open")
    assert ran.code == 0 and opened[1] == ran.out.strip() and "cannot be opened" in ran.err


# -- processes ---------------------------------------------------------------------------------------------------------


@needs_unix
def test_commands_make_a_pipeline(home: dict[str, str], tmp_path: Path) -> None:
    line = 'aimlapi say openai/tts-1 "Good morning" --format wav --save talk.wav >/dev/null; cat talk.wav | aimlapi transcribe nova-3 -'
    ran = in_bash(line, home, tmp_path)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"Good morning\n", b"")
    ran = in_a_pipe(("image", "flux/dev", "--image", "-"), home, (tmp_path / "talk.wav").read_bytes())
    assert ran.returncode == exits.WRONG and b"prompt" in ran.stderr  # the pipe was the file, and no prompt


@needs_unix
def test_a_terminal_shows_state_seconds_and_cost(home: dict[str, str], tmp_path: Path) -> None:
    shown = on_a_terminal((*VIDEO, "--save", "cat.mp4"), home, cwd=tmp_path)
    assert shown.code == 0 and re.search(r"google/veo3, \w+, \$0\.4\b.*0:00:0", shown.text)
    assert "cat.mp4" in shown.lines and re.search(r"aimlapi: google/veo3: \d+\.\d s", shown.text)
    assert kind(tmp_path / "cat.mp4") == "video/mp4"
