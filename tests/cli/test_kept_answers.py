"""What came of an answer is paid for, and is kept: also where it ends early, or stdout does not take it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aimlapi_cli import exits
from tests.cli.conftest import Cli
from tests.cli.shell import AIMLAPI, environment, in_bash
from tests.llama_index.conformance.answers import chunk, text
from tests.llama_index.conformance.server import Server, Stream

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="/dev/full, and signals of Unix")
HALF = [chunk(role="assistant"), chunk(content="Half of"), chunk(content=" it")]
COMMANDS = ("ask", "chat")


@pytest.fixture
def served() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def home(served: Server, tmp_path: Path) -> dict[str, str]:
    return environment(served.base_url, tmp_path)


def kept(home: dict[str, str]) -> list[dict[str, Any]]:
    """The conversation that `--continue` continues."""
    path = Path(home["XDG_STATE_HOME"]) / "aimlapi-integrations" / "last_conversation.json"
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["messages"]
    return found


def turn(answer: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": "hi"}, {"role": "assistant", "content": answer}]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("stdout", [">/dev/full", ">&-"])
@pytest.mark.parametrize("line", ["aimlapi ask m hi", "aimlapi ask m hi --json"])
def test_an_answer_that_stdout_does_not_take_is_kept(
    served: Server, home: dict[str, str], line: str, stdout: str
) -> None:
    served.play(text("All of the answer, which comes in several pieces"))
    ran = in_bash(f"{line} {stdout}", home)
    assert ran.returncode == exits.FAILED and b"cannot be written" in ran.stderr
    assert kept(home) == turn("All of the answer, which comes in several pieces")


@pytest.mark.parametrize("command", COMMANDS)
def test_an_answer_whose_connection_is_lost_is_kept_as_far_as_it_came(
    served: Server, cli: Cli, home: dict[str, str], command: str
) -> None:
    served.play(Stream(HALF, "cut"))
    asked = ("hi",) if command == "ask" else ()
    ran = cli(command, "m", *asked, "--base-url", served.base_url, stdin="" if asked else "hi\n")
    assert "Half of it\n" in ran.out and "`partial`" not in ran.out + ran.err
    assert kept(home) == turn("Half of it")


@pytest.mark.parametrize("command", COMMANDS)
def test_an_answer_that_is_stopped_is_kept_as_far_as_it_came(
    served: Server, home: dict[str, str], command: str
) -> None:
    served.play(Stream(HALF, "hang"))
    process = subprocess.Popen(
        [*AIMLAPI, command, "m", *(["hi"] if command == "ask" else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=home,
    )
    assert process.stdin is not None and process.stdout is not None
    if command == "chat":
        process.stdin.write(b"hi\n")
        process.stdin.flush()
    else:
        process.stdin.close()
        process.stdin = None
    shown = b""
    while b" it" not in shown:
        shown += process.stdout.read1(100)  # type: ignore[attr-defined]  # of the buffered reader that it is
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert b"Traceback" not in err
    assert process.returncode == (exits.STOPPED if command == "ask" else exits.DONE)
    assert kept(home) == turn("Half of it")


def test_a_reader_that_leaves_ends_the_answer_and_keeps_what_came(served: Server, home: dict[str, str]) -> None:
    served.play(Stream([*HALF, *(chunk(content=f" and {n}" * 2000) for n in range(100))], "hang"))
    ran = in_bash("set -o pipefail; aimlapi ask m hi | head -c 7", home)
    assert (ran.returncode, ran.stdout, ran.stderr) == (exits.DONE, b"Half of", b"")
    assert kept(home)[1]["content"].startswith("Half of it")


def test_the_costs_of_a_conversation_add_up(served: Server, cli: Cli, tmp_path: Path) -> None:
    """Of `ask` and `chat`, whichever goes on with it."""
    cost = {
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        "meta": {"usage": {"usd_spent": 0.25}},
    }
    whole = {"id": "1", "object": "chat.completion", "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}], **cost}  # fmt: skip
    served.play(whole)
    cli("ask", "m", "hi", "--json", "--base-url", served.base_url)
    cli("chat", "--continue", "--base-url", served.base_url, stdin="hi\n/save talk.json\n")
    assert json.loads((tmp_path / "talk.json").read_text(encoding="utf-8"))["cost_usd"] == 0.5


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_comparison_that_stdout_does_not_take_is_drawn(served: Server, home: dict[str, str], tmp_path: Path) -> None:
    served.play(text("All of the answer"))
    ran = in_bash("aimlapi compare hi --models m --plot out.html >/dev/full", home, tmp_path)
    assert ran.returncode == exits.FAILED and b"cannot be written" in ran.stderr
    assert "All of the answer" in (tmp_path / "out.html").read_text(encoding="utf-8")
