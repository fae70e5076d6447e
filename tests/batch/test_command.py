"""`aimlapi batch` as a user has it: exit codes, JSON for programs, Ctrl-C, and progress on terminals of 80 and 40 columns."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.batch.jobs import answers, written
from tests.batch.scripted import ScriptedServer
from tests.cli.shell import AIMLAPI, environment, in_a_pipe, on_a_terminal, plain

ROWS = [{"id": n, "text": f"row {n}"} for n in range(30)]


def command(*more: str, source: str = "rows.jsonl", output: str = "out.jsonl") -> list[str]:
    return ["batch", "run", source, "-o", output, "--model", "m", "--prompt", "{text}", "--key", "id", *more]


def ran(scripted: ScriptedServer, arguments: Sequence[str], stdin: bytes = b"") -> tuple[int, str, str]:
    done = in_a_pipe(arguments, environment(scripted.url, Path("home")), stdin, Path())
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_exit_codes_and_json(scripted: ScriptedServer) -> None:
    written("rows.jsonl", ROWS)
    code, out, err = ran(scripted, command("--json"))
    summary = json.loads(out)
    assert (
        code == 0 and summary["answered"] == 30 and summary["cost_usd"] == pytest.approx(0.3) and "30 answered" in err
    )
    code, out, _ = ran(scripted, ["batch", "status", "out.jsonl", "--json"])
    known = json.loads(out)
    assert code == 0 and (known["total"], known["answered"], known["running"]) == (30, 30, False)
    assert known["spent_usd"] == pytest.approx(0.3) and known["rows_per_second"] > 0
    written("bad.jsonl", [*ROWS[:2], {"id": 99, "text": "!400"}])
    assert ran(scripted, command(source="bad.jsonl", output="bad.out.jsonl"))[0] == 1
    code, _, err = ran(scripted, command("--param", "temperature=1"))
    assert code == 2 and "another `parameters`" in err and len(err.splitlines()) == 1
    written("none.jsonl", [{"id": n, "text": "!401"} for n in range(9)])
    code, out, err = ran(scripted, command("--json", source="none.jsonl", output="none.out.jsonl"))
    assert code == 3 and "9 rows wait" in err and len(err.splitlines()) == 1
    assert (json.loads(out)["left"], json.loads(out)["requests"] > 0) == (9, True)
    code, _, err = ran(scripted, command("--budget-usd", "0.05", output="budget.jsonl"))
    assert code == 3 and "$0.0500 of the budget of $0.05" in err
    code, out, err = ran(scripted, command("--limit", "2", source="-", output="-"), b'{"id": 1, "text": "a"}\n')
    assert code == 0 and json.loads(out)["key"] == "1"


def test_retry_errors_with_classes_and_without(scripted: ScriptedServer) -> None:
    written("rows.jsonl", [*ROWS[:2], {"id": 99, "text": "!400"}])
    ran(scripted, command())
    for more, count in (
        ([], 0),
        (["--retry-errors"], 1),
        (["--retry-errors", "InvalidRequestError", "ServerError"], 1),
        (["--retry-errors", "ServerError", "--limit", "9"], 0),
    ):
        before = len(scripted.asked)
        ran(scripted, command(*more))
        assert scripted.asked[before:] == ["!400"] * count
    assert ran(scripted, ["batch", "retry", "out.jsonl", "--error", "ServerError"])[0] == 0
    assert ran(scripted, ["batch", "retry", "out.jsonl"])[0] == 1
    code, _, err = ran(scripted, ["batch", "export", "out.jsonl", "-o", "out.csv"])
    assert code == 0 and "3 answers written to out.csv" in err and len(Path("out.csv").read_text().splitlines()) == 4
    code, _, err = ran(scripted, ["batch", "export", "out.jsonl", "-o", "other.jsonl", "--output-format", "openapi"])
    assert code == 2 and "'openapi': pass rows or openai" in err and not Path("other.jsonl").exists()


# The command in a process without what Windows lacks: event loops there take no signal handlers.
AS_ON_WINDOWS = [
    *(sys.executable, "-X", "warn_default_encoding", "-c"),
    "from tests.windows import pretend; pretend(); from aimlapi_cli.app import main; main()",
]


@pytest.mark.parametrize(
    ("program", "number"), [(AIMLAPI, signal.SIGINT), (AIMLAPI, signal.SIGTERM), (AS_ON_WINDOWS, signal.SIGINT)]
)
def test_a_signal_finishes_what_is_sent_and_leaves_what_waits(
    scripted: ScriptedServer, program: list[str], number: int
) -> None:
    written("rows.jsonl", ROWS)
    settings = {**environment(scripted.url, Path("home")), "PYTHONPATH": str(Path(__file__).parents[2])}
    scripted.hold_from = 2
    process = subprocess.Popen(
        [*program, *command("--concurrency", "4")], env=settings, stderr=subprocess.PIPE, encoding="utf-8"
    )
    scripted.wait_for_held(4)  # all that may be sent is
    asked = len(scripted.asked)
    code, out, _ = ran(scripted, ["batch", "status", "out.jsonl", "--json"])
    assert code == 0 and json.loads(out)["running"] is True and json.loads(out)["pid"] == process.pid
    process.send_signal(number)
    assert process.stderr is not None and any("Finishing" in line for line in process.stderr)
    scripted.gate.set()
    assert process.wait(20) == 130 and len(scripted.asked) == asked == len(answers())
    assert f"{30 - asked} left" in process.stderr.read()
    process.stderr.close()


@pytest.mark.parametrize("width", [80, 40])
def test_progress_can_be_read(scripted: ScriptedServer, width: int) -> None:
    written("rows.jsonl", [{"id": n, "text": f"row {n}"} for n in range(1234)])
    shown = on_a_terminal(command("--concurrency", "2"), environment(scripted.url, Path("home")), columns=width)
    lines = [line.rstrip() for line in plain(shown.raw.replace("\r", "\n")).splitlines() if "/1234" in line]
    assert lines and max(map(len, lines)) <= width
    assert any(re.search(r"\d+/1234 [\d.,]+/s \$\d+\.\d{4} \d:\d\d:\d\d left$", line) for line in lines)
    assert "1,234 answered" in shown.text


def test_help_can_be_read_at_40_columns(scripted: ScriptedServer) -> None:
    shown = on_a_terminal(["batch", "run", "--help"], environment(scripted.url, Path("home")), columns=40)
    assert max(map(len, shown.lines)) <= 40 and "--retry-errors" in shown.text


def test_ctrl_c_twice_stops_at_once_and_keeps_what_came(scripted: ScriptedServer) -> None:
    written("rows.jsonl", ROWS)
    settings = environment(scripted.url, Path("home"))
    scripted.hold_from = 4
    process = subprocess.Popen(
        [*AIMLAPI, *command("--concurrency", "1")], env=settings, stderr=subprocess.PIPE, text=True
    )
    scripted.wait_for_held(1)
    os.kill(process.pid, signal.SIGINT)
    assert process.stderr is not None and any("Finishing" in line for line in process.stderr)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(20) == 130
    process.stderr.close()
    scripted.gate.set()
    code, out, _ = ran(scripted, ["batch", "status", "out.jsonl", "--json"])
    assert code == 0 and json.loads(out)["answered"] >= 3
