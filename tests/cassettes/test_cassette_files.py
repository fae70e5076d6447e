"""The files themselves: readable, sourced, without secrets, complete, owned, and played to their end."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import cassette_yaml
import pytest
import vcr
import yaml
from cassette_files import CASSETTES, HOST, ROOT, Cassette, cassettes, interaction, write
from cassette_player import CassettePersister, NotPlayedToItsEnd, NotRecorded, play
from golden import GOLDEN
from hypothesis import given
from hypothesis import strategies as st

from aimlapi_transport import Client

PUBLISHED = 173
WIRE = ROOT.parent / "shared" / "wire"

keys = st.text(min_size=1, max_size=40)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.text(alphabet=" \n\t#:-|>é\U0001f60a\u2028\x85a'\"", max_size=130),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(keys, values, min_size=1, max_size=4))
def test_what_is_written_is_read_back(value: dict[str, Any]) -> None:
    assert value == yaml.safe_load(cassette_yaml.dump(value))
    if hasattr(yaml, "CSafeLoader"):
        assert value == yaml.load(cassette_yaml.dump(value), Loader=yaml.CSafeLoader)


def test_every_recorded_reply_with_its_request_has_its_cassette() -> None:
    assert len(cassettes("published")) == PUBLISHED
    if not WIRE.is_dir():
        return
    index = json.loads((WIRE / "INDEX.json").read_text(encoding="utf-8"))["recordings"]
    recorded = {
        Path(entry["file"]).stem
        for entry in index
        if entry["authenticity"] == "recorded"
        and entry["endpoint"] in ("/v1/chat/completions", "/v1/responses")
        and entry["has_request"]
    }
    assert recorded == {cassette.path.stem for cassette in cassettes("published")}


@pytest.mark.skipif(not WIRE.is_dir(), reason="the payloads are not beside the project")
def test_each_published_cassette_holds_the_published_bytes() -> None:
    index = json.loads((WIRE / "INDEX.json").read_text(encoding="utf-8"))["recordings"]
    files = {Path(entry["file"]).stem: WIRE / entry["file"] for entry in index}
    for cassette in cassettes("published"):
        payload = json.loads(files[cassette.path.stem].read_text(encoding="utf-8"))
        for message in payload["request"].get("messages", ()):
            message.setdefault("role", "user")
        word = "input" if payload["endpoint"] == "/v1/responses" else "messages"
        sent = {word if name == "messages" else name: value for name, value in payload["request"].items()}
        assert sent == cassette.request
        if cassette.is_stream:
            assert payload["sse"] == [line for line in cassette.reply.split("\n") if line]
            assert cassette.reply.endswith("}\n\n")
        else:
            assert payload["body"] == json.loads(cassette.reply)


@pytest.mark.skipif(not WIRE.is_dir(), reason="the payloads are not beside the project")
def test_building_again_changes_no_file() -> None:
    before = {path: path.stat().st_mtime_ns for path in CASSETTES.glob("published/*.yaml")}
    built = subprocess.run(
        [sys.executable, "tools/build_cassettes.py", str(WIRE)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert f"{PUBLISHED} published cassettes: 0 written, 0 removed" in built.stdout
    assert before == {path: path.stat().st_mtime_ns for path in CASSETTES.glob("published/*.yaml")}


def test_every_cassette_is_plain_vcr_and_names_its_source() -> None:
    for cassette in cassettes():
        assert list(cassette.data) == ["source", "interactions", "version"], cassette
        assert cassette.data["version"] == 1
        assert cassette.source["kind"] == cassette.name.partition("/")[0]
        if cassette.source["kind"] == "published":
            assert cassette.source["document"] and re.fullmatch(r"\d+-\d+", cassette.source["lines"])
        for one in cassette.data["interactions"]:
            assert one["request"]["method"] == "POST"
            assert one["request"]["uri"].startswith("https://"), cassette


def test_no_cassette_holds_a_secret_or_unreadable_text() -> None:
    for cassette in cassettes():
        text = cassette.path.read_text(encoding="utf-8")
        found = re.search(r"authorization|\bbearer\b|\bsk-|test-key|set-cookie", text, re.IGNORECASE)
        assert found is None, f"{cassette} holds {found}"
        assert "!!binary" not in text and "\\u" not in re.sub(r"\\u[dD][89a-fA-F]", "", text), cassette


def test_every_cassette_file_is_owned_by_a_test(owned_cassettes: set[Cassette]) -> None:
    on_disk = set(cassettes())
    assert on_disk - owned_cassettes == set(), (
        "no test owns these: parametrize one with `owned_by_test`, or remove them"
    )
    assert owned_cassettes - on_disk == set(), "tests own these, but they are not there: record them"


def test_nothing_else_lies_among_the_cassettes() -> None:
    assert {path for path in CASSETTES.rglob("*") if path.is_file()} == {cassette.path for cassette in cassettes()}


def test_plain_vcr_plays_a_cassette() -> None:
    cassette = Cassette("published/glm-4.5--chat-1")
    with vcr.use_cassette(str(cassette.path), record_mode="none") as tape:
        body = cassette.request
        assert Client().chat(body["model"], body["messages"]).text == "Hello! How can I assist you today?"
    assert tape.all_played


def test_a_request_that_is_not_recorded_names_the_command_that_records_it() -> None:
    cassette = Cassette("published/glm-4.5--chat-1")
    with pytest.raises(NotRecorded, match=r"tools/build_cassettes\.py"), play(cassette):
        Client().chat("zhipu/glm-4.5", [{"role": "user", "content": "something else"}])


def test_the_body_is_part_of_the_match_and_1_is_not_true() -> None:
    cassette = Cassette("published/claude-3-5-sonnet-20241022--chat-1")
    body = cassette.request
    assert body["enable_thinking"] is False
    with pytest.raises(NotRecorded), play(cassette):
        Client().chat(body["model"], body["messages"], extra_body={"enable_thinking": 0})


def test_an_interaction_is_played_once() -> None:
    cassette = Cassette("published/glm-4.5--chat-1")
    body = cassette.request
    with pytest.raises(NotRecorded, match="asked again"), play(cassette):
        Client().chat(body["model"], body["messages"])
        Client().chat(body["model"], body["messages"])


def test_a_cassette_not_played_to_its_end_fails() -> None:
    with pytest.raises(NotPlayedToItsEnd, match="never asked for"), play(Cassette("published/glm-4.5--chat-1")):
        pass


def test_a_replay_never_writes() -> None:
    with pytest.raises(AssertionError, match="tried to write"):
        CassettePersister.save_cassette("x", {}, None)


def test_writing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new" / "one.yaml"
    one = interaction(f"{HOST}/v1/x", '{"model":"m"}', (200, "OK"), {"content-type": ["application/json"]}, '{"a":"é"}')
    assert write(path, {"kind": "emulated"}, [one]) is True
    before = path.read_bytes()
    assert write(path, {"kind": "emulated"}, [one]) is False
    assert before == path.read_bytes()


def test_the_replies_written_down_by_hand_are_there() -> None:
    assert {Cassette(name) for name in GOLDEN} <= set(cassettes("published"))


def test_names_differ_also_where_case_does_not_count() -> None:
    assert Counter(cassette.name.lower() for cassette in cassettes()).most_common(1)[0][1] == 1
