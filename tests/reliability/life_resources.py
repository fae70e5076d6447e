"""Life-cycle checks: what models, streams and processes leave behind when they end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.reliability.checks import ENDLESS, PIECES, aeventually, check, descriptors, eventually, script
from tests.reliability.kinds import Kind
from tests.reliability.life_keys import _drained
from tests.scripted import ScriptedServer, answer, reply, scripted, stream


@check
def instances_2000(kind: Kind, url: str) -> None:
    before, start = descriptors(), time.monotonic()
    models = [kind.echo(url) for _ in range(2000)]
    assert len(models) == 2000 and descriptors() <= before
    assert time.monotonic() - start < 40


@check
def instances_300_used(kind: Kind, url: str) -> None:
    with scripted(reply(body=answer())) as server:
        before = descriptors()
        for _ in range(300):
            assert kind.ask(kind.make("m", server.base_url)) == "Hello"
        gc.collect()
        assert eventually(lambda: descriptors() <= before)
        assert eventually(lambda: server.closed == server.connections)


@check
def instances_100_used_async(kind: Kind, url: str) -> None:
    with scripted(reply(body=answer())) as server:

        async def main() -> bool:
            before = descriptors()
            for _ in range(100):
                assert await kind.aask(kind.make("m", server.base_url)) == "Hello"
            gc.collect()
            return await aeventually(lambda: descriptors() <= before + 4)

        assert asyncio.run(main())
        assert eventually(lambda: server.closed == server.connections)


def _cancelled(kind: Kind, end: Callable[[Kind, Any], Any]) -> None:
    """Without the garbage collector's help, and with nothing left behind."""
    gc.disable()
    try:
        with scripted(ENDLESS) as server:

            async def main() -> None:
                await end(kind, kind.make("m", server.base_url))
                assert await aeventually(lambda: server.connections == server.closed == 1)
                assert asyncio.all_tasks() == {asyncio.current_task()}

            threads = threading.active_count()
            asyncio.run(main())
            assert threading.active_count() <= threads
    finally:
        gc.enable()


@check
def stream_cancel_async(kind: Kind, url: str) -> None:
    async def end(kind: Kind, model: Any) -> None:
        begun = asyncio.Event()

        async def reads() -> None:
            async for _ in kind.astream(model):
                begun.set()

        task = asyncio.ensure_future(reads())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    _cancelled(kind, end)


@check
def stream_break_async(kind: Kind, url: str) -> None:
    async def end(kind: Kind, model: Any) -> None:
        pieces = kind.astream(model)
        async for _ in pieces:
            break
        await pieces.aclose()

    _cancelled(kind, end)


@check
def call_cancel_async(kind: Kind, url: str) -> None:
    with scripted(stream(b" ", end="stall")) as server:

        async def main() -> None:
            task = asyncio.ensure_future(kind.aask(kind.make("m", server.base_url)))
            assert await aeventually(lambda: len(server.received) == 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            # a scripted server that stalls sees nothing until it is asked: our side must be closed
            assert await aeventually(lambda: _open_sockets_to(server.port) == 0)

        asyncio.run(main())


def _open_sockets_to(port: int) -> int:
    """How many connections of this process's clients to a local port are not closed yet."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    inodes = set()
    for line in lines:
        fields = line.split()
        if int(fields[2].split(":")[1], 16) == port and fields[3] == "01":
            inodes.add(fields[9])
    found = 0
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found += os.readlink(f"/proc/self/fd/{name}")[8:-1] in inodes
    return found


@check
def cancel_never_lost(kind: Kind, url: str) -> None:
    """At any moment: while connecting, waiting for the answer, reading, between pieces, at the end."""
    rng = random.Random(7)
    texts = "word " * 40

    async def one(model: Any, seconds: float) -> str:
        task = (
            asyncio.ensure_future(_drained(kind, model))
            if rng.random() < 0.7
            else asyncio.ensure_future(kind.aask(model, texts))
        )
        await asyncio.sleep(seconds)
        was_done = task.done()
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=20)  # one that is lost meets silence, or an answer without end
        if not done:
            return "hangs"
        return "ok" if task.cancelled() or was_done else f"lost: {task.exception()!r}"

    async def main() -> list[str]:
        models = [kind.make("fault-endless", url), kind.echo(url), kind.make("fault-stall-midstream", url)]
        return await asyncio.gather(*(one(rng.choice(models), rng.random() * 0.6) for _ in range(100)))

    assert asyncio.run(main()) == ["ok"] * 100


@check
def stream_abandon_sync(kind: Kind, url: str) -> None:
    with scripted(ENDLESS) as server:
        pieces = kind.stream(kind.make("m", server.base_url))
        next(pieces)
        del pieces
        gc.collect()
        assert eventually(lambda: server.connections == server.closed == 1)


@check
def gc_sync(kind: Kind, url: str) -> None:
    with scripted(reply(body=answer())) as server, warnings.catch_warnings():
        warnings.simplefilter("error")
        model = kind.make("m", server.base_url)
        kind.ask(model)
        gc.collect()
        assert (server.connections, server.closed) == (1, 0)
        del model
        gc.collect()
        assert eventually(lambda: server.closed == 1)


@check
def gc_async(kind: Kind, url: str) -> None:
    body = """
        model = kind.echo(url)
        print(asyncio.run(kind.aask(model, "one")))
        del model
        gc.collect()
        loop = asyncio.new_event_loop()  # closed as it stands: nobody told its generators
        model = kind.echo(url)
        print(loop.run_until_complete(kind.aask(model, "two")))
        loop.close()
        print(asyncio.run(kind.aask(model, "three")))
        del model
        gc.collect()
    """
    assert script(kind, url, body) == "one\ntwo\nthree\n"


@check
def stream_reuse(kind: Kind, url: str) -> None:
    with scripted(stream(*PIECES)) as server:
        model = kind.make("m", server.base_url)
        for _ in range(10):
            list(kind.stream(model))
        assert server.connections == 1

        async def ten() -> None:
            for _ in range(10):
                await _drained(kind, model)

        asyncio.run(ten())
        assert server.connections == 2


@check
def exit_clean(kind: Kind, url: str) -> None:
    body = """
        model = kind.echo(url)
        print(kind.ask(model, "sync"), asyncio.run(kind.aask(model, "async")))
        left = kind.stream(kind.make("fault-endless", url))
        next(left)  # and never closed
        async def leaves():
            async for piece in kind.astream(kind.make("fault-endless", url)):
                break  # the same; test_abandoned.py leaves streams in every other way
        asyncio.run(leaves())
        loop = asyncio.new_event_loop()
        print(loop.run_until_complete(kind.aask(model, "more")))
        loop.close()
    """
    assert script(kind, url, body) == "sync async\nmore\n"


@check
def explicit_close(kind: Kind, url: str) -> None:
    """By `close`, `aclose` and both kinds of `with`; a closed model may be used again; others' calls go on."""
    with scripted(stream(*PIECES)) as server:
        gone = 0

        def is_gone(more: int) -> bool:
            nonlocal gone
            gone += more
            return eventually(lambda: server.connections == server.closed == gone)

        model = kind.make("m", server.base_url)
        for _ in range(2):
            kind.ask(model)
            model.close()
            assert is_gone(1)
        with kind.make("m", server.base_url) as model:
            kind.ask(model)
        assert is_gone(1)
        asyncio.run(_closes_async(kind, server))
        gone = server.connections
        first, second = kind.make("m", server.base_url), kind.make("m", server.base_url)
        kind.ask(first), kind.ask(second)
        first.close()
        kind.ask(second)
        assert (server.connections, server.closed) == (gone + 1, gone)  # still the second's
        second.close()
        assert is_gone(1)
    with scripted(ENDLESS) as server:
        model = kind.make("m", server.base_url)
        pieces = kind.stream(model)
        next(pieces)
        model.close()
        next(pieces)  # what is under way goes on
        pieces.close()  # type: ignore[attr-defined]  # a generator, though it says Iterator
        assert eventually(lambda: server.connections == server.closed == 1)


async def _closes_async(kind: Kind, server: ScriptedServer) -> None:
    model = kind.make("m", server.base_url)
    for _ in range(2):
        await kind.aask(model)
        await model.aclose()
        assert _open_sockets_to(server.port) == 0  # already, not soon
    async with kind.make("m", server.base_url) as other:
        await kind.aask(other)
    assert _open_sockets_to(server.port) == 0
    kind.ask(model)
    await kind.aask(model)
    model.close()
    assert await aeventually(lambda: _open_sockets_to(server.port) == 0)


@check
def stale_keepalive(kind: Kind, url: str) -> None:
    model = kind.make("fault-close-after-answer", url, max_retries=0)
    for _ in range(3):
        assert "nothing is missing" in kind.ask(model)
        time.sleep(0.15)

    async def main() -> None:
        for _ in range(3):
            assert "nothing is missing" in await kind.aask(model)
            await asyncio.sleep(0.15)

    asyncio.run(main())
