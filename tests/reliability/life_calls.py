"""Life-cycle checks: threads, event loops, forks, proxies, and what a storm of refusals costs."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from aimlapi_transport.errors import AIMLAPIError
from tests.reliability.checks import check, environment, script
from tests.reliability.forms import pauses
from tests.reliability.kinds import Kind
from tests.scripted import answer, close, reply, scripted

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
