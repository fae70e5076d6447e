"""What the code does with files, locks, signals and terminals, where the system is not Linux: as far as Linux can pretend."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "aimlapi_transport",
    "langchain_aimlapi",
    "llama_index_aimlapi",
    "aimlapi_batch",
    "aimlapi_cli",
    "aimlapi_emulator",
)
needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="reads which files are open from /proc")

PROGRAMS = {
    "calls, and media": """
import asyncio
from aimlapi_emulator import emulator
from aimlapi_transport import Client
from langchain_aimlapi import ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI
with emulator() as server:
    host = {"model": "openai/gpt-4o", "api_key": "k"}
    chat = ChatAIMLAPI(base_url=server.base_url, **host)
    llm = AIMLAPI(api_base=server.base_url, **host)
    assert chat.invoke("What is 6 * 7?").content == "6 * 7 equals 42."
    assert "".join(chunk.content for chunk in chat.stream("What is 6 * 7?")) == "6 * 7 equals 42."
    assert asyncio.run(chat.ainvoke("What is 6 * 7?")).content == "6 * 7 equals 42."
    assert llm.complete("What is 6 * 7?").text == "6 * 7 equals 42."
    assert asyncio.run(llm.acomplete("What is 6 * 7?")).text == "6 * 7 equals 42."
    client = Client(base_url=server.base_url, api_key="k")
    assert client.models() and client.models()  # the second from what is kept on disk
    made = client.images("flux/schnell", "A café")
    first, second = client.save(made, "café.png") + client.save(made, "café.png")
    assert first.read_bytes() == second.read_bytes() and first != second
""",
    "a job, and commands": """
from pathlib import Path
from aimlapi_batch import Job, run
from aimlapi_emulator import emulator
Path("rows.csv").write_bytes("id,text\\r\\n1,caf\\u00e9\\r\\n2,\\u6771\\u4eac\\r\\n".encode())
with emulator() as server:
    host = {"base_url": server.base_url, "api_key": "k", "model": "openai/gpt-4o", "key": "id"}
    for output in ("out.jsonl", "out.csv", "out.parquet"):
        job = Job("rows.csv", output, prompt="{text}", **host)
        assert run(job).answered == 2
        assert run(job).already == 2
        assert run(Job("rows.csv", output, prompt="Again: {text}", **host), overwrite=True).answered == 2
assert "\\u6771\\u4eac" in Path("out.jsonl").read_text(encoding="utf-8")
import io, sys
from aimlapi_cli.app import run
with emulator() as server:
    where = ("--base-url", server.base_url)
    assert run(["ask", "openai/gpt-4o", "What is 6 * 7?", *where]) == 0
    assert run(["ask", "openai/gpt-4o", "--continue", "And 7 * 8?", *where]) == 0
    assert run(["models", *where]) == 0
    assert run(["log"]) == 0
    assert run(["config"]) == 0
    sys.stdin = io.StringIO("What is 6 * 7?\\n/save talk.json\\n")
    assert run(["chat", "openai/gpt-4o", *where]) == 0
    assert run(["image", "flux/schnell", "A cat", "--save", "cat.png", *where]) == 0
""",
}


@needs_proc
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_needs_nothing_that_windows_lacks(name: str, tmp_path: Path) -> None:
    folders = {f"XDG_{kind}_HOME": str(tmp_path / kind) for kind in ("CACHE", "CONFIG", "DATA", "STATE")}
    settings = {**os.environ, **folders, "PYTHONPATH": str(ROOT), "AIMLAPI_API_KEY": "k", "COLUMNS": "100"}
    program = f"from tests.windows import pretend\npretend()\n{PROGRAMS[name]}"
    command = (sys.executable, "-X", "warn_default_encoding", "-c", program)
    done = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    left = [path.name for path in (tmp_path / "CACHE").rglob("tmp*")]
    assert left == []


# -- what is written into the code ------------------------------------------------------------------------------------


def calls(package: str) -> Iterator[tuple[str, str, ast.Call]]:
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                yield f"{path.relative_to(ROOT)}:{node.lineno}", name, node


def is_binary(call: ast.Call) -> bool:
    modes = [*call.args[:2], *(word.value for word in call.keywords if word.arg == "mode")]
    words = [part.value for mode in modes for part in ast.walk(mode) if isinstance(part, ast.Constant)]
    return any(isinstance(word, str) and "b" in word and len(word) <= 3 for word in words)


@pytest.mark.parametrize("package", [*PACKAGES, "tools", "examples"])
def test_a_text_file_has_an_encoding(package: str) -> None:
    """Without one it is written in the code page of the machine."""
    for where, name, call in calls(package):
        named = {word.arg for word in call.keywords}
        if name in ("read_text", "write_text", "fdopen") or (name == "open" and isinstance(call.func, ast.Name)):
            positional = name == "read_text" and call.args
            assert "encoding" in named or positional or is_binary(call), where
        if name in ("run", "Popen", "check_output") and "text" in named:
            assert "encoding" in named, where
