"""Which fault a request asks for: the table of all of them, by the model name that calls for it.

A request asks with its model (`"model": "fault-429-always"`) or, with any model, by the header `X-Emulator-Fault`.
To add a fault, add a row to the table in `statuses`, `streams`, `bodies` or `tool_calls`.

A fault that ends in `-then-ok` counts attempts per fault, key and `X-Test-Id` header. Once it has answered, its
sequence starts over: every run of a test sees the same.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp

from aimlapi_emulator.faults import bodies as fault_bodies
from aimlapi_emulator.faults import statuses as fault_statuses
from aimlapi_emulator.faults import streams as fault_streams
from aimlapi_emulator.faults import tool_calls as fault_tools
from aimlapi_emulator.faults.scene import Fault, Scene, build_scene
from aimlapi_emulator.media.faults import FAULTS as MEDIA_FAULTS
from aimlapi_emulator.server.errors import Refused
from aimlapi_emulator.server.http import Asked

HEADER = "x-emulator-fault"
FAULTS: dict[str, Fault] = {
    fault.name: fault
    for table in (fault_statuses.TABLE, fault_bodies.TABLE, fault_streams.TABLE, fault_tools.TABLE)
    for fault in table
}


class Attempts:
    """How often each sequence was asked for."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, str, str]] = Counter()
        self._lock = threading.Lock()

    def next(self, fault: Fault, key: str, test: str) -> int:
        """The number of this attempt, from 1; after the one that succeeds it is 1 again."""
        with self._lock:
            at = self._seen[fault.name, key, test]
            self._seen[fault.name, key, test] = (at + 1) % (fault.times + 1)
        return at + 1


def fault_for(request: Request, asked: Asked, key: str, attempts: Attempts) -> ASGIApp | None:
    """The reply to a request that asks for a fault; None for one that asks for none."""
    model = asked.body.get("model") if isinstance(asked.body, dict) else None
    name = request.headers.get(HEADER) or (model if isinstance(model, str) and model.startswith("fault-") else None)
    if name is None:
        return None
    fault = FAULTS.get(name)
    if fault is None:
        raise Refused(404, f"There is no fault '{name[:80]}'; `python -m aimlapi_emulator --list-faults` lists them.")
    scene: Scene = build_scene(request, asked, key, by_header=HEADER in request.headers)
    if fault.times and attempts.next(fault, key, request.headers.get("x-test-id", "")) > fault.times:
        return scene.good()
    return fault.act(scene)


def explained() -> str:
    """One line per fault, for the terminal."""
    width = max(map(len, (*FAULTS, *MEDIA_FAULTS)))
    lines = [
        "Ask for a fault with its name as the model, or with any model and the header X-Emulator-Fault: <name>.",
        "A fault that is over after some attempts counts them per key (and X-Test-Id header), then starts over.",
        "",
    ]
    lines += [f"{name:<{width}}  {_where(fault)}{fault.explains}" for name, fault in FAULTS.items()]
    lines += [f"{name:<{width}}  [media only] {explains}" for name, explains in MEDIA_FAULTS.items()]
    return "\n".join(lines)


def _where(fault: Fault) -> Any:
    return "" if fault.where == "all" else f"[{fault.where} only] "
