"""Checks of the account for `aimlapi doctor`: what the key may do, what is left, and a call."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from aimlapi_cli.findings import LEFT_OUT, OK, WRONG, Line, Patient
from aimlapi_transport.errors import AIMLAPIError, AuthenticationError, PermissionDeniedError

_ADVICE = "Is the address the provider's own, up to /v1? A server in front of it may not pass this on."


def account(patient: Patient) -> Iterator[Line]:
    if not patient.key_works or not patient.is_reachable:
        return
    ours = patient.client
    try:
        found = ours.key()
    except AuthenticationError as error:
        patient.key_works = False
        yield Line("key is taken", WRONG, error.message, "Make a new key: https://aimlapi.com/app/keys")
        return
    except AIMLAPIError as error:
        yield Line("key is taken", WRONG, str(error), _ADVICE)
    else:
        state = WRONG if found.is_disabled else OK
        may = ", ".join(found.scopes) if found.scopes else "everything"
        named = f"{found.name or 'without a name'}, for {may}"
        advice = "Enable it, or use another." if found.is_disabled else ""
        yield Line("key is taken", state, named + (", but it is disabled" if found.is_disabled else ""), advice)
    try:
        ours.keys.list()
        yield Line("kind of key", OK, "management: it may make and delete keys")
    except PermissionDeniedError:
        yield Line("kind of key", OK, "regular")
    except AIMLAPIError:
        yield Line("kind of key", LEFT_OUT, "not reported")
    try:
        left = ours.balance()
    except AIMLAPIError as error:
        yield Line("balance", WRONG, str(error), _ADVICE)
    else:
        empty = left.usd <= 0
        advice = "Top up: https://aimlapi.com/app/billing/ (calls are refused with 403)" if empty else ""
        yield Line("balance", WRONG if empty else OK, f"${left.usd:,.2f}", advice)


def call(patient: Patient) -> Iterator[Line]:
    if not patient.key_works or not patient.is_reachable:
        return
    if not patient.call:
        yield Line("a call", LEFT_OUT, "costs a little: pass --call")
        return
    model = cheapest(patient.models)
    if model is None:
        yield Line("a call", LEFT_OUT, "the catalogue tells no prices")
        return
    messages = [{"role": "user", "content": "Say hi."}]
    for what, ask in (("a call", _whole), ("a stream", _stream)):
        begun = time.perf_counter()
        try:
            cost = ask(patient.client, model, messages)
        except AIMLAPIError as error:
            yield Line(what, WRONG, f"{model}: {error}", "See docs/errors-and-retries.md")
        else:
            price = "" if cost is None else f", ${cost:.6f}"
            yield Line(what, OK, f"{model} answered in {time.perf_counter() - begun:.2f} s{price}")


def _whole(ours: Any, model: str, messages: Any) -> float | None:
    completion = ours.chat(model, messages, max_tokens=16)
    return completion.cost.usd if completion.cost else None


def _stream(ours: Any, model: str, messages: Any) -> float | None:
    cost = None
    for delta in ours.stream_chat(model, messages, max_tokens=16):
        if delta.completion is not None and delta.completion.cost is not None:
            cost = delta.completion.cost.usd
    return cost


def cheapest(models: list[Any]) -> str | None:
    """The id of the chat model with the lowest price for output."""
    priced = [
        (price.each, model.id)
        for model in models
        if any(path.endswith("/chat/completions") for path in model.endpoints)
        and model.pricing is not None
        and (price := model.pricing.price("output")) is not None
        and price.amount > 0
    ]
    return min(priced)[1] if priced else None
