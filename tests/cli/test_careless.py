"""What a careless user, an odd locale, a full disk or an early interrupt does: nothing is lost, nothing hangs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from aimlapi_cli import exits
from aimlapi_cli.commands import COMMANDS
from aimlapi_cli.files import part_of
from aimlapi_emulator import EmulatorServer
from aimlapi_transport import Client
from tests.cli.conftest import Cli
from tests.cli.shell import AIMLAPI, MANAGER, environment, in_bash

needs_unix = pytest.mark.skipif(sys.platform == "win32", reason="/dev/full, pipes with names, signals of Unix")
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")


@pytest.fixture
def home(server: EmulatorServer, tmp_path: Path) -> dict[str, str]:
    return environment(server.base_url, tmp_path)


# -- a new key ---------------------------------------------------------------------------------------------------------


@needs_full
@pytest.mark.parametrize(("form", "stdout"), [("", ">/dev/full"), ("--json", ">&-"), ("", "| true")])
def test_a_new_key_that_stdout_does_not_take_is_shown_on_stderr(
    server: EmulatorServer, home: dict[str, str], form: str, stdout: str
) -> None:
    ran = in_bash(f"aimlapi keys create --name ci {form} {stdout}", {**home, "AIMLAPI_API_KEY": MANAGER})
    kept = [key for key in Client(base_url=server.base_url, api_key=MANAGER).keys.list() if key.name == "ci"]
    shown = ran.stderr.decode()
    assert len(kept) == 1 and (kept[0].prefix in shown.replace("...", "") or stdout == "| true")
    if stdout != "| true":  # which may have read it
        secret = [line for line in shown.splitlines() if "secret" in line or not line.startswith(("aimlapi:", " "))]
        assert secret and kept[0].prefix in secret[-1 if not form else 0] + shown


@needs_full
@pytest.mark.parametrize("line", [">&- 2>&-", ">/dev/full 2>/dev/null"])
def test_a_new_key_that_nobody_can_see_is_deleted_again(
    server: EmulatorServer, home: dict[str, str], line: str
) -> None:
    ran = in_bash(f"aimlapi keys create --name ci {line}", {**home, "AIMLAPI_API_KEY": MANAGER})
    kept = [key for key in Client(base_url=server.base_url, api_key=MANAGER).keys.list() if key.name == "ci"]
    assert (ran.returncode, kept) == (exits.FAILED, [])


# -- tables for programs -----------------------------------------------------------------------------------------------


def test_one_thing_in_a_pipe_has_plain_numbers_under_the_names_of_json(cli: Cli) -> None:
    piped = cli("model", "openai/gpt-4o").fields
    whole = json.loads(cli("model", "openai/gpt-4o", "--json").out)
    piped["ttft_ms"] = piped["first_token_ms"]
    for name, value in whole.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            assert float(piped[name]) == value, name
    assert set(piped) <= {*whole, "first_token_ms", "langchain", "llamaindex"}
    assert json.loads(piped["prices"]) == whole["prices"]


def test_the_state_of_a_batch_in_a_pipe_has_plain_numbers(cli: Cli, tmp_path: Path) -> None:
    Path("rows.jsonl").write_text("".join(f'{{"text": "Say {place}"}}\n' for place in range(3)))
    assert (
        cli("batch", "run", "rows.jsonl", "-o", "out.jsonl", "--model", "openai/gpt-4o", "--prompt", "{text}").code == 0
    )
    piped = cli("batch", "status", "out.jsonl").fields
    whole = json.loads(cli("batch", "status", "out.jsonl", "--json").out)
    assert whole["spent_usd"] > 0
    for name in ("total", "answered", "spent_usd", "rows_per_second"):
        assert float(piped[name]) == whole[name], name


# -- the configuration -------------------------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    monkeypatch.setenv("AIMLAPI_CONFIG", str(path))
    return path


_BROKEN = (
    '[templates.a]\nprompt = 3\n',
    '[templates.a]\nmodle = "x"\nprompt = "x"\n',
    'templates = "x"\n',
    'templates.a = "x"\n',
    "[mcp.a]\n",
    "mcp = 3\n",
    "[profiles.a]\nmodle = 3\n",
    "profiles.a = 3\n",
)  # fmt: skip


@pytest.mark.parametrize("broken", _BROKEN)
def test_a_broken_part_of_the_configuration_stops_only_what_uses_it(cli: Cli, config: Path, broken: str) -> None:
    config.write_text(broken)
    assert cli("ask", "openai/gpt-4o", "What is 6*7?").out == "6*7 equals 42.\n"
    assert cli("balance").code == 0
    shown = cli("config")
    assert shown.code == 0 and str(config) in shown.err
    assert cli("config", "--json").code == 0
    found = [one for one in json.loads(cli("doctor", "--json").out) if one["state"] == "wrong"]
    assert [one["what"] for one in found] == ["configuration"] and str(config) in found[0]["advice"]
    used = {
        "t": ("ask", "m", "q", "-t", "a"),
        "m": ("chat", "m", "--mcp", "a"),
        "p": ("--profile", "a", "ask", "m", "q"),
    }
    ran = cli(*used[broken.strip("[")[0]])
    assert ran.code == exits.WRONG and str(config) in ran.err


@pytest.mark.parametrize(
    "line", [("ask", "m", "q"), ("models",), ("config",), ("balance",), ("image", "flux/dev", "q")]
)
def test_a_configuration_that_is_named_and_not_there_is_said(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, line: tuple[str, ...]
) -> None:
    monkeypatch.setenv("AIMLAPI_CONFIG", "/nope")
    ran = cli(*line)
    assert (ran.code, ran.err) == (exits.WRONG, "aimlapi: AIMLAPI_CONFIG names /nope, which does not exist.\n")
    monkeypatch.setenv("AIMLAPI_CONFIG", os.devnull)  # none is wanted
    assert cli("balance").code == 0


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("= 3", "Correct {}, or move it away."),
        ('modle = "x"', "Correct {}, or move it away."),
        ('profile = "none"', "Correct {}, or move it away."),
        ('key_variable = "NOT_SET"', "Set NOT_SET, or name another variable in {};"),
        ('base_url = "ftp://x/v1"', "Correct `base_url` in {};"),
        ('[templates.a]\nprompt = ""', "Correct it in {}: only what uses it is stopped."),
    ],
)
def test_the_advice_is_about_the_configuration_where_that_is_wrong(
    cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch, text: str, advice: str
) -> None:
    config.write_text(text)
    if "base_url" in text:
        monkeypatch.delenv("AIMLAPI_API_BASE")
    wrong = [one for one in json.loads(cli("doctor", "--json").out) if one["state"] == "wrong"]
    assert len(wrong) == 1 and wrong[0]["advice"].startswith(advice.format(config)), wrong


def test_the_advice_names_the_variable_of_a_file_that_is_not_there(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_CONFIG", "/nope")
    wrong = [one for one in json.loads(cli("doctor", "--json").out) if one["state"] == "wrong"]
    assert [(one["what"], one["advice"]) for one in wrong] == [
        ("configuration", "Correct AIMLAPI_CONFIG, or unset it.")
    ]


# -- arguments ---------------------------------------------------------------------------------------------------------


@needs_unix
@pytest.mark.parametrize("locale", [{"LC_ALL": "C", "PYTHONUTF8": "0"}, {"LC_ALL": "C.UTF-8"}])
def test_arguments_are_utf_8_in_any_locale(
    server: EmulatorServer, home: dict[str, str], tmp_path: Path, locale: dict[str, str]
) -> None:
    (tmp_path / "日本.txt").write_text("hello")
    settings = {**home, **locale}
    line = "aimlapi ask openai/gpt-4o 'naïve @日本.txt 東京' --system 'Grüße' --file 日本.txt"
    ran = in_bash(line, settings, tmp_path)
    assert ran.returncode == 0, ran.stderr
    [system, asked] = server.requests[-1].json["messages"]
    assert system["content"] == "Grüße" and asked["content"][0]["text"] == "naïve 日本.txt 東京"
    assert len(asked["content"]) == 3 and asked["content"][1]["text"].endswith(":\nhello")
    ran = in_bash("aimlapi ask openai/gpt-4o $'caf\\xe9'", settings, tmp_path)
    assert ran.returncode == 0 and server.requests[-1].json["messages"][-1]["content"] == "caf\ufffd"


@pytest.mark.parametrize("line", [("models",), ("log",), ("keys", "list"), ("compare", "q", "--models", "m")])  # fmt: skip
def test_two_forms_of_output_are_refused_before_anything_is_asked(
    cli: Cli, server: EmulatorServer, line: tuple[str, ...]
) -> None:
    ran = cli(*line, "--json", "--csv")
    assert (ran.code, ran.out, ran.err) == (exits.WRONG, "", "aimlapi: Pass --json or --csv, not both.\n")
    assert not server.requests


@pytest.mark.parametrize("line", [("ask", "m", "q"), ("chat", "m")])
def test_a_value_for_no_template_is_refused(cli: Cli, line: tuple[str, ...]) -> None:
    ran = cli(*line, "--var", "language=French")
    assert ran.code == exits.WRONG and "--template" in ran.err


@pytest.mark.parametrize("name", ["", " "])
@pytest.mark.parametrize("line", [("model",), ("ask", "-m"), ("chat", "-m"), ("image",), ("video",), ("transcribe",)])
def test_a_model_without_a_name_is_no_model(cli: Cli, server: EmulatorServer, name: str, line: tuple[str, ...]) -> None:
    more = {"ask": ("q",), "image": ("q",), "video": ("q",), "transcribe": ("https://example.com/a.mp3",)}
    ran = cli(*line, name, *more.get(line[0], ()))
    assert ran.code == exits.WRONG and "nearest" not in ran.err
    assert "No model is named" in ran.err or "`--model` is empty" in ran.err
    assert not server.requests


@pytest.mark.parametrize("line", [(), *((name,) for name in COMMANDS), ("keys", "create"), ("batch", "run")])
def test_every_command_has_a_short_help(cli: Cli, line: tuple[str, ...]) -> None:
    ran = cli(*line, "-h")
    assert ran.code == 0 and "Usage: aimlapi" in ran.out and re.search(r"--help\s+-h|-h\s+--help", ran.out)


@pytest.mark.parametrize(("value", "shows"), [("1", True), ("true", True), ("0", False), ("false", False), ("", False)])
def test_debugging_is_on_where_it_is_said_to_be(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, value: str, shows: bool
) -> None:
    monkeypatch.setenv("AIMLAPI_DEBUG", value)
    assert ("Traceback" in cli("models", "--sort", "x").err) == shows


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.txt", "a", "a.log", "NOTES"])
@pytest.mark.parametrize("text", ["Grüße", "Größe: 5 €", "é", "“No”, said Zoë"])
def test_a_short_text_of_an_old_code_page_is_text(tmp_path: Path, name: str, text: str) -> None:
    if text == "é" and name != "a.txt":
        pytest.skip("one byte may be anything")
    (tmp_path / name).write_bytes(text.encode("cp1252"))
    assert part_of(tmp_path / name) == {"type": "text", "text": f"{name}:\n{text}"}


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "fifo.json"
    os.mkfifo(path)
    yield path


@needs_unix
@pytest.mark.parametrize(
    "line",
    [
        "ask openai/gpt-4o hi --file {}",
        "ask openai/gpt-4o hi --schema {}",
        "edit openai/gpt-image-1 x {}",
        "chat m --tools {}",
    ],
)
def test_a_pipe_that_nobody_writes_into_is_a_sentence(home: dict[str, str], fifo: Path, line: str) -> None:
    ran = in_bash(f"aimlapi {line.format(fifo)}", home)
    assert ran.returncode == exits.WRONG and str(fifo) in ran.stderr.decode() and len(ran.stderr.splitlines()) == 1


@needs_unix
def test_a_pipe_that_nobody_writes_into_is_no_file_of_a_line(
    server: EmulatorServer, home: dict[str, str], fifo: Path
) -> None:
    ran = in_bash(f"aimlapi ask openai/gpt-4o 'What is @{fifo}?'", home)
    assert ran.returncode == 0 and server.requests[-1].json["messages"][0]["content"] == f"What is @{fifo}?"


@needs_unix
def test_what_another_command_writes_goes_as_a_file(server: EmulatorServer, home: dict[str, str], fifo: Path) -> None:
    assert in_bash("aimlapi ask openai/gpt-4o hi --file <(echo 6*7; sleep 0.2; echo end)", home).returncode == 0
    assert server.requests[-1].json["messages"][0]["content"][1]["text"].endswith(":\n6*7\nend\n")
    writer = Thread(target=fifo.write_text, args=("6*7",))
    writer.start()
    assert part_of(fifo)["text"] == "fifo.json:\n6*7"
    writer.join()


# -- an interrupt when all is done -------------------------------------------------------------------------------------


_LATE = {
    "exit function": ("atexit.register(pause)", exits.STOPPED),
    "end of the modules": ("sys.late = type('Late', (), {'__del__': pause})()", exits.DONE),
}


@needs_unix
@pytest.mark.parametrize("late", _LATE)
def test_an_interrupt_after_the_answer_ends_by_no_signal(home: dict[str, str], tmp_path: Path, late: str) -> None:
    register, code = _LATE[late]
    waits, sent = os.pipe()
    hook = f"""
import atexit, os, sys
def pause(*_, write=os.write, read=os.read):
    write(2, b"ending\\n")
    read({waits}, 1)  # until the interrupt is sent
class Hook:
    def find_spec(self, name, path=None, target=None):
        if name == "aimlapi_cli.ask":
            {register}
sys.meta_path.insert(0, Hook())
"""
    (tmp_path / "sitecustomize.py").write_text(hook)
    settings = {**home, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(__file__).parents[2]}"}
    line = [*AIMLAPI, "ask", "openai/gpt-4o", "What is 6*7?"]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=settings, pass_fds=(waits,))
    assert process.stderr is not None and process.stderr.readline() == b"ending\n"
    process.send_signal(signal.SIGINT)
    os.close(sent)
    out, err = process.communicate(timeout=30)
    os.close(waits)
    assert (process.returncode, out, err) == (code, b"6*7 equals 42.\n", b"")


# -- options that are empty, or do not go together ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (("emulator", "--host", ""), "`--host` is empty"),
        (("ask", "m", "q", "--base-url", ""), "`--base-url` is empty"),
        (("ask", "m", "q", "--profile", ""), "`--profile` is empty"),
        (("image", "flux/dev", "q", "--size", ""), "`--size` is empty"),
        (("image", "flux/dev", "q", "--image", ""), "`--image` is empty"),
        (("say", "openai/tts-1", "q", "--voice", ""), "`--voice` is empty"),
        (("logs", "--model", ""), "`--model` is empty"),
        (("usage", "--key-prefix", ""), "`--key-prefix` is empty"),
        (("models", "--vendor", ""), "`--vendor` is empty"),
        (("keys", "create", "--scopes", ","), "`--scopes` names none"),
        (("usage", "--since", "0d"), "`--since` is '0d'"),
        (("usage", "--by", "hour"), "`--by` is 'hour'"),
        (("keys", "create", "--limit", "5", "--per", "eon"), "`--per` is 'eon'"),
        (("batch", "run", "x.jsonl", "-o", "y.jsonl", "--model", "m", "--prompt", "p", "--rpm", "-1"), "`--rpm` is -1"),
        (("log", "--show", "1", "--delete", "1"), "`--delete` does not go with"),
        (("log", "--clear", "--delete", "1"), "`--delete` does not go with"),
        (("log", "--clear", "tides"), "`--clear` does not go with the words"),
        (("log", "--yes"), "`--yes` does not go with"),
        (("log", "--path", "--model", "m"), "`--path` does not go with"),
        (("chat", "m", "--approve"), "`--approve` is about tools"),
        (("image", "flux/dev", "q", "-n", "2", "--save", "two.png"), "two.png is one file, and several are asked for"),
        (("image", "flux/dev", "q", "--save", "plain"), "plain is neither a folder"),
        (("image", "flux/dev", "q", "--save", os.devnull), "is neither a folder"),
        (("video", "wait", "{"), "the JSON that --no-wait printed"),
        (("--profile", "x"), "There is no command."),
    ],
)
def test_what_is_empty_or_does_not_go_together_is_a_sentence(
    cli: Cli, server: EmulatorServer, line: tuple[str, ...], says: str
) -> None:
    Path("plain").write_text("a file")
    Path("x.jsonl").write_text("{}\n")
    ran = cli(*line)
    assert (ran.code, ran.out) == (exits.WRONG, "") and says in ran.err and len(ran.err.splitlines()) == 1
    assert all(one.method == "GET" for one in server.requests)


def test_an_empty_instruction_or_name_is_one(cli: Cli, server: EmulatorServer) -> None:
    assert cli("ask", "openai/gpt-4o", "hi", "--system", "").code == 0
    assert [one["role"] for one in server.requests[-1].json["messages"]] == ["user"]


def test_all_lines_of_a_message_are_said(cli: Cli) -> None:
    """The first says that something is wrong, and the second what."""
    ran = cli("image", "flux/dev", "A cat", "-n", "1000")
    assert ran.code == exits.FAILED and "Body validation error; num_images: Invalid value." in ran.err
    assert len(ran.err.splitlines()) == 1


def test_vendors_that_are_listed_are_vendors(cli: Cli) -> None:
    said = cli("models", "--vendor", "qqqqqqqqqqqqq").err
    assert "There are: " in said and "openai" in said.lower() and "#g1_aura" not in said


# -- the habits of other systems ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_files_are_read_as_other_systems_write_them(
    cli: Cli, server: EmulatorServer, config: Path, encoding: str, line_end: str
) -> None:
    """PowerShell's `>` writes UTF-16, Notepad a mark before UTF-8, and both CRLF."""

    def written(name: str, *lines: str) -> str:
        Path(name).write_bytes(line_end.join(lines).encode(encoding))
        return name

    written(config.name, 'model = "openai/gpt-4o"', 'system = "Grüße"', "")
    assert cli("ask", "hi there").code == 0
    assert server.requests[-1].json["messages"][0]["content"] == "Grüße"
    schema = written(
        "schema.json", "{", '"type": "object", "title": "Größe", "properties": {"a": {"type": "string"}}', "}"
    )
    assert cli("ask", "hi there", "--schema", schema).code == 0
    talk = written("talk.json", '[{"role": "user", "content": "Müsli?"},', '{"role": "assistant", "content": "Ja."}]')
    assert cli("ask", "And now?", "--load", talk).code == 0
    assert server.requests[-1].json["messages"][1]["content"] == "Müsli?"
    question = written("question.txt", "Größe", "6*7")
    assert cli("ask", "hi there", "--file", question).code == 0
    assert "Größe" in server.requests[-1].json["messages"][1]["content"][1]["text"]


@pytest.mark.parametrize(
    "path", [r"C:\pictures\cat.png", r"..\cat.png", "NUL", "~nobody/cat.png", "a\x00b", "x" * 5000]
)
def test_a_path_that_is_none_here_is_a_sentence(cli: Cli, server: EmulatorServer, path: str) -> None:
    for line in (("ask", "m", "q", "--file"), ("edit", "openai/gpt-image-1", "A hat"), ("transcribe", "nova-3"),
                 ("ask", "m", "q", "--schema"), ("ask", "m", "q", "--load")):  # fmt: skip
        ran = cli(*line, path)
        assert ran.code == exits.WRONG and len(ran.err.splitlines()) == 1, ran
        assert "cannot be read" in ran.err or "null byte" in ran.err
    assert not server.requests


@needs_unix
@pytest.mark.parametrize("line", ["image flux/dev cat --save x.png", "say deepgram/aura hi --voice asteria"])
def test_a_folder_that_is_gone_is_a_sentence(home: dict[str, str], tmp_path: Path, line: str) -> None:
    ran = in_bash(f"mkdir gone; cd gone; rmdir ../gone; aimlapi {line}", home, tmp_path)
    assert ran.returncode == exits.FAILED and b"No such file or directory" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


@needs_unix
def test_warnings_that_are_to_be_errors_stay_sentences(home: dict[str, str], tmp_path: Path) -> None:
    ran = in_bash("aimlapi ask openai/gpt-4o hi --param zzz=1", {**home, "PYTHONWARNINGS": "error"}, tmp_path)
    assert ran.returncode == 0 and b"do not list `zzz`" in ran.stderr and len(ran.stderr.splitlines()) == 1
