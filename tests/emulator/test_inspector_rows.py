"""The inspector's list and chart: which requests are one conversation, and what of many calls is drawn."""

from __future__ import annotations

from typing import Any

import pytest

from aimlapi_emulator import EmulatorServer
from aimlapi_emulator.inspector.chart import chart, percentile
from aimlapi_emulator.inspector.conversation import Threads
from aimlapi_emulator.inspector.replies import Reply
from tests.emulator.test_inspector import asked, inspected, said, seen, user

__all__ = ["inspected"]  # the fixture


def test_the_same_request_again_is_another_conversation_unless_the_first_failed() -> None:
    threads, body = Threads(), {"model": "a", "messages": [user("x")]}
    places = [threads.add(number, body, Reply(text="y"), failed=number == 1) for number in (1, 2, 3)]
    assert len({place.thread for place in places}) == 3 and {place.before for place in places} == {None}


def test_a_failed_turn_is_a_row_of_its_own_and_the_retry_continues_what_was_answered() -> None:
    threads, turn = Threads(), {"messages": [user("x"), said("y"), user("z")]}
    first = threads.add(1, {"messages": [user("x")]}, Reply(text="y"), failed=False)
    failed = threads.add(2, turn, Reply(error="busy"), failed=True)
    again = threads.add(3, turn, Reply(text="w"), failed=False)
    assert (failed.before, failed.shared) == (1, 1) and failed.thread != first.thread
    assert (again.thread, again.before, again.shared) == (first.thread, 1, 1)


@pytest.mark.parametrize("answers", [("of a", "of b"), ("the same", "the same")])
def test_conversations_of_two_models_that_begin_alike_stay_two(answers: tuple[str, str]) -> None:
    """As a program that compares models: each is asked the same, then each is asked on."""
    threads = Threads()
    for number, answer in enumerate(answers):
        body = {"model": f"m{number}", "messages": [user("x")]}
        threads.add(number, body, Reply(text=answer), failed=False)
    for number, answer in enumerate(answers):
        body = {"model": f"m{number}", "messages": [user("x"), said(f" {answer}\n"), user("more")]}
        place = threads.add(number + 10, body, Reply(text="z"), failed=False)
        assert place.before == number


@pytest.mark.parametrize(
    "then", [[user("more")], [said("another answer"), user("more")], [{"role": "system", "content": "s"}]]
)
def test_what_does_not_have_the_answer_continues_nothing(then: list[Any]) -> None:
    threads = Threads()
    first = threads.add(1, {"messages": [user("x")]}, Reply(text="y"), failed=False)
    place = threads.add(2, {"messages": [user("x"), *then]}, Reply(text="w"), failed=False)
    assert place.before is None and place.thread != first.thread


def test_failed_requests_are_rows_where_conversations_are_one(inspected: EmulatorServer) -> None:
    for text in ("Hello", "Hello"):
        with pytest.raises(Exception, match="not found"):
            asked(inspected, user(text), model="no/such")
    answer = asked(inspected, user("Hello"))
    asked(inspected, user("Hello"), said(answer.text), user("And then?"))
    with pytest.raises(Exception, match="not found"):
        asked(inspected, user("Hello"), said(answer.text), user("And then?"), model="no/such")
    assert [(row["id"], row["turns"]) for row in seen(inspected, grouped=1)["rows"]] == [(5, 1), (4, 2), (2, 1), (1, 1)]
    assert seen(inspected, "exchanges/5")["before"] == 3


def test_the_chart_keeps_outliers_and_every_error() -> None:
    rows = [{"at": float(n), "seconds": 1.0 + n / 1e6, "cost_usd": 0.5, "error": None} for n in range(10_000)]
    rows[4321]["seconds"], rows[4322]["seconds"] = 99.0, 0.001
    for n in (17, 18, 5000):
        rows[n].update(error="busy", seconds=float(n))
    drawn = chart(rows, 300)
    assert len(drawn["points"]) <= 300
    assert max(point[2] for point in drawn["points"]) == 5000.0
    assert any(point[2] >= 99.0 for point in drawn["points"] if point[0] <= 4321 < point[0] + 34)
    assert min(point[1] for point in drawn["points"]) == 0.001
    assert drawn["points"][-1][3] == 5000 and sum(point[4] for point in drawn["points"]) == 10_000
    assert {round(seconds) for _, seconds in drawn["failures"]} >= {17, 18, 5000}
    assert (drawn["p50"], drawn["p95"]) == (pytest.approx(1.005, abs=1e-5), pytest.approx(1.0095, abs=1e-5))


def test_percentiles_are_of_the_nearest_rank() -> None:
    assert [percentile(range(1, 21), share) for share in (0.5, 0.95, 1.0)] == [10, 19, 20]
    assert percentile([], 0.5) is None and percentile([7.0], 0.95) == 7.0
