"""`ask` and `compare`: defaults from a configuration, files, conversations that go on, and answers that are odd."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aimlapi_cli.files import named_in, part_of
from aimlapi_emulator import EmulatorServer
from tests.cli.conftest import Cli
from tests.llama_index.conformance.answers import Answer, call, calling, text
from tests.llama_index.conformance.server import Reply, Server

CONFIG = """
model = "openai/gpt-4o"
system = "Be brief."
max_tokens = 77
[params]
top_p = 0.5
[profiles.small]
model = "gpt-4o-mini"
temperature = 0.25
[profiles.elsewhere]
base_url = "http://127.0.0.1:9/v1"
key_variable = "OTHER_KEY"
[templates.say]
prompt = "Say {input} in {language}, as {'json': 1}."
variables = { language = "French" }
system = "You translate."
[templates.fixed]
prompt = "Sum this up."
model = "deepseek/deepseek-r1"
[mcp.files]
command = "files"
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    monkeypatch.setenv("AIMLAPI_CONFIG", str(path))
    return path


def body(server: EmulatorServer) -> dict[str, Any]:
    found: dict[str, Any] = server.requests[-1].json
    return found


# -- defaults ----------------------------------------------------------------------------------------------------------


def test_defaults_come_from_the_file_a_profile_goes_before_it_and_an_option_before_both(
    cli: Cli, config: Path, server: EmulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("ask", "Is it so?").code == 0
    sent = body(server)
    assert (sent["model"], sent["max_tokens"], sent["top_p"]) == ("openai/gpt-4o", 77, 0.5)
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    cli("ask", "Is it so?", "--profile", "small")
    assert (body(server)["model"], body(server)["temperature"], body(server)["top_p"]) == ("gpt-4o-mini", 0.25, 0.5)
    cli("ask", "Is it so?", "--profile", "small", "--temperature", "1", "-p", "top_p=0.9", "-p", 'stop=["a", "b"]')
    assert (body(server)["temperature"], body(server)["top_p"], body(server)["stop"]) == (1, 0.9, ["a", "b"])
    config.write_text(
        f"{CONFIG}\n[profiles.loud]\nlog = false\nsystem = 'Shout.'\n[profiles.loud.params]\ntemperature = 2"
    )
    cli("ask", "Is it so?", "--profile", "loud", "--max-tokens", "5")
    assert (body(server)["temperature"], body(server)["max_tokens"], body(server)["top_p"]) == (2, 5, 0.5)
    assert body(server)["messages"][0]["content"] == "Shout."
    cli("ask", "Is it so?", "--profile", "loud", "--temperature", "0")
    assert body(server)["temperature"] == 0
    monkeypatch.setenv("AIMLAPI_PROFILE", "small")
    cli("ask", "Is it so?")
    assert body(server)["model"] == "gpt-4o-mini"


@pytest.mark.parametrize(
    ("line", "model", "question"),
    [
        (("hello",), "openai/gpt-4o", "hello"),
        (("What is it?",), "openai/gpt-4o", "What is it?"),
        (("gpt-4o-mini", "hello"), "gpt-4o-mini", "hello"),
        (("-m", "gpt-4o-mini", "hello"), "gpt-4o-mini", "hello"),
        (("-m", "gpt-4o-mini", "gpt-4o", "hello"), "gpt-4o-mini", "gpt-4o hello"),
    ],
)
def test_one_word_is_a_question_where_a_model_is_configured(
    cli: Cli, config: Path, server: EmulatorServer, line: tuple[str, ...], model: str, question: str
) -> None:
    assert cli("ask", *line).code == 0
    assert (body(server)["model"], body(server)["messages"][-1]["content"]) == (model, question)


def test_one_word_is_a_question_where_a_conversation_or_a_template_has_a_model(
    cli: Cli, config: Path, server: EmulatorServer, tmp_path: Path
) -> None:
    config.write_text("[templates.brief]\nprompt = 'Be brief: {input}'\nmodel = 'gpt-4o-mini'\n")
    assert cli("ask", "openai/gpt-4o", "hello").code == 0
    for line, model, question in (
        (("--continue", "Why?"), "openai/gpt-4o", "Why?"),
        (("--continue", "gpt-4o-mini", "Why?"), "gpt-4o-mini", "Why?"),
        (("-t", "brief", "Why?"), "gpt-4o-mini", "Be brief: Why?"),
    ):
        assert cli("ask", *line).code == 0
        assert (body(server)["model"], body(server)["messages"][-1]["content"]) == (model, question)


def test_a_model_in_front_of_a_pipe_stays_the_model(cli: Cli, config: Path, server: EmulatorServer) -> None:
    for name in ("gpt-4o-mini", "anthropic/claude-opus-4-5"):
        assert cli("ask", name, stdin="hello").code == 0
        assert (body(server)["model"], body(server)["messages"][-1]["content"]) == (name, "hello")


def test_reasoning_effort_goes_out(cli: Cli, server: EmulatorServer) -> None:
    assert cli("ask", "o3-mini", "hi", "--reasoning-effort", "high").code == 0
    assert body(server)["reasoning_effort"] == "high"


def test_a_template_is_filled(cli: Cli, config: Path, server: EmulatorServer) -> None:
    cli("ask", "-t", "say", "hello there")
    assert [one["content"] for one in body(server)["messages"]] == [
        "You translate.",
        "Say hello there in French, as {'json': 1}.",
    ]
    cli("ask", "-t", "say", "--var", "language=Latin {input}", stdin="{language}")
    assert body(server)["messages"][-1]["content"] == "Say {language} in Latin {input}, as {'json': 1}."
    cli("ask", "-t", "fixed", stdin="A long text.")
    assert (body(server)["model"], body(server)["messages"][-1]["content"]) == (
        "deepseek/deepseek-r1",
        "Sum this up.\n\nA long text.",
    )


def test_an_address_and_a_key_come_from_a_profile(
    cli: Cli, config: Path, server: EmulatorServer, served: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIMLAPI_API_BASE")
    ran = cli("ask", "--profile", "elsewhere", "hi there")
    assert ran.code == 1 and "names OTHER_KEY, which is not set" in ran.err
    config.write_text(CONFIG.replace("http://127.0.0.1:9/v1", served.base_url))
    served.play(text("hi"))
    monkeypatch.setenv("OTHER_KEY", "sk-other-0123456789")
    assert cli("ask", "--profile", "elsewhere", "hi there").code == 0
    assert served.requests[-1].headers["authorization"] == "Bearer sk-other-0123456789"
    config.write_text(CONFIG.replace("http://127.0.0.1:9/v1", server.base_url))
    assert cli("--profile", "elsewhere", "models", "gpt-4o").code == 0
    assert "OTHER_KEY" in json.dumps(json.loads(cli("--profile", "elsewhere", "doctor", "--json").out))


@pytest.mark.parametrize(
    ("text_", "says"),
    [
        ("model = ", "is not valid TOML"),
        ("modle = 'x'", "'modle', which is not a setting. The nearest: model"),
        ("model = 3", "`model` = 3: it must be a text"),
        ("temperature = true", "it must be a number"),
        ("profile = 'big'\n[profiles.bigger]", "There is no profile 'big' in"),
        ("profiles = 3", "which is not a table of tables"),
        ("[templates.x]", "has no `prompt`"),
        ("[mcp.x]", "needs either `command` or `url`"),
        ("[profiles.x]\nlgo = true", "profile x has 'lgo'"),
        ("api_key = 'sk-123'", "'api_key', which is not a setting"),
        ("[params]\nstream = true", "`stream` under `params`, which the command itself says"),
        ("\x00", "is not valid TOML"),
    ],
)
def test_a_wrong_configuration_is_one_sentence(cli: Cli, config: Path, text_: str, says: str) -> None:
    config.write_text(text_)
    used = {"[templates.x]": ("ask", "m", "q", "-t", "x"), "[mcp.x]": ("chat", "m", "--mcp", "x")}
    line = used.get(text_, ("ask", "m", "q"))
    ran = cli("--profile", "x", *line) if "[profiles.x]" in text_ else cli(*line)
    assert ran.code == 2 and says in ran.err and str(config) in ran.err and len(ran.err.splitlines()) == 1, ran.err


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (("ask", "--profile", "smal", "q q"), "There is no profile 'smal'"),
        (("ask", "-t", "sya", "q q"), "There is no template 'sya'"),
        (("ask", "-t", "say"), "There is no question: pass one"),
        (("ask", "m", "q", "-p", "top_p"), "`--param` is 'top_p': pass NAME=VALUE"),
        (("ask", "m", "q", "--load", "x.json", "-c"), "Pass --load or --continue, not both"),
        (("ask", "m", "q", "--load", "x.json"), "x.json cannot be read"),
        (("ask", "m", "q", "-c"), "There is no conversation to go on with"),
    ],
)
def test_what_is_not_there_is_one_sentence(cli: Cli, config: Path, line: tuple[str, ...], says: str) -> None:
    ran = cli(*line)
    assert ran.code == 2 and says in ran.err and len(ran.err.splitlines()) == 1, ran


def test_without_a_model_a_sentence_says_how_to_name_one(cli: Cli, tmp_path: Path) -> None:
    ran = cli("ask", "What is it?")
    assert ran.code == 2 and "No model is named" in ran.err and "config.toml" in ran.err


# -- conversations -----------------------------------------------------------------------------------------------------


def test_a_conversation_goes_on(cli: Cli, server: EmulatorServer, tmp_path: Path) -> None:
    cli("ask", "openai/gpt-4o", "What is 6*7?", "--system", "Be exact.")
    cli("ask", "-c", "And 2+2?")
    sent = body(server)
    assert sent["model"] == "openai/gpt-4o"
    assert [(one["role"], one["content"]) for one in sent["messages"]] == [
        ("system", "Be exact."),
        ("user", "What is 6*7?"),
        ("assistant", "6*7 equals 42."),
        ("user", "And 2+2?"),
    ]
    (kept,) = tmp_path.rglob("last_conversation.json")
    assert stat.S_IMODE(os.stat(kept).st_mode) == 0o600 or sys.platform == "win32"
    Path("mine.json").write_bytes(kept.read_bytes())
    cli("ask", "openai/gpt-4o", "Something else?")
    cli("ask", "--load", "mine.json", "And 3+3?")
    assert len(body(server)["messages"]) == 6


@pytest.mark.parametrize(
    "damage", [b"{", b"[]x", b'{"messages": 3}', b'{"messages": [{"text": 1}]}', b"\xff\xfe\x00", b"3"]
)
def test_a_damaged_conversation_is_a_sentence(cli: Cli, tmp_path: Path, damage: bytes) -> None:
    cli("ask", "openai/gpt-4o", "hi")
    (kept,) = tmp_path.rglob("last_conversation.json")
    kept.write_bytes(damage)
    for line in (("-c", "hi"), ("--load", str(kept), "hi")):
        ran = cli("ask", *line)
        assert ran.code == 2 and "is not a saved conversation" in ran.err and len(ran.err.splitlines()) == 1


def test_nothing_is_remembered_where_that_is_not_wanted(cli: Cli, config: Path, tmp_path: Path) -> None:
    config.write_text("remember = false\nmodel = 'openai/gpt-4o'")
    assert cli("ask", "hi there").code == 0
    assert not list(tmp_path.rglob("last_conversation.json"))


# -- files -------------------------------------------------------------------------------------------------------------


def test_only_files_that_are_there_are_taken_by_at(cli: Cli, server: EmulatorServer) -> None:
    Path("a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    Path("my notes.txt").write_text("nine o'clock")
    cli("ask", "openai/gpt-4o", "ask @john and mail@a.png what is @nowhere.png")
    assert body(server)["messages"][-1]["content"] == "ask @john and mail@a.png what is @nowhere.png"
    ran = cli("ask", "openai/gpt-4o", 'What is on @a.png, and in @"my notes.txt"?')
    parts = body(server)["messages"][-1]["content"]
    assert parts[0] == {"type": "text", "text": "What is on a.png, and in my notes.txt?"} or parts[0][
        "text"
    ].startswith("What is on")
    assert [part["type"] for part in parts] == ["text", "image_url", "text"]
    assert "With a.png." in ran.err
    cli("ask", "openai/gpt-4o", stdin="what is @a.png")  # what others wrote names no file
    assert body(server)["messages"][-1]["content"] == "what is @a.png"


def test_a_line_keeps_all_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.py").write_text("pass")
    assert named_in("see @x.py.") == ("see x.py.", [Path("x.py")])
    assert named_in("@x.py") == ("x.py", [Path("x.py")])
    assert named_in("(@x.py) a@x.py @\x00 @~nobody/x @. @") == ("(@x.py) a@x.py @\x00 @~nobody/x @. @", [])


@pytest.mark.parametrize(
    "name", ["a.py", "a.ts", "a.mp4", "a.log", "a", "a.bin", "a.svg", "a.rs", "a.md", "a.csv", "a.toml"]
)
@pytest.mark.parametrize(
    "data",
    ["déjà vu\n東京\n".encode(), b"\xef\xbb\xbfhello", "hello\n".encode("utf-16"), b"caf\xe9 in an old code page"],
)
def test_a_text_of_any_ending_is_text(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    part = part_of(tmp_path / name)
    assert part["type"] == "text" and re.search("déjà vu\n東京|hello|café in", part["text"])


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.txt", b"\x89PNG\r\n\x1a\n", "image_url"), ("a.png", b"\xff\xd8\xff\xe0", "image_url"),
        ("a.wav", b"RIFF\x00\x00\x00\x00WAVE", "input_audio"), ("a.mp3", b"ID3\x04\x00\x00", "input_audio"),
        ("a", b"%PDF-1.7 all of it in ascii", "file"), ("a.zip", b"PK\x03\x04\x00\x00", "file"),
        ("a.mp4", b"\x00\x00\x00\x18ftypisom\x00", "video_url"), ("a.bin", bytes(range(256)), "file"),
    ],
)  # fmt: skip
def test_what_is_no_text_is_what_its_bytes_say(tmp_path: Path, name: str, data: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(data)
    assert part_of(tmp_path / name)["type"] == kind


# -- odd answers -------------------------------------------------------------------------------------------------------


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, cli: Cli) -> Iterator[Server]:
    with Server() as server:
        monkeypatch.setenv("AIMLAPI_API_BASE", server.base_url)
        yield server


ODD = [
    (Answer({"content": "Half an"}, "length"), "cut at the limit"),
    (Answer({"content": ""}, "content_filter"), "content filter"),
    (Answer({"content": None, "refusal": "I will not."}), "The model refused: I will not."),
    (calling(call("weather", '{"city": "Paris"}')), 'a tool call, which nothing runs: weather({"city": "Paris"})'),
    (text(""), "The answer is empty"),
]


@pytest.mark.parametrize(("answer", "says"), ODD)
@pytest.mark.parametrize(
    "line", [("ask", "m", "hi"), ("ask", "m", "hi", "--json"), ("compare", "hi", "--models", "m"), ("chat", "m")]
)
def test_an_odd_answer_is_named(cli: Cli, served: Server, answer: Answer, says: str, line: tuple[str, ...]) -> None:
    served.play(answer)
    ran = cli(*line, stdin="hi\n" if line[0] == "chat" else "")
    assert ran.code == 0
    assert says in (ran.out if line[0] in ("compare", "chat") else ran.err), ran


def test_a_schema_takes_json_in_a_fence(cli: Cli, served: Server) -> None:
    Path("s.json").write_text('{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}')
    served.play(text('Here it is:\n```json\n{"a": 1}\n```\n'))
    assert json.loads(cli("ask", "m", "hi", "--schema", "s.json").out) == {"a": 1}
    assert json.loads(cli("ask", "m", "hi", "--schema", "s.json", "--json").out)["parsed"] == {"a": 1}
    Path("list.json").write_text('{"type": "array", "items": {"type": "integer"}}')
    served.play(text('{"value": [1, 2]}'))
    assert json.loads(cli("ask", "m", "hi", "--schema", "list.json").out) == [1, 2]
    assert served.bodies[-1]["response_format"]["json_schema"]["schema"]["type"] == "object"
    served.play(Answer({"content": '{"a": 1'}, "length"))
    ran = cli("ask", "m", "hi", "--schema", "s.json")
    assert ran.code == 1 and "cut at the limit" in ran.err and len(ran.err.splitlines()) == 1


def test_a_model_that_is_none_is_answered_with_the_nearest(cli: Cli) -> None:
    for line in (("ask", "openai/gpt-4p", "hi"), ("ask", "gpt-4oo", "hi", "--json")):
        ran = cli(*line)
        assert ran.code == 1 and re.search(r"The nearest: .*gpt-4o", ran.err), ran.err
    assert "The nearest: " in cli("chat", "openai/gpt-4p", stdin="hi\n").out


# -- compare -----------------------------------------------------------------------------------------------------------


def test_a_model_that_fails_is_a_row_with_a_reason_and_an_exit_code(cli: Cli) -> None:
    names = "openai/gpt-4o,nobody/knows"
    ran = cli("compare", "x", "--models", names, "--no-answers")
    rows = {row[0]: row for row in ran.rows}
    assert ran.code == 1 and "1 of 2 models failed: nobody/knows" in ran.err
    assert "not found" in rows["nobody/knows"][7] and float(rows["openai/gpt-4o"][6]) > 0
    found = json.loads(cli("compare", "x", "--models", names, "--json", "--runs", "2").out)
    assert (found[1]["failed_runs"], found[1]["runs"]) == (2, 2)
    assert cli("compare", "x", "--models", "openai/gpt-4o").code == 0


@pytest.mark.parametrize("plot", ["out.gif", "nowhere/out.png", "folder.png"])
def test_a_drawing_that_cannot_be_is_refused_before_anything_is_paid(
    cli: Cli, server: EmulatorServer, plot: str
) -> None:
    Path("folder.png").mkdir()
    asked = len(server.requests)
    assert cli("compare", "x", "--models", "openai/gpt-4o", "--plot", plot).code == 2
    assert len(server.requests) == asked


def test_the_report_is_a_page_of_its_own(cli: Cli, served: Server) -> None:
    served.play(text("<script>alert(1)</script>"))
    assert cli("compare", "<b>Why?</b>", "--models", "m", "--plot", "out.html").code == 0
    page = Path("out.html").read_text(encoding="utf-8")
    assert "<script>" not in page and "&lt;script&gt;alert(1)" in page and "&lt;b&gt;Why?" in page
    assert "<svg" in page and "<table>" in page and not re.search(r'(?:src|href)="http', page)


def test_an_error_of_the_provider_is_a_row_for_each_run(cli: Cli, served: Server) -> None:
    served.play(Reply(400, {"error": {"message": "No such thing"}}))
    found = json.loads(cli("compare", "x", "--models", "m", "--runs", "2", "--json").out)
    assert found[0]["error"].startswith("2 of 2 runs failed: InvalidRequestError: No such thing")


def test_a_device_is_no_file(tmp_path: Path) -> None:
    """/dev/zero has no end, and would be read without one."""
    from aimlapi_cli.files import part_of
    from aimlapi_transport.errors import InvalidRequestError

    if not Path("/dev/zero").exists():
        return  # Windows has none
    with pytest.raises(InvalidRequestError, match="is a device"):
        part_of(Path("/dev/zero"))
