"""The code blocks of a page, run as a reader would run them: in order, in one namespace, here on the emulator.

A fenced block is `python` (run; with `title="..."` a file of the reader's project, whose tests pytest runs), `text` (what the block
before it prints, to the letter but for `...`), or `console` (checked against the Makefile and the package).
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_FENCE = re.compile(r"^( *)```(\w*)([^\n]*)\n(.*?)^\1```$", re.M | re.S)
_LIKE = doctest.OutputChecker()


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the rest of its first line, its text, and where it stands."""

    language: str
    info: str
    text: str
    where: str
    line: int

    @property
    def title(self) -> str | None:
        """The file the block is, where it says so."""
        found = re.search(r'title="([^"]+)"', self.info)
        return found and found[1]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order; those inside tabs without their indentation."""
    text = page.read_text()
    found = []
    for match in _FENCE.finditer(text):
        indent, language, info, body = match.groups()
        body = re.sub(rf"^{indent}", "", body, flags=re.M)
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(language, info, body, f"{page.relative_to(ROOT)}:{line}", line))
    return found


def run_page(page: Path, folder: Path) -> None:
    """Runs a page's blocks; their environment is the caller's affair. Files they name are written to `folder`."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    said: str | None = None
    files = []
    for block in blocks(page):
        if block.title:
            files.append(folder / block.title)
            files[-1].write_text(block.text)
        elif block.language == "python":
            said = _run(block, namespace)
        elif block.language == "text":
            assert said is not None, f"{block.where}: no block before it prints"
            shown = _LIKE.check_output(block.text, said.rstrip() + "\n", doctest.ELLIPSIS)
            assert shown, f"{block.where} shows\n{block.text}\nbut the block before it printed\n{said}"
            said = None
    if any(file.name.startswith("test_") for file in files):
        _run_tests(folder)


def _run(block: Block, namespace: dict[str, object]) -> str:
    # as many empty lines before it as on the page, so that a traceback names the page's own line
    code = compile("\n" * block.line + block.text, block.where.rpartition(":")[0], "exec")
    output = io.StringIO()
    with warnings.catch_warnings(record=True) as warned, contextlib.redirect_stdout(output):
        warnings.simplefilter("default")
        exec(code, namespace)
    ours = [str(w.message) for w in warned if w.filename == code.co_filename]
    assert not ours, f"{block.where} warns: {ours}"
    return output.getvalue()


def _run_tests(folder: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    # a reader has no variables of ours set: the tests' own fixtures must do
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIML", "PYTEST"))}
    environment["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
