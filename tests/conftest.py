"""What holds for every test; and an emulator for whoever asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from aimlapi_emulator import EmulatorServer

settings.register_profile("project", deadline=None)  # no test depends on speed
settings.load_profile("project")


@pytest.fixture(scope="module")
def server() -> Iterator[EmulatorServer]:
    from aimlapi_emulator import emulator

    with emulator() as running:
        yield running


@pytest.fixture
def on_the_emulator(server: EmulatorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment sends every call to the emulator."""
    monkeypatch.setenv("AIMLAPI_API_BASE", server.base_url)
    monkeypatch.setenv("AIMLAPI_API_KEY", "emulator")
