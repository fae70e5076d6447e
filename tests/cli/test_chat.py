"""A conversation: several lines, saved and loaded, tools of Python files and MCP servers, on a terminal and in a pipe."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from aimlapi_cli.chat import command_words
from aimlapi_cli.line_reader import is_closed, unquoted
from aimlapi_emulator import EmulatorServer
from tests.cli.conftest import Cli
from tests.cli.shell import environment, in_a_pipe, on_a_terminal
from tests.llama_index.conformance.answers import call, calling, text
from tests.llama_index.conformance.server import Server

needs_unix = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")
TOOLS = '''
"""Tools of a user."""
from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from pydantic import Field

import beside


def weather(city: Annotated[str, Field(description="Its name")], unit: Literal["C", "F"] = "C") -> dict:
    """What the weather is like."""
    return {"city": city, "unit": unit, "sky": beside.SKY}


async def slow(seconds: float = 0) -> str:
    await asyncio.sleep(0)
    return "done"


def broken() -> None:
    raise KeyError("nothing")


def _private() -> None: ...
'''
MCP = '''
import sys
from mcp.server.mcpserver import MCPServer

server = MCPServer("clock")

@server.tool()
def now(zone: str) -> str:
    """What time it is."""
    return f"noon in {zone}"

@server.tool(name="odd.name")
def odd() -> list[str]:
    """Two things."""
    return ["one", "two"]

@server.tool()
def fails() -> str:
    """Never works."""
    raise RuntimeError("it broke")

sys.stderr.write("\\x1b]0;a title of the server\\x07")
server.run("stdio")
'''


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "my-tools.py").write_text(TOOLS)
    (tmp_path / "beside.py").write_text('SKY = "clear"')
    (tmp_path / "clock.py").write_text(MCP)
    return tmp_path


def messages(server: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.bodies[-1]["messages"]
    return found


# -- several lines -----------------------------------------------------------------------------------------------------


def test_several_lines_in_a_pipe(cli: Cli, server: EmulatorServer) -> None:
    cli("chat", "openai/gpt-4o", stdin='one\n"""\ntwo\n\n  three\n"""\n"""four"""\n"""five\n')
    said = [one["content"] for one in server.requests[-1].json["messages"] if one["role"] == "user"]
    assert said == ["one", "two\n\n  three", "four", "five"]


@pytest.mark.parametrize(
    ("typed", "closed", "said"),
    [('"""a"""', True, "a"), ('"""', False, ""), ('""""""', True, ""), ('"""a\nb"""', True, "a\nb"), ("a", False, "a")],
)
def test_three_quotes(typed: str, closed: bool, said: str) -> None:
    assert (is_closed(typed), unquoted(typed)) == (closed, said)


@needs_unix
@pytest.mark.parametrize(
    "typed", [b"one\x1b\rtwo\r", b"one\ntwo\r", b'"""\rone\rtwo\r"""\r', b"\x1b[200~one\ntwo\x1b[201~\r"]
)
def test_several_lines_on_a_terminal(server: EmulatorServer, tmp_path: Path, typed: bytes) -> None:
    """By Alt-Enter, by Ctrl-J, between quotes, and pasted."""
    settings = environment(server.base_url, tmp_path)
    shown = on_a_terminal(
        ("chat", "openai/gpt-4o"), settings, typed=[(">", typed), ("local emulator", b""), (">", b"\x04")]
    )
    assert shown.code == 0
    assert server.requests[-1].json["messages"][-1]["content"] == "one\ntwo"


# -- saved -------------------------------------------------------------------------------------------------------------


def test_save_asks_before_it_overwrites(cli: Cli) -> None:
    Path("talk.json").write_text("precious")
    ran = cli("chat", "openai/gpt-4o", stdin="hello\n/save talk.json\nn\n/save talk.json\n/cost\n")
    assert ran.out.count("talk.json is there already. Overwrite it? [y/N]") == 2
    assert Path("talk.json").read_text() == "precious" and "tokens, $" in ran.out  # what is no answer is the next line
    cli("chat", "openai/gpt-4o", stdin="hello\n/save talk.json\nyes\n/save other.json\n")
    for name in ("talk.json", "other.json"):
        assert len(json.loads(Path(name).read_text())["messages"]) == 2


@needs_unix
def test_save_asks_on_a_terminal(server: EmulatorServer, tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    path.write_text("precious")
    settings = environment(server.base_url, tmp_path)
    typed = [
        (">", f"/save {path}\r".encode()),
        ("[y/N]", b"n\r"),
        (">", f"/save {path}\r".encode()),
        ("[y/N]", b"\x03"),
        (">", b"\x04"),
    ]
    shown = on_a_terminal(("chat", "openai/gpt-4o"), settings, typed=typed)
    assert shown.code == 0 and path.read_text() == "precious", shown.text


def test_a_conversation_is_loaded_and_continued(cli: Cli, server: EmulatorServer) -> None:
    cli("chat", "openai/gpt-4o", "--system", "Be brief.", stdin="What is 6*7?\n/save talk.json\n")
    for line in (("chat", "--load", "talk.json"), ("chat", "-c"), ("chat", "gpt-4o-mini", "-c")):
        cli(*line, stdin="And 2+2?\n")
        sent = server.requests[-1].json
        assert sent["model"] == (line[1] if line[1] == "gpt-4o-mini" else "openai/gpt-4o")
        assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
        assert sent["messages"][1:3] == [
            {"role": "user", "content": "What is 6*7?"},
            {"role": "assistant", "content": "6*7 equals 42."},
        ]
    ran = cli("chat", "openai/gpt-4o", stdin="/load talk.json\n/load nowhere.json\n")
    assert "2 messages of openai/gpt-4o" in ran.out and "nowhere.json cannot be read" in ran.out


def test_parameters_of_a_conversation(cli: Cli, server: EmulatorServer) -> None:
    cli("chat", "openai/gpt-4o", "-p", "top_p=0.5", "--temperature", "0", stdin="hello\n")
    assert (server.requests[-1].json["top_p"], server.requests[-1].json["temperature"]) == (0.5, 0)
    cli("chat", "o3-mini", "-p", "top_p=0.5", stdin="/param top_p\n/effort low\n/param seed=7\nhello\n")
    sent = server.requests[-1].json
    assert "top_p" not in sent and (sent["reasoning_effort"], sent["seed"]) == ("low", 7)


def test_at_names_files_that_are_there_only(cli: Cli, server: EmulatorServer) -> None:
    Path("notes.rs").write_text("fn main() {}")
    cli("chat", "openai/gpt-4o", stdin="ask @john about @notes.rs\nask @john\n")
    sent = server.requests[-1].json["messages"]
    assert sent[0]["content"][0]["text"] == "ask @john about notes.rs"
    assert sent[0]["content"][1]["text"] == "notes.rs:\nfn main() {}"
    assert sent[2]["content"] == "ask @john"


# -- tools -------------------------------------------------------------------------------------------------------------


def test_a_model_calls_functions_of_a_file(cli: Cli, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server() as server:
        monkeypatch.setenv("AIMLAPI_API_BASE", server.base_url)
        first = calling(call("weather", '{"city": "Paris"}', "a"), call("slow", "{}", "b"), call("broken", "{}", "c"))
        second = calling(
            call("weather", '{"unit": "K"}', "d"), call("nobody", "{}", "e"), call("weather", "not JSON", "f")
        )
        server.play(first, second, text("Clear, it says."))
        ran = cli("chat", "m", "--tools", str(files / "my-tools.py"), stdin="Weather?\n/save talk.json\n")
        sent = server.bodies[0]
        said = messages(server)
    assert "Clear, it says." in ran.out and '-> weather({"city": "Paris"})' in ran.out
    assert [one["function"]["name"] for one in sent["tools"]] == ["weather", "slow", "broken"]
    weather = sent["tools"][0]["function"]
    assert weather["description"] == "What the weather is like." and weather["parameters"]["required"] == ["city"]
    assert weather["parameters"]["properties"]["city"]["description"] == "Its name"
    results = {one["tool_call_id"]: one["content"] for one in said if one["role"] == "tool"}
    assert json.loads(results["a"]) == {"city": "Paris", "unit": "C", "sky": "clear"}
    assert results["b"] == "done" and results["c"] == "Error: KeyError: 'nothing'"
    assert "city: Missing required argument" in results["d"] and "unit" in results["d"]
    assert "there is no tool 'nobody'" in results["e"] and "not a JSON object" in results["f"]
    assert [one["role"] for one in said] == ["user", "assistant", *["tool"] * 3, "assistant", *["tool"] * 3]
    assert len(json.loads(Path("talk.json").read_text())["messages"]) == 10


def test_a_call_can_be_refused(cli: Cli, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server() as server:
        monkeypatch.setenv("AIMLAPI_API_BASE", server.base_url)
        server.play(calling(call("slow", "{}")), text("Never mind."))
        ran = cli("chat", "m", "--approve", "--tools", str(files / "my-tools.py"), stdin="Go\nn\n")
        assert "Run slow({})? [y/N]" in ran.out
        assert messages(server)[-1]["content"] == "The user did not allow this call."


def test_a_model_that_never_stops_calling_is_stopped(cli: Cli, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server() as server:
        monkeypatch.setenv("AIMLAPI_API_BASE", server.base_url)
        server.play(calling(call("slow", "{}")))
        ran = cli("chat", "m", "--tools", str(files / "my-tools.py"), stdin="Go\n")
        assert "Stopped after 25 rounds" in ran.out and len(server.bodies) == 25 and ran.code == 0


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def f(:", "cannot be imported: SyntaxError"), ("import nowhere_at_all", "No module named 'nowhere_at_all'"),
        ("x = 1", "has no function"), ("raise SystemExit(3)", "cannot be imported: SystemExit"),
        ("def f(x: Nowhere): ...", "NameError"), ("__all__ = ['f']", "f is not a function"),
        ("def f(x, /): ...", "its parameters need names"), (None, "cannot be read"),
    ],
)  # fmt: skip
def test_a_file_without_tools_is_one_sentence(cli: Cli, source: str | None, says: str) -> None:
    if source is not None:
        Path("tools.py").write_text(source)
    ran = cli("chat", "m", "--tools", "tools.py", stdin="hi\n")
    assert ran.code == 2 and says in ran.err and "tools.py" in ran.err and len(ran.err.splitlines()) == 1, ran


def test_tools_of_mcp_servers(cli: Cli, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mcp", reason="the extra `mcp`")
    (files / "config.toml").write_text(
        f'[mcp.clock]\ncommand = {json.dumps(sys.executable)}\nargs = ["{files}/clock.py"]'
    )
    monkeypatch.setenv("AIMLAPI_CONFIG", str(files / "config.toml"))
    with Server() as server:
        monkeypatch.setenv("AIMLAPI_API_BASE", server.base_url)
        calls = (
            call("now", '{"zone": "UTC"}', "a"),
            call("odd_name", "{}", "b"),
            call("fails", "{}", "c"),
            call("now", "{}", "d"),
        )
        server.play(calling(*calls), text("Noon."))
        for given in ("clock", f"{sys.executable} {files}/clock.py"):
            ran = cli("chat", "m", "--mcp", given, "--tools", str(files / "my-tools.py"), stdin="Time?\n/tools\n")
            assert ran.code == 0 and "Noon." in ran.out and "now(zone): What time it is." in ran.out, ran
            results = {one["tool_call_id"]: one["content"] for one in messages(server) if one["role"] == "tool"}
            assert results["a"] == "noon in UTC" and results["b"] == "one\ntwo"
            assert results["c"].startswith("Error: ")
            assert results["d"].startswith("Error: ") and "zone" in results["d"]
            assert "title" not in ran.err
            server.play(calling(*calls), text("Noon."))


@pytest.mark.parametrize("end", ["os._exit(3)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_server_that_dies_while_it_is_called_is_a_result(
    cli: Cli, files: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """The model is told, in this call and in the next; the talk goes on and ends."""
    pytest.importorskip("mcp", reason="the extra `mcp`")
    (files / "dying.py").write_text(MCP.replace('raise RuntimeError("it broke")', f"import os, signal; {end}"))
    with Server() as server:
        monkeypatch.setenv("AIMLAPI_API_BASE", server.base_url)
        server.play(calling(call("fails", "{}", "a")), text("A pity."), calling(call("now", "{}", "b")), text("Bye."))
        ran = cli("chat", "m", "--mcp", f"{sys.executable} {files}/dying.py", stdin="Time?\nAgain?\n")
        results = {one["tool_call_id"]: one["content"] for one in messages(server) if one["role"] == "tool"}
    assert (ran.code, ran.err) == (0, "") and "A pity." in ran.out and "Bye." in ran.out, ran
    assert all(re.search(r"MCP server .*dying.py did not answer", results[name]) for name in "ab"), results


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        ("{python} nowhere.py", 1, "does not start"), ("{python} -c pass", 1, "does not start"),
        ("no-such-program-at-all --x", 2, "no program"), ("'unclosed", 2, "No closing quotation"),
        ("http://127.0.0.1:9/mcp", 1, "does not start"), ("", 2, "is empty"), ("' '", 2, "no program"),
    ],
)  # fmt: skip
def test_a_server_that_does_not_start_is_one_sentence(cli: Cli, given: str, code: int, says: str) -> None:
    pytest.importorskip("mcp", reason="the extra `mcp`")
    ran = cli("chat", "m", "--mcp", given.format(python=sys.executable), stdin="hi\n")
    assert ran.code == code and says in ran.err and len(ran.err.splitlines()) == 1, ran


@pytest.mark.parametrize(
    ("line", "escapes", "words"),
    [
        (r"C:\tools\server.exe --root D:\data", False, [r"C:\tools\server.exe", "--root", r"D:\data"]),
        (r'"C:\Program Files\server.exe" --x "a b"', False, [r"C:\Program Files\server.exe", "--x", "a b"]),
        (r"uvx a\ b 'c d' #e", True, ["uvx", "a b", "c d", "#e"]),
    ],
)
def test_a_command_has_the_paths_of_its_system(line: str, escapes: bool, words: list[str]) -> None:
    assert command_words(line, backslash_escapes=escapes) == words


def test_without_the_extra_a_sentence_names_it(server: EmulatorServer, tmp_path: Path) -> None:
    (tmp_path / "mcp.py").write_text("raise ModuleNotFoundError('It is not there', name='mcp')")
    settings = environment(server.base_url, tmp_path, PYTHONPATH=f"{tmp_path}:{Path(__file__).parents[2]}")
    ran = in_a_pipe(("chat", "m", "--mcp", sys.executable), settings, b"hi\n")
    assert (ran.returncode, ran.stderr.decode()) == (
        1,
        "aimlapi: mcp is not installed: pip install 'aimlapi-integrations[mcp]'\n",
    )


# -- on a terminal -----------------------------------------------------------------------------------------------------


@needs_unix
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_long_answer_is_shown_once(tmp_path: Path, columns: int) -> None:
    """Also where it is higher than the terminal, which redraws only what still grows."""
    paragraphs = [f"Paragraph number {n} of the answer." for n in range(80)]
    with Server() as server:
        server.play(text("\n\n".join([*paragraphs, "```\ncode\n\nmore code\n```", "The end."])))
        shown = on_a_terminal(
            ("chat", "m"),
            environment(server.base_url, tmp_path),
            columns,
            [(">", b"hi\r"), ("The end.", b""), (">", b"\x04")],
        )
    lines = [line for line in shown.lines if line.startswith("Paragraph number 7 ")]
    assert shown.code == 0 and len(lines) == 1
    assert shown.text.count("more code") >= 1 and "\x1b]8;" not in shown.raw


@needs_unix
def test_an_answer_that_is_stopped_is_no_end(server: EmulatorServer, tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = environment(f"http://127.0.0.1:{silent.getsockname()[1]}/v1", tmp_path)
        typed = [(">", b"hi\r"), ("\x1b[2K", b"\x03"), ("(stopped)", b""), (">", b"\x04")]
        shown = on_a_terminal(("chat", "m"), settings, typed=typed)
    assert shown.code == 0 and "Traceback" not in shown.text


@needs_unix
def test_a_model_is_looked_for_by_the_shell(server: EmulatorServer, tmp_path: Path) -> None:
    """Completion knows models, words of options and names of the configuration, without a request."""
    (tmp_path / "config.toml").write_text('[profiles.work]\nmodel = "m"\n[templates.french]\nprompt = "x"')
    settings = environment("http://127.0.0.1:9/v1", tmp_path, AIMLAPI_CONFIG=str(tmp_path / "config.toml"))
    for line, expected in (
        ("aimlapi ask openai/gpt-4", "openai/gpt-4o"), ("aimlapi models --sort t", "ttft"),
        ("aimlapi ask m --reasoning-effort mi", "minimal"), ("aimlapi models --takes image,to", "image,tools"),
        ("aimlapi keys create --per mo", "month"), ("aimlapi ask --profile w", "work"),
        ("aimlapi ask -t fr", "french"), ("aimlapi ke", "keys"), ("aimlapi keys up", "update"),
        ("aimlapi compare x --models gpt-4o,gpt-4o-mi", "gpt-4o,gpt-4o-mini"), ("aimlapi chat gpt-4o-mi", "gpt-4o-mini"),
    ):  # fmt: skip
        words = line.split(" ")
        asked = {"_AIMLAPI_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
        ran = in_a_pipe((), {**settings, **asked})
        assert expected in ran.stdout.decode().splitlines(), (line, ran.stdout[:200], ran.stderr)
