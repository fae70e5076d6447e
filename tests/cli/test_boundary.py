"""Whatever a user or a machine does, the command ends in a sentence and an exit code: never in a traceback."""

from __future__ import annotations

import errno
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aimlapi_cli import exits, streams
from aimlapi_emulator import EmulatorServer
from tests.cli.conftest import Cli
from tests.cli.shell import AIMLAPI, environment, in_a_pipe, in_bash, on_a_terminal
from tests.llama_index.conformance.answers import text
from tests.llama_index.conformance.server import Reply, Server

ROOT = Path(__file__).parents[2]
ASK = ("ask", "openai/gpt-4o", "What is 6*7?")
needs_unix = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals, /dev/full and signals of Unix")


@pytest.fixture
def home(server: EmulatorServer, tmp_path: Path) -> dict[str, str]:
    return environment(server.base_url, tmp_path)


def test_the_table_of_exit_codes_is_the_one_of_the_docs() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", page, re.M)
    assert {int(code): meaning for code, meaning in rows} == exits.CODES


# -- output that cannot be written -------------------------------------------------------------------------------------


@needs_unix
@pytest.mark.parametrize("line", ["models", "model openai/gpt-4o", "models --json", "models --csv", "--help", "--version",
                                  "ask openai/gpt-4o hi", "ask openai/gpt-4o hi --json", "compare hi --models openai/gpt-4o"])  # fmt: skip
@pytest.mark.parametrize("stdout", [">/dev/full", ">&-"])
def test_output_that_cannot_be_written_is_a_sentence(home: dict[str, str], line: str, stdout: str) -> None:
    if stdout == ">/dev/full" and not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    ran = in_bash(f"aimlapi {line} {stdout}", home)
    reason = os.strerror(errno.ENOSPC if "full" in stdout else errno.EBADF)
    assert (ran.returncode, ran.stderr.decode()) == (
        exits.FAILED,
        f"aimlapi: The output cannot be written: {reason}.\n",
    )


@needs_unix
def test_closed_errors_and_input_change_no_exit_code(home: dict[str, str]) -> None:
    for line, code in (("ask openai/gpt-4o hi", 0), ("ask openai/gpt-4p hi", 1), ("ask", 2), ("models --sort x", 2)):
        assert in_bash(f"aimlapi {line} 2>&-", home).returncode == code
    ran = in_bash("aimlapi ask openai/gpt-4o 'What is 6*7?' <&-", home)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"6*7 equals 42.\n", b"")


@needs_unix
@pytest.mark.parametrize("line", ["models", "models --json", "models --csv", "--help"])
def test_a_reader_that_leaves_early_is_no_error(home: dict[str, str], line: str) -> None:
    ran = in_bash(f"set -o pipefail; aimlapi {line} | head -c 1", home)
    assert (ran.returncode, len(ran.stdout), ran.stderr) == (0, 1, b"")


# -- encodings ---------------------------------------------------------------------------------------------------------

ODD = "naïve — 東京 😀 \ud800"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
@pytest.mark.parametrize("line", [("ask", "served", "hi"), ("compare", "hi", "--models", "served"), ("chat", "served")])
def test_what_stdout_cannot_hold_is_replaced(tmp_path: Path, encoding: str, line: tuple[str, ...]) -> None:
    with Server() as server:
        server.play(text(ODD))
        settings = environment(server.base_url, tmp_path, PYTHONIOENCODING=encoding)
        ran = in_a_pipe(line, settings, "hello\n".encode(encoding if line[0] == "chat" else "ascii"))
    assert ran.returncode == 0 and b"Traceback" not in ran.stderr
    expected = ODD.encode(encoding, "replace").decode(encoding, "replace")
    assert expected in ran.stdout.decode(encoding, "replace")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_keeps_every_character(tmp_path: Path, encoding: str) -> None:
    import json

    with Server() as server:
        server.play(text(ODD))
        settings = environment(server.base_url, tmp_path, PYTHONIOENCODING=encoding)
        ran = in_a_pipe(("ask", "served", "hi", "--json"), settings)
    assert json.loads(ran.stdout.decode(encoding))["text"] == ODD.replace("\ud800", "\ufffd")


@pytest.mark.parametrize("line", [("--help",), ("ask", "--help"), ("models",), ("doctor",), ("no-such-command",)])
def test_every_command_writes_into_a_foreign_encoding(home: dict[str, str], line: tuple[str, ...]) -> None:
    for encoding in ("ascii", "cp1252"):
        ran = in_a_pipe(line, {**home, "PYTHONIOENCODING": encoding})
        assert ran.returncode in (0, 2) and b"Traceback" not in ran.stderr and b"aimlapi: A fault" not in ran.stderr


@pytest.mark.parametrize(
    ("piped", "asked"),
    [(b"caf\xe9 \xff", "caf\ufffd \ufffd"), ("東京".encode(), "東京"), (b"\xef\xbb\xbfhi", "hi")],
)
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_what_is_piped_in_is_utf_8(
    server: EmulatorServer, home: dict[str, str], piped: bytes, asked: str, locale: str
) -> None:
    ran = in_a_pipe(("ask", "openai/gpt-4o"), {**home, "LC_ALL": locale}, piped)
    assert ran.returncode == 0, ran.stderr
    assert server.requests[-1].json["messages"][0]["content"] == asked


def test_what_is_piped_out_is_utf_8(tmp_path: Path) -> None:
    """In a code page that lacks characters of the answer, as on Windows: no question mark takes their place."""
    with Server() as server:
        server.play(text("naïve — 東京 😀"))
        settings = environment(
            server.base_url, tmp_path, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", PYTHONIOENCODING=""
        )
        ran = in_a_pipe(("ask", "served", "hi"), settings)
    assert (ran.returncode, ran.stdout.decode("utf-8").strip()) == (0, "naïve — 東京 😀")


# -- interrupts --------------------------------------------------------------------------------------------------------


@needs_unix
@pytest.mark.parametrize(
    ("module", "error"),
    [
        ("typer", "ImportError('half of it is there')"),
        ("aimlapi_cli.ask", "SystemError('odd')"),
        ("httpx", ""),
        ("aimlapi_cli.exits", ""),
    ],
)
def test_an_interrupt_during_start_up_leaves_no_traceback(
    home: dict[str, str], tmp_path: Path, module: str, error: str
) -> None:
    """While whatever it imports is being imported, and whatever the import makes of an interrupt."""
    hook = f"""
import sys, time
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.stderr.write("importing\\n")
            sys.stderr.flush()
            try:
                time.sleep(60)
            except KeyboardInterrupt:
                raise {error}
sys.meta_path.insert(0, Slow())
"""
    (tmp_path / "sitecustomize.py").write_text(hook)
    settings = {**home, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    process = subprocess.Popen([*AIMLAPI, *ASK], stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=settings)
    assert process.stderr is not None and process.stderr.readline() == b"importing\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (exits.STOPPED, b"", b"")


@needs_unix
@pytest.mark.parametrize(
    "line", [ASK, ("models",), ("compare", "hi", "--models", "a,b"), ("doctor",), (*ASK, "--json")]
)
def test_an_interrupt_during_a_call_leaves_no_traceback(tmp_path: Path, line: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = environment(f"http://127.0.0.1:{silent.getsockname()[1]}/v1", tmp_path)
        process = subprocess.Popen([*AIMLAPI, *line], stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=settings)
        silent.settimeout(30)
        connection, _ = silent.accept()
        connection.recv(1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        connection.close()
    assert (process.returncode, err) == (exits.STOPPED, b"")


# -- ports, files, packages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        (("emulator", "--port", "99999"), 2, "--port"),
        (("emulator", "--port", "-1"), 2, "--port"),
        (("emulator", "--port", "http"), 2, "--port"),
        (("ask", "m", "q", "--base-url", "http://127.0.0.1:99999/v1"), 2, "99999"),
        (("ask", "m", "q", "--base-url", "127.0.0.1:http/v1"), 2, "base_url"),
        (("emulator", "--host", "256.1.1.1", "--port", "0"), 1, "cannot listen on 256.1.1.1:0"),
        (("emulator", "--port", "0", "--upstream", "nonsense"), 2, "nonsense"),
    ],
)
def test_a_wrong_port_or_address_is_a_sentence(cli: Cli, line: tuple[str, ...], code: int, says: str) -> None:
    ran = cli(*line)
    assert ran.code == code and says in ran.err and len(ran.err.splitlines()) == 1, ran


def test_a_port_that_is_taken_is_a_sentence(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = cli("emulator", "--port", str(port))
    assert ran.code == 1 and ran.err.startswith(
        f"aimlapi: It cannot listen on 127.0.0.1:{port}: Address already in use"
    )


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (("models", "--max-price", "nan"), "`--max-price` is nan"), (("models", "--max-price", "-1"), "`--max-price` is"),
        (("keys", "create", "--limit", "nan"), "`--limit` is nan"), (("keys", "create", "--limit", "-3"), "`--limit` is"),
        (("log", "--since", "99999999999999d"), "too long ago"), (("log", "--since", "9" * 5000 + "d"), "too long ago"),
        (("ask", "m", "q", "-p", "messages=[]"), "`--param` cannot set `messages`"),
        (("ask", "m", "q", "-p", "model=x"), "cannot set `model`"), (("ask", "m", "q", "--max-tokens", "0"), "--max-tokens"),
        (("compare", "x", "--models", "m", "--runs", "0"), "--runs"),
    ],
)  # fmt: skip
def test_a_number_that_is_none_is_a_sentence(cli: Cli, line: tuple[str, ...], says: str) -> None:
    Path("log.sqlite3").write_bytes(b"")
    ran = cli(*line)
    assert ran.code == 2 and says in ran.err and len(ran.err.splitlines()) == 1, ran


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_that_are_not_there_are_named(cli: Cli, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "/nowhere/at/all")
    ran = cli("models")
    assert ran.code in (0, 2) and "Traceback" not in ran.err
    if ran.code:
        assert variable in ran.err and len(ran.err.splitlines()) == 1
    found = cli("doctor", "--json").out
    assert '"models"' in found


@pytest.mark.parametrize("damage", [b"\xff\xfe\x00\x01", b"{", b"[" * 100_000, b""])
def test_a_damaged_file_is_a_sentence(cli: Cli, tmp_path: Path, damage: bytes) -> None:
    Path("damaged.json").write_bytes(damage)
    ran = cli("ask", "openai/gpt-4o", "hi", "--schema", "damaged.json")
    assert ran.code == 2 and "damaged.json" in ran.err and len(ran.err.splitlines()) == 1
    cli("models", "gpt-4o")
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        path.write_bytes(damage)
    assert cli("models", "gpt-4o").code == 0  # what was kept of the catalogue is fetched again


@pytest.mark.parametrize(
    ("module", "extra"),
    [("typer", "cli"), ("rich", "cli"), ("starlette", "emulator"), ("matplotlib", "cli")],
)
def test_without_an_extra_a_sentence_names_it(home: dict[str, str], tmp_path: Path, module: str, extra: str) -> None:
    (tmp_path / f"{module}.py").write_text(f"raise ModuleNotFoundError('It is not there', name={module!r})")
    settings = {**home, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    line = {"starlette": ("emulator",), "matplotlib": ("usage", "--plot", "out.png"), "rich": ("chat", "m")}.get(
        module, ("models",)
    )
    ran = in_a_pipe(line, settings, cwd=tmp_path)
    sentence = f"aimlapi: {module} is not installed: pip install 'aimlapi-integrations[{extra}]'\n"
    assert (ran.returncode, ran.stderr.decode()) == (1, sentence)


def test_a_fault_of_ours_is_a_sentence_with_its_place(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from aimlapi_cli import catalogue

    monkeypatch.setattr(catalogue, "row_of", lambda *_: {}["nothing"])
    ran = cli("models")
    assert ran.code == exits.FAULT and "A fault in aimlapi itself: KeyError" in ran.err and "Traceback" not in ran.err
    monkeypatch.setenv("AIMLAPI_DEBUG", "1")
    assert "Traceback" in cli("models").err


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied", "x.txt"), OSError("odd"), RecursionError(),
                                   MemoryError(), UnicodeDecodeError("ascii", b"\xff", 0, 1, "no")])  # fmt: skip
def test_any_error_has_a_sentence_and_a_code_of_the_table(error: Exception) -> None:
    sentence, code = exits.explain(error)
    assert sentence and code in exits.CODES


# -- control sequences -------------------------------------------------------------------------------------------------

EVIL = "a\x1b]0;title\x07b\x1b]52;c;aGk=\x07c\x1b[2J\x1b[31md\x9b2Je\rf\x08g\x7f\u202eh"


@pytest.fixture
def evil() -> Iterator[Server]:
    with Server() as server:
        server.play(text(EVIL))
        yield server


@needs_unix
@pytest.mark.parametrize("line", [("ask", "served", "hi"), ("compare", "hi", "--models", "served"), ("chat", "served")])
def test_what_a_model_says_is_only_seen(evil: Server, tmp_path: Path, line: tuple[str, ...]) -> None:
    shown = on_a_terminal(
        line, environment(evil.base_url, tmp_path), typed=[(">", b"hi\r"), ("gh", b""), (">", b"\x04")]
    )
    assert "a␛]0;titleb␛]52;c;aGk=c␛[2J␛[31md2Jefgh" in shown.text.replace("\n", "")
    for obeyed in ("\x1b]0;", "\x1b]52", "\x1b[2J", "\x9b", "\x08g", "\x7f", "\u202e", "e\rf"):
        assert obeyed not in shown.raw


@needs_unix
def test_what_a_model_says_goes_into_a_file_as_it_is(evil: Server, tmp_path: Path) -> None:
    ran = in_a_pipe(("ask", "served", "hi"), environment(evil.base_url, tmp_path))
    assert ran.stdout.decode() == f"{EVIL}\n"


@needs_unix
def test_what_a_provider_says_of_an_error_is_only_seen(tmp_path: Path) -> None:
    with Server() as server:
        server.play(Reply(400, {"error": {"message": f"No: {EVIL}"}}))
        shown = on_a_terminal(("ask", "served", "hi"), environment(server.base_url, tmp_path))
    assert shown.code == 1 and "\x1b]" not in shown.raw and "\x1b[2J" not in shown.raw and "title" in shown.raw


def test_no_control_character_is_printable() -> None:
    import unicodedata

    every = "".join(map(chr, range(0x3000)))
    kept = {c for c in streams.printable(every) if unicodedata.category(c) == "Cc" or unicodedata.bidirectional(c) in
            ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")}  # fmt: skip
    assert kept == {"\t", "\n"}


# -- start-up ----------------------------------------------------------------------------------------------------------


def test_help_imports_no_more_than_a_bare_typer_command(home: dict[str, str]) -> None:
    """Counted in modules: that depends on nobody's speed. Its own are few, and nothing heavy comes along."""
    code = "import sys; sys.argv = ['x', '--help']\n{}\nprint(*sys.modules, file=sys.stderr)"
    bare = "import typer\napp = typer.Typer()\n@app.command()\ndef one() -> None: ...\n@app.command()\ndef two() -> None: ...\ntry: app()\nexcept SystemExit: pass"
    ours = "from aimlapi_cli.app import run\nrun()"
    loaded = []
    for body in (bare, ours):
        done = subprocess.run([sys.executable, "-c", code.format(body)], capture_output=True, env=home, check=True)
        loaded.append(set(done.stderr.decode().split()))
    assert len(loaded[1]) <= len(loaded[0]) * 1.1
    assert {name.partition(".")[0] for name in loaded[1] - loaded[0]} <= {
        *("aimlapi_cli", "aimlapi_transport", "json", "_json", "encodings")
    }


def test_each_row_of_the_commands_is_the_first_line_of_its_docstring() -> None:
    import inspect
    from importlib import import_module

    from aimlapi_cli.commands import COMMANDS

    for name, row in COMMANDS.items():
        found = getattr(import_module(row.module), row.attribute)
        text_ = found.info.help if hasattr(found, "info") else inspect.getdoc(found)
        assert text_.splitlines()[0] == row.help, name
