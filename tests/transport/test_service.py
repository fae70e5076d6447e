"""The service endpoints: the published payloads, the calls against the emulator's account, and what is never done."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import traceback
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from aimlapi_emulator import EmulatorServer, emulator
from aimlapi_transport import AsyncClient, Client
from aimlapi_transport.errors import (
    APIConnectionError,
    BadResponseError,
    InsufficientCreditsError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
)
from aimlapi_transport.service import billing, catalogue, keys
from aimlapi_transport.service.keys import KeyLimit

PAYLOADS = json.loads(Path(__file__).with_name("service_payloads.json").read_text())
OF_KIND = {row["kind"]: row["body"] for row in PAYLOADS}
HI = [{"role": "user", "content": "Hi"}]
MANAGER = "management-key-0123456789"


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No test reads what another left in the machine's folder for caches."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def client(server: EmulatorServer, key: str = "sk-regular-key") -> Client:
    return Client(base_url=server.base_url, api_key=key, max_retries=0)


# -- the published payloads --------------------------------------------------------------------------------------------

READERS: dict[str, Any] = {
    "models-list": catalogue.read_models,
    "model-item": catalogue.read_item,
    "model-item-include": catalogue.read_item,
    "model-pricing": catalogue.read_pricing,
    "billing": billing.read_balance,
    "billing-v1": billing.read_balance,
    "key": keys.read_key,
    "key-create": keys.read_new_key,
    "keys-list": keys.read_keys,
}


@pytest.mark.parametrize("row", [r for r in PAYLOADS if r["kind"] in READERS], ids=lambda row: row["name"])
def test_every_published_payload_is_read(row: dict[str, Any]) -> None:
    found = READERS[row["kind"]](row["body"])
    assert found
    assert pickle.loads(pickle.dumps(found)) == found


ANYTHING = [None, True, -3, 2.5, float("inf"), 10**40, "", "x", "NaN", "\ud800", [], [1, None], {}, {"a": [{}]}, [{}]]
REPORT = {
    "start": "2026-01-01",
    "spend": 1.5,
    "requests": 3,
    "groups": [{"day": "2026-01-01", "spend": 1, "tokens": {"input": 1}, "requests": {"total": 3, "failed": 1}}],
}
TRANSACTIONS = {"data": [{"created_at": "2026-01-01", "amount": {"usd": 1, "credits": 2}}], "pagination": {}}
LOGS = {"data": [{"created": "2026-01-01", "cost": {"usd": 1}, "tokens": {"input": 1}}], "pagination": {}}
METRICS = {
    "window_seconds": 60,
    "models": [{"alias": "a", "metrics": {"tps": dict.fromkeys(("p50", "p75", "p90", "p99"), 1)}}],
}


def with_anything(value: Any) -> Iterator[Any]:
    """A reply with each of its values, one at a time, of any other type."""
    yield from ANYTHING
    items = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, item in items:
        for other in with_anything(item):
            changed = copy.copy(value)
            changed[key] = other
            yield changed


@pytest.mark.parametrize(
    ("read", "payload"),
    [
        *(
            (READERS[row["kind"]], row["body"])
            for row in PAYLOADS
            if row["kind"] in READERS and row["kind"] != "model-pricing"
        ),
        (billing.read_usage, REPORT),
        (billing.read_transactions, TRANSACTIONS),
        (billing.read_logs, LOGS),
        (catalogue.read_metrics, METRICS),
    ],
)
def test_replies_are_read_without_trust_in_their_types(read: Any, payload: Any) -> None:
    """What is of another type is no value, or the reply is none of its kind; nothing else is raised."""
    if isinstance(payload, list):
        payload = payload[:2]
    elif isinstance(payload.get("data"), list):
        payload = {**payload, "data": payload["data"][:2]}
    for reply in with_anything(payload):
        try:
            found = read(reply)
        except BadResponseError:
            continue
        assert repr(found) and found == read(reply) and pickle.loads(pickle.dumps(found)) == found


def test_values_of_another_type_are_none() -> None:
    (entry,), more = billing.read_logs(
        {"data": [{"status": 3, "cost": [1], "tokens": {"input": "7"}, "created": 5}, 4]}
    )
    assert entry == billing.LogEntry() and not more and entry.raw["status"] == 3
    assert billing.read_usage({**REPORT, "requests": "many"}).groups[0].requests == 3
    report = billing.read_usage({"spend": "1.25", "groups": {}, "models": [{"requests": 2}, "x"]})
    assert (report.usd, report.groups, report.models) == (Decimal("1.25"), (), (billing.UsageGroup(requests=2),))
    key = keys.read_key({"data": {"prefix": "p", "limit": [], "scopes": "x", "disabled": 1, "key": "secret"}})
    assert key == keys.Key("p", scopes=()) and key.raw.keys() == {"prefix", "limit", "scopes", "disabled"}
    metrics = catalogue.read_metrics({"models": [{"metrics": {"tps": {"p50": "1"}}}]})
    assert metrics == [catalogue.ModelMetrics()]


def test_models_of_today_s_shape() -> None:
    (row,) = [r for r in PAYLOADS if r["kind"] == "model-item" and r["body"]["id"] == "openai/gpt-4o"]
    model = catalogue.read_item(row["body"])
    assert (model.id, model.aliases, model.endpoints) == ("openai/gpt-4o", ("gpt-4o",), ("/v1/chat/completions",))
    assert (model.context_length, model.output_limit, model.released) == (128_000, 16_384, "2025-08-07")
    assert model.docs_url and model.tags == ("playground:chat", "tier:tier_2")
    priced = catalogue.read_item(OF_KIND["model-item-include"])
    assert (priced.input_modalities, priced.output_modalities) == (("image", "text"), ("text",))
    assert priced.pricing is not None and "vision" in priced.capabilities
    (price,) = priced.pricing.prices
    assert (price.amount, price.per, price.unit, price.measure) == (Decimal("3.25"), 1_000_000, "token", "output")
    assert priced.pricing.cost(10, 2_000_000) == Decimal("6.5")


def test_models_of_the_older_shape() -> None:
    model = catalogue.read_models(OF_KIND["models-list"])[0]
    assert (model.id, model.endpoints) == ("o3-mini", ("/v1/chat/completions",)) or "/v1/responses" in model.endpoints
    assert (model.context_length, model.output_limit) == (200_000, 100_000)
    assert {"tools", "streaming"} <= set(model.capabilities)
    assert "features" in model.raw


def test_fields_nobody_knows_are_kept() -> None:
    model = catalogue.read_model({"id": "m", "new": {"a": 1}})
    assert model.extra == {"new": {"a": 1}} and model.raw["new"] == {"a": 1}


def test_prices_with_conditions() -> None:
    pricing = catalogue.read_pricing(OF_KIND["model-pricing"])
    assert [(price.each, price.unit, price.when) for price in pricing.prices] == [
        (Decimal("0.39"), "second", {"resolution": "720p"}),
        (Decimal("0.65"), "second", {"resolution": "1080p"}),
    ]
    assert pricing.cost(1, 1) is None


def test_balances_in_dollars_and_in_credits() -> None:
    assert billing.read_balance(OF_KIND["billing"]).usd == Decimal("123.45")
    assert billing.read_balance(OF_KIND["billing"]).credits == 246_900_000
    older = billing.read_balance(OF_KIND["billing-v1"])
    assert (older.usd, older.credits, older.is_low, older.status) == (Decimal(5), 10_000_000, False, "current")


def test_keys() -> None:
    key = keys.read_key(OF_KIND["key"])
    assert (key.prefix, key.name, key.is_disabled, key.scopes) == (
        "b747e891",
        "20260202-key-for-llms",
        False,
        ("model:chat",),
    )
    assert key.limit == KeyLimit(Decimal(25), "no_reset")
    assert key.created == datetime(2026, 2, 18, 6, 59, 10, 31000, tzinfo=timezone.utc)
    new = keys.read_new_key(OF_KIND["key-create"])
    assert new.secret == "b747e891847f4c3fa0f6cce1cfd79bf9"
    assert new.secret not in repr(new) and new.secret not in str(new.key.raw)


# -- the catalogue -----------------------------------------------------------------------------------------------------


def test_the_catalogue_needs_no_key_and_is_asked_for_once(
    server: EmulatorServer, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    monkeypatch.delenv("AIMLAPI_API_KEY", raising=False)
    reader = Client(base_url=server.base_url)
    first = reader.models()
    assert len(first) > 300 and first[0].pricing is None
    again = Client(base_url=server.base_url, api_key="sk-secret-secret").models()
    assert again == first
    sent = server.requests[-2:]
    assert [bool(request.headers.get("if-none-match")) for request in sent] == [False, True]
    assert all("authorization" not in request.headers for request in sent)
    assert "sk-secret" not in "".join(path.read_text() for path in own_cache.rglob("*.json"))


def test_a_folder_that_cannot_be_written_keeps_nothing(server: EmulatorServer, monkeypatch: Any) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    assert client(server).models() == client(server).models()


def test_filters_choose(server: EmulatorServer) -> None:
    found = client(server).models(capabilities=["tools", "vision"], input_modalities="audio", include="all")
    assert found and all("audio" in model.input_modalities for model in found)
    assert all({"tools", "vision"} & set(model.capabilities) for model in found)
    named = client(server).models(id="gpt-4o", include=["pricing"])
    assert named and all(one.pricing is not None and one.is_named("gpt-4o") for one in named)


def test_what_finds_nothing_says_why(server: EmulatorServer) -> None:
    with pytest.raises(InvalidRequestError, match=r"No model has the `capabilities` 'tolls'\. The nearest: tools"):
        client(server).models(capabilities="tolls")
    with pytest.raises(InvalidRequestError, match="`price` is not a filter"):
        client(server).models(price="1")  # type: ignore[call-arg]
    with pytest.raises(InvalidRequestError, match="`include` is 'prices'"):
        client(server).models(include="prices")
    assert client(server).models(input_modalities="audio", type="openai/embeddings") == []  # each exists, not together


def test_one_model_by_any_name(server: EmulatorServer) -> None:
    model = client(server).model("gpt-4o")
    assert model.is_named("gpt-4o") and model.pricing is not None
    with pytest.raises(NotFoundError, match=r"There is no model 'openai/gpt-4p'\. The nearest: \S*gpt-4"):
        client(server).model("openai/gpt-4p")


def test_metrics_of_many_models(server: EmulatorServer) -> None:
    names = [model.id for model in client(server).models()][:150]
    found = client(server).metrics(names)
    assert {one.model for one in found} == set(names)
    assert found[0].ttft_ms is not None and found[0].ttft_ms.p50 < found[0].ttft_ms.p99
    assert len([r for r in server.requests if r.path == "/models/metrics"]) == 2


# -- the account -------------------------------------------------------------------------------------------------------


def test_calls_show_in_balance_usage_transactions_and_logs() -> None:
    with emulator(balance_usd=2.0) as server:
        ours = client(server)
        before = ours.balance()
        assert before.usd == 2
        completion = ours.chat("openai/gpt-4o", HI, client_request_id="mine-1")
        ours.chat("anthropic/claude-sonnet-4.5", HI)
        with pytest.raises(NotFoundError):
            ours.chat("openai/no-such-model", HI)
        client(server, "sk-other-key").chat("openai/gpt-4o", HI)
        assert completion.cost is not None
        report = ours.usage("24h", group_by=["model", "day"], tz="Europe/Berlin")
        assert (report.requests, {group.model for group in report.groups}) == (
            3,
            {"openai/gpt-4o", "anthropic/claude-sonnet-4.5", "openai/no-such-model"},
        )
        cost = {group.model: group.usd for group in report.models}["openai/gpt-4o"]
        assert float(cost) == pytest.approx(completion.cost.usd)
        assert sum(group.usd for group in report.groups) == report.usd
        assert report.key_prefix == "sk-regul"
        logs = list(ours.logs())
        assert [entry.status for entry in logs] == ["failed", "succeeded", "succeeded"]
        assert logs[-1].inference_id == completion.inference_id
        assert logs[-1].client_request_id == "mine-1"
        assert [entry.model for entry in ours.logs(status="failed")] == ["openai/no-such-model"]
        assert len(list(ours.logs(model=["openai/gpt-4o"]))) == 1
        charges = list(ours.transactions(direction="CHARGE"))
        assert len(charges) == 3 and charges[0].type == "MODEL_USAGE"
        assert [one.usd for one in ours.transactions(type="INIT")] == [2]
        assert ours.balance().usd == before.usd - sum(one.usd for one in charges)


def test_lists_page_by_themselves() -> None:
    with emulator() as server:
        ours = client(server)
        for _ in range(230):
            ours.chat("openai/gpt-4o", HI)
        assert len(list(ours.logs())) == 230
        assert len({one.reference_id for one in ours.transactions(direction="CHARGE")}) <= 230
        assert len(list(ours.transactions(direction="CHARGE"))) == 230

        async def counted() -> tuple[int, int]:
            other = AsyncClient(base_url=server.base_url, api_key="sk-regular-key")
            logs = [entry async for entry in other.logs("7d")]
            return len(logs), len([one async for one in other.transactions()])

        assert asyncio.run(counted()) == (230, 231)


def test_logs_keep_to_the_documented_rate() -> None:
    from aimlapi_transport.service.calls import ServiceCalls

    waits: list[float] = []
    page = {"data": [], "pagination": {"has_more": False}}
    http = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=page)))
    ours = Client(api_key="k", http_client=http, sleep=waits.append)
    now = [0.0]
    ours._service = ServiceCalls(ours, clock=lambda: now[0])
    for _ in range(201):
        assert list(ours.logs()) == []
    assert waits == [60.0]


def test_no_credits_is_its_own_error() -> None:
    with emulator(balance_usd=0.000001) as server:
        client(server).chat("openai/gpt-4o", HI)
        with pytest.raises(InsufficientCreditsError, match="run out of credits"):
            client(server).chat("openai/gpt-4o", HI)


def test_credits_where_dollars_are_not_told() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        if request.url.path == "/v2/billing":
            return httpx.Response(404, json={"message": "Cannot GET /v2/billing"})
        return httpx.Response(200, json=OF_KIND["billing-v1"])

    ours = Client(api_key="k", http_client=httpx.Client(transport=httpx.MockTransport(answer)))
    assert ours.balance().usd == 5
    assert seen == ["/v2/billing", "/v1/billing/balance"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"period": "7d", "start": "2026-01-01"}, "pass one window"),
        ({"period": "93d"}, "at most 92 days"),
        ({"period": "a week"}, "`period` is 'a week'"),
        ({"start": "2026-01-01"}, "`end` is missing"),
        ({"start": "2026-01-01", "end": "2026-06-01"}, "151 days apart"),
        ({"start": "2026-02-01", "end": "2026-01-01"}, "is before"),
        ({"start": "yesterday", "end": "today"}, "`start` is 'yesterday'"),
        ({"group_by": "week"}, "`group_by` is 'week'"),
        ({"tz": "Europe/Berln"}, "`tz` is 'Europe/Berln', which is not a time zone.*Did you mean `Europe/Berlin`"),
    ],
)
def test_what_cannot_be_asked_is_named_before(arguments: dict[str, Any], says: str) -> None:
    ours = Client(api_key="k", base_url="http://127.0.0.1:9/v1", max_retries=0)
    with pytest.raises(InvalidRequestError, match=says):
        ours.usage(**arguments)


def test_windows_in_every_form(server: EmulatorServer) -> None:
    ours, today = client(server), date.today()
    for start, end in (
        (today - timedelta(days=2), today + timedelta(days=1)),
        ("2026-01-01", "2026-02-01T00:00:00+02:00"),
        (datetime(2026, 1, 1), datetime(2026, 1, 2, tzinfo=timezone.utc)),
    ):
        assert ours.usage(start=start, end=end).start is not None


def test_keys_are_made_limited_disabled_and_deleted() -> None:
    with emulator() as server:
        manager = client(server, MANAGER)
        new = manager.keys.create(name="ci", scopes=["model:chat"], limit=KeyLimit(Decimal("0.000001"), "month"))
        assert new.key.prefix == new.secret[:8]
        assert [key.name for key in manager.keys.list()] == ["ci"]
        theirs = client(server, new.secret)
        assert theirs.key().name == "ci"
        theirs.chat("openai/gpt-4o", HI)
        with pytest.raises(InsufficientCreditsError):
            theirs.chat("openai/gpt-4o", HI)
        assert manager.keys.update(new.key.prefix, disabled=True, name="old").is_disabled
        assert manager.keys.list()[0].monthly_usage > 0
        assert manager.keys.delete(new.key.prefix)
        with pytest.raises(NotFoundError):
            manager.keys.delete(new.key.prefix)
        with pytest.raises(PermissionDeniedError):
            client(server).keys.list()
        with pytest.raises(InvalidRequestError, match="`scopes` has 'model:all'"):
            manager.keys.create(scopes=["model:all"])
        with pytest.raises(InvalidRequestError, match="prefix of a key is missing"):
            manager.keys.delete(" ")

        async def made() -> bool:
            other = AsyncClient(base_url=server.base_url, api_key=MANAGER)
            key = await other.keys.create(name="x")
            return await other.keys.delete(key.key.prefix)

        assert asyncio.run(made())


@pytest.mark.parametrize("failure", [500, 503, "broken", "garbage"])
def test_a_key_is_never_made_twice_and_never_shown(failure: Any) -> None:
    seen: list[str] = []
    secret = "b747e891847f4c3fa0f6cce1cfd79bf9"

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.method)
        if failure == "broken":
            raise httpx.ReadError("gone")
        if failure == "garbage":
            return httpx.Response(201, text=f'{{"data": {{"key": "{secret}", ')
        return httpx.Response(failure, json={"message": "Down"})

    ours = Client(
        api_key="k",
        http_client=httpx.Client(transport=httpx.MockTransport(answer)),
        sleep=lambda _: None,
        max_retries=3,
    )
    with pytest.raises(Exception) as raised:
        ours.keys.create(name="x")
    assert seen == ["POST"]
    shown = "".join(traceback.format_exception(raised.value)) + repr(vars(raised.value))
    assert secret not in shown


def test_what_was_not_done_is_tried_again() -> None:
    replies = iter(
        [httpx.Response(429, json={"message": "Slow down"}), httpx.Response(201, json=OF_KIND["key-create"])]
    )
    http = httpx.Client(transport=httpx.MockTransport(lambda _: next(replies)))
    assert Client(api_key="k", http_client=http, sleep=lambda _: None).keys.create().secret


def test_reading_is_tried_again() -> None:
    replies = iter([httpx.Response(503), httpx.Response(200, json=OF_KIND["billing"])])
    http = httpx.Client(transport=httpx.MockTransport(lambda _: next(replies)))
    assert Client(api_key="k", http_client=http, sleep=lambda _: None).balance().usd


def test_the_page_of_a_captive_portal_is_no_catalogue() -> None:
    http = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, text="<html>Sign in</html>")))
    with pytest.raises(BadResponseError, match="an HTML page"):
        Client(http_client=http).models()
    with pytest.raises(APIConnectionError):
        Client(base_url="http://127.0.0.1:9/v1", api_key="k", max_retries=0).models()
