"""Streams that nobody finishes: a program that leaves them in every way, and says what was not as it should be.

    python -X dev -W error -m tests.reliability.abandoned transport|langchain|llama_index [tls] [pool] [httpx] [httpx2]

Nothing may reach stderr, `sys.unraisablehook` or a loop's exception handler; each connection is closed once its loop
runs again (or ends), and the next call does not get it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import ssl
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.reliability.kinds import KEY, KINDS
from tests.scripted import DONE, ScriptedServer, answer, chunk, scripted

CERTIFICATE = Path(__file__).with_name("self_signed.pem")
kept: list[Any] = []  # what is never dropped, not even at the end of the process
faults: list[str] = []


@lru_cache(maxsize=1)
def trusting() -> ssl.SSLContext:
    """One for all clients: each of its own would take 60 ms in Python's development mode."""
    return ssl.create_default_context(cafile=CERTIFICATE)


class Layer:
    """The streams of one layer, sync and async, by connections of the pool or by a client brought along."""

    def __init__(self, name: str, url: str, library: str | None) -> None:
        self.name = name
        self.url = url
        self.library = library

    def _own(self, kind: str) -> Any:
        if self.library is None:
            return None
        client = getattr(__import__(self.library), kind)(verify=trusting())
        kept.append(client)
        return client

    def model(self, *, is_async: bool) -> Any:
        own = self._own("AsyncClient" if is_async else "Client")
        if self.name == "transport":
            from aimlapi_transport import AsyncClient, Client

            made: Any = AsyncClient if is_async else Client
            return made(api_key=KEY, base_url=self.url, http_client=own, max_retries=0)
        kind = KINDS[self.name]
        settings = {} if own is None else {kind.own[is_async]: own}
        return kind.make("m", self.url, max_retries=0, **settings)

    async def astream(self, model: Any) -> AsyncIterator[Any]:
        """The framework's own stream, with nothing of ours around it."""
        if self.name == "transport":
            found: AsyncIterator[Any] = model.stream_chat("m", [{"role": "user", "content": "Hi"}])
        elif self.name == "langchain":
            found = model.astream("Hi")
        else:
            from llama_index.core.base.llms.types import ChatMessage

            found = await model.astream_chat([ChatMessage("Hi")])
        return found

    def stream(self, model: Any) -> Iterator[Any]:
        if self.name == "transport":
            found: Iterator[Any] = model.stream_chat("m", [{"role": "user", "content": "Hi"}])
            return found
        return KINDS[self.name].stream(model)

    async def ask(self, model: Any) -> str:
        if self.name == "transport":
            return str((await model.chat("m", [{"role": "user", "content": "Hi"}])).text)
        return await KINDS[self.name].aask(model)


Manner = Callable[[Layer, ScriptedServer], Any]


async def begun(layer: Layer, model: Any = None) -> AsyncIterator[Any]:
    stream = await layer.astream(model or layer.model(is_async=True))
    await anext(stream)
    return stream


async def freed(server: ScriptedServer) -> None:
    """The loop runs: every connection but those that wait for the next call is closed, and no task is left.

    Both hold for three turns of the loop: a generator that ends lets the one it reads from go, whose task begins a turn
    later.
    """
    turns = 0
    for _ in range(500):
        await asyncio.sleep(0.01)
        tasks = len(asyncio.all_tasks()) - 1
        turns = turns + 1 if server.closed == server.connections and not tasks else 0
        if turns == 3:
            return
    faults.append(f"{server.connections - server.closed} connections are still open, {tasks} tasks are not done")


# -- in a loop that goes on --------------------------------------------------------------------------------------------


async def dropped(layer: Layer, server: ScriptedServer) -> None:
    async for _ in await layer.astream(layer.model(is_async=True)):
        break
    await freed(server)


async def dropped_after_an_error(layer: Layer, server: ScriptedServer) -> None:
    try:
        async for _ in await layer.astream(layer.model(is_async=True)):
            raise KeyError
    except KeyError:
        pass
    await freed(server)


async def closed(layer: Layer, server: ScriptedServer) -> None:
    stream: Any = await begun(layer)
    await stream.aclose()
    await stream.aclose()
    await freed(server)
    assert [piece async for piece in stream] == []


async def cancelled_while_waiting(layer: Layer, server: ScriptedServer) -> None:
    async def reads(begun: asyncio.Event) -> None:
        async for _ in await layer.astream(layer.model(is_async=True)):
            begun.set()

    await _cancelled(reads)
    await freed(server)


async def cancelled_in_the_consumer(layer: Layer, server: ScriptedServer) -> None:
    async def reads(begun: asyncio.Event) -> None:
        async for _ in await layer.astream(layer.model(is_async=True)):
            begun.set()
            await asyncio.sleep(60)

    await _cancelled(reads)
    await freed(server)


async def ten_cancelled(layer: Layer, server: ScriptedServer) -> None:
    model = layer.model(is_async=True)

    async def reads(number: int) -> None:
        async for _ in await layer.astream(model):
            if number % 2:
                await asyncio.sleep(60)

    tasks = [asyncio.ensure_future(reads(number)) for number in range(10)]
    await asyncio.sleep(0.3)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    del tasks, task
    await freed(server)


async def the_next_call_is_right(layer: Layer, server: ScriptedServer) -> None:
    model = layer.model(is_async=True)
    for _ in range(3):
        stream: Any = await begun(layer, model)
        del stream
        assert await layer.ask(model) == "Hello"


async def dropped_by_another_thread(layer: Layer, server: ScriptedServer) -> None:
    streams = [await begun(layer)]
    thread = threading.Thread(target=streams.clear)
    thread.start()
    await asyncio.to_thread(thread.join)
    await freed(server)


async def _cancelled(reads: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    begun = asyncio.Event()
    task = asyncio.ensure_future(reads(begun))
    await begun.wait()
    await asyncio.sleep(0.05)  # the three words are read
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


# -- at the end of a loop ----------------------------------------------------------------------------------------------


async def kept_at_the_end(layer: Layer, server: ScriptedServer) -> None:
    kept.append(await begun(layer))


async def dropped_at_the_end(layer: Layer, server: ScriptedServer) -> None:
    async for _ in await layer.astream(layer.model(is_async=True)):
        break


async def ten_at_the_end(layer: Layer, server: ScriptedServer) -> None:
    model = layer.model(is_async=True)
    kept.extend([await begun(layer, model) for _ in range(5)])
    for _ in range(5):
        await begun(layer, model)


async def tasks_at_the_end(layer: Layer, server: ScriptedServer) -> None:
    async def reads() -> None:
        async for _ in await layer.astream(layer.model(is_async=True)):
            pass

    kept.extend(asyncio.ensure_future(reads()) for _ in range(3))
    await asyncio.sleep(0.1)


async def tasks_cancelled_at_the_end(layer: Layer, server: ScriptedServer) -> None:
    async def reads(seconds: float) -> None:
        async for _ in await layer.astream(layer.model(is_async=True)):
            await asyncio.sleep(seconds)

    tasks = [asyncio.ensure_future(reads(number % 2 * 60)) for number in range(6)]
    await asyncio.sleep(0.2)
    for task in tasks:
        task.cancel()


# -- with loops of another kind, and without ---------------------------------------------------------------------------


def a_loop_closed_on_the_way(layer: Layer, server: ScriptedServer) -> None:
    """Without `shutdown_asyncgens`: nothing can run in it any more."""
    loop = _loop()
    streams = [loop.run_until_complete(begun(layer)) for _ in range(2)]
    if layer.library is None:
        loop.close()
        streams.pop()
        gc.collect()
        kept.extend(streams)
    else:  # an httpx client of one's own is one's own to close before the loop is
        streams.clear()
        loop.run_until_complete(freed(server))
        loop.close()


def a_loop_that_rests(layer: Layer, server: ScriptedServer) -> None:
    """What is dropped between two runs is freed by the next."""
    loop = _loop()
    stream: Any = loop.run_until_complete(begun(layer))
    del stream
    gc.collect()
    loop.run_until_complete(freed(server))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def sync_dropped(layer: Layer, server: ScriptedServer) -> None:
    for _ in layer.stream(layer.model(is_async=False)):
        break
    asyncio.run(freed(server))


def sync_kept(layer: Layer, server: ScriptedServer) -> None:
    stream = layer.stream(layer.model(is_async=False))
    next(stream)
    kept.append(stream)


MANNERS: tuple[Manner, ...] = (
    *(dropped, dropped_after_an_error, closed, cancelled_while_waiting, cancelled_in_the_consumer, ten_cancelled),
    *(the_next_call_is_right, dropped_by_another_thread, kept_at_the_end, dropped_at_the_end, ten_at_the_end),
    *(tasks_at_the_end, tasks_cancelled_at_the_end, a_loop_closed_on_the_way, a_loop_that_rests, sync_dropped),
    sync_kept,
)
OPEN_AT_THE_END = ("sync_kept", "a_loop_closed_on_the_way", "the_next_call_is_right")  # no loop that could end


def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(_heard)
    loop.slow_callback_duration = 60  # no fault: the first call imports
    return loop


def _heard(loop: asyncio.AbstractEventLoop, details: dict[str, Any]) -> None:
    faults.append(f"the loop's handler heard {details.get('message')} {details.get('exception')!r}")


async def _watched(layer: Layer, manner: Any, server: ScriptedServer) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_heard)
    loop.slow_callback_duration = 60
    await manner(layer, server)


def run(manner: Any, name: str, *, tls: bool, library: str | None) -> list[str]:
    """What was not as it should be."""
    faults.clear()
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)

    async def act(writer: asyncio.StreamWriter) -> None:
        """A stream that never ends, in chunks; a whole answer where none was asked for."""
        if not server.received[-1].body.get("stream"):
            import json

            body = json.dumps(answer()).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body
            )
            return
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for number in range(3000):
            piece = chunk("word ") if number < 3 else b": and nothing but comments\n\n"
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(0.01)
        writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(DONE), DONE))

    with scripted(act, context=context) as server:
        layer = Layer(name, server.base_url, library)
        if asyncio.iscoroutinefunction(manner):
            asyncio.run(_watched(layer, manner, server))
        else:
            manner(layer, server)
        gc.collect()
        if manner.__name__ not in OPEN_AT_THE_END:
            end = time.monotonic() + 5
            while server.closed < server.connections and time.monotonic() < end:
                time.sleep(0.01)
            if server.closed < server.connections:
                faults.append(f"{server.connections - server.closed} of {server.connections} connections are open")
    return list(faults)


def main() -> None:
    """Runs every manner by each library in a process of its own, which ends with all that was kept still there.

    The processes are forked from one that has imported the framework: that takes three seconds.
    """
    name, *rest = sys.argv[1:]
    manners = [manner for manner in MANNERS if manner.__name__ in rest] or list(MANNERS)
    libraries = [word for word in rest if word in ("pool", "httpx", "httpx2")] or ["pool"]
    if "tls" in rest:
        os.environ["SSL_CERT_FILE"] = str(CERTIFICATE)
    if name != "transport":
        KINDS[name].make("m", "http://127.0.0.1/v1")
    gc.freeze()  # what is imported stays: each manner looks for what it leaves itself
    children = []
    for library in libraries:
        child = os.fork()
        if not child:
            sys.unraisablehook = lambda found: faults.append(f"unraisable: {found.exc_value!r} in {found.object!r}")
            for manner in manners:
                for fault in run(manner, name, tls="tls" in rest, library=None if library == "pool" else library):
                    print(f"{library} {manner.__name__}: {fault}")
            sys.unraisablehook = sys.__unraisablehook__
            return
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    sys.exit(max(map(abs, codes)))


if __name__ == "__main__":
    main()
