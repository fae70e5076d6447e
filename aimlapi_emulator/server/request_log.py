"""What the server received: a list a test can read. The value of the authorization header is never kept."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

SECRET = ("authorization", "api-key", "x-api-key", "cookie", "proxy-authorization")


@dataclass(slots=True)
class Received:
    """One request. `json` is its parsed body, None if it had none or it was no JSON."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    json: Any = None


class Journal:
    """The last requests, oldest first; what falls off the far end is only counted."""

    def __init__(self, most: int = 10_000) -> None:
        self.kept: deque[Received] = deque(maxlen=most)

    def note(self, method: str, path: str, query: str, headers: list[tuple[str, str]]) -> Received:
        shown = {name: "(hidden)" if name in SECRET else value for name, value in headers}
        received = Received(method, path, query, shown)
        self.kept.append(received)
        return received
