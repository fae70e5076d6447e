"""Life-cycle checks: the key shows nowhere, and a model is a value that can be copied."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import cloudpickle
import pytest

from aimlapi_transport.errors import AIMLAPIError, AuthenticationError
from tests.reliability.checks import check, environment
from tests.reliability.forms import KEY, pauses
from tests.reliability.kinds import Kind

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
