"""Every life-cycle check of the contract, in both frameworks: the checks are in `life.py`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from aimlapi_emulator.server.run import emulator
from tests.reliability.kinds import KINDS
from tests.reliability.life import CHECKS

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc to count descriptors")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with emulator() as server:
        yield server.base_url


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CHECKS)
def test_life(name: str, kind: str, url: str) -> None:
    CHECKS[name](KINDS[kind], url)


def test_all_39_are_there() -> None:
    assert len(CHECKS) == 39
