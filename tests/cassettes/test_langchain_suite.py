"""LangChain's standard integration suites from one cassette, without a server; each request is played as often as asked.

`make record-emulated` records it: it runs this module with `RECORD_SUITE_AT` set to an emulator's address.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import vcr as vcrpy
from cassette_files import HOST, Cassette
from cassette_owner import owned_by_test
from cassette_player import MATCH_ON, CassettePersister, json_body
from emulated_programs import KEY, SUITE, emulated
from langchain_tests.integration_tests import EmbeddingsIntegrationTests

from langchain_aimlapi import AIMLAPIEmbeddings
from tests.langchain.suites import AudioSuite, ReasoningSuite, SeeingSuite, no_downloads

__all__ = ["no_downloads"]

RECORD_AT = os.environ.get("RECORD_SUITE_AT")
PLAYER = vcrpy.VCR(record_mode="none", match_on=MATCH_ON)
PLAYER.register_matcher("json_body", json_body)
PLAYER.register_persister(CassettePersister)


@pytest.fixture(autouse=True)
def vcr(_offline: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The tape; none while recording, when `test_stream_time` streams once."""
    monkeypatch.setenv("AIMLAPI_API_KEY", KEY)
    monkeypatch.setenv("AIMLAPI_API_BASE", RECORD_AT or f"{HOST}/v1")
    if RECORD_AT:
        yield SimpleNamespace(responses=())
        return
    with PLAYER.use_cassette(str(emulated(SUITE).path), allow_playback_repeats=True) as tape:
        yield tape


class TestSeeing(SeeingSuite):
    pass


class TestAudio(AudioSuite):
    pass


class TestReasoning(ReasoningSuite):
    pass


class TestEmbeddings(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self) -> type[AIMLAPIEmbeddings]:
        return AIMLAPIEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": "text-embedding-3-small", "dimensions": 8}


@owned_by_test(emulated(SUITE))
def test_the_suites_were_recorded_whole(cassette: Cassette) -> None:
    """Each request once, none refused, and all three suites and the embeddings among them."""
    interactions = cassette.data["interactions"]
    bodies = [one["request"]["body"] for one in interactions]
    assert len(bodies) == len(set(bodies))
    assert {one["response"]["status"]["code"] for one in interactions} == {200}
    for suite in (SeeingSuite, AudioSuite, ReasoningSuite):
        assert any(f'"{suite.id}"' in body for body in bodies)
    assert any('"text-embedding-3-small"' in body for body in bodies)
