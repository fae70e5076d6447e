"""When to try again, and how many callers of one address may."""

from __future__ import annotations

import copy
import pickle

import pytest

from aimlapi_transport.client import Client
from aimlapi_transport.config.retry import RetryBudget, RetryPolicy
from aimlapi_transport.errors import AIMLAPIError, RateLimitError, ServerError
from tests.scripted import reply, scripted


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_quota_is_used_up_and_comes_back_by_time_and_by_success() -> None:
    clock = Clock()
    quota = RetryBudget(3, clock)
    assert [quota.take() for _ in range(4)] == [True, True, True, False]
    clock.now = 1.0
    assert [quota.take() for _ in range(2)] == [True, False]
    quota.give_back(2)
    assert [quota.take() for _ in range(3)] == [True, True, False]
    for _ in range(5):
        quota.give_back(0)
    assert [quota.take() for _ in range(2)] == [True, False]
    clock.now = 1000.0
    assert [quota.take() for _ in range(4)] == [True, True, True, False]


def test_pauses_double_up_to_eight_seconds_and_follow_the_host_up_to_a_minute() -> None:
    policy = RetryPolicy(20, jitter=lambda: 1.0)
    failure = ServerError("down")
    assert [policy.delay(attempt, failure) for attempt in (1, 2, 3, 5, 6, 20, 21)] == [0.5, 1, 2, 8, 8, 8, None]
    assert RetryPolicy(1, jitter=lambda: 0.0).delay(1, failure) == 0.25
    for told, expected in ((3.5, 3.5), (60.0, 60.0), (61.0, None)):
        busy = RateLimitError("busy")
        busy.retry_after = told
        assert policy.delay(1, busy) == expected


@pytest.mark.parametrize("callers", [1, 250, 600])
def test_the_callers_of_a_dead_address_share_their_retries(callers: int) -> None:
    """Each has its first request; then all together the quota, and what a second or two gives back."""
    with scripted(reply(503)) as server:
        clients = [Client(api_key="sk-test-0123456789", base_url=server.base_url, sleep=lambda _: None)] * callers
        for client in clients:
            with pytest.raises(AIMLAPIError):
                client.chat("m", [{"role": "user", "content": "Hi"}])
        retries = len(server.received) - callers
    assert min(2 * callers, 400) <= retries <= min(2 * callers, 400 + 60)


def test_a_policy_is_a_value() -> None:
    policy = RetryPolicy(3, longest_wait=5)
    copies = [pickle.loads(pickle.dumps(policy)), copy.deepcopy(policy), RetryPolicy(3, 5, jitter=lambda: 0.5)]
    assert copies == [policy] * 3
    assert repr(policy) == "RetryPolicy(max_retries=3, longest_wait=5)"
