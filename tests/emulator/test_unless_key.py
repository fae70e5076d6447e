"""Who answers a notebook: the emulator without a key, the provider with one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from aimlapi_emulator import emulator_unless_key, unless_key


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in (*unless_key.KEYS, unless_key.ADDRESS):
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    monkeypatch.setattr(unless_key, "_running", None)
    yield
    if unless_key._running is not None:
        unless_key._running.stop()


def test_without_a_key_the_emulator_is_asked() -> None:
    server = emulator_unless_key()
    assert server is not None
    assert os.environ["AIMLAPI_API_BASE"] == server.base_url
    assert os.environ["AIMLAPI_API_KEY"] == "emulator"


def test_a_cell_may_be_run_again() -> None:
    assert emulator_unless_key() is emulator_unless_key()


@pytest.mark.parametrize("name", unless_key.KEYS)
def test_with_a_key_nothing_is_started_or_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "a-key")
    assert emulator_unless_key() is None
    assert unless_key._running is None
    assert "AIMLAPI_API_BASE" not in os.environ


@pytest.mark.parametrize("name", unless_key.KEYS)
def test_a_key_set_later_goes_to_the_provider(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    emulator_unless_key()
    monkeypatch.setenv(name, "a-key")
    assert emulator_unless_key() is None
    assert "AIMLAPI_API_BASE" not in os.environ
    assert [os.environ.get(key) for key in unless_key.KEYS if os.environ.get(key)] == ["a-key"]


def test_an_address_of_your_own_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", "a-key")
    monkeypatch.setenv("AIMLAPI_API_BASE", "http://127.0.0.1:1/v1")
    assert emulator_unless_key() is None
    assert os.environ["AIMLAPI_API_BASE"] == "http://127.0.0.1:1/v1"
