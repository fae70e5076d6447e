"""Loop torture: one LLM in many loops and threads, left early, cancelled. No error, and no connection left open."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.async_utils import asyncio_run, run_async_tasks
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler

from .answers import chunk, text
from .integration import Integration, needs, prompt_for, user
from .server import Server, Silence, Stream

HANGING = Stream([chunk(content="a"), chunk(content="b")], end="hang")
ASYNC_STREAMS = ("astream_chat", "astream_complete")


def sockets() -> int:
    """How many sockets this process holds. Linux only."""
    gc.collect()
    links = []
    for name in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{name}"))
        except OSError:
            continue  # was the listing's own
    return sum(link.startswith("socket:") for link in links)


linux_only = pytest.mark.skipif(not (sys.platform == "linux" and Path("/proc/self/fd").is_dir()), reason="needs /proc")


class LoopLaw(Integration):
    """Agents, sync tools and notebooks make loops as they go."""

    def _asked(self, llm: Any) -> Any:
        async def both() -> list[str | None]:
            """A whole answer, a streamed one, and three at once."""
            whole = await llm.achat([user("Hi")])
            streamed = [piece async for piece in await llm.astream_chat([user("Hi")])]
            several = await asyncio.gather(*(llm.acomplete("Hi") for _ in range(3)))
            return [whole.message.content, streamed[-1].message.content, *(one.text for one in several)]

        return both()

    @needs("many_loops")
    def test_row_56_one_loop_after_the_other(self, server: Server) -> None:
        server.play(text("Here"))
        llm = self.llm(server, max_retries=0)
        for _ in range(5):
            assert asyncio.run(self._asked(llm)) == ["Here"] * 5
        assert len(server.requests) == 25

    @needs("many_loops")
    def test_row_57_threads_with_a_loop_each(self, server: Server) -> None:
        server.play(text("Here"))
        llm = self.llm(server, max_retries=0)
        start = threading.Barrier(4)

        def work() -> list[Any]:
            start.wait(10)
            found = [asyncio.run(self._asked(llm)) for _ in range(4)]
            return [*found, [llm.chat([user("Hi")]).message.content]]

        with ThreadPoolExecutor(4) as pool:
            found = [future.result(30) for future in [pool.submit(work) for _ in range(4)]]
        assert found == [[["Here"] * 5] * 4 + [["Here"]]] * 4
        assert len(server.requests) == 4 * 21

    @needs("many_loops")
    def test_row_56_a_loop_inside_a_running_loop(self, server: Server) -> None:
        server.play(text("Here"))
        llm = self.llm(server, max_retries=0)

        async def outer() -> list[Any]:
            found = [await self._asked(llm), asyncio_run(self._asked(llm)), await self._asked(llm)]
            return [*found, run_async_tasks([self._asked(llm), self._asked(llm)])]

        assert asyncio.run(outer()) == [["Here"] * 5] * 3 + [[["Here"] * 5] * 2]

    @linux_only
    @needs("many_loops", "frees_connections")
    def test_row_56_57_58_nothing_is_left_open(self, server: Server) -> None:
        """Of finished loops, of streams left early, of cancelled calls."""
        server.play(text("Here"))
        llm = self.llm(server, max_retries=0)
        asyncio.run(self._asked(llm))
        gc.collect()  # a finished loop's connections go with it, and loops are cycles
        assert server.wait_for_connections(0) == 0
        before = sockets()
        for _ in range(5):
            asyncio.run(self._asked(llm))
        server.play(HANGING)

        async def left_early() -> None:
            stream = await llm.astream_chat([user("Hi")])
            await stream.__anext__()
            await stream.aclose()

        async def cancelled() -> None:
            async def read() -> None:
                async for _ in await llm.astream_chat([user("Hi")]):
                    started.set()

            started = asyncio.Event()
            task = asyncio.create_task(read())
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        for _ in range(3):
            asyncio.run(left_early())
            asyncio.run(cancelled())
        gc.collect()
        assert server.wait_for_connections(0) == 0
        assert sockets() == before

    @needs("frees_connections")
    @pytest.mark.parametrize("form", ASYNC_STREAMS)
    @pytest.mark.parametrize("way", ["aclose", "cancelled", "abandoned", "thrown out of"])
    @pytest.mark.parametrize("observed", [False, True])
    def test_row_58_an_async_stream_left_early_frees_its_connection(
        self, server: Server, form: str, way: str, observed: bool
    ) -> None:
        """While the loop still runs; also where a handler keeps the events, and with them the generator's frame."""
        server.play(HANGING)
        manager = CallbackManager([LlamaDebugHandler(print_trace_on_end=False)] if observed else [])
        llm = self.llm(server, max_retries=0, callback_manager=manager)

        async def left() -> int:
            if way == "cancelled":
                started = asyncio.Event()
                task = asyncio.create_task(self._read(llm, form, started))
                await started.wait()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            else:
                stream = await getattr(llm, form)(prompt_for(form))
                await stream.__anext__()
                if way == "aclose":
                    await stream.aclose()
                elif way == "thrown out of":
                    with pytest.raises(ZeroDivisionError):
                        await stream.athrow(ZeroDivisionError())
                else:
                    del stream
                    gc.collect()
            return await asyncio.to_thread(server.wait_for_connections, 0)

        assert asyncio.run(left()) == 0

    async def _read(self, llm: Any, form: str, started: asyncio.Event) -> None:
        async for _ in await getattr(llm, form)(prompt_for(form)):
            started.set()

    @needs("frees_connections")
    @pytest.mark.parametrize("form", ["stream_chat", "stream_complete"])
    @pytest.mark.parametrize("way", ["close", "abandoned"])
    def test_row_58_a_stream_left_early_frees_its_connection(self, server: Server, form: str, way: str) -> None:
        server.play(HANGING)
        stream = getattr(self.llm(server, max_retries=0), form)(prompt_for(form))
        next(stream)
        if way == "close":
            stream.close()
        else:
            del stream
            gc.collect()
        assert server.wait_for_connections(0) == 0

    @needs("many_loops", "frees_connections")
    def test_row_58_a_cancelled_call_frees_its_connection_and_hurts_no_other(self, server: Server) -> None:
        server.play(Silence(), text("Here"))
        llm = self.llm(server, max_retries=0)

        async def cancelled() -> tuple[int, Any]:
            task = asyncio.create_task(llm.achat([user("Hi")]))
            await asyncio.to_thread(server.wait_for_requests, 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            left = await asyncio.to_thread(server.wait_for_connections, 0)
            return left, (await llm.achat([user("Hi")])).message.content

        assert asyncio.run(cancelled()) == (0, "Here")

    @needs("many_loops")
    def test_two_streams_at_once_do_not_mix(self, server: Server) -> None:
        server.play(lambda body: text(f"About {body['messages'][0]['content']} and so on"))
        llm = self.llm(server, max_retries=0)

        async def one(topic: str) -> list[str]:
            pieces = []
            async for piece in await llm.astream_chat([user(topic)]):
                pieces.append(piece.delta or "")
                await asyncio.sleep(0)
            return pieces

        async def both() -> list[list[str]]:
            return list(await asyncio.gather(one("cats"), one("dogs")))

        cats, dogs = asyncio.run(both())
        assert ("".join(cats), "".join(dogs)) == ("About cats and so on", "About dogs and so on")
