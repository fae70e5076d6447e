"""How a test says that cassettes are its own: by being parametrized with them.

@owned_by_test(*cassettes("published", "live"))
def test_something(cassette): ...
"""

from __future__ import annotations

import pytest
from cassette_files import Cassette


def owned_by_test(*owned: Cassette) -> pytest.MarkDecorator:
    """Runs the test once with each of these as `cassette`, and makes it their owner."""
    return pytest.mark.parametrize("cassette", [pytest.param(one, id=one.name) for one in owned])
