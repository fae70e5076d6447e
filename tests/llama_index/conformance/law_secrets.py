"""The secret law: the key is shown nowhere, and what was saved without it still works by the environment."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.callbacks import CallbackManager
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span_handlers import NullSpanHandler
from pydantic import BaseModel, PrivateAttr

from .answers import text
from .integration import CHAT_FORMS, KEY, TEXT_FORMS, Integration, ask, needs, prompt_for, user
from .server import Drop, Reply, Server

HERE = str(Path(__file__).parent)
FORMS = (*CHAT_FORMS, *TEXT_FORMS)
# Providers repeat the key in their words.
WRONG_KEY = Reply(401, {"error": {"message": f"Incorrect API key provided: {KEY}.", "type": "auth", "code": 401}})


class Payloads(BaseCallbackHandler):
    """Keeps what legacy observers are shown, as text."""

    def __init__(self) -> None:
        super().__init__([], [])
        self.seen: list[str] = []

    def on_event_start(self, *args: Any, **kwargs: Any) -> str:
        self.seen.append(repr((args, kwargs)))
        return str(kwargs.get("event_id", ""))

    def on_event_end(self, *args: Any, **kwargs: Any) -> None:
        self.seen.append(repr((args, kwargs)))

    def start_trace(self, trace_id: str | None = None) -> None:
        return

    def end_trace(self, trace_id: str | None = None, trace_map: dict[str, list[str]] | None = None) -> None:
        return


class Events(BaseEventHandler):
    """Keeps what observers are shown, as text."""

    _seen: list[str] = PrivateAttr(default_factory=list)

    def handle(self, event: Any, **kwargs: Any) -> None:
        self._seen.append(repr(event))
        try:
            self._seen.append(event.model_dump_json())
        except Exception:
            self._seen.append(str(event.model_dump()))


class Spans(NullSpanHandler):
    """Keeps what tracers are shown of the calls, as text."""

    _seen: list[str] = PrivateAttr(default_factory=list)

    def span_enter(self, *args: Any, **kwargs: Any) -> None:
        self._seen.append(repr((args, kwargs)))

    def span_exit(self, *args: Any, **kwargs: Any) -> None:
        self._seen.append(repr((args, kwargs)))


@contextmanager
def observed() -> Iterator[list[list[str]]]:
    """While it lasts, events and spans are written down."""
    events, spans, root = Events(), Spans(), get_dispatcher()
    root.add_event_handler(events)
    root.add_span_handler(spans)
    try:
        yield [events._seen, spans._seen]
    finally:
        root.event_handlers.remove(events)
        root.span_handlers.remove(spans)


@contextmanager
def logs() -> Iterator[list[str]]:
    """While it lasts, every logger speaks at DEBUG and is written down."""

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    lines: list[str] = []
    handler, root = Lines(), logging.getLogger()
    before, loggers = root.level, [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]
    levels = [logger.level for logger in loggers]
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _traced(error: BaseException) -> traceback.TracebackException | None:
    return traceback.TracebackException.from_exception(error, capture_locals=True)


def trace_of(error: BaseException) -> str:
    """All that a crash reporter shows of an error: its chain, with the local variables of all frames but the kit's."""
    told: list[str] = []
    seen: set[int] = set()
    queue = [_traced(error)]
    while queue:
        one = queue.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.stack[:] = [frame for frame in one.stack if not frame.filename.startswith(HERE)]
        told.append("".join(one.format(chain=False)))
        queue += [one.__cause__, one.__context__]
    return "".join(told)


class SecretLaw(Integration):
    """The key, given in code or by the environment."""

    @pytest.fixture(params=["in code", "environment"])
    def given(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        """The setting that passes the key, if any."""
        if request.param == "in code":
            return {"api_key": KEY}
        if self.key_variable is None:
            pytest.skip("the integration reads no environment variable")
        monkeypatch.setenv(self.key_variable, KEY)
        return {"api_key": None}

    @needs("keeps_the_key")
    @pytest.mark.parametrize("used", [False, True])
    def test_row_62_no_face_of_the_object_shows_the_key(self, server: Server, given: Any, used: bool) -> None:
        server.play(text())
        llm = self.llm(server, **given)
        if used:
            for form in FORMS:
                ask(llm, form, prompt_for(form))
        faces = {
            "repr": repr(llm),
            "str": str(llm),
            "to_dict": repr(llm.to_dict()),
            "to_json": llm.to_json(),
            "model_dump": repr(llm.model_dump()),
            "model_dump_json": llm.model_dump_json(),
            "to_payload": repr(llm.to_payload()),
            "metadata": repr(llm.metadata),
            "deepcopy": repr(copy.deepcopy(llm)),
            "structured": repr(llm.as_structured_llm(_Empty)),
            "vars": repr(vars(llm)),
        }
        assert [name for name, face in faces.items() if KEY in face] == []
        sent = [request.headers["authorization"] for request in server.requests]
        assert sent == [f"Bearer {KEY}"] * (len(FORMS) if used else 0)
        assert KEY not in json.dumps(server.bodies)

    @needs("keeps_the_key")
    def test_row_62_observers_are_not_shown_the_key(self, server: Server, given: Any) -> None:
        handler = Payloads()
        server.play(text())
        llm = self.llm(server, callback_manager=CallbackManager([handler]), **given)
        with observed() as seen, logs() as lines:
            for form in FORMS:
                ask(llm, form, prompt_for(form))
        assert [KEY in line for line in (*handler.seen, *seen[0], *seen[1], *lines)].count(True) == 0
        assert min(len(handler.seen), len(seen[0]), len(seen[1])) >= len(FORMS)

    @needs("keeps_the_key")
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize(
        "failure", [WRONG_KEY, Reply(500, {"error": {"message": KEY}}), Drop()], ids=["401", "500", "drop"]
    )
    def test_row_62_errors_do_not_show_the_key(self, server: Server, given: Any, form: str, failure: Any) -> None:
        handler = Payloads()
        server.play(failure)
        llm = self.llm(server, max_retries=0, callback_manager=CallbackManager([handler]), **given)
        with observed() as seen, logs() as lines, pytest.raises(Exception) as caught:
            ask(llm, form, prompt_for(form))
        error = caught.value
        shown = [str(error), repr(error), repr(vars(error)), repr(error.args), trace_of(error)]
        assert [KEY in part for part in (*shown, *handler.seen, *seen[0], *seen[1], *lines)].count(True) == 0

    @needs("keeps_the_key", "pickles")
    @pytest.mark.parametrize("used", [False, True])
    def test_row_61_62_a_pickle_finds_the_key_in_the_environment(
        self, server: Server, monkeypatch: pytest.MonkeyPatch, used: bool
    ) -> None:
        if self.key_variable is None:
            pytest.skip("the integration reads no environment variable")
        monkeypatch.setenv(self.key_variable, KEY)
        server.play(text())
        llm = self.llm(server, api_key=None, temperature=0.25, max_tokens=77)
        if used:
            ask(llm, "astream_chat", [user("Hi")])
        carried = pickle.dumps(llm)
        assert KEY.encode() not in carried
        monkeypatch.setenv(self.key_variable, "sk-another-key")
        server.play(text())
        for form in FORMS:
            ask(pickle.loads(carried), form, prompt_for(form))
        assert [request.headers["authorization"] for request in server.requests] == ["Bearer sk-another-key"] * len(
            FORMS
        )
        assert [(body.get("temperature"), body.get("max_tokens")) for body in server.bodies] == [(0.25, 77)] * len(
            FORMS
        )

    @needs("keeps_the_key")
    @pytest.mark.parametrize("used", [False, True])
    @pytest.mark.parametrize("way", ["to_dict", "to_json"])
    def test_row_62_what_was_serialized_works_by_the_environment(
        self, server: Server, monkeypatch: pytest.MonkeyPatch, used: bool, way: str
    ) -> None:
        if self.key_variable is None:
            pytest.skip("the integration reads no environment variable")
        server.play(text())
        llm = self.llm(server, temperature=0.25, max_tokens=77)
        if used:
            ask(llm, "achat", [user("Hi")])
        monkeypatch.setenv(self.key_variable, "sk-another-key")
        back = type(llm).from_dict(llm.to_dict()) if way == "to_dict" else type(llm).from_json(llm.to_json())
        server.play(text())
        back.chat([user("Hi")])
        (request,) = server.requests
        assert request.headers["authorization"] == "Bearer sk-another-key"
        assert (request.body.get("temperature"), request.body.get("max_tokens")) == (0.25, 77)
        assert back.to_dict() == llm.to_dict()

    @needs("pickles")
    @pytest.mark.parametrize("used", [False, True])
    @pytest.mark.parametrize("way", ["pickle", "deepcopy", "copy"])
    def test_row_61_a_copy_asks_as_the_original(self, server: Server, used: bool, way: str) -> None:
        server.play(text())
        llm = self.llm(server, temperature=0.25, additional_kwargs={"seed": 7})
        if used:
            for form in FORMS:
                ask(llm, form, prompt_for(form))
        make = {"pickle": lambda: pickle.loads(pickle.dumps(llm)), "deepcopy": lambda: copy.deepcopy(llm)}
        copied = make.get(way, lambda: copy.copy(llm))()
        server.play(text())
        for form in CHAT_FORMS:
            ask(llm, form, [user("Hi")])
            ask(copied, form, [user("Hi")])
        assert server.bodies[::2] == server.bodies[1::2]
        assert copied.to_dict() == llm.to_dict()

    @needs("keeps_the_key")
    def test_without_a_key_nothing_is_sent_and_no_other_vendors_key_is_taken(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-vendor")
        if self.key_variable is not None:
            monkeypatch.delenv(self.key_variable, raising=False)
        server.play(text())
        with pytest.raises(Exception, match=r"(?i)api_key|api key"):
            self.llm(server, api_key=None).chat([user("Hi")])
        assert server.requests == []


class _Empty(BaseModel):
    """Nothing."""
