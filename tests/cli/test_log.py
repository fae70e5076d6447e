"""The local log: off unless asked for, searchable, and never in the way of an answer."""

from __future__ import annotations

import json
import sqlite3
import stat
import sys
from pathlib import Path

import pytest

from aimlapi_cli import log_store
from aimlapi_emulator import EmulatorServer
from tests.cli.conftest import Cli
from tests.cli.shell import KEY


@pytest.fixture
def path(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = tmp_path / "kept" / "log.sqlite3"
    monkeypatch.setenv("AIMLAPI_LOG_FILE", str(found))
    return found


def test_nothing_is_kept_unless_it_is_asked_for(
    cli: Cli, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("ask", "openai/gpt-4o", "hi")
    cli("chat", "openai/gpt-4o", stdin="hi\n")
    assert not path.exists()
    assert "The log is empty" in cli("log").err and cli("log").code == 0
    (tmp_path / "config.toml").write_text("log = true")
    monkeypatch.setenv("AIMLAPI_CONFIG", str(tmp_path / "config.toml"))
    cli("ask", "openai/gpt-4o", "hi", "--no-log")
    assert not path.exists()
    cli("ask", "openai/gpt-4o", "hi")
    assert path.exists()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 or sys.platform == "win32"
    before = path.read_bytes()
    (tmp_path / "config.toml").write_text("log = true\n[profiles.quiet]\nlog = false")
    cli("ask", "openai/gpt-4o", "hi", "--profile", "quiet")
    assert path.read_bytes() == before
    assert KEY.encode() not in path.read_bytes()


def test_it_is_searched(cli: Cli, path: Path) -> None:
    for model, question in (
        ("openai/gpt-4o", "What are tides?"), ("gpt-4o-mini", "Où est le café à Zürich?"),
        ("openai/gpt-4o", 'A "quoted" AND odd* (word) -- 100%'), ("openai/gpt-4o", "東京 weather"),
    ):  # fmt: skip
        assert cli("ask", model, question, "--log").code == 0

    def found(*line: str) -> list[str]:
        ran = cli("log", *line, "--json")
        return [row["question"] for row in json.loads(ran.out)]

    assert len(found()) == 4 and len(found("-n", "2")) == 2
    assert found("tides") == found("TIDE") == ["What are tides?"]
    assert found("cafe", "zurich") == ["Où est le café à Zürich?"]
    for odd in ('"quoted"', "odd*", "(word)", "100%", "AND odd"):
        assert found(*odd.split()) == ['A "quoted" AND odd* (word) -- 100%'], odd
    assert found("東京") == ["東京 weather"]
    assert found("--model", "mini") == ["Où est le café à Zürich?"]
    assert len(found("--since", "1h")) == 4
    ran = cli("log", "nothing-like-it")
    assert ran.code == 1 and "No answer of the log fits that" in ran.err
    assert cli("log", "--since", "soon").code == 2
    rows = cli("log").rows
    assert rows[0][0] == "4" and rows[0][3] == "openai/gpt-4o"


def test_an_answer_is_shown_deleted_and_gone_on_with(cli: Cli, path: Path, server: EmulatorServer) -> None:
    Path("a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    cli("chat", "openai/gpt-4o", "--log", stdin="What is 6*7?\nAnd what is this? @a.png\n")
    rows = json.loads(cli("log", "--json").out)
    assert [row["conversation"] for row in rows] == [1, 1] and rows[1]["answer"] == "6*7 equals 42."
    assert rows[0]["cost_usd"] > 0 and "base64" not in json.dumps(rows)
    assert json.loads(cli("log", "--show", "1", "--json").out)["answer"] == "6*7 equals 42."
    assert "6*7 equals 42." in cli("log", "--show", "1").out
    cli("ask", "--load", "1", "And then?")
    sent = server.requests[-1].json
    assert sent["model"] == "openai/gpt-4o" and len(sent["messages"]) == 5
    assert cli("log", "--delete", "1").code == 0 and cli("log", "--delete", "1").code == 2
    assert cli("log", "6*7").code == 1
    assert cli("log", "--clear", stdin="n\n").code == 1 and len(json.loads(cli("log", "--json").out)) == 1
    assert cli("log", "--clear", "--yes").code == 0 and json.loads(cli("log", "--json").out) == []
    for line in (("log", "--show", "9"), ("ask", "m", "q", "--load", "9")):
        assert cli(*line).code == 2


@pytest.mark.parametrize("damage", [b"no database at all", b"SQLite format 3\x00" + b"\xff" * 2000, b"x" * 5000])
def test_a_damaged_log_costs_no_answer(cli: Cli, path: Path, damage: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(damage)
    ran = cli("ask", "openai/gpt-4o", "What is 6*7?", "--log")
    assert (ran.code, ran.out) == (0, "6*7 equals 42.\n") and str(path) in ran.err and len(ran.err.splitlines()) == 1
    ran = cli("log")
    assert ran.code == 1 and "move it away" in ran.err and len(ran.err.splitlines()) == 1


def test_a_log_that_cannot_be_written_costs_no_answer(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("file").write_text("")
    monkeypatch.setenv("AIMLAPI_LOG_FILE", str(Path("file", "log.sqlite3").absolute()))
    ran = cli("ask", "openai/gpt-4o", "What is 6*7?", "--log")
    assert (ran.code, ran.out) == (0, "6*7 equals 42.\n") and "cannot be used" in ran.err


def test_an_sqlite_without_full_text_search_is_searched_row_by_row(
    cli: Cli, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_store, "_INDEX", "CREATE VIRTUAL TABLE answers_text USING nofts5(question);")
    with pytest.raises(sqlite3.OperationalError, match="nofts5"):
        sqlite3.connect(":memory:").executescript(log_store._INDEX)
    cli("ask", "openai/gpt-4o", "What are 100% tides?", "--log")
    for line, count in ((("tide",), 1), (("100", "what"), 1), (("tide", "nowhere"), 0)):
        assert len(json.loads(cli("log", *line, "--json").out)) == count
