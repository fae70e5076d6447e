"""What every replay has in common: which cassettes, and what a request sets."""

from __future__ import annotations

from cassette_files import Cassette, cassettes

REPLAYED = cassettes("published", "live")
STREAMED = [cassette for cassette in REPLAYED if cassette.is_stream]
WHOLE = [cassette for cassette in REPLAYED if not cassette.is_stream]


def parameters_of(cassette: Cassette) -> dict[str, object]:
    """What its request sets beyond model, messages and streaming."""
    return {name: value for name, value in cassette.request.items() if name not in ("model", "messages", "stream")}
