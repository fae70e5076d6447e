"""What was paid for is not lost: by Ctrl-C, by a full disk, by a model that answers at once; and what is not sent."""

from __future__ import annotations

import base64
import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aimlapi_cli import exits, media_calls, media_output
from aimlapi_cli.media_options import Common
from aimlapi_emulator import EmulatorServer
from aimlapi_transport.media.values import MediaFile, MediaResult
from tests.cli.conftest import Cli
from tests.cli.shell import AIMLAPI, environment, in_bash, on_a_terminal
from tests.llama_index.conformance.server import Reply, Server, Silence

needs_unix = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals and signals of Unix")
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
ORDERS = (
    ("video", "google/veo3", "A cat runs"),
    ("music", "elevenlabs/eleven_music", "A slow waltz"),
    ("transcribe", "nova-3", "https://example.com/talk.mp3"),
)
UNDER_WAY = {"id": "order-7", "status": "generating"}
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def provider() -> Iterator[Server]:
    with Server() as server:
        yield server


# -- an interrupt ------------------------------------------------------------------------------------------------------


@needs_unix
@pytest.mark.parametrize(
    ("line", "when"),
    list(zip(ORDERS, ["before its first state", "between two states", "of another process"], strict=True)),
)
def test_an_interrupt_of_a_wait_says_how_to_go_on(
    provider: Server, tmp_path: Path, line: tuple[str, ...], when: str
) -> None:
    """In a pipe: exit code 130, nothing on stdout, the command that goes on with the same id."""
    reference = f"{'transcribe' if line[0] == 'transcribe' else line[0]}:{line[1]}:order-7"
    provider.play(Reply(201, UNDER_WAY), *([Silence()] if when.startswith("before") else [Reply(200, UNDER_WAY)]))
    words = (line[0], "wait", reference) if when.startswith("of") else line
    process = subprocess.Popen(
        [*AIMLAPI, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(provider.base_url, tmp_path),
    )
    provider.wait_for_requests(1 if when.startswith("of") else 2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    says = f"aimlapi: It goes on at the provider: aimlapi {line[0]} wait {reference}\n"
    assert (process.returncode, out, err.decode()) == (exits.STOPPED, b"", says)


@needs_unix
@pytest.mark.parametrize("columns", [40, 200])
def test_ctrl_c_on_a_terminal_says_how_to_go_on(provider: Server, tmp_path: Path, columns: int) -> None:
    provider.play(Reply(201, UNDER_WAY), Reply(200, UNDER_WAY))
    shown = on_a_terminal(ORDERS[0], environment(provider.base_url, tmp_path), columns, [("generating", b"\x03")])
    assert shown.code == exits.STOPPED and "Traceback" not in shown.text
    assert "aimlapi video wait video:google/veo3:order-7" in shown.text
    assert "\x1b[?25h" in shown.raw[shown.raw.rindex("\x1b[?25l") :]  # the cursor is there again


# -- a model that answers at once --------------------------------------------------------------------------------------

_AT_ONCE = {
    "video": {"id": "v1", "status": "completed", "video": {"url": "https://cdn.example/film.mp4"}},
    "music": {"id": "m1", "status": "completed", "audio_file": {"url": "https://cdn.example/song.mp3"}},
    "transcribe": {"text": "Hello there."},
}
_HOLDS = {
    "video": "https://cdn.example/film.mp4",
    "music": "https://cdn.example/song.mp3",
    "transcribe": "Hello there.",
}


@pytest.mark.parametrize("line", ORDERS, ids=lambda line: line[0])
def test_an_answer_at_once_is_in_the_order(
    cli: Cli, provider: Server, monkeypatch: pytest.MonkeyPatch, line: tuple[str, ...]
) -> None:
    monkeypatch.setenv("AIMLAPI_API_BASE", provider.base_url)
    provider.play(Reply(200, _AT_ONCE[line[0]]))
    ordered = cli(*line, "--no-wait")
    assert ordered.code == 0 and len(ordered.out.splitlines()) == 1 and _HOLDS[line[0]] in ordered.out
    assert "It is there already" in ordered.err
    assert len(provider.requests) == 1
    for word in ("status", "wait"):
        ran = cli(line[0], word, stdin=ordered.out)
        assert (ran.code, ran.out) == (0, f"{_HOLDS[line[0]]}\n")
    assert len(provider.requests) == 1  # nobody was asked again
    assert cli(*line).out == f"{_HOLDS[line[0]]}\n"


# -- a disk or a stdout that is full -----------------------------------------------------------------------------------


@needs_full
@pytest.mark.parametrize(
    ("line", "held"),
    [
        ("image flux/dev cat", "http"),
        ("image flux/dev cat --json", "http"),
        ("transcribe nova-3 https://example.com/a.mp3 --no-wait", '"id"'),
    ],
)
def test_what_stdout_does_not_take_is_on_stderr(server: EmulatorServer, tmp_path: Path, line: str, held: str) -> None:
    ran = in_bash(f"aimlapi {line} >/dev/full", environment(server.base_url, tmp_path), tmp_path)
    assert ran.returncode == exits.FAILED and held in ran.stderr.decode()
    assert ran.stderr.decode().splitlines()[-1].startswith("aimlapi: The output cannot be written")


def test_bytes_that_cannot_be_saved_there_are_saved_elsewhere(
    server: EmulatorServer, cli: Cli, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = media_calls.client(server.base_url, "key")
    save, folders = ours.save, []

    def full(files: Any, to: Path) -> Any:
        folders.append(to)
        if len(folders) == 1:
            raise OSError(28, "No space left on device")
        return save(files, to)

    monkeypatch.setattr(ours, "save", full)
    result = MediaResult("m", "images", files=(MediaFile(data=PICTURE, media_type="image/png"),))
    with pytest.raises(OSError, match="No space"):
        media_output.show(ours, Common(), result)
    path = Path(capsys.readouterr().out.strip())
    assert path.read_bytes() == PICTURE and folders[0] == Path()
    shutil.rmtree(path.parent)


def test_an_interrupt_of_a_download_leaves_the_address(
    server: EmulatorServer, cli: Cli, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = media_calls.client(server.base_url, "key")

    def stopped(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(ours, "save", stopped)
    with pytest.raises(KeyboardInterrupt):
        media_output.show(
            ours, Common(save=Path("a.png")), MediaResult("m", "images", files=(MediaFile(url="http://x/a.png"),))
        )
    assert capsys.readouterr().out == "http://x/a.png\n"


# -- options that do not go together -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (("video", "A cat runs", "--model", "google/veo3"), "the model is the first argument"),
        ((*ORDERS[0], "--no-wait", "--wait-timeout", "3"), "not both"),
        ((*ORDERS[0], "--wait-timeout", "nan"), "--wait-timeout"),
        ((*ORDERS[0], "--duration", "inf"), "`--duration` is inf"),
        (("say", "openai/tts-1", "hi", "--speed", "nan"), "`--speed` is nan"),
        (("video", "wait", "video:m:1", "--duration", "4"), "`--duration` is for a new order"),
        (("video", "status", "video:m:1", "--image", "x.png"), "`--image` is for a new order"),
        (("video", "status", "video:m:1", "--no-wait"), "`--no-wait` is for a new order"),
        (("music", "wait", "music:m:1", "-p", "a=1"), "`--param` is for a new order"),
        (("transcribe", "status", "transcribe:m:1", "--diarize"), "`--diarize` is for a new order"),
        (("ask", "m", "q", "--temperature", "nan"), "`--temperature` is nan"),
        (("compare", "q", "--models", "m", "--temperature", "inf"), "`--temperature` is inf"),
        (("image", "flux/dev", "q", "--image", "missing"), "missing cannot be read"),
        (("ocr", "mistral/mistral-ocr-latest", "."), "cannot be read"),
        (("ocr", "mistral/mistral-ocr-latest", "a\x00b"), "cannot be read"),
        (("ocr", "mistral/mistral-ocr-latest", "x" * 5000), "cannot be read"),
        (("ocr", "mistral/mistral-ocr-latest", "/dev/zero"), "is a device"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_a_sentence(
    cli: Cli, server: EmulatorServer, line: tuple[str, ...], says: str
) -> None:
    ran = cli(*line)
    assert (ran.code, ran.out) == (exits.WRONG, "") and says in ran.err and len(ran.err.splitlines()) == 1
    assert not server.requests


@pytest.mark.parametrize("name", ["run.sh", "run.exe", "run.desktop", "run.html", "run"])
def test_a_program_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, capsys: Any) -> None:
    opened: list[str] = []
    monkeypatch.setattr(media_output.typer, "launch", lambda target: opened.append(target) or 0)
    (tmp_path / name).write_text("echo")
    media_output._open([str(tmp_path / name)])
    assert not opened and "cannot be opened" in capsys.readouterr().err


@needs_unix
@pytest.mark.parametrize("columns", [40, 200])
def test_progress_keeps_to_one_line(server: EmulatorServer, tmp_path: Path, columns: int) -> None:
    shown = on_a_terminal(
        (*ORDERS[0], "--save", "cat.mp4"), environment(server.base_url, tmp_path), columns, cwd=tmp_path
    )
    drawn = re.split(r"\r|\n", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.raw))
    assert shown.code == 0 and "cat.mp4" in shown.lines
    assert all(len(line) <= columns for line in drawn if not line.startswith("aimlapi: "))
    assert "\x1b[2A" not in shown.raw  # it never went up by more than its line


def test_json_of_an_order_is_one_line(cli: Cli) -> None:
    assert json.loads(cli(*ORDERS[0], "--no-wait", "--json").out)["operation"] == "video"
