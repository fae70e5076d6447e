"""A stream left in any way, by connections of the pool and by clients of httpx and httpx2: `abandoned` in a process."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARIES = ["pool", "httpx", *(["httpx2"] if find_spec("httpx2") else [])]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the program forks")
@pytest.mark.parametrize("tls", [(), ("tls",)], ids=["plain", "tls"])
@pytest.mark.parametrize("layer", ["transport", "langchain", "llama_index"])
def test_a_stream_left_in_any_way_leaves_nothing_behind(layer: str, tls: tuple[str, ...]) -> None:
    program = ["-X", "dev", "-W", "ignore::UserWarning", "-m", "tests.reliability.abandoned", layer, *tls, *LIBRARIES]
    done = subprocess.run([sys.executable, *program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
