"""What holds for every test; and an emulator for whoever asks for one."""

from __future__ import annotations

import functools
import gc
import re
import ssl
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from aimlapi_emulator import EmulatorServer

settings.register_profile("project", deadline=None)  # no test depends on speed
settings.load_profile("project")

# What a file of tests names that needs more than the code itself: a process, a server, recorded replies, many examples.
_NOT_QUICK = re.compile(r"subprocess|fork|scripted|server|emulator|nbformat|cassette|suites|conformance|max_examples")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="only files whose tests need no process and no server")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With --quick, a file of tests that needs more than the code itself is not even imported."""
    if not config.getoption("quick") or not collection_path.name.startswith("test_"):
        return None
    return True if _NOT_QUICK.search(collection_path.read_text(encoding="utf-8")) else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected lives to the end: no collection of garbage, by the interpreter or by a test, walks over it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _pools_are_not_kept() -> None:
    """No test waits for the time that a loop's connections outlive their last user."""
    from aimlapi_transport.http import pool

    pool.KEEP_SECONDS = 0.0


@pytest.fixture(scope="session", autouse=True)
def _certificates_are_read_once() -> None:
    """A client that a test makes does not read all certificate authorities anew: that takes longer than most tests."""
    ssl.create_default_context = functools.cache(ssl.create_default_context)


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
