"""The 39 life-cycle checks of the reliability contract, by name. To find one, search for `def` and its name.

Each takes a framework and the base URL of an emulator, and asserts. What is about the end of a process, warnings on
stderr or the environment runs in a process of its own (`script`).
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import logging
import os
import pickle
import random
import subprocess
import sys
import textwrap
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from aimlapi_transport.errors import AIMLAPIError, AuthenticationError
from tests.reliability.forms import KEY, pauses
from tests.reliability.kinds import KINDS, Kind
from tests.scripted import DONE, ScriptedServer, answer, chunk, close, reply, scripted, stream

Check = Callable[[Kind, str], None]
CHECKS: dict[str, Check] = {}
ROOT = Path(__file__).parents[2]
PIECES = (chunk("He", role="assistant"), chunk("llo"), chunk(finish="stop"), DONE)
ENDLESS = stream(*[chunk("x")] * 3000, pause=0.01)


def check(function: Check) -> Check:
    CHECKS[function.__name__] = function
    return function


def eventually(holds: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether something comes true in time."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.01)
    return holds()


async def aeventually(holds: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.01)
    return holds()


def descriptors() -> int:
    """How many files and sockets this process has open."""
    return len(os.listdir("/proc/self/fd"))


@contextmanager
def environment(**values: str | None) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.delenv(name, raising=False) if value is None else patch.setenv(name, value)
        yield


def script(kind: Kind, url: str, body: str, *, env: dict[str, str] | None = None) -> str:
    """The output of a program; it must end well, with nothing on stderr, every warning being an error."""
    prelude = """
        import asyncio, gc, os, sys, warnings
        from tests.reliability.kinds import KINDS
        kind, url = KINDS[sys.argv[1]], sys.argv[2]
        kind.echo(url)  # the frameworks' own imports may warn, what follows may not
        warnings.simplefilter("error")
    """
    code = textwrap.dedent(prelude) + textwrap.dedent(body)
    done = subprocess.run(
        [sys.executable, "-c", code, kind.name, url],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


# -- key ---------------------------------------------------------------------------------------------------------------


@check
def repr_str(kind: Kind, url: str) -> None:
    """No text a model is turned into shows the key, before and after it was used."""
    model = kind.echo(url)
    assert KEY not in kind.shown(model)
    kind.ask(model)
    assert KEY not in kind.shown(model)


@check
def json_dump(kind: Kind, url: str) -> None:
    """Nor does any dump hold it, given in code or by the environment."""
    with environment(AIMLAPI_API_KEY=KEY):
        for key in (KEY, None, lambda: KEY):
            model = kind.echo(url, api_key=key)
            assert KEY not in kind.dumps(model) + model.model_dump_json() + repr(model.model_dump())


@check
def json_roundtrip(kind: Kind, url: str) -> None:
    with environment(AIMLAPI_API_KEY=KEY):
        again = kind.loads(kind.dumps(kind.echo(url, api_key=None, timeout=(1, 20))))
        assert kind.ask(again, "again") == "again"


@check
def trace_events(kind: Kind, url: str) -> None:
    """What callbacks and instrumentation events hand on does not hold the key."""
    seen: list[str] = []
    if kind.name == "langchain":
        from langchain_core.callbacks import BaseCallbackHandler

        class Tracer(BaseCallbackHandler):
            def __getattribute__(self, name: str) -> Any:
                if name.startswith("on_"):
                    return lambda *args, **kwargs: seen.append(repr((args, kwargs)))
                return super().__getattribute__(name)

        model = kind.echo(url, callbacks=[Tracer()])
    else:
        from llama_index.core.callbacks import CallbackManager
        from llama_index.core.instrumentation import get_dispatcher
        from llama_index.core.instrumentation.event_handlers import BaseEventHandler

        class Handler(BaseEventHandler):
            def handle(self, event: Any, **kwargs: Any) -> None:
                seen.append(event.model_dump_json() + repr(event))

        get_dispatcher().add_event_handler(Handler())
        model = kind.echo(url, callback_manager=CallbackManager([]))
    try:
        kind.ask(model)
        list(kind.stream(model))
        asyncio.run(kind.aask(model))
        with pytest.raises(AIMLAPIError):
            kind.ask(kind.make("fault-401-echoes-key", url))
    finally:
        if kind.name == "llama_index":
            get_dispatcher().event_handlers.pop()
    assert len(seen) >= 4
    assert KEY not in "".join(seen)


@check
def debug_logs(kind: Kind, url: str) -> None:
    """Every logger at DEBUG, over an answer, a stream, a retry and an error."""
    lines: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage() + repr(record.args))

    handler, root, level = Lines(), logging.getLogger(), logging.getLogger().level
    names = ("httpx", "httpcore", "httpcore.http11", "httpcore.connection", "asyncio", "langchain_core", "llama_index")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    root.addHandler(handler)
    try:
        for logger in (root, *loggers):
            logger.setLevel(logging.DEBUG)
        kind.ask(kind.echo(url))
        asyncio.run(kind.aask(kind.echo(url)))
        list(kind.stream(kind.echo(url)))
        with pauses():
            kind.ask(kind.make("fault-503-then-ok", url))
            for fault in ("fault-401-echoes-key", "fault-redirect-307-other-host", "fault-connection-reset"):
                with pytest.raises(AIMLAPIError):
                    kind.ask(kind.make(fault, url))
    finally:
        root.removeHandler(handler)
        for logger, former in zip((root, *loggers), (level, *levels), strict=True):
            logger.setLevel(former)
    assert any("HTTP Request" in line for line in lines)
    assert any("httpcore" in line or "send_request_headers" in line for line in lines)
    assert KEY not in "\n".join(lines)


FAILING = ("fault-401-echoes-key", "fault-connection-reset", "fault-stall", "fault-sse-error-event", "fault-html-200")


@check
def exception_text(kind: Kind, url: str) -> None:
    """Neither text nor traceback, nor the local variables of our frames, nor causes and contexts."""
    for fault in FAILING:
        model = kind.make(fault, url, timeout=0.3, max_retries=0)
        calls = (
            lambda: list(kind.stream(model)),  # noqa: B023 - called before `model` is another
            lambda: asyncio.run(_drained(kind, model)),  # noqa: B023 - called before `model` is another
        )
        for call in calls:
            with pytest.raises(AIMLAPIError) as caught:
                call()
            error: BaseException | None = caught.value
            trace = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
            ours = [f for f in trace.stack if "aimlapi" in f.filename and "tests" not in f.filename]
            assert ours
            shown = [f"{frame.locals}" for frame in ours] + list(traceback.format_exception(caught.value))
            while error is not None:
                shown += [str(error), repr(error), repr(vars(error))]
                error = error.__cause__ or error.__context__
            assert KEY not in "".join(shown)


async def _drained(kind: Kind, model: Any) -> list[str]:
    return [piece async for piece in kind.astream(model)]


@check
def key_with_newline(kind: Kind, url: str) -> None:
    assert kind.ask(kind.echo(url, api_key=f"  {KEY}\r\n"), "stripped") == "stripped"
    with environment(AIMLAPI_API_KEY=f"{KEY}\n"):
        assert kind.ask(kind.echo(url, api_key=None), "stripped") == "stripped"


@check
def key_non_ascii(kind: Kind, url: str) -> None:
    for key in (f"{KEY}\u00e9", f"{KEY}\u200b", f"sk-\x00{KEY}", f"{KEY}\n{KEY}", f"{KEY} {KEY}"):
        model = kind.echo(url, api_key=key)
        with pytest.raises(AuthenticationError, match="not shown here") as caught:
            kind.ask(model)
        assert KEY not in "".join(traceback.format_exception(caught.value)) + kind.shown(model)


@check
def exception_pickle(kind: Kind, url: str) -> None:
    """Whole, and without the key."""
    for fault in FAILING:
        with pytest.raises(AIMLAPIError) as caught:
            list(kind.stream(kind.make(fault, url, timeout=0.3, max_retries=0)))
        error = caught.value
        for data in (pickle.dumps(error), cloudpickle.dumps(error)):
            again = pickle.loads(data)
            assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
            assert KEY.encode() not in data
        copied = copy.deepcopy(error)
        assert (type(copied), vars(copied)) == (type(error), vars(error))


@check
def pickle_env_key(kind: Kind, url: str) -> None:
    with environment(AIMLAPI_API_KEY=KEY):
        model = kind.echo(url, api_key=None)
        kind.ask(model)
        data = pickle.dumps(model)
        assert KEY.encode() not in data
        assert KEY.encode() not in cloudpickle.dumps(model)
        assert kind.ask(pickle.loads(data), "again") == "again"


# -- copy --------------------------------------------------------------------------------------------------------------


def _copies(kind: Kind, url: str, copied: Callable[[Any], Any]) -> None:
    """Before use, after use, and after a stream: the copy answers, and so does the original."""
    model = kind.echo(url)
    for use in (lambda: None, lambda: kind.ask(model), lambda: list(kind.stream(model))):
        use()
        again = copied(model)
        assert (kind.ask(again, "copy"), asyncio.run(kind.aask(again, "copy"))) == ("copy", "copy")
        assert kind.ask(model, "original") == "original"
        assert again == model or kind.name == "llama_index"  # whose callback managers are equal to nothing


@check
def pickle_roundtrip(kind: Kind, url: str) -> None:
    _copies(kind, url, lambda model: pickle.loads(pickle.dumps(model)))


@check
def cloudpickle_roundtrip(kind: Kind, url: str) -> None:
    _copies(kind, url, lambda model: pickle.loads(cloudpickle.dumps(model)))


@check
def deepcopy_roundtrip(kind: Kind, url: str) -> None:
    _copies(kind, url, copy.deepcopy)
    _copies(kind, url, lambda model: model.model_copy())


# -- concurrency -------------------------------------------------------------------------------------------------------


@check
def threads_50(kind: Kind, url: str) -> None:
    """Every answer is the caller's own."""
    model = kind.echo(url)
    texts = [f"call {n}" for n in range(200)]
    with ThreadPoolExecutor(50) as threads:
        assert list(threads.map(lambda text: kind.ask(model, text), texts)) == texts


@check
def async_200(kind: Kind, url: str) -> None:
    texts = [f"call {n}" for n in range(200)]

    async def all_at_once() -> list[str]:
        model = kind.echo(url)
        return await asyncio.gather(*(kind.aask(model, text) for text in texts))

    assert asyncio.run(all_at_once()) == texts


def _three_loops(kind: Kind, max_retries: int) -> None:
    with scripted(reply(body=answer())) as server:
        body = f"""
            model = kind.make("m", url, max_retries={max_retries})
            print(*[asyncio.run(kind.aask(model)) for _ in range(3)])
        """
        assert script(kind, server.base_url, body) == "Hello Hello Hello\n"
        assert len(server.received) == 3


@check
def three_loops(kind: Kind, url: str) -> None:
    _three_loops(kind, 0)


@check
def three_loops_no_double_send(kind: Kind, url: str) -> None:
    _three_loops(kind, 2)


@check
def loops_in_threads(kind: Kind, url: str) -> None:
    model = kind.echo(url, max_retries=0)

    async def several(n: int) -> list[str]:
        return await asyncio.gather(*(kind.aask(model, f"loop {n} call {m}") for m in range(5)))

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda n: asyncio.run(several(n)), range(8)))
    assert found == [[f"loop {n} call {m}" for m in range(5)] for n in range(8)]


def _forked(kind: Kind, url: str, ask: str) -> None:
    """Parent and child ask at the same time, each many times, and get their own answers."""
    body = f"""
        model = kind.echo(url, max_retries=0)
        def ask(text):
            return {ask}
        assert ask("before") == "before"
        child = os.fork()
        who = "parent" if child else "child"
        texts = [f"{{who}} {{n}}" for n in range(30)]
        ok = [ask(text) for text in texts] == texts
        if not child:
            del model
            gc.collect()
            sys.exit(0 if ok else 3)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert ask("after") == "after"
        print(ok, code)
    """
    assert script(kind, url, body) == "True 0\n"


@check
def fork_sync(kind: Kind, url: str) -> None:
    _forked(kind, url, "kind.ask(model, text)")


@check
def fork_async(kind: Kind, url: str) -> None:
    _forked(kind, url, "asyncio.run(kind.aask(model, text))")
    body = """
        model = kind.echo(url, max_retries=0)
        async def main():
            assert await kind.aask(model, "before") == "before"
            child = os.fork()
            if not child:  # its parent's loop is running here, too: a thread has a loop of its own
                from concurrent.futures import ThreadPoolExecutor
                with ThreadPoolExecutor(1) as thread:
                    text = thread.submit(lambda: asyncio.run(kind.aask(model, "child"))).result()
                os._exit(0 if text == "child" else 3)
            texts = [await kind.aask(model, f"parent {n}") for n in range(10)]
            code = os.waitstatus_to_exitcode((await asyncio.to_thread(os.waitpid, child, 0))[1])
            print(texts == [f"parent {n}" for n in range(10)], code)
        asyncio.run(main())
    """
    assert script(kind, url, body) == "True 0\n"


@check
def sync_in_async(kind: Kind, url: str) -> None:
    async def notebook() -> str:
        return kind.ask(kind.echo(url), "in a loop")

    assert asyncio.run(notebook()) == "in a loop"


# -- resources ---------------------------------------------------------------------------------------------------------


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


# -- network -----------------------------------------------------------------------------------------------------------


@check
def proxy_env(kind: Kind, url: str) -> None:
    with scripted(reply(body=answer())) as proxy:
        where = proxy.base_url.removesuffix("/v1")
        with environment(HTTP_PROXY=where, http_proxy=where, NO_PROXY=None, no_proxy=None):
            model = kind.make("m", "http://provider.example/v1")
            assert (kind.ask(model), asyncio.run(kind.aask(model))) == ("Hello", "Hello")
        assert [request.path for request in proxy.received] == ["http://provider.example/v1/chat/completions"] * 2


@check
def no_proxy_env(kind: Kind, url: str) -> None:
    with scripted(reply(body=answer())) as proxy:
        where = proxy.base_url.removesuffix("/v1")
        with environment(HTTP_PROXY=where, http_proxy=where, NO_PROXY="127.0.0.1", no_proxy="127.0.0.1"):
            model = kind.echo(url)
            assert (kind.ask(model, "direct"), asyncio.run(kind.aask(model, "direct"))) == ("direct", "direct")
        assert proxy.received == []


@check
def storm(kind: Kind, url: str) -> None:
    """A dead server: at most three requests for each call, pauses that differ; and far fewer from a thousand callers."""
    start = time.monotonic()  # the quota is filled up from the first call on, however slow the machine
    with scripted(close()) as server, pauses() as waited:
        model = kind.make("m", server.base_url, max_retries=2)

        def fails(_: int) -> None:
            with pytest.raises(AIMLAPIError):
                kind.ask(model)

        with ThreadPoolExecutor(20) as threads:
            list(threads.map(fails, range(20)))
        assert (len(server.received), len(waited)) == (60, 40)
        assert len({round(pause, 4) for pause in waited}) > 30
        with ThreadPoolExecutor(20) as threads:
            list(threads.map(fails, range(280)))
        seconds = time.monotonic() - start
        assert len(server.received) <= 300 + 400 + seconds  # calls, retries in hand, one more each second


@check
def max_retries_0(kind: Kind, url: str) -> None:
    with scripted(reply(503)) as server:
        model = kind.make("m", server.base_url, max_retries=0)
        for call in (lambda: kind.ask(model), lambda: asyncio.run(kind.aask(model)), lambda: list(kind.stream(model))):
            with pytest.raises(AIMLAPIError):
                call()
        assert len(server.received) == 3


assert set(KINDS) == {"langchain", "llama_index"}
