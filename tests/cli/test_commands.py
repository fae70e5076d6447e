"""Every command as a new user would try it, in a pipe; and on a terminal of 80 columns."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aimlapi_emulator import EmulatorServer
from tests.cli.conftest import Cli
from tests.cli.shell import KEY, MANAGER, environment, on_a_terminal

PERSON = {
    "title": "Person",
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}
PNG = bytes.fromhex("89504e470d0a1a0a")


def test_help_lists_the_commands_with_examples(cli: Cli) -> None:
    shown = cli("--help")
    assert shown.code == 0
    for name in ("doctor", "models", "model", "ask", "chat", "compare", "balance", "usage", "logs", "keys", "emulator"):
        assert name in shown.out
        assert f"aimlapi {name}" in cli(name, "--help").out
    assert "Exit codes" in shown.out
    assert cli("--version").out.startswith("aimlapi-integrations 0.")
    assert cli("no-such-command").code == 2


# -- models ------------------------------------------------------------------------------------------------------------


def test_models_are_found_by_words_vendor_abilities_and_price(cli: Cli) -> None:
    everything = cli("models").rows
    assert len(everything) > 300
    claude = cli("models", "claude", "--takes", "image,tools", "--sort", "price").rows
    assert claude and all("claude" in row[0] and "image" in row[5] and "tools" in row[5] for row in claude)
    prices = [float(row[4]) for row in claude]
    assert prices == sorted(prices)
    cheap = cli("models", "--max-price", "4", "--vendor", "openai").rows
    assert cheap and all(float(row[4]) <= 4 for row in cheap)
    contexts = [int(row[2]) for row in cli("models", "--sort", "context").rows]
    assert contexts == sorted(contexts, reverse=True)
    speeds = [float(row[-1]) for row in cli("models", "gpt-4o", "--sort", "tps").rows]
    assert speeds == sorted(speeds, reverse=True)
    assert any("embedding" in row[0] for row in cli("models", "--all").rows)


def test_models_as_json_and_csv(cli: Cli) -> None:
    rows = json.loads(cli("models", "gpt-4o", "--json").out)
    assert {"id", "vendor", "context", "output_usd_per_million"} <= rows[0].keys()
    table = list(csv.reader(cli("models", "gpt-4o", "--csv").out.splitlines()))
    assert table[0][0] == "id" and len(table) == len(rows) + 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("models", "--sort", "beauty"), "`--sort` is 'beauty'"),
        (("models", "--vendor", "nobody"), "There is no vendor 'nobody'"),
        (("models", "--takes", "smells"), "No model takes 'smells'"),
        (("usage", "--since", "93d"), "at most 92 days"),
        (("usage", "--since", "7d", "--start", "2026-01-01"), "pass one window"),
        (("usage", "--by", "day", "--tz", "Mars/North"), "`tz` is 'Mars/North'"),
        (("usage", "--plot", "out.gif"), "`--plot` is 'out.gif'"),
        (("ask", "openai/gpt-4o"), "There is no question"),
        (("ask", "openai/gpt-4o", "x", "--file", "nowhere.png"), "nowhere.png cannot be read"),
        (("ask", "openai/gpt-4o", "x", "--schema", "nowhere.json"), "cannot be read as JSON"),
        (("compare", "x", "--models", ","), "`--models` names no model"),
        (("compare", " ", "--models", "openai/gpt-4o"), "There is no question"),
        (("keys", "create", "--per", "month"), "`--per` needs a `--limit`"),
        (("record",), "is not a clone of the project"),
    ],
)
def test_a_wrong_argument_is_one_sentence(cli: Cli, arguments: tuple[str, ...], says: str) -> None:
    ran = cli(*arguments)
    assert ran.code == 2
    assert says in ran.err and len(ran.err.splitlines()) == 1


def test_one_model_with_its_code(cli: Cli) -> None:
    shown = cli("model", "gpt-4o").out
    for part in ("price", "parameters", "first_token", "ChatAIMLAPI(model=", "AIMLAPI(model=", "endpoints"):
        assert part in shown
    assert json.loads(cli("model", "gpt-4o", "--json").out)["raw"]["id"]
    wrong = cli("model", "openai/gpt-4p")
    assert wrong.code == 1
    nearest = re.findall(r"The nearest: (.*)\. \(", wrong.err)[0].split(", ")
    assert len(set(nearest)) == 3


# -- the account -------------------------------------------------------------------------------------------------------


def test_what_calls_cost_is_seen(cli: Cli) -> None:
    assert cli("balance").out == "$5.00\n"
    assert cli("ask", "openai/gpt-4o", "hi").code == 0
    assert cli("ask", "openai/no-such-model", "hi").code == 1
    assert json.loads(cli("balance", "--json").out)["usd"] < 5
    rows = cli("usage", "--by", "model", "--since", "24h").rows
    assert [row[0] for row in rows] == ["openai/gpt-4o", "openai/no-such-model"]
    assert json.loads(cli("usage", "--by", "day,model", "--json").out)[0]["cost_usd"] > 0
    assert [row[1] for row in cli("logs").rows] == ["failed", "succeeded"]
    assert [row[2] for row in cli("logs", "--failed").rows] == ["openai/no-such-model"]
    assert len(cli("logs", "-n", "1").rows) == 1


@pytest.mark.parametrize("name", ["out.png", "out.svg", "out.html"])
def test_usage_is_drawn(cli: Cli, name: str) -> None:
    cli("ask", "openai/gpt-4o", "hi")
    assert cli("usage", "--plot", name).code == 0
    assert len(Path(name).read_bytes()) > 1000
    if name.endswith("html"):
        assert "http" not in re.sub(
            r"http://www\.w3\.org|http://purl\.org|https?://(?:creativecommons|matplotlib)\S*",
            "",
            Path(name).read_text(),
        )


def test_keys_are_made_shown_changed_and_deleted(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli("keys", "list").code == 1  # a regular key
    monkeypatch.setenv("AIMLAPI_API_KEY", MANAGER)
    made = cli("keys", "create", "--name", "ci", "--limit", "5", "--per", "month", "--scopes", "model:chat")
    secret = made.out.strip()
    assert len(secret) == 32 and secret not in made.err
    (row,) = cli("keys", "list").rows
    prefix = row[0]
    assert (prefix, row[1], *row[4:6]) == (secret[:8], "ci", "5", "month")
    assert secret not in cli("keys", "list", "--json").out
    assert cli("keys", "update", prefix, "--disable", "--name", "old").rows[0][1:3] == ["old", "yes"]
    kept = cli("keys", "delete", prefix, stdin="n\n")
    assert kept.code == 1 and cli("keys", "list").rows
    assert cli("keys", "delete", prefix, "--yes").code == 0
    assert cli("keys", "list").rows == []


# -- answers -----------------------------------------------------------------------------------------------------------


def test_a_question_in_a_pipe_and_an_answer_out(cli: Cli) -> None:
    assert cli("ask", "openai/gpt-4o", stdin="What is 6*7?").out == "6*7 equals 42.\n"
    assert cli("ask", "openai/gpt-4o", "What is 6*7?").out == "6*7 equals 42.\n"
    answer = json.loads(cli("ask", "deepseek/deepseek-r1", "hi", "--json").out)
    assert answer["reasoning"] and answer["cost_usd"] > 0


def test_a_schema_gives_its_object(cli: Cli) -> None:
    Path("person.json").write_text(json.dumps(PERSON))
    ran = cli("ask", "openai/gpt-4o", "Ann is 30 years old", "--schema", "person.json")
    assert json.loads(ran.out) == {"name": "Ann", "age": 30}


def test_files_go_with_a_question(cli: Cli, server: EmulatorServer) -> None:
    Path("a.png").write_bytes(PNG)
    Path("b.txt").write_text("The office opens at nine.")
    assert "image" in cli("ask", "openai/gpt-4o", "What is this?", "-f", "a.png").out
    cli("ask", "openai/gpt-4o", "When?", "-f", "b.txt", "--system", "Be brief.")
    sent = server.requests[-1].json["messages"]
    assert sent[0] == {"role": "system", "content": "Be brief."}
    assert "The office opens at nine." in sent[1]["content"][1]["text"]


def test_a_conversation(cli: Cli, server: EmulatorServer) -> None:
    Path("a.png").write_bytes(PNG)
    lines = ["hello", "/model gpt-4o-mini", "/system Be brief.", "And you? @a.png", "/cost", "/save talk.json"]
    ran = cli(
        "chat", "openai/gpt-4o", stdin="\n".join([*lines, "/image nowhere.png", "/what", "/quit", "never"]) + "\n"
    )
    assert ran.code == 0
    assert "Hello! How can I help you today?" in ran.out and "nowhere.png cannot be read" in ran.out
    assert "never" not in json.dumps([request.json for request in server.requests])
    last = server.requests[-1].json
    assert last["model"] == "gpt-4o-mini"
    assert [message["role"] for message in last["messages"]] == ["system", "user", "assistant", "user"]
    assert last["messages"][-1]["content"][1]["type"] == "image_url"
    saved = json.loads(Path("talk.json").read_text())
    assert saved["cost_usd"] > 0 and len(saved["messages"]) == 4
    assert "/save FILE" in ran.out  # the help, for what is no command


def test_a_failed_turn_is_no_end(cli: Cli) -> None:
    ran = cli("chat", "openai/no-such-model", stdin="hello\n/model openai/gpt-4o\nhello\n")
    assert "not found" in ran.out and "Hello!" in ran.out


def test_models_are_compared(cli: Cli) -> None:
    names = "openai/gpt-4o,deepseek/deepseek-r1,nobody/knows"
    ran = cli("compare", "Explain tides", "--models", names, "--runs", "2", "--plot", "out.png")
    assert ran.code == 1 and Path("out.png").stat().st_size > 1000
    rows = {row["model"]: row for row in json.loads(cli("compare", "x", "--models", names, "--json").out)}
    assert rows["openai/gpt-4o"]["cost_usd"] > 0 and rows["deepseek/deepseek-r1"]["output_tokens"] > 0
    assert "NotFoundError" in rows["nobody/knows"]["error"]


@pytest.mark.parametrize("name", ["out.png", "out.html"])
def test_a_drawing_of_before_stays_where_no_model_answers(cli: Cli, name: str) -> None:
    Path(name).write_text("of before")
    ran = cli("compare", "x", "--models", "nobody/knows,no/model", "--plot", name)
    assert ran.code == 1 and f"{name} is as it was: no model answered." in ran.err
    assert Path(name).read_text() == "of before"


# -- the doctor --------------------------------------------------------------------------------------------------------


def lines_of(ran: Any) -> dict[str, dict[str, str]]:
    return {line["what"]: line for line in json.loads(ran.out)}


def test_a_healthy_patient(cli: Cli) -> None:
    ran = cli("doctor", "--call", "--json")
    found = lines_of(ran)
    assert ran.code == 0, ran.out
    assert found["key"]["found"] == f"in AIMLAPI_API_KEY, {len(KEY)} characters, ends in {KEY[-4:]}"
    assert {found[name]["state"] for name in ("Python", "packages", "models", "balance", "a call", "a stream")} == {
        "ok"
    }
    assert KEY not in cli("doctor").out


def test_without_a_key_it_says_what_is_left_out(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIMLAPI_API_KEY")
    ran = cli("doctor", "--json")
    found = lines_of(ran)
    assert ran.code == 0 and found["key"]["state"] == "left out" and "balance" not in found
    assert found["models"]["state"] == "ok"


def test_no_server_and_no_proxy(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = cli("doctor", "--json", "--base-url", "http://127.0.0.1:9/v1")
    assert ran.code == 1 and "refused" in lines_of(ran)["models"]["found"]
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@127.0.0.1:9")
    ran = cli("doctor", "--json", "--base-url", "https://api.example/v1")
    assert "127.0.0.1:9 does not answer" in lines_of(ran)["proxy"]["found"] and "secret" not in ran.out


def test_a_captive_portal(cli: Cli) -> None:
    from tests.llama_index.conformance.server import Reply, Server

    with Server() as portal:
        portal.play(Reply(200, b"<html>Sign in</html>", {"content_type": "text/html"}))
        ran = cli("doctor", "--json", "--base-url", portal.base_url)
    assert ran.code == 1
    assert "an HTML page" in lines_of(ran)["models"]["found"] and "sign in" in lines_of(ran)["models"]["advice"]


def installed(folder: Path, name: str, version: str, *files: str) -> None:
    """What pip leaves of a distribution in `folder`: its metadata and the list of its files."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files), encoding="utf-8")


def test_an_older_package_of_the_same_name_is_named(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index has `langchain-aimlapi` 0.1.3, of the provider, with the import name `langchain_aimlapi`."""
    installed(tmp_path, "langchain-aimlapi", "0.1.3")
    monkeypatch.syspath_prepend(tmp_path)
    ran = cli("doctor", "--json")
    assert ran.code == 1 and "pip uninstall langchain-aimlapi" in lines_of(ran)["clash"]["advice"]


@pytest.mark.parametrize("modules", [("aimlapi_transport/client.py",), ()])
def test_a_source_tree_beside_published_distributions_is_named(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, modules: tuple[str, ...]
) -> None:
    """The published `aimlapi-integrations` has no module and is there with the others; the tree's wheel has them all."""
    installed(tmp_path, "aimlapi-integrations", "0.2.0", *modules)
    installed(tmp_path, "aimlapi-transport", "0.2.0", "aimlapi_transport/client.py")
    installed(tmp_path, "langchain-aimlapi", "0.2.0", "langchain_aimlapi/chat_models.py")
    monkeypatch.syspath_prepend(tmp_path)
    found = lines_of(cli("doctor", "--json"))
    assert ("clash" in found) == bool(modules)
    if modules:
        assert "aimlapi-integrations aimlapi-transport langchain-aimlapi" in found["clash"]["advice"]


def test_no_credits_are_named(cli: Cli, server: EmulatorServer) -> None:
    from aimlapi_emulator import emulator

    with emulator(balance_usd=0.0) as poor:
        found = lines_of(cli("doctor", "--json", "--base-url", poor.base_url))
    assert found["balance"]["state"] == "wrong" and "Top up" in found["balance"]["advice"]


# -- on a terminal -----------------------------------------------------------------------------------------------------


def test_a_conversation_on_a_terminal(server: EmulatorServer, tmp_path: Path) -> None:
    settings = environment(server.base_url, tmp_path)
    shown = on_a_terminal(
        ("chat", "openai/gpt-4o"), settings, typed=[(">", b"hello\r"), ("today?", b""), (">", b"\x04")]
    )
    assert "Hello! How can I help you today?" in shown.text and shown.code == 0
    assert (tmp_path / "state" / "aimlapi-integrations" / "chat_history").exists()


def test_ctrl_c_leaves_no_traceback(server: EmulatorServer, tmp_path: Path) -> None:
    import signal

    settings = {"AIMLAPI_API_BASE": server.base_url, "AIMLAPI_API_KEY": KEY, "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "aimlapi_cli", "emulator", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **settings})
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert b"Traceback" not in err
