"""Every Python block of the README runs as it stands, here on the emulator."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aimlapi_emulator import EmulatorServer, emulator

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)


@pytest.fixture(scope="module")
def server() -> Iterator[EmulatorServer]:
    with emulator() as running:
        yield running


def run(server: EmulatorServer, *command: str) -> str:
    environment = {**os.environ, "AIMLAPI_API_BASE": server.base_url, "AIMLAPI_API_KEY": "emulator"}
    environment["PYTHONPATH"] = str(ROOT)
    command = (sys.executable, *command)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr
    return done.stdout


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_a_block_of_the_readme_runs(server: EmulatorServer, block: str) -> None:
    said = run(server, "-c", block)
    assert said.strip() or "print" not in block


def test_the_readme_has_its_blocks() -> None:
    """Three for LangChain, two for LlamaIndex, one without a framework, one with the emulator."""
    assert len(BLOCKS) == 7


def test_the_demo_shows_the_main_job_in_both_frameworks(server: EmulatorServer) -> None:
    said = run(server, "examples/demo.py")
    assert said.startswith("LIVE")  # a key is set, though only for the emulator
    for framework in ("LangChain", "LlamaIndex"):
        for step in ("A streamed answer with its reasoning", "A tool-calling agent", "A RAG answer with its source"):
            assert re.search(rf"== {step} \(.*\) \| {framework}\n", said)
    assert said.count("source:   billing.md") == 2
    assert said.count("get_weather(city='Lisbon')") == 2
    assert said.count("thinking: The user wrote") == 2
    assert len(re.findall(r"\[\d+ tokens in, \d+ out, cost \$0\.\d+\]", said)) == 6


def test_the_demo_says_in_its_first_line_that_it_is_offline() -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AIML")} | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "examples/demo.py"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("OFFLINE: AIMLAPI_API_KEY is not set")
    assert done.stderr == ""
