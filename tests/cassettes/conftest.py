"""Whose cassette is it: a test owns a cassette by being parametrized with it (`cassette_owner.owned_by_test`).

Ownership is read from what pytest collected, before anything ran, so a test that fails or is deselected still
owns its cassettes.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from cassette_files import Cassette

HERE = Path(__file__).parent

_owned = pytest.StashKey[set[Cassette]]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Notes which cassettes the collected tests are parametrized with."""
    owned = session.config.stash.setdefault(_owned, set())
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec is not None:
            owned |= {value for value in callspec.params.values() if isinstance(value, Cassette)}


@pytest.fixture
def owned_cassettes(request: pytest.FixtureRequest) -> set[Cassette]:
    """The cassettes that have an owner; skips unless all tests in this folder were collected."""
    paths = {Path(item.path) for item in request.session.items}
    asked = [Path(request.config.rootpath, arg.partition("::")[0]).resolve() for arg in request.config.args]
    if not any(path == HERE or path in HERE.parents for path in asked):
        pytest.skip(f"owners are counted when all of tests/cassettes is collected, not {len(paths)} file(s) of it")
    return request.config.stash[_owned]


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key to send, that no cassette must hold; and no address of the developer's own."""
    monkeypatch.setenv("AIMLAPI_API_KEY", "test-key")
    monkeypatch.delenv("AIMLAPI_API_BASE", raising=False)
