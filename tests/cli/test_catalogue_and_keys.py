"""What a search finds and what it says where it finds nothing; keys of which only what is given changes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from aimlapi_cli.nearest import nearest
from aimlapi_cli.vendors import of_vendor
from aimlapi_emulator import EmulatorServer
from tests.cli.conftest import Cli
from tests.cli.shell import MANAGER

# -- vendors -----------------------------------------------------------------------------------------------------------


def ids(cli: Cli, *line: str) -> set[str]:
    ran = cli("models", *line, "--json")
    assert ran.code == 0, ran.err
    return {row["id"] for row in json.loads(ran.out)}


@pytest.mark.parametrize("spelling", ["openai", "Open AI", "OpenAI", "open-ai", "OPENAI"])
def test_a_vendor_is_known_by_every_spelling(cli: Cli, spelling: str) -> None:
    found = ids(cli, "--vendor", spelling)
    assert found >= {one for one in ids(cli) if one.startswith("openai/")} and len(found) > 54
    assert {"gpt-4o", "openai/gpt-oss-20b"} <= found and not any("claude" in one for one in found)


@pytest.mark.parametrize(
    ("vendor", "ids_begin"),
    [("mistral", "mistralai/"), ("Mistral AI", "mistralai/"), ("x-ai", "x-ai/"), ("xAI", "x-ai/"), ("google", "google/"),
     ("zhipu", "z-ai/"), ("z-ai", "zhipu/"), ("meta", "meta-llama/"), ("qwen", "alibaba/"), ("nvidia", "nvidia/"),
     ("moonshot", "moonshotai/"), ("anthropic", "anthropic/"), ("deepseek", "deepseek/")],
)  # fmt: skip
def test_all_of_a_vendor(cli: Cli, vendor: str, ids_begin: str) -> None:
    found = ids(cli, "--vendor", vendor, "--all")
    assert found >= {one for one in ids(cli, "--all") if one.startswith(ids_begin)}


def test_a_model_that_one_vendor_made_of_anothers_joins_no_two(cli: Cli) -> None:
    nvidia, meta = ids(cli, "--vendor", "nvidia", "--all"), ids(cli, "--vendor", "meta", "--all")
    both = nvidia & meta
    assert all(one.startswith("nvidia/") for one in both) and len(both) < min(len(nvidia), len(meta))


def test_vendors_of_any_catalogue() -> None:
    from aimlapi_transport.service.catalogue import read_model

    rows: list[Any] = [
        read_model({"id": name, "info": {"developer": developer}})
        for name, developer in [
            ("acme/a", "Acme Inc"),
            ("acme/b", "ACME"),
            ("c", "acme"),
            ("other/d", "Acme"),
            ("e", None),
        ]
    ]
    assert [one.id for one in of_vendor(rows, "acme-inc") or ()] == ["acme/a", "acme/b", "c", "other/d"]
    assert of_vendor(rows, "nobody") is None and of_vendor([], "acme") is None


# -- nothing found -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code", "near"),
    [
        (("gpt-4oo",), 1, "gpt-4o"), (("claude-sonet-4.5",), 1, "claude"), (("--vendor", "opnai"), 2, "openai"),
        (("--vendor", "antropic"), 2, "anthropic"), (("--takes", "imagee"), 2, "image"), (("gpt", "claude"), 1, ""),
        (("gpt-4o", "--max-price", "0.0001"), 1, ""), (("embedding",), 1, "with --all there are"),
    ],
)  # fmt: skip
def test_a_search_that_finds_nothing_says_so(cli: Cli, line: tuple[str, ...], code: int, near: str) -> None:
    ran = cli("models", *line)
    assert ran.code == code and near.lower() in ran.err.lower() and len(ran.err.splitlines()) == 1, ran
    if code == 1:
        assert json.loads(cli("models", *line, "--json").out) == []


def test_nearest_names() -> None:
    known = ["openai/gpt-4o", "openai/gpt-4o-mini", "anthropic/claude-opus-4-5", "Open AI"]
    assert nearest("gpt-4o-mni", known)[0] == "openai/gpt-4o-mini"
    assert nearest("OPENAI/GPT-4O", known)[0] == "openai/gpt-4o"
    assert nearest("opnai", ["Open AI", "Google"]) == ["Open AI"]
    assert nearest("zzzz", known) == [] and nearest("", known) == []


# -- keys --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def manager(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("AIMLAPI_API_KEY", MANAGER)
    return cli


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        (("--limit", "7.5"), {"limit_usd": 7.5}), (("--per", "day"), {"limit_per": "day"}),
        (("--name", "other"), {"name": "other"}), (("--disable",), {"disabled": True}),
        (("--limit", "9", "--per", "week"), {"limit_usd": 9, "limit_per": "week"}),
        (("--scopes", "model:embeddings"), {"scopes": ["model:embeddings"]}),
    ],
)  # fmt: skip
def test_only_what_is_given_changes(
    manager: Cli, server: EmulatorServer, line: tuple[str, ...], changed: dict[str, Any]
) -> None:
    given = ("--name", "ci", "--limit", "5", "--per", "month", "--scopes", "model:chat", "--json")
    before = json.loads(manager("keys", "create", *given).out)
    secret = before.pop("secret")
    after = json.loads(manager("keys", "update", before["prefix"], *line, "--json").out)
    assert after == {**before, **changed} and secret not in json.dumps(after)
    assert json.loads(manager("keys", "list", "--json").out) == [after]


def test_a_limit_of_a_key_without_one(manager: Cli) -> None:
    prefix = json.loads(manager("keys", "create", "--json").out)["prefix"]
    ran = manager("keys", "update", prefix, "--per", "day")
    assert ran.code == 2 and "`--per` needs a `--limit`: this key has none." in ran.err
    after = json.loads(manager("keys", "update", prefix, "--limit", "3", "--json").out)
    assert (after["limit_usd"], after["limit_per"]) == (3, "no_reset")


def test_nothing_to_change_is_a_sentence(manager: Cli) -> None:
    ran = manager("keys", "update", "abcdefgh")
    assert ran.code == 2 and "There is nothing to change" in ran.err


@pytest.mark.parametrize("line", [("update", "--limit", "3"), ("update", "--name", "x"), ("delete", "--yes")])
def test_a_key_that_is_not_there_is_answered_with_the_nearest(manager: Cli, line: tuple[str, ...]) -> None:
    prefix = json.loads(manager("keys", "create", "--json").out)["prefix"]
    wrong = prefix[:-1] + ("x" if prefix[-1] != "x" else "y")
    ran = manager("keys", line[0], wrong, *line[1:])
    assert ran.code == 1 and re.search(rf"There is no key '{wrong}'. The nearest: {prefix}\.", ran.err), ran.err


@pytest.mark.parametrize("line", [("keys", "list"), ("keys", "create"), ("keys", "update", "abcdefgh", "--name", "x"),
                                  ("keys", "delete", "abcdefgh", "--yes"), ("usage", "--key-prefix", "abcdefgh")])  # fmt: skip
def test_what_needs_a_management_key_says_so(cli: Cli, line: tuple[str, ...]) -> None:
    ran = cli(*line)
    assert ran.code == 1 and len(ran.err.splitlines()) == 1
    assert "management key" in ran.err and "AIMLAPI_API_KEY" in ran.err and "the emulator takes" in ran.err


def test_a_question_without_an_answer_deletes_nothing(manager: Cli) -> None:
    prefix = json.loads(manager("keys", "create", "--json").out)["prefix"]
    ran = manager("keys", "delete", prefix, stdin="")
    assert ran.code == 1 and "the question got no answer" in ran.err
    assert len(json.loads(manager("keys", "list", "--json").out)) == 1
