"""Streams that nobody finishes leave nothing behind: `abandoned.py` leaves them in every way, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("options", ["", "tls", "httpx", "httpx tls", "httpx2", "httpx2 tls"])
@pytest.mark.parametrize("layer", ["transport", "langchain", "llama_index"])
def test_a_stream_left_in_any_way_leaves_nothing_behind(layer: str, options: str) -> None:
    if "httpx2" in options:
        pytest.importorskip("httpx2")
    program = ["-X", "dev", "-W", "ignore::UserWarning", "-m", "tests.reliability.abandoned", layer, *options.split()]
    done = subprocess.run(
        [sys.executable, *program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
