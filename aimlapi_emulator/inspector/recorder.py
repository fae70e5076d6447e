"""Writes each whole exchange into a folder of cassettes, as it ends."""

from __future__ import annotations

import re
from pathlib import Path

from aimlapi_emulator.inspector.export import cassette
from aimlapi_emulator.server.request_log import Journal, Received


def record(journal: Journal, folder: str | Path, address: str, *, is_live: bool) -> None:
    """From now on; a cassette is named by when its request came and by its model.

    Args:
        folder: is made where it is not there.
        address: where the requests go, without /v1.
        is_live: whether a provider answers, and not the emulator.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)

    def listener(received: Received) -> None:
        exchange = received.exchange
        if exchange is None or exchange.seconds is None or exchange.error is not None:
            return
        model = received.json.get("model") if isinstance(received.json, dict) else None
        name = re.sub(r"[^A-Za-z0-9.]+", "-", str(model or received.path)).strip("-.")[:80]
        path = target / f"{int(exchange.begun * 1000)}-{exchange.number:04}-{name}.yaml"
        path.write_text(cassette([(received, exchange)], address, is_live=is_live), encoding="utf-8")

    journal.listeners.append(listener)
