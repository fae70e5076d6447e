"""Runs one call against one fault, and says in one sentence each what is not as the table wants it."""

from __future__ import annotations

import asyncio
import pickle
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aimlapi_emulator.server.run import EmulatorServer, emulator
from tests.reliability.faults import Expected, Fault
from tests.reliability.forms import KEY, Came, Form, is_typed, pauses

LONGEST = 15.0  # seconds; what the contract allows the slowest row
_SELF_SIGNED = Path(__file__).with_name("self_signed.pem")


class Places:
    """The servers: an emulator, a TLS listener nobody vouches for, and a port where nobody listens."""

    def __init__(self, server: EmulatorServer, tls_port: int, closed_port: int) -> None:
        self.server = server
        self._urls = {
            "emulator": server.base_url,
            "plain": server.base_url.replace("http://", "https://"),
            "self-signed": f"https://127.0.0.1:{tls_port}/v1",
            "closed": f"http://127.0.0.1:{closed_port}/v1",
        }

    def url(self, place: str) -> str:
        return self._urls[place]

    def requests(self, test: str) -> int:
        return sum(1 for request in self.server.requests if request.headers.get("x-test-id") == test)


@contextmanager
def places() -> Iterator[Places]:
    """All servers, for the length of a block."""
    with emulator() as server, _self_signed() as tls_port, socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, and not listening: nobody else gets the port
        yield Places(server, tls_port, unused.getsockname()[1])


@contextmanager
def _self_signed() -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_SELF_SIGNED)
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, details: None)  # clients that refuse the handshake are expected
    server = loop.run_until_complete(asyncio.start_server(_answer_nothing, "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


async def _answer_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


def wrong(fault: Fault, form: Form, at: Places, *, injected: bool = True) -> list[str]:
    """What is not as it should be; nothing where all is well.

    Args:
        injected: whether back-off is only noted; otherwise the pauses are really waited for.
    """
    expected = fault.expected(form.kind)
    assert expected is not None
    test = f"{fault.number} {form}"
    model = form.make(
        fault.name, at.url(fault.place), headers={"X-Test-Id": test}, timeout=fault.timeout, max_retries=2
    )
    before = at.requests(test)
    start = time.monotonic()
    try:
        with pauses(injected) as waited:
            came = form.came(model)
    except Exception as error:
        return [f"raised {type(error).__module__}.{type(error).__name__}, no class of ours: {str(error)[:200]}"]
    took = time.monotonic() - start
    found = list(_differences(expected, came, form))
    requests = at.requests(test) - before
    if requests != expected.requests:
        found.append(f"sent {requests} requests, not {expected.requests}")
    if took > LONGEST:
        found.append(f"took {took:.1f} s")
    if injected:
        within = len(waited) == len(expected.pauses) and all(
            low - 0.001 <= pause <= high + 0.001 for pause, (low, high) in zip(waited, expected.pauses, strict=True)
        )
        if not within:
            found.append(f"paused {waited}, not {expected.pauses}")
    elif not sum(low for low, _ in expected.pauses) <= took <= sum(high for _, high in expected.pauses) + 2:
        found.append(f"took {took:.2f} s for pauses of {expected.pauses}")
    return found


def _differences(expected: Expected, came: Came, form: Form) -> Iterator[str]:
    if came.kind != expected.kind:
        yield f"came to {came.kind} ({came.error or came.text[:80]!r}), not {expected.kind}"
        return
    if came.text != expected.text:
        yield f"the text is {came.text[:80]!r} ({len(came.text)} characters), not {expected.text[:80]!r}"
    if expected.finish != "*" and came.finish != expected.finish:
        yield f"the finish reason is {came.finish!r}, not {expected.finish!r}"
    if [(name, arguments) for _, name, arguments in came.calls] != [("get_weather", one) for one in expected.calls]:
        yield f"the calls are {came.calls}, not {expected.calls}"
    ids = [call_id for call_id, _, _ in came.calls]
    if not all(ids) or len(set(ids)) != len(ids):
        yield f"the calls' ids are {ids}"
    if len(came.broken) != expected.broken:
        yield f"calls told as broken: {came.broken}"
    if came.error is not None:
        yield from _error_differences(expected, came.error, form)


def _error_differences(expected: Expected, error: Any, form: Form) -> Iterator[str]:
    if not is_typed(form, error):
        yield f"{type(error).__mro__} is not typed"
    if expected.says not in str(error):
        yield f"it says {str(error)[:300]!r}, not {expected.says!r}"
    if len(str(error)) > 4000 or "\n" in str(error):
        yield f"its text has {len(str(error))} characters"
    if error.status_code != expected.status:
        yield f"its status is {error.status_code}, not {expected.status}"
    if bool(error.request_id) != expected.has_id:
        yield f"its request id is {error.request_id!r}"
    again = pickle.loads(pickle.dumps(error))
    if (type(again), str(again), vars(again)) != (type(error), str(error), vars(error)):
        yield "it is another after pickle"
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error)) + repr(pickle.dumps(error))
    if KEY in shown:
        yield "it shows the key"
