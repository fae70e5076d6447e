"""What takes minutes: ordered, asked for less and less often, given up at a deadline, taken up by another process."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aimlapi_transport import AIMLAPIError, AsyncClient, Client
from aimlapi_transport.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BadResponseError,
    GenerationError,
    InsufficientCreditsError,
    InvalidRequestError,
    RateLimitError,
    ServerError,
)
from aimlapi_transport.media.generations import Generation, GenerationStatus

ORDERED = {"id": "g:1/2", "status": "queued", "meta": {"usage": {"credits_used": 1_000_000, "usd_spent": 0.5}}}
UNDER_WAY = {"id": "g:1/2", "status": "generating"}
DONE = {"id": "g:1/2", "status": "completed", "video": {"url": "https://cdn.test/film.mp4", "duration": 5}}


class Server:
    """Answers with these, the last one again and again."""

    def __init__(self, *replies: Any) -> None:
        self.replies = replies
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []
        self.headers: dict[str, str] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self.replies[min(len(self.requests), len(self.replies)) - 1]
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, bytes):
            return httpx.Response(200, content=reply, headers=self.headers)
        status, payload = reply if isinstance(reply, tuple) else (200, reply)
        return httpx.Response(status, json=payload, headers=self.headers)

    def client(self, **settings: Any) -> Client:
        http = httpx.Client(transport=httpx.MockTransport(self))
        return Client(api_key="test-key", http_client=http, sleep=self.pauses.append, **settings)


def film(server: Server, **arguments: Any) -> Any:
    return server.client(max_retries=0).video("veo2", "A cat", **arguments)


def test_it_is_asked_less_and_less_often() -> None:
    server, seen = Server(ORDERED, *[UNDER_WAY] * 7, DONE), list[GenerationStatus]()
    result = film(server, on_progress=seen.append)
    assert server.pauses == pytest.approx([2.0, 3.0, 4.5, 6.75, 10.125, 15.0, 15.0])
    assert [(status.state, status.provider_state) for status in seen] == [("under_way", "generating")] * 7 + [
        ("done", "completed")
    ]
    assert (result.urls, result.id, result.cost_usd, result.seconds) == (
        ["https://cdn.test/film.mp4"],
        "g:1/2",
        0.5,
        5.0,
    )
    assert str(server.requests[1].url) == "https://api.aimlapi.com/v2/video/generations?generation_id=g%3A1%2F2"


@pytest.mark.parametrize(
    "base_url", ["https://api.aimlapi.com", "https://api.aimlapi.com/v1", "https://api.aimlapi.com/v2/"]
)
def test_versions_stand_in_the_paths_whatever_the_base_url_ends_in(base_url: str) -> None:
    server = Server(ORDERED, DONE)
    server.client(base_url=base_url).video("veo2", "A cat")
    assert [request.url.path for request in server.requests] == ["/v2/video/generations"] * 2


def test_a_deadline_ends_the_waiting_and_another_process_goes_on() -> None:
    server = Server(ORDERED, UNDER_WAY)
    with pytest.raises(APITimeoutError, match="not done after 60 s") as caught:
        film(server, wait_timeout=60)
    assert sum(server.pauses) == pytest.approx(60) and not caught.value.is_retryable
    assert "video:veo2:g:1/2" in str(caught.value)  # agents pass errors on as texts
    written = caught.value.generation.to_json()
    assert json.loads(written)["model"] == "veo2"
    assert Server(DONE).client().wait(written).urls == ["https://cdn.test/film.mp4"]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_question_that_is_refused_leaves_what_was_ordered(status: int) -> None:
    with pytest.raises(AIMLAPIError) as caught:
        film(Server(ORDERED, (status, {"message": "No"})))
    assert Server(DONE).client().wait(caught.value.generation).urls == ["https://cdn.test/film.mp4"]


def test_films_have_twenty_minutes() -> None:
    server = Server(ORDERED, UNDER_WAY)
    with pytest.raises(APITimeoutError):
        film(server)
    assert sum(server.pauses) == pytest.approx(1200)


def test_submit_status_and_wait_are_one_by_one() -> None:
    server = Server(ORDERED, UNDER_WAY, DONE)
    client = server.client()
    generation = client.submit("video", "veo2", "A cat", duration=5)
    assert (generation.id, generation.model, generation.operation, generation.cost_usd) == (
        "g:1/2",
        "veo2",
        "video",
        0.5,
    )
    assert Generation.from_json(generation.to_json()) == Generation.from_json(generation.to_dict()) == generation
    assert not client.status(generation).is_done
    assert client.status(generation.to_json()).result is not None
    with pytest.raises(InvalidRequestError, match="answers at once"):
        client.submit("images", "flux/dev", "A cat")
    with pytest.raises(InvalidRequestError, match="not a generation"):
        client.wait('{"id": 1}')


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"name": "InternalError", "message": "boom"}, ServerError),
        ({"name": "RateLimit", "message": "too many requests"}, RateLimitError),
        ({"name": "Timeout", "message": "timed out"}, APITimeoutError),
        ({"message": "Your prompt was blocked by the content policy"}, InvalidRequestError),
        ({"message": "insufficient credits"}, InsufficientCreditsError),
        ({"detail": [{"loc": ["body", "image_url"], "msg": "no face", "type": "face_detection_error"}]}, InvalidRequestError),
        ({"message": "something went wrong"}, GenerationError),
        ("something went wrong", GenerationError),
        (None, GenerationError),
    ],
)  # fmt: skip
@pytest.mark.parametrize("state", ["error", "failed"])
def test_what_failed_is_an_error_of_its_kind(error: Any, expected: type[AIMLAPIError], state: str) -> None:
    failed = {
        "id": "g:1/2",
        "status": state,
        "error": error,
        "meta": {"usage": {"credits_used": 200, "usd_spent": 0.1}},
    }
    server = Server(ORDERED, UNDER_WAY, failed)
    with pytest.raises(expected) as caught:
        film(server)
    assert type(caught.value) is expected and caught.value.cost_usd == 0.1 and caught.value.generation.id == "g:1/2"
    assert len(server.requests) == 3  # a failure is not asked for again


def test_an_error_in_a_body_without_a_failed_state_is_one() -> None:
    with pytest.raises(GenerationError, match="broke"):
        film(Server(ORDERED, {"id": "g", "error": {"message": "it broke"}}))


def test_trouble_on_the_way_does_not_end_the_waiting() -> None:
    down = (503, {"message": "later"})
    server = Server(ORDERED, down, httpx.ReadError("reset"), (429, {"message": "slow down"}), DONE)
    assert film(server).urls
    with pytest.raises(AuthenticationError):
        film(Server(ORDERED, (401, {"message": "no"})))


@pytest.mark.parametrize(
    "failure", [httpx.ReadError("reset"), httpx.ReadTimeout("late"), httpx.RemoteProtocolError("cut")]
)
def test_an_order_that_may_have_been_taken_is_not_sent_again(failure: Exception) -> None:
    server = Server(failure, ORDERED)
    with pytest.raises(APIConnectionError, match="may have been ordered") as caught:
        server.client(max_retries=2).video("veo2", "A cat")
    assert len(server.requests) == 1 and not caught.value.is_retryable


def test_an_order_that_was_refused_is_sent_again() -> None:
    server = Server((503, {"message": "later"}), (429, {"message": "slow down"}), ORDERED, DONE)
    assert server.client(max_retries=2).video("veo2", "A cat").urls


def test_an_answer_at_once_is_one() -> None:
    song = Server({"data": {"audio": (b"ID3\x04" + bytes(8)).hex()}, "base_resp": {"status_code": 0}})
    result = song.client().music("music-01", lyrics="La la la la la")
    assert result.files[0].data == b"ID3\x04" + bytes(8) and result.files[0].media_type == "audio/mpeg"
    with pytest.raises(BadResponseError, match="contains no film"):
        film(Server({"hello": "world"}))


@pytest.mark.parametrize(
    ("operation", "model", "arguments", "reply"),
    [
        ("music", "music-01", {"lyrics": "La la la la"}, {"data": {"audio": (b"ID3\x04" + bytes(8)).hex()}}),
        ("video", "veo2", {"prompt": "A cat"}, {**DONE, "meta": {"usage": {"credits_used": 2000, "usd_spent": 0.001}}}),
        ("transcribe", "nova-3", {"audio": "https://h/a.mp3"}, {"text": "Hello", "duration": 2.5}),
        ("music", "google/lyria2", {"prompt": "A song"}, b"ID3\x04" + bytes(8)),
    ],
)
def test_an_order_that_is_answered_at_once_is_done_and_its_result_is_kept(
    operation: str, model: str, arguments: dict[str, Any], reply: Any
) -> None:
    server = Server(reply)
    server.headers = {"x-inference-id": "i-1"}
    client = server.client()
    generation = client.submit(operation, model, **arguments)
    assert generation.is_done and generation.result is not None
    assert (generation.cost_usd, generation.result.cost_usd) == ((0.001, 0.001) if model == "veo2" else (None, None))
    written = generation.to_json()
    seen = list[GenerationStatus]()
    for kept in (generation, Generation.from_json(written), json.loads(written)):
        status = client.status(kept if isinstance(kept, Generation) else Generation.from_json(kept))
        assert status.is_done and status.result == generation.result
        assert client.wait(Generation.from_json(written), on_progress=seen.append) == generation.result
    assert getattr(client, operation)(model, **arguments) == generation.result
    assert len(server.requests) == 2 and not server.pauses and [one.is_done for one in seen] == [True] * 3


def test_the_json_of_an_order_without_its_result_is_as_before() -> None:
    kept = '{"id": "g", "model": "veo2", "operation": "video", "created_at": "2026-01-01T00:00:00+00:00"}'
    generation = Generation.from_json(kept)
    assert generation.result is None and not generation.is_done and hash(generation) == hash(Generation.from_json(kept))
    for broken in ({"json": {}}, {"base64": "%", "headers": {}}, {"headers": {}}, 7):
        with pytest.raises(InvalidRequestError, match="not a generation"):
            Generation.from_json({**json.loads(kept), "result": broken})


def test_a_deadline_says_what_kept_the_answer_away_and_carries_the_order() -> None:
    server = Server(ORDERED, (503, {"message": "maintenance"}))
    with pytest.raises(
        APITimeoutError, match=r"not done after 5 s\. .*The last question for it failed: maintenance"
    ) as caught:
        film(server, wait_timeout=5)
    assert isinstance(caught.value.__cause__, ServerError)
    assert Server(DONE).client().wait(caught.value.generation.to_json()).urls


async def test_cancelling_stops_the_waiting() -> None:
    import asyncio

    server, asleep = Server(ORDERED, UNDER_WAY), asyncio.Event()

    async def sleep(seconds: float) -> None:
        asleep.set()
        await asyncio.Event().wait()

    http = httpx.AsyncClient(transport=httpx.MockTransport(server))
    task = asyncio.ensure_future(AsyncClient(api_key="k", http_client=http, sleep=sleep).video("veo2", "A cat"))
    await asleep.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(server.requests) == 2


Call = Callable[[Client], Any]


@pytest.mark.parametrize(
    ("call", "payload"),
    [
        (lambda client: client.images("flux/dev", "A cat"), {"images": []}),
        (lambda client: client.speech("openai/tts-1", "Hi"), {"audio": None}),
        (lambda client: client.ocr("mistral/mistral-ocr-latest", "https://h/a.pdf"), {"pages": []}),
        (lambda client: client.transcribe("nova-3", "https://h/a.mp3"), {"status": "completed", "result": {}}),
    ],
)
def test_a_reply_without_what_was_asked_for_is_an_error(call: Call, payload: Any) -> None:
    with pytest.raises(BadResponseError, match="contains no"):
        call(Server(payload).client())


@pytest.mark.parametrize("wrong", [{"wait_timeout": -1}, {"wait_timeout": "5"}, {"on_progress": 3}])
def test_what_is_wrong_of_a_wait_is_said_before_anything_is_ordered(wrong: dict[str, Any]) -> None:
    server = Server(ORDERED, DONE)
    with pytest.raises(InvalidRequestError):
        film(server, **wrong)
    assert not server.requests


def test_only_what_takes_minutes_is_submitted_and_waited_for() -> None:
    client = Server(ORDERED).client()
    with pytest.raises(InvalidRequestError, match="There is no operation 'film'"):
        client.submit("film", "veo2", "A cat")
    for ask in (client.status, client.wait):
        with pytest.raises(InvalidRequestError, match="`images` answers at once"):
            ask("images:flux/dev:g1")
