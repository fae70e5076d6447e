"""A table is whole at any width, plain in a pipe, and the same for programs."""

from __future__ import annotations

import csv
import functools
import io
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aimlapi_cli import tables
from aimlapi_emulator import EmulatorServer, emulator
from tests.cli.conftest import Cli
from tests.cli.shell import environment, in_a_pipe, on_a_terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")
WIDTHS = (40, 80, 200)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmulatorServer, Path]]:
    """An account with two calls, and the home of the user who made them; no test changes the account."""
    home = tmp_path_factory.mktemp("home")
    with emulator(balance_usd=5) as server:
        for name in ("openai/gpt-4o", "anthropic/claude-opus-4-5"):
            in_a_pipe(("ask", name, "hi"), environment(server.base_url, home))
        yield server, home


@pytest.fixture
def settings(asked: tuple[EmulatorServer, Path], tmp_path: Path) -> dict[str, str]:
    account, home = asked
    return environment(account.base_url, Path(shutil.copytree(home, tmp_path / "home")))


@pytest.fixture(scope="module")
def piped(asked: tuple[EmulatorServer, Path]) -> Callable[[tuple[str, ...]], str]:
    """What a command writes into a pipe as JSON: the same, however wide a terminal is."""
    account, home = asked
    return functools.cache(
        lambda line: in_a_pipe((*line, "--json"), environment(account.base_url, home)).stdout.decode()
    )


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize(
    "line",
    [
        ("models", "gpt-4o", "--sort", "tps"),
        ("models",),
        ("logs",),
        ("usage", "--by", "day,model"),
        ("model", "gpt-4o"),
    ],
)
def test_nothing_is_cut(
    settings: dict[str, str], piped: Callable[[tuple[str, ...]], str], line: tuple[str, ...], columns: int
) -> None:
    """What the terminal shows of a row is there in the pipe as well, whole; what is left out is named."""
    shown = on_a_terminal(line, settings, columns)
    assert shown.code == 0 and "…" not in shown.text
    rows: Any = json.loads(piped(line))
    if isinstance(rows, dict):
        return
    joined = shown.text.replace("\n", "")
    for row in rows:
        name = row.get("id") or row.get("model")
        assert name in joined, name
    assert all(len(line) <= columns or " " not in line for line in shown.lines)  # a long id is wrapped by the terminal
    numbers = {tables.printed(value) for row in rows for value in row.values() if isinstance(value, (int, float))}
    for figure in re.findall(
        r"(?<![\w/.:-])\d[\d,]*(?:\.\d+)?(?![\w/:-])", "\n".join(shown.lines[2:]).partition("\ntotal")[0]
    ):
        assert figure in numbers or figure in piped(line), figure
    if columns == 40 and line == ("models", "gpt-4o", "--sort", "tps"):
        assert "Too narrow for:" in shown.text


def test_where_two_columns_do_not_fit_rows_are_records(settings: dict[str, str]) -> None:
    shown = on_a_terminal(("logs",), settings, 40)
    records = shown.text.strip().split("\n\n")
    assert len(records) == 2
    assert "time" in shown.text and "openai/gpt-4o" in shown.text and "inference id" in shown.text


def test_long_identifiers_are_copied_in_one_piece(settings: dict[str, str]) -> None:
    """No newline is put into one: the terminal wraps it itself."""
    names = [row["id"] for row in json.loads(in_a_pipe(("models", "--json", "--all"), settings).stdout)]
    longest = max(names, key=len)
    assert len(longest) > 40
    assert longest in on_a_terminal(("models", longest, "--all"), settings, 40).text


def test_a_pipe_gets_a_header_and_plain_numbers(cli: Cli) -> None:
    lines = cli("models", "gpt-4o").out.splitlines()
    assert lines[0].split("\t")[:4] == ["id", "vendor", "context", "input_usd_per_million"]
    assert "128000" in lines[1].split("\t")
    fields = dict(line.split("\t") for line in cli("model", "gpt-4o").out.splitlines())
    assert fields["field"] == "value" and fields["id"] == "gpt-4o" and "import ChatAIMLAPI; " in fields["langchain"]


def test_csv_has_no_thousands_separators_wherever_it_goes(settings: dict[str, str], cli: Cli) -> None:
    for text in (
        cli("models", "gpt-4o", "--csv").out,
        on_a_terminal(("models", "gpt-4o", "--csv"), settings, 200).text,
    ):
        rows = list(csv.DictReader(io.StringIO(text)))
        assert {row["context"] for row in rows} == {"128000"}
        assert all(float(row["output_usd_per_million"]) > 0 for row in rows)


def test_json_has_names_for_machines_and_one_object_for_one_thing(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("ask", "openai/gpt-4o", "hi")
    monkeypatch.setenv("AIMLAPI_API_KEY", "management-key-0123456789")
    prefix = json.loads(cli("keys", "create", "--json").out)["prefix"]
    lines = ("models gpt-4o", "logs", "usage", "keys list", "doctor", "compare hi --models openai/gpt-4o")
    for line in lines:
        rows = json.loads(cli(*line.split(), "--json").out)
        assert isinstance(rows, list) and rows, line
        for name in rows[0]:
            assert re.fullmatch(r"[a-z][a-z0-9_]*", name), (line, name)
    for line in ("model gpt-4o", "balance", f"keys update {prefix} --name x", "ask openai/gpt-4o hi"):
        found = json.loads(cli(*line.split(), "--json").out)
        assert isinstance(found, dict), line
        assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in found), line


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("line", [("--help",), ("models", "--help"), ("keys", "--help"), ("batch", "run", "--help")])
def test_help_is_read_at_any_width(settings: dict[str, str], line: tuple[str, ...], columns: int) -> None:
    shown = on_a_terminal(line, settings, columns)
    assert all(len(line) <= columns for line in shown.lines)
    words = re.sub(r"[│╭╰╮╯─\s]+", " ", shown.text)
    known = {"--help": "Asks several models the same: speed, tokens, cost and answers.", "models": "structured_output", "keys": "delete",
             "batch": "--budget-usd"}[line[0]]  # fmt: skip
    assert known in words and "…" not in shown.text and "[dim]" not in shown.text


@pytest.mark.parametrize("columns", WIDTHS)
def test_progress_keeps_to_one_line(server: EmulatorServer, tmp_path: Path, columns: int) -> None:
    """A bar that is wider than the terminal leaves its remains on every line above."""
    shown = on_a_terminal(
        ("compare", "hi", "--models", "openai/gpt-4o", "--runs", "3", "--no-answers"),
        environment(server.base_url, tmp_path),
        columns,
    )
    bars = [part for part in re.split(r"[\r\n]", shown.raw) if "━" in part]
    assert bars and all(len(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", bar)) <= columns for bar in bars)
    assert any("3/3" in bar or "2/3" in bar for bar in bars)


@pytest.mark.parametrize(
    ("value", "people", "programs"),
    [
        (None, "", ""), (True, "yes", "yes"), (1234567, "1,234,567", "1234567"), (-1234, "-1,234", "-1234"),
        (1234.5, "1,234.5", "1234.5"), (0.000000123, "0.000000123", "0.000000123"), (0.0, "0", "0"),
        (-0.5, "-0.5", "-0.5"), (float("inf"), "inf", "inf"), (["a", 1000], "a,1000", "a,1000"),
        ("a\nb", "a b", "a b"), (10.0, "10", "10"), (100, "100", "100"),
    ],
)  # fmt: skip
def test_a_value(value: Any, people: str, programs: str) -> None:
    assert (tables.printed(value), tables.plain(value)) == (people, programs)
