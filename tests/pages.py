"""The code blocks of a page, run as a reader would run them, here on the emulator.

A fenced block is `python` (run; with `title="..."` a file of the reader's project, whose tests pytest runs), `text` (what the block
before it prints, to the letter but for `...`; after a line "Both print", what the two blocks before it print), or `console`
(run in `tests/test_console.py`). Each Python block runs alone, in a fresh namespace and folder, in the order of its page.
"""

from __future__ import annotations

import contextlib
import copy
import doctest
import io
import logging
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
_FENCE = re.compile(r"^( *)```(\w*)([^\n]*)\n(.*?)^\1```$", re.M | re.S)
_LIKE = doctest.OutputChecker()


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the rest of its first line, its text, the line of text before it, and where it stands."""

    language: str
    info: str
    text: str
    after: str
    where: str
    line: int

    @property
    def title(self) -> str | None:
        """The file the block is, where it says so."""
        found = re.search(r'title="([^"]+)"', self.info)
        return found and found[1]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order; those inside lists without their indentation."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        indent, language, info, body = match.groups()
        body = re.sub(rf"^{indent}", "", body, flags=re.M)
        line = text.count("\n", 0, match.start()) + 1
        after = text[: match.start()].rstrip().rpartition("\n")[2]
        found.append(Block(language, info, body, after, f"{page.relative_to(ROOT)}:{line}", line))
    return found


def run_page(page: Path, folder: Path) -> None:
    """Runs a page's blocks, each alone; their environment is the caller's affair. Files they name are written to `folder`."""
    printed: list[str] = []
    for number, block in enumerate(blocks(page)):
        if block.title:
            (folder / block.title).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            (own := folder / f"block-{number}").mkdir()
            with _chdir(own):
                printed.append(run(block, {"__name__": "__main__"}))
        elif block.language == "text":
            compare(block, printed[-2:] if block.after.startswith("Both print") else printed[-1:])
    if any(folder.glob("test_*.py")):
        _run_tests(folder)


@contextlib.contextmanager
def _chdir(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def compare(shown: Block, printed: list[str]) -> None:
    """Fails unless a `text` block shows what was printed."""
    assert printed, f"{shown.where}: no block before it prints"
    for said in printed:
        same = _LIKE.check_output(shown.text, said.rstrip() + "\n", doctest.ELLIPSIS)
        assert same, f"{shown.where} shows\n{shown.text}\nbut the block before it printed\n{said}"


def run(block: Block, namespace: dict[str, object]) -> str:
    """What a block of Python prints; a warning that it sets off is an error."""
    # as many empty lines before it as on the page, so that a traceback names the page's own line
    code = compile("\n" * block.line + block.text, block.where.rpartition(":")[0], "exec")
    output = io.StringIO()
    with (
        warnings.catch_warnings(record=True) as warned,
        contextlib.redirect_stdout(output),
        _listeners_restored(),
    ):
        warnings.simplefilter("default")
        exec(code, namespace)
    ours = [str(w.message) for w in warned if w.filename == code.co_filename]
    assert not ours, f"{block.where} warns: {ours}"
    return output.getvalue()


@contextlib.contextmanager
def _listeners_restored() -> Iterator[None]:
    """What a block attaches to its process (handlers of logs and of LlamaIndex's events) ends with the block."""
    from llama_index.core.instrumentation import get_dispatcher

    log, events = logging.getLogger("aimlapi_transport"), get_dispatcher()
    handlers, level, listeners = copy.copy(log.handlers), log.level, copy.copy(events.event_handlers)
    try:
        yield
    finally:
        log.handlers, events.event_handlers = handlers, listeners
        log.setLevel(level)


def _run_tests(folder: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    # a reader has no variables of ours set: the tests' own fixtures must do
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIML", "PYTEST"))}
    environment["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
