"""Every line of a console block runs as it stands, on the emulator; what cannot run here (servers, installs) exists."""

from __future__ import annotations

import io
import re
import shlex
import sys
from pathlib import Path

import pytest

from aimlapi_emulator import EmulatorServer
from tests.pages import NAMES, ROOT, Block, blocks

MAKEFILE = (ROOT / "Makefile").read_text()
WITH_CONSOLE = [name for name in NAMES if any(block.language == "console" for block in blocks(ROOT / name))]
COMMAND = re.compile(r"^(?:(?P<before>(?:echo|cat) [^|]*)\| *)?(?P<command>(?:aimlapi|python -m aimlapi_cli)\b.*)$")

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8db00000000049454e44ae426082"
)
FILES = {
    "rows.jsonl": "".join(f'{{"id": {n}, "text": "Letter {n}"}}\n' for n in range(3)),
    "cats.csv": "id,colour\nred,red\nblue,blue\n",
    "lines.csv": "id,text\n1,The ferry leaves at nine.\n",
    "talks.csv": "id,file\n1,talk.mp3\n",
    "scans.csv": "id,file\n1,invoice.pdf\n",
    "report.txt": "The office opens at nine.",
    "speech.txt": "The ferry leaves at nine.",
    "person.json": '{"title": "Person", "type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}',
    "weather.py": 'def get_weather(city: str) -> str:\n    """The weather in a city."""\n    return f"18 degrees in {city}"\n',
}
CONFIGURATION = """\
model = "openai/gpt-4o"
log = true
[profiles.work]
model = "anthropic/claude-sonnet-4.5"
[templates.translate]
prompt = "Translate into {language}: {input}"
variables = { language = "French" }
"""
# what a line ends with, where that is not 0: a film is not there yet; a question gets no answer
ENDS = {"aimlapi video status < order.json": 3, "aimlapi log --clear": 1}
# needs another machine, a terminal, a browser or a program of the reader's: its options are looked up, no more
_NOT_HERE = re.compile(
    r"aimlapi emulator|--ray |--mcp |--open|--upstream| ID |aimlapi keys (?:update|delete)|aimlapi chat|--load|--via provider"
)


def lines(block: Block) -> list[str]:
    """The commands of a block, without remarks."""
    whole = block.text.replace("\\\n", " ").splitlines()
    return [line for line in (re.sub(r"(?:^|\s+)# .*$", "", text).strip() for text in whole) if line]


@pytest.mark.parametrize("name", WITH_CONSOLE)
def test_the_commands_of_a_page_exist(name: str) -> None:
    """Make targets, extras, modules and scripts; and no block is of a language nobody checks."""
    for block in blocks(ROOT / name):
        assert block.language in ("python", "text", "console", "toml"), f"{block.where}: {block.language!r}"
        for command in lines(block) if block.language == "console" else ():
            for target in re.findall(r"\bmake((?: [a-z-]+)+)", command):
                for one in target.split():
                    assert re.search(rf"^{one}:", MAKEFILE, re.M), f"{block.where}: make {one}"
            for extras in re.findall(r"(?:aimlapi-integrations|\.)\[([a-z,-]+)\]", command):
                for extra in extras.split(","):
                    assert re.search(rf"^{extra} = \[", (ROOT / "pyproject.toml").read_text(), re.M), block.where
            for script in re.findall(r"python3? ([a-z]+/\S+\.py)", command):
                assert (ROOT / script).is_file(), f"{block.where}: {script}"
            for module in re.findall(r"python3? -m (aimlapi_\w+)", command):
                assert (ROOT / module / "__main__.py").is_file(), f"{block.where}: {module}"


@pytest.mark.parametrize("name", WITH_CONSOLE)
def test_the_lines_of_a_page_run(
    name: str,
    server: EmulatorServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    """In the order of the page, in one folder, with the files that the page speaks of."""
    for place in ("CACHE", "CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{place}_HOME", str(tmp_path / ".home" / place.lower()))
    monkeypatch.setenv("AIMLAPI_API_BASE", server.base_url)
    monkeypatch.setenv("AIMLAPI_API_KEY", "management-key-of-a-reader")
    monkeypatch.setenv("AIMLAPI_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(CONFIGURATION)
    for file, text in FILES.items():
        (tmp_path / file).write_text(text)
    for file in ("picture.png", "cat.png", "invoice.pdf", "talk.mp3"):
        (tmp_path / file).write_bytes(PNG)
    for block in blocks(ROOT / name):
        for line in lines(block) if block.language == "console" else ():
            found = COMMAND.match(line)
            if found and _NOT_HERE.search(line):
                options_exist(found["command"], block, capsysbinary)
            elif found:
                code, err = ran(found, tmp_path, monkeypatch, capsysbinary)
                assert code == ENDS.get(line, 0), f"{block.where}: {line}\n{err}"


def ran(
    line: re.Match[str], folder: Path, monkeypatch: pytest.MonkeyPatch, output: pytest.CaptureFixture[bytes]
) -> tuple[int, str]:
    """The exit code of a line and what it says on stderr; redirections are followed."""
    from aimlapi_cli.app import run

    given = b""
    before = shlex.split(line["before"] or "")
    if before:
        given = " ".join(before[1:]).encode() if before[0] == "echo" else (folder / before[1]).read_bytes()
    words = shlex.split(line["command"])
    words = words[3:] if words[0] == "python" else words[1:]
    into = None
    for sign in ("<", ">"):
        if sign in words:
            at = words.index(sign)
            if sign == "<":
                given = (folder / words[at + 1]).read_bytes()
            else:
                into = folder / words[at + 1]
            del words[at : at + 2]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8"))
    code = run(words)
    said = output.readouterr()
    if into is not None:
        into.write_bytes(said.out)
    return code, said.err.decode() + said.out.decode(errors="replace")


def options_exist(command: str, block: Block, output: pytest.CaptureFixture[bytes]) -> None:
    from aimlapi_cli.app import run

    words = shlex.split(command.rstrip("& "))[1:]
    path = [word for word in words[:2] if re.fullmatch(r"[a-z]+", word)]
    assert run([*path, "--help"]) == 0, f"{block.where}: {command}"
    help_text = output.readouterr().out.decode()
    for option in words:
        if option.startswith("--"):
            assert option in help_text, f"{block.where}: {option}"
