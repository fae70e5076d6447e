"""How each thing is measured, in the process of the subject. A measure gives a sample: CPU and wall seconds for `n` units.

CPU is user and system time of the whole process. What a stream gives is checked against what the server sent, once,
before it is measured: `whole` tells whether all of it came through.
"""

from __future__ import annotations

import asyncio
import gc
import json
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import psutil

from tests.benchmarks.payloads import PIECE
from tests.benchmarks.subjects import LANGCHAIN, Subject

Sample = dict[str, Any]
QUESTION = "Say something."
_IMAGE = "data:image/png;base64," + b64encode(bytes(3_000_000)).decode()  # 4 MB


class Driver:
    """A subject at work: the framework's own calls, and nothing else.

    Args:
        origin: `http://host:port` of the server.
    """

    def __init__(self, subject: Subject, origin: str) -> None:
        self.subject = subject
        self.origin = origin
        self.make = subject.load()
        self._models: dict[str, Any] = {}
        self._is_langchain = subject.framework == LANGCHAIN
        if self._is_langchain:
            from langchain_core.messages import AIMessage, HumanMessage

            self._human, self._ai = HumanMessage, AIMessage
        else:
            from llama_index.core.base.llms.types import ChatMessage

            self._human = lambda text: ChatMessage(role="user", content=text)
            self._ai = lambda text: ChatMessage(role="assistant", content=text)
        self.question = [self._human(QUESTION)]

    def model(self, scene: str) -> Any:
        """The one instance that talks to this scene."""
        if scene not in self._models:
            self._models[scene] = self.fresh(scene)
        return self._models[scene]

    def fresh(self, scene: str) -> Any:
        """A new instance that talks to this scene."""
        make = self.make
        if scene.startswith("responses"):
            assert self.subject.load_responses is not None
            make = self.subject.load_responses()
        return make(f"{self.origin}/{scene}/v1")

    def history(self) -> list[Any]:
        """201 messages."""
        text = "A sentence of a longer conversation about nothing in particular. " * 3
        turns = [message for _ in range(100) for message in (self._human(text), self._ai(text))]
        return [*turns, *self.question]

    def image(self) -> list[Any]:
        """A question with an image of 4 MB."""
        if self._is_langchain:
            parts = [{"type": "text", "text": QUESTION}, {"type": "image_url", "image_url": {"url": _IMAGE}}]
            return [self._human(parts)]
        from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock

        return [ChatMessage(role="user", blocks=[TextBlock(text=QUESTION), ImageBlock(url=_IMAGE)])]

    def call(self, model: Any, messages: list[Any]) -> None:
        model.invoke(messages) if self._is_langchain else model.chat(messages)

    async def acall(self, model: Any, messages: list[Any]) -> None:
        await (model.ainvoke(messages) if self._is_langchain else model.achat(messages))

    def stream(self, model: Any) -> Any:
        return model.stream(self.question) if self._is_langchain else model.stream_chat(self.question)

    async def astream(self, model: Any) -> Any:
        return model.astream(self.question) if self._is_langchain else await model.astream_chat(self.question)

    def said(self, chunk: Any) -> int:
        """How many characters a chunk adds; of LlamaIndex's tool calls and reasoning, how many there are so far."""
        if self._is_langchain:
            calls = sum(len(call["args"] or "") for call in chunk.tool_call_chunks)
            return len(chunk.text) + len(chunk.additional_kwargs.get("reasoning_content") or "") + calls
        message = chunk.message
        listed = sum(len(_arguments(call)) for call in message.additional_kwargs.get("tool_calls") or ())
        return listed or sum(_length(block) for block in message.blocks)

    def is_whole(self, scene: str) -> bool:
        """Whether all that the scene says comes through: at least nine tenths, as the ends differ."""
        sizes = [self.said(chunk) for chunk in self.stream(self.model(scene))]
        kind, size = scene.split("-")[:2]
        expected = int(size) if kind == "spelled" else int(size) * len(PIECE)
        return (sum(sizes) if self._is_langchain else max(sizes)) >= expected * 0.9


def _length(block: Any) -> int:
    arguments = getattr(block, "tool_kwargs", None)
    text = getattr(block, "content", None) or getattr(block, "text", "")
    return len(arguments) if isinstance(arguments, str) else len(text)


def _arguments(call: Any) -> str:
    function = call["function"] if isinstance(call, dict) else call.function
    return (function["arguments"] if isinstance(function, dict) else function.arguments) or ""


def _timed(do: Callable[[], Any], n: int) -> Sample:
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    do()
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "n": n}


async def _atimed(do: Callable[[], Coroutine[Any, Any, Any]], n: int) -> Sample:
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    await do()
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "n": n}


def _stats(origin: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{origin}/stats") as reply:
        return dict(json.load(reply))


def _connections(origin: str) -> int:
    return int(_stats(origin)["connections"])


def call(driver: Driver, scene: str, n: int, messages: str = "question") -> Sample:
    model, asked = driver.model(scene), _messages(driver, messages)
    driver.call(model, asked)

    def do() -> None:
        for _ in range(n):
            driver.call(model, asked)

    return _timed(do, n)


def _messages(driver: Driver, which: str) -> list[Any]:
    return driver.question if which == "question" else getattr(driver, which)()


def acall(driver: Driver, scene: str, n: int) -> Sample:
    model = driver.fresh(scene)

    async def do() -> None:
        for _ in range(n):
            await driver.acall(model, driver.question)

    async def run() -> Sample:
        await driver.acall(model, driver.question)
        return await _atimed(do, n)

    return asyncio.run(run())


def stream(driver: Driver, scene: str, n: int) -> Sample:
    model = driver.model(scene)
    for _ in driver.stream(driver.model("text-10")):
        pass

    def do() -> None:
        for _ in driver.stream(model):
            pass

    return _timed(do, n)


def astream(driver: Driver, scene: str, n: int) -> Sample:
    model = driver.fresh(scene)
    other = driver.make(f"{driver.origin}/text-10/v1")

    async def drain(model: Any) -> None:
        async for _ in await driver.astream(model):
            pass

    async def run() -> Sample:
        await drain(other)
        return await _atimed(lambda: drain(model), n)

    return asyncio.run(run())


def first_token(driver: Driver, scene: str, n: int) -> Sample:
    """Wall time from the call to the first chunk that says something, of a connection in use."""
    model = driver.model(scene)
    walls, cpus = [], []
    for place in range(n + 1):
        wall, cpu, seen = time.perf_counter(), time.process_time(), False
        for chunk in driver.stream(model):
            if not seen and driver.said(chunk):
                seen = True
                if place:
                    walls.append(time.perf_counter() - wall)
                    cpus.append(time.process_time() - cpu)
    return {"cpu": sum(cpus), "wall": sum(walls), "n": n}


def construct(driver: Driver, n: int) -> Sample:
    """The 2nd to n-th instance: time and resident memory, all kept alive."""
    url = f"{driver.origin}/reply-100/v1"
    kept = [driver.make(url)]
    gc.collect()
    before = psutil.Process().memory_info().rss
    sample = _timed(lambda: kept.extend(driver.make(url) for _ in range(n)), n)
    return {**sample, "memory": (psutil.Process().memory_info().rss - before) / n}


def first_call(driver: Driver, scene: str, n: int) -> Sample:
    """The first call of each of n fresh instances, and the connections it opens."""
    models = [driver.fresh(scene) for _ in range(n + 1)]
    driver.call(models.pop(), driver.question)
    before = _connections(driver.origin)

    def do() -> None:
        for model in models:
            driver.call(model, driver.question)

    sample = _timed(do, n)
    return {**sample, "connections": (_connections(driver.origin) - before - 1) / n}


def reconnects(driver: Driver, scene: str, n: int) -> Sample:
    """Streams one after another, and the connections they open beyond the first."""
    model = driver.model(scene)
    for _ in driver.stream(model):
        pass
    before = _connections(driver.origin)

    def do() -> None:
        for _ in range(n):
            for _ in driver.stream(model):
                pass

    sample = _timed(do, n)
    return {**sample, "connections": (_connections(driver.origin) - before - 1) / n}


def dropped(driver: Driver, scene: str, n: int) -> Sample:
    """n models, each made, asked once and dropped; and the connections they open beyond the first."""
    driver.call(driver.fresh(scene), driver.question)
    before = _connections(driver.origin)

    def do() -> None:
        for _ in range(n):
            driver.call(driver.fresh(scene), driver.question)

    sample = _timed(do, n)
    return {**sample, "connections": (_connections(driver.origin) - before - 1) / n}


def cancelled(driver: Driver, scene: str, n: int) -> Sample:
    """Wall time from cancelling the task that reads a stream until the server sees the connection closed."""
    model = driver.fresh(scene)
    walls, cpus = [], []

    async def one() -> None:
        begun = asyncio.Event()

        async def read() -> None:
            async for chunk in await driver.astream(model):
                if driver.said(chunk):
                    begun.set()

        before = _stats(driver.origin)["left"]
        task = asyncio.create_task(read())
        await begun.wait()
        wall, cpu = time.monotonic(), time.process_time()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        cpus.append(time.process_time() - cpu)
        while (stats := _stats(driver.origin))["left"] == before:
            if time.monotonic() - wall > 5:
                raise TimeoutError("the connection of a cancelled stream stays open")
            await asyncio.sleep(0.001)
        walls.append(stats["left_at"] - wall)

    async def run() -> None:
        for _ in range(n):
            await one()

    asyncio.run(run())
    return {"cpu": sum(cpus), "wall": sum(walls), "n": n}


def many_streams(driver: Driver, scene: str, n: int) -> Sample:
    """n streams at once on one loop; memory is the peak over the start."""
    model = driver.fresh(scene)
    process = psutil.Process()
    peak = 0

    async def one() -> None:
        async for _ in await driver.astream(model):
            pass

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, process.memory_info().rss)
            await asyncio.sleep(0.05)

    async def do() -> None:
        watching = asyncio.create_task(watch())
        await asyncio.gather(*(one() for _ in range(n)))
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching

    async def run() -> Sample:
        await one()
        gc.collect()
        before = process.memory_info().rss
        sample = await _atimed(do, 1)
        return {**sample, "memory": max(peak, process.memory_info().rss) - before}

    return asyncio.run(run())


def crowd(driver: Driver, scene: str, n: int, at_once: int) -> Sample:
    """n calls, so many at a time, on one loop."""
    model = driver.fresh(scene)

    async def do() -> None:
        places = asyncio.Semaphore(at_once)

        async def one() -> None:
            async with places:
                await driver.acall(model, driver.question)

        await asyncio.gather(*(one() for _ in range(n)))

    return asyncio.run(_atimed(do, 1))


def embed(driver: Driver, scene: str, n: int) -> Sample:
    assert driver.subject.load_embeddings is not None
    model = driver.subject.load_embeddings()(f"{driver.origin}/{scene}/v1")
    texts = ["a text"] * n
    embed = model.embed_documents if driver.subject.framework == LANGCHAIN else model.get_text_embedding_batch
    found: list[Any] = []
    sample = _timed(lambda: found.extend(embed(texts)), n)
    return {**sample, "whole": len(found) == n}
