"""What `aimlapi doctor` finds: a line for each check, and what earlier checks know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aimlapi_cli.session import connection

OK, WRONG, LEFT_OUT = "ok", "wrong", "left out"
SECONDS = 10.0  # for each question to the network


@dataclass
class Line:
    """What a check found.

    Attributes:
        advice: what to do; empty where nothing is wrong.
    """

    what: str
    state: str
    found: str
    advice: str = ""


@dataclass
class Patient:
    """What is looked at, and what earlier checks found."""

    base_url: str | None
    api_key: str | None
    call: bool
    has_configuration: bool = True
    address: str = ""
    key_works: bool = False
    is_reachable: bool = True
    has_proxy: bool = False
    date: str | None = None
    models: list[Any] = field(default_factory=list)

    @property
    def client(self) -> Any:
        """With the key, where there is one that can be sent: the catalogue needs none."""
        return self.client_at(connection(self.base_url, "")["base_url"])

    def client_at(self, address: str | None) -> Any:
        """The same, of another address."""
        from aimlapi_transport import Client

        api_key = connection(self.base_url, self.api_key)["api_key"] if self.key_works else None
        return Client(base_url=address, api_key=api_key, max_retries=0, timeout=SECONDS)
