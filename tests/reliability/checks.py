"""What the life-cycle checks are made with: their list, waiting, programs in a process of their own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.reliability.kinds import Kind
from tests.scripted import DONE, chunk, stream

Check = Callable[[Kind, str], None]
CHECKS: dict[str, Check] = {}
ROOT = Path(__file__).parents[2]
PIECES = (chunk("He", role="assistant"), chunk("llo"), chunk(finish="stop"), DONE)
ENDLESS = stream(*[chunk("x")] * 3000, pause=0.01)


def check(function: Check) -> Check:
    CHECKS[function.__name__] = function
    return function


def eventually(holds: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether something comes true in time."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.01)
    return holds()


async def aeventually(holds: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.01)
    return holds()


def descriptors() -> int:
    """How many files and sockets this process has open."""
    return len(os.listdir("/proc/self/fd"))


@contextmanager
def environment(**values: str | None) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.delenv(name, raising=False) if value is None else patch.setenv(name, value)
        yield


def script(kind: Kind, url: str, body: str, *, env: dict[str, str] | None = None) -> str:
    """The output of a program; it must end well, with nothing on stderr, every warning being an error."""
    prelude = """
        import asyncio, gc, os, sys, warnings
        from tests.reliability.kinds import KINDS
        kind, url = KINDS[sys.argv[1]], sys.argv[2]
        kind.echo(url)  # the frameworks' own imports may warn, what follows may not
        warnings.simplefilter("error")
    """
    code = textwrap.dedent(prelude) + textwrap.dedent(body)
    done = subprocess.run(
        [sys.executable, "-c", code, kind.name, url],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout
