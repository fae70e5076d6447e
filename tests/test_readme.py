"""The demo shows what the README says of it. The README's blocks and links are tested with the guides', in test_pages."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from aimlapi_emulator import EmulatorServer

ROOT = Path(__file__).parents[1]


def run(server: EmulatorServer, *command: str) -> str:
    environment = {**os.environ, "AIMLAPI_API_BASE": server.base_url, "AIMLAPI_API_KEY": "emulator"}
    environment["PYTHONPATH"] = str(ROOT)
    command = (sys.executable, *command)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr
    return done.stdout


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


@pytest.fixture(scope="module")
def offline() -> str:
    """What the demo prints without a key."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AIML")} | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "examples/demo.py"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    return done.stdout


def test_the_demo_says_in_its_first_line_that_it_is_offline(offline: str) -> None:
    assert offline.startswith("OFFLINE: AIMLAPI_API_KEY is not set")


def test_the_picture_of_the_demo_shows_what_it_prints(offline: str) -> None:
    """Word for word but for the port; `make pictures` draws it again."""
    picture = (ROOT / "docs" / "images" / "demo.svg").read_text()
    shown = html.unescape("".join(re.findall(r"<text [^>]*clip-path[^>]*>([^<]*)</text>", picture)))
    printed = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8765", f"$ make demo {offline}")
    assert "".join(shown.split()) == "".join(printed.split())
