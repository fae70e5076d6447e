"""The command, run in this process as a shell runs it, against an emulator whose account starts with $5."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from aimlapi_emulator import EmulatorServer, emulator
from tests.cli.shell import KEY


@dataclass
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[list[str]]:
        """The lines of a piped table, below its header."""
        return [line.split("\t") for line in self.out.splitlines()[1:]]

    @property
    def fields(self) -> dict[str, str]:
        """One thing in a pipe: names and values."""
        return dict(self.rows)  # type: ignore[arg-type]  # lines of two


Cli = Callable[..., Ran]


@pytest.fixture
def server() -> Iterator[EmulatorServer]:
    with emulator(balance_usd=5) as running:
        yield running


@pytest.fixture
def cli(
    server: EmulatorServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Cli:
    from aimlapi_cli.app import run

    for place in ("CACHE", "CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{place}_HOME", str(tmp_path / place.lower()))
    monkeypatch.setenv("AIMLAPI_API_BASE", server.base_url)
    monkeypatch.setenv("AIMLAPI_API_KEY", KEY)
    for name in (
        "AIML_API_KEY",
        "AIMLAPI_PROFILE",
        "AIMLAPI_CONFIG",
        "AIMLAPI_LOG_FILE",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def ran(*arguments: str, stdin: str = "") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = run(arguments)
        shown = capsys.readouterr()
        return Ran(code, shown.out, shown.err)

    return ran
