"""Fixtures for tests that talk to the emulator. Importing this module starts and imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from aimlapi_emulator.server.run import EmulatorServer


@pytest.fixture(scope="session")
def aimlapi_emulator() -> Iterator[EmulatorServer]:
    """A running emulator, one for the whole session."""
    from aimlapi_emulator.server.run import EmulatorServer

    with EmulatorServer() as server:
        yield server


@pytest.fixture(scope="session")
def aimlapi_emulator_url(aimlapi_emulator: EmulatorServer) -> str:
    """Its base URL: http://127.0.0.1:PORT/v1."""
    return aimlapi_emulator.base_url
