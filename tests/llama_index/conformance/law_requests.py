"""The request-count law: `max_retries=n` is at most n+1 requests, in every form, and none after the first piece."""

from __future__ import annotations

from typing import Any

import pytest

from .answers import DONE, Answer, chunk, text
from .integration import CHAT_FORMS, TEXT_FORMS, Integration, ask, needs, prompt_for, user
from .server import Drop, Reply, Server, Silence, Stream

ERROR = {"error": {"message": "Not now", "type": "server_error", "code": None}}
PASSING = {str(status): Reply(status, ERROR) for status in (408, 409, 429, 500, 502, 503, 504)}
LASTING = {str(status): Reply(status, ERROR) for status in (400, 401, 402, 403, 404, 422)}
BROKEN = {
    "an error event": Stream([chunk(content="a"), {"error": {"message": "Overloaded", "code": 503}}]),
    "a cut": Stream([chunk(content="a")], end="cut"),
    "no end": Stream([chunk(content="a")]),
}
FORMS = (*CHAT_FORMS, *TEXT_FORMS)


class RequestCountLaw(Integration):
    """How often a call knocks."""

    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("failure", ["429", "500", "503", "dropped"])
    @pytest.mark.parametrize("max_retries", [0, 1, 3])
    def test_row_46_47_a_lasting_failure_costs_at_most_max_retries_plus_one_requests(
        self, server: Server, waits: list[float], form: str, failure: str, max_retries: int
    ) -> None:
        server.play(Drop() if failure == "dropped" else PASSING[failure])
        llm = self.llm(server, max_retries=max_retries)
        with pytest.raises(Exception) as caught:
            ask(llm, form, prompt_for(form))
        assert len(server.requests) == max_retries + 1
        assert not isinstance(caught.value, (TypeError, KeyError, IndexError, AttributeError))

    @pytest.mark.parametrize("form", CHAT_FORMS)
    @pytest.mark.parametrize("failure", [*PASSING, "dropped"])
    def test_row_48_what_may_pass_is_tried_again(
        self, server: Server, waits: list[float], form: str, failure: str
    ) -> None:
        server.play(Drop() if failure == "dropped" else PASSING[failure], text("Here"))
        assert ask(self.llm(server, max_retries=1), form, [user("Hi")])[-1].message.content == "Here"
        assert len(server.requests) == 2
        assert server.bodies[0] == server.bodies[1]

    @pytest.mark.parametrize("form", CHAT_FORMS)
    @pytest.mark.parametrize("failure", LASTING)
    def test_row_48_what_will_not_pass_is_asked_once(
        self, server: Server, waits: list[float], form: str, failure: str
    ) -> None:
        server.play(LASTING[failure])
        with pytest.raises(Exception) as caught:
            ask(self.llm(server, max_retries=3), form, [user("Hi")])
        assert (len(server.requests), waits) == (1, [])
        assert getattr(caught.value, "status_code", None) == int(failure)

    @needs("error_replies")
    @pytest.mark.parametrize("form", ["stream_chat", "astream_chat", "stream_complete", "astream_complete"])
    @pytest.mark.parametrize("failure", BROKEN)
    def test_row_46_53_nothing_is_asked_again_once_a_piece_was_given(
        self, server: Server, waits: list[float], form: str, failure: str
    ) -> None:
        server.play(BROKEN[failure])
        with pytest.raises(Exception) as caught:
            ask(self.llm(server, max_retries=3), form, prompt_for(form))
        assert (len(server.requests), waits) == (1, [])
        assert isinstance(caught.value, self.errors)

    @needs("retry_after")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    def test_row_49_the_wait_is_the_one_the_server_asked_for(
        self, server: Server, waits: list[float], form: str
    ) -> None:
        server.play(Reply(429, ERROR, {"retry-after": "7"}), text("Here"))
        ask(self.llm(server, max_retries=1), form, [user("Hi")])
        assert waits == [7.0]

    @pytest.mark.parametrize("form", CHAT_FORMS)
    @pytest.mark.parametrize("max_retries", [0, 1])
    def test_row_50_a_silent_server_costs_one_timeout_for_each_request(
        self, server: Server, waits: list[float], form: str, max_retries: int
    ) -> None:
        server.play(Silence())
        with pytest.raises(Exception) as caught:
            ask(self.llm(server, max_retries=max_retries, timeout=0.25), form, [user("Hi")])
        assert len(server.requests) == max_retries + 1
        assert (
            isinstance(caught.value, TimeoutError) or "time" in f"{type(caught.value).__name__} {caught.value}".lower()
        )

    @pytest.mark.parametrize("form", CHAT_FORMS)
    def test_row_50_a_calls_own_timeout_wins(self, server: Server, form: str) -> None:
        server.play(Silence())
        with pytest.raises(Exception, match=r"(?i)time"):
            ask(self.llm(server, max_retries=0, timeout=30.0), form, [user("Hi")], timeout=0.25)
        assert len(server.requests) == 1

    @needs("typed_errors")
    @pytest.mark.parametrize("form", ["chat", "astream_chat"])
    def test_row_51_each_kind_of_failure_has_its_own_class(self, server: Server, form: str) -> None:
        raised: dict[int, Any] = {}
        for status in (400, 401, 402, 403, 404, 429, 500):
            server.play(Reply(status, ERROR))
            with pytest.raises(self.errors) as caught:
                ask(self.llm(server, max_retries=0), form, [user("Hi")])
            raised[status] = caught.value
        assert {status: error.status_code for status, error in raised.items()} == {status: status for status in raised}
        assert len({type(error) for error in raised.values()}) == len(raised)
        server.play(Drop())
        with pytest.raises(self.errors) as caught:
            ask(self.llm(server, max_retries=0), form, [user("Hi")])
        assert isinstance(caught.value, ConnectionError)
        server.play(Silence())
        with pytest.raises(self.errors) as caught:
            ask(self.llm(server, max_retries=0, timeout=0.25), form, [user("Hi")])
        assert isinstance(caught.value, TimeoutError)

    @needs("error_replies")
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize(
        "body",
        [ERROR, {"choices": []}, {"choices": None}, {"id": "c1"}, {}],
        ids=["error", "no choices", "null choices", "an id alone", "nothing"],
    )
    def test_row_52_a_reply_that_is_no_answer_is_an_error(self, server: Server, form: str, body: Any) -> None:
        server.play([body, DONE] if "stream" in form else body)
        with pytest.raises(Exception) as caught:
            ask(self.llm(server, max_retries=0), form, prompt_for(form))
        assert isinstance(caught.value, self.errors)
        assert not isinstance(caught.value, (TypeError, KeyError, IndexError, AttributeError))

    @needs("error_replies")
    @pytest.mark.parametrize("form", ["stream_chat", "astream_chat"])
    def test_row_53_an_error_event_is_an_error_that_says_its_message(self, server: Server, form: str) -> None:
        server.play(BROKEN["an error event"])
        with pytest.raises(self.errors, match="Overloaded"):
            ask(self.llm(server, max_retries=0), form, [user("Hi")])

    @needs("own_http_client")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    def test_row_54_an_http_client_of_the_users_is_used(self, server: Server, form: str) -> None:
        seen: list[bool] = []
        server.play(text("Here"))
        llm = self.make_llm_with_client(server.base_url, lambda: seen.append(True), model=self.model, api_key="k")
        assert ask(llm, form, [user("Hi")])[-1].message.content == "Here"
        assert seen == [True]

    @needs("shared_connections")
    def test_row_55_instances_share_connections(self, server: Server) -> None:
        server.play(text("Here"))
        instances = [self.llm(server) for _ in range(3)]
        for llm in instances:
            llm.chat([user("Hi")])
        assert (len(server.requests), server.connections) == (3, 1)

    @needs("calls_win")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    def test_row_59_what_a_call_says_wins_over_the_constructor(self, server: Server, form: str) -> None:
        server.play(text("Here"))
        settings: dict[str, Any] = {
            "temperature": 0.2,
            "max_tokens": 10,
            "additional_kwargs": {"top_p": 0.5, "seed": 1},
        }
        ask(self.llm(server, **settings), form, [user("Hi")], temperature=0.7, max_tokens=20, top_p=0.9)
        (sent,) = server.bodies
        told = {name: sent.get(name) for name in ("temperature", "max_tokens", "top_p", "seed")}
        assert told == {"temperature": 0.7, "max_tokens": 20, "top_p": 0.9, "seed": 1}

    @needs("unknown_parameters")
    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    def test_row_60_a_parameter_nobody_heard_of_reaches_the_body(self, server: Server, form: str) -> None:
        server.play(text("Here"))
        ask(self.llm(server, additional_kwargs={"top_k": 7, "new_knob": {"on": True}}), form, [user("Hi")])
        (sent,) = server.bodies
        assert (sent.get("top_k"), sent.get("new_knob")) == (7, {"on": True})

    def test_a_failed_call_is_over(self, server: Server, waits: list[float]) -> None:
        """No piece of a failed try is given with the next one."""
        server.play(Stream([{"error": {"message": "Overloaded", "code": 503}}]), Answer({"content": "Here"}))
        assert (
            "".join(piece.delta or "" for piece in self.llm(server, max_retries=1).stream_chat([user("Hi")])) == "Here"
        )
