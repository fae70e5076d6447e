"""How much a server may send before it is refused: a reply is foreign data, and must not exhaust memory or time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Limits:
    """How long a reply may be; what is longer raises `BadResponseError`.

    Attributes:
        reply: bytes of one reply, unpacked; 256 MB by default.
        event: bytes of one event of a stream; 64 MB by default.
        choices: answers in one reply, and tool calls in one answer.
    """

    reply: int = 256 * 1024 * 1024
    event: int = 64 * 1024 * 1024
    choices: int = 1000

    def check_reply(self, size: int, partial: Any = None) -> None:
        """Raises `BadResponseError` where a reply is longer."""
        if size > self.reply:
            from aimlapi_transport.errors import BadResponseError  # limits are fields of the models, errors are not

            raise BadResponseError(f"The reply is longer than the limit of {self.reply:,} bytes.", partial=partial)


DEFAULT = Limits()
