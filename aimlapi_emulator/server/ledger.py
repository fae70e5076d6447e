"""What an account has, spent and made: its balance, its transactions and logs, and its keys. Kept in memory.

Times are the clock's: windows are relative to now. Amounts are credits, 2,000,000 to the dollar.
"""

from __future__ import annotations

import secrets
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from aimlapi_emulator.dialects.usage import CREDITS_PER_USD

START_USD = 1000.0
MOST = 100_000  # entries that are kept
MANAGEMENT = "management"
"""A key that holds this word is a management key."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request of a key."""

    created: datetime
    prefix: str
    model: str
    status: str
    credits: int
    input_tokens: int
    output_tokens: int
    inference_id: str
    client_request_id: str | None


@dataclass(slots=True)
class AccountKey:
    """A key that was made here. Any other key is taken, too, and is not limited."""

    secret: str
    name: str | None
    scopes: list[str] | None
    limit: dict[str, Any] | None
    disabled: bool = False
    created: datetime = field(default_factory=lambda: now())
    updated: datetime = field(default_factory=lambda: now())

    @property
    def prefix(self) -> str:
        return self.secret[:8]


def now() -> datetime:
    return datetime.now(timezone.utc)


class Ledger:
    """The books of the one account there is."""

    def __init__(self, start_usd: float = START_USD) -> None:
        self._lock = threading.Lock()
        self.started = now()
        self.start = round(start_usd * CREDITS_PER_USD)
        self.spent = 0
        self.entries: deque[Entry] = deque(maxlen=MOST)
        self.keys: dict[str, AccountKey] = {}

    @property
    def balance(self) -> int:
        """Credits."""
        return self.start - self.spent

    def add(self, entry: Entry) -> None:
        with self._lock:
            self.spent += entry.credits
            self.entries.append(entry)

    def key_of(self, secret: str) -> AccountKey | None:
        """The key that was made here with this secret."""
        return next((key for key in self.keys.values() if key.secret == secret), None)

    def spent_by(self, prefix: str) -> int:
        """Credits a key spent."""
        return sum(entry.credits for entry in self.entries if entry.prefix == prefix)

    def make_key(self, body: dict[str, Any]) -> AccountKey:
        key = AccountKey(secrets.token_hex(16), body.get("name"), body.get("scopes"), body.get("limit"))
        self.keys[key.prefix] = key
        return key
