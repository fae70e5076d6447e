"""What every replay has in common: which cassettes, and what a request sets."""

from __future__ import annotations

from cassette_files import Cassette, cassettes

_ALL = cassettes("published", "live")
REPLAYED = [cassette for cassette in _ALL if "input" not in cassette.request]
RESPONSES = [cassette for cassette in _ALL if "input" in cassette.request]
STREAMED = [cassette for cassette in REPLAYED if cassette.is_stream]
WHOLE = [cassette for cassette in REPLAYED if not cassette.is_stream]


def parameters_of(cassette: Cassette) -> dict[str, object]:
    """What its request sets beyond model, messages and streaming."""
    return {name: value for name, value in cassette.request.items() if name not in ("model", "messages", "stream")}
