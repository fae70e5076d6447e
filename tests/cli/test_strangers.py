"""What a stranger types: each is refused before it is paid for, by a sentence that is true, with a code of the table."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from aimlapi_cli import exits
from aimlapi_emulator import EmulatorServer
from tests.cli.conftest import Cli
from tests.cli.shell import MANAGER, environment, in_a_pipe, on_a_terminal

SECRET = "0af3bc55d7e94c2cbb0d7e31d2a8f6c1"
needs_links = pytest.mark.skipif(sys.platform == "win32", reason="symbolic links")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (("ask", "openai/gpt-4o", "   "), "There is no question"),
        (("ask", "openai/gpt-4o", "hi", "--file", "empty.txt"), "empty.txt is empty: there is nothing to send"),
        (("ask", "openai/gpt-4o", "hi", "--file", ""), "`--file` is empty: pass a path"),
        (("ask", "openai/gpt-4o", "hi", "--file="), "`--file` is empty: pass a path"),
        (("ask", "openai/gpt-4o", "hi", "--schema", ""), "`--schema` is empty"),
        (("ask", "openai/gpt-4o", "hi", "--schema", "noise.json"), "it is not text in UTF-8 (byte 1 is 0xff)"),
        (("ask", "openai/gpt-4o", "hi", "-f", "https://a.b/c.png"), "https://a.b/c.png is an address, not a file"),
        (("ask", "openai/gpt-4o", "hi", "--file", "~nobody-here/x"), "Could not determine home directory.\n"),
        (("ask", "what is this", "hi"), "'what is this' is not the id of a model"),
        (("chat", "hello there"), "'hello there' is not the id of a model"),
        (("compare", "hi"), "`--models` names no model"),
        (("compare", "hi", "--models", "openai/gpt-4o", "--plot", ""), "`--plot` is empty"),
        (("image", "flux/dev", "cat", "--save", ""), "`--save` is empty"),
        (("batch", "status", ""), "`output` is empty"),
        (("record", "--limit", "-1"), "greater than or equal to 1"),
        (("usage", "--start", "2026-10-01"), "`--end` is missing"),
        (("keys", "create", "--scopes", "bogus"), "`--scopes` has 'bogus'"),
        (("log", "--path", "--json"), "`--path` does not go with"),
        (("log", "--clear", "--csv"), "`--clear` does not go with"),
    ],
)
def test_what_is_typed_by_mistake_is_a_sentence(
    cli: Cli, server: EmulatorServer, monkeypatch: pytest.MonkeyPatch, line: tuple[str, ...], says: str
) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", MANAGER)
    Path("empty.txt").touch()
    Path("noise.json").write_bytes(b"\xff\xf8\x00")
    ran = cli(*line)
    assert (ran.code, ran.out) == (exits.WRONG, "")
    assert says in ran.err and len(ran.err.splitlines()) == 1 and ".." not in ran.err
    assert not [one for one in server.requests if one.method == "POST"]


@needs_links
@pytest.mark.parametrize(
    "line",
    [
        ("image", "flux/dev", "cat", "--save", "a"),
        ("image", "flux/dev", "cat", "--save", "a/x.png"),
        ("ask", "openai/gpt-4o", "hi", "--file", "a"),
        ("log", "tides"),
    ],
)
def test_links_that_lead_to_each_other_are_named(
    cli: Cli, server: EmulatorServer, monkeypatch: pytest.MonkeyPatch, line: tuple[str, ...]
) -> None:
    os.symlink("b", "a")
    os.symlink("a", "b")
    monkeypatch.setenv("AIMLAPI_LOG_FILE", "a")
    ran = cli(*line)
    assert ran.code in (exits.FAILED, exits.WRONG) and "Too many levels of symbolic links" in ran.err
    assert server.requests == []


@pytest.mark.parametrize("line", [("ask", "openai/gpt-4o", "hi"), ("config",), ("doctor",)])
def test_a_key_in_the_place_of_its_variable_is_not_shown(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, line: tuple[str, ...]
) -> None:
    Path("config.toml").write_text(f'key_variable = "{SECRET}"')
    monkeypatch.setenv("AIMLAPI_CONFIG", "config.toml")
    ran = cli(*line)
    assert SECRET not in ran.out + ran.err and "(not shown: it may be a key)" in ran.out + ran.err


def test_a_key_in_the_file_is_answered_with_where_it_belongs(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("config.toml").write_text(f'[profiles.work]\napi_key = "{SECRET}"')
    monkeypatch.setenv("AIMLAPI_CONFIG", "config.toml")
    ran = cli("ask", "openai/gpt-4o", "hi", "--profile", "work")
    assert ran.code == exits.WRONG and "`key_variable` names the variable" in ran.err and SECRET not in ran.err


def test_a_warning_is_about_the_command(cli: Cli) -> None:
    ran = cli("ask", "openai/gpt-4o", "hi", "--param", "timeout=3")
    assert ran.code == 0 and "`timeout`" in ran.err and "strict_parameters" not in ran.err


def test_a_model_of_media_is_answered_with_its_command(cli: Cli) -> None:
    ran = cli("ask", "flux/dev", "hi")
    assert ran.code == exits.FAILED and "It is a model for `aimlapi image`." in ran.err


def test_a_conversation_in_a_pipe_ends_with_the_code_of_a_failure(cli: Cli) -> None:
    ran = cli("chat", "openai/no-such-model", stdin="hi\n")
    assert ran.code == exits.FAILED and "not found" in ran.out and ran.err.count("\n") == 1
    folder = cli("chat", "openai/gpt-4o", stdin="/save .\nn\n")
    assert folder.code == 0 and ". is a folder: pass a file." in folder.out


def test_several_models_are_asked_what_is_piped_in(cli: Cli, server: EmulatorServer) -> None:
    ran = cli("compare", "--models", "openai/gpt-4o deepseek/deepseek-r1", stdin="What is 6*7?")
    assert ran.code == 0 and [row[0] for row in ran.rows[:2]] == ["openai/gpt-4o", "deepseek/deepseek-r1"]
    assert {one.json["messages"][-1]["content"] for one in server.requests if one.json} == {"What is 6*7?"}


def test_what_is_piped_in_may_be_a_file(server: EmulatorServer, tmp_path: Path) -> None:
    home = environment(server.base_url, tmp_path)
    picture = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
    ran = in_a_pipe(("ask", "openai/gpt-4o", "What is it?", "--file", "-"), home, picture)
    assert ran.returncode == 0 and b"I received an image" in ran.stdout, ran.stderr
    for line in (("ask", "openai/gpt-4o", "What is it?"), ("say", "openai/tts-1")):
        ran = in_a_pipe(line, home, picture)
        assert ran.returncode == exits.WRONG and b"What is piped in is not text" in ran.stderr
    ran = in_a_pipe(("edit", "openai/gpt-image-1", "A hat", "-", "-"), home, picture)
    assert ran.returncode == exits.WRONG and b"`-` is there twice" in ran.stderr
    assert len(server.requests) == 1


@needs_links
@pytest.mark.parametrize(("typed", "code"), [(b"\x03", exits.STOPPED), (b"\x04", exits.FAILED), (b"n\r", exits.FAILED)])
def test_a_question_that_is_not_answered_by_yes_does_nothing(
    server: EmulatorServer, tmp_path: Path, typed: bytes, code: int
) -> None:
    settings = environment(server.base_url, tmp_path, AIMLAPI_API_KEY=MANAGER)
    shown = on_a_terminal(("keys", "delete", "abcdefgh"), settings, typed=[("[y/N]", typed)])
    assert shown.code == code and "Traceback" not in shown.text
    assert not [one for one in server.requests if one.method == "DELETE"]
