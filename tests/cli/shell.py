"""The command in a process of its own: in pipes, with streams that are closed or full, and on a terminal of any width."""

from __future__ import annotations

import os
import re
import select
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

AIMLAPI = [sys.executable, "-m", "aimlapi_cli"]
KEY = "sk-cli-0123456789"
MANAGER = "management-key-0123456789"
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[=>()][A-Z0-9]?)")


def environment(base_url: str, home: Path, **more: str) -> dict[str, str]:
    """A user's: everything the command keeps is under `home`."""
    unset = (
        "AIML_API_KEY",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "COLUMNS",
        "LINES",
        "NO_COLOR",
        "PYTHONIOENCODING",
        "PYTHONUNBUFFERED",
    )
    kept = {name: value for name, value in os.environ.items() if name.upper() not in unset}
    places = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CACHE", "CONFIG", "DATA", "STATE")}
    return {**kept, "AIMLAPI_API_BASE": base_url, "AIMLAPI_API_KEY": KEY, **places, **more}


def in_a_pipe(
    arguments: Sequence[str], settings: Mapping[str, str], stdin: bytes = b"", cwd: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """A run whose output is a pipe."""
    return subprocess.run(
        [*AIMLAPI, *arguments], input=stdin, capture_output=True, env=dict(settings), cwd=cwd, check=False, timeout=60
    )


def in_bash(line: str, settings: Mapping[str, str], cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    """A line of a shell, in which `aimlapi` is the command."""
    whole = f'aimlapi() {{ "{sys.executable}" -m aimlapi_cli "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", whole],
        capture_output=True,
        env=dict(settings),
        cwd=cwd,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


@dataclass
class Shown:
    """What a terminal got: `raw` with its escapes, `text` as it is read."""

    raw: str
    code: int

    @property
    def text(self) -> str:
        return plain(self.raw)

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.text.splitlines()]


def plain(shown: str) -> str:
    """Without escapes and carriage returns."""
    return _ESCAPES.sub("", shown).replace("\r", "")


def on_a_terminal(
    arguments: Sequence[str],
    settings: Mapping[str, str],
    columns: int = 80,
    typed: Sequence[tuple[str, bytes]] = (),
    cwd: Path | None = None,
    command: Sequence[str] = AIMLAPI,
) -> Shown:
    """A run on a terminal.

    Args:
        typed: what is typed, each after the terminal showed a text (below the one before), or got an escape.
        command: what the arguments are for.
    """
    import fcntl
    import pty
    import termios

    mine, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen(
        [*command, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={"TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1", **settings},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # it is the one that Ctrl-C interrupts
        cwd=cwd,
    )
    os.close(theirs)
    shown, seen, waiting, end = b"", 0, list(typed), time.monotonic() + 60
    while time.monotonic() < end and select.select([mine], [], [], 60)[0]:
        try:
            piece = os.read(mine, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
        raw = shown.decode(errors="replace")
        text = plain(raw)
        while waiting:
            sought = waiting[0][0]
            if sought.startswith("\x1b"):
                found = 0 if sought in raw else -1
            elif (found := text.find(sought, seen)) >= 0:
                seen = found + len(sought)
            if found < 0:
                break
            os.write(mine, waiting.pop(0)[1])
    if process.poll() is None and time.monotonic() >= end:
        process.kill()
    code = process.wait(30)
    os.close(mine)
    return Shown(shown.decode(errors="replace"), code)
