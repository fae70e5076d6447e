"""`aimlapi models` and `aimlapi model`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aimlapi_cli.session import ApiKey, AsCsv, AsJson, BaseUrl, client, console
from aimlapi_cli.tables import is_narrow, show
from aimlapi_transport.errors import AIMLAPIError, InvalidRequestError

if TYPE_CHECKING:
    from aimlapi_transport.service.catalogue import Model, ModelMetrics

_MILLION = 1_000_000
_SORTS = ("id", "price", "context", "ttft", "tps")
# What `--takes` says -> where the catalogue has it.
_MODALITIES = ("text", "image", "audio", "video", "file", "pdf")
_COLUMNS = ("id", "vendor", "context", "in $/M", "out $/M", "takes")


def models(
    words: Annotated[list[str] | None, typer.Argument(help="Words that the id, an alias or the name holds.")] = None,
    vendor: Annotated[str | None, typer.Option(help="Of this vendor.")] = None,
    takes: Annotated[
        str | None, typer.Option(help="What it must take: image, audio, file, tools, structured_output, ...")
    ] = None,
    max_price: Annotated[float | None, typer.Option(help="Most US dollars for a million output tokens.")] = None,
    sort: Annotated[str, typer.Option(help=f"By {', '.join(_SORTS)}.")] = "id",
    all_types: Annotated[bool, typer.Option("--all", help="Models that do not chat, too.")] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    base_url: BaseUrl = None,
) -> None:
    """The models there are, with their prices. Needs no key.

    [dim]aimlapi models claude --takes image,tools --sort price[/dim]
    """
    if sort not in _SORTS:
        raise InvalidRequestError(f"`--sort` is {sort!r}: pass one of {', '.join(_SORTS)}.")
    ours = client(base_url, None)
    found = ours.models(include="all")
    if not all_types:
        found = [one for one in found if any("chat" in path or "responses" in path for path in one.endpoints)]
    found = [one for one in found if _fits(one, words or ())]
    if vendor is not None:
        known = {vendor_of(one).lower() for one in ours.models(include="all")}
        if vendor.lower() not in known:
            raise InvalidRequestError(f"There is no vendor {vendor!r}. There are: {', '.join(sorted(known))}.")
        found = [one for one in found if vendor_of(one).lower() == vendor.lower()]
    for word in [word.strip() for word in (takes or "").split(",") if word.strip()]:
        taking = [one for one in found if _takes(one, word)]
        if not taking and not any(_takes(one, word) for one in ours.models(include="all")):
            raise InvalidRequestError(f"No model takes {word!r}: pass image, audio, video, file, tools, ...")
        found = taking
    if max_price is not None:
        found = [one for one in found if (price := out_price(one)) is not None and price <= Decimal(str(max_price))]
    speed = _speed(ours, found) if sort in ("ttft", "tps") else {}
    rows = [row_of(one, speed.get(one.id)) for one in _sorted(found, sort, speed)]
    columns = [*_COLUMNS, *(("ttft ms", "tokens/s") if speed else ())]
    if is_narrow():
        columns.remove("vendor")  # mostly the first half of the id
    show(rows, columns, as_json=as_json, as_csv=as_csv, title=f"{len(rows)} models")


def model(
    name: Annotated[str, typer.Argument(help="Id or alias.")],
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """All that is known of one model, and the code to use it. Needs no key.

    [dim]aimlapi model openai/gpt-4o[/dim]
    """
    ours = client(base_url, api_key)
    found = ours.model(name)
    try:
        metrics = ours.metrics([found.id])
    except AIMLAPIError:
        metrics = []
    rows = [
        {"what": what, "value": value} for what, value in _facts(found, metrics).items() if value not in (None, "", ())
    ]
    if as_json:
        show([{**row_of(found), **_facts(found, metrics), "raw": found.raw}], (), as_json=True)
        return
    show(rows, ("what", "value"), title=found.name)
    out = console()
    out.print("\nLangChain", style="bold")
    out.print(f'    from langchain_aimlapi import ChatAIMLAPI\n    ChatAIMLAPI(model="{found.id}").invoke("Hello")')
    out.print("LlamaIndex", style="bold")
    out.print(f'    from llama_index_aimlapi import AIMLAPI\n    AIMLAPI(model="{found.id}").complete("Hello")')


def _facts(found: Model, metrics: Sequence[ModelMetrics]) -> dict[str, Any]:
    from aimlapi_transport.config.model_families import facts_for

    known = facts_for(found.id)
    speed = next((one for one in metrics if one.ttft_ms and one.tps), None)
    prices = [
        f"${price.amount:f} for {price.per:,} {price.unit}s{f' of {price.measure}' if price.measure else ''}"
        + (f" ({', '.join(f'{k} {v}' for k, v in price.when.items())})" if price.when else "")
        for price in (found.pricing.prices if found.pricing else ())
    ]
    return {
        "id": found.id,
        "aliases": ", ".join(found.aliases),
        "vendor": vendor_of(found),
        "description": found.description,
        "context": f"{found.context_length:,} tokens" if found.context_length else None,
        "most output": f"{found.output_limit:,} tokens" if found.output_limit else None,
        "takes": ", ".join(found.input_modalities),
        "gives": ", ".join(found.output_modalities),
        "capabilities": ", ".join(found.capabilities),
        "price": "; ".join(prices),
        "endpoints": ", ".join((known.endpoints if known else None) or found.endpoints),
        "parameters": ", ".join(sorted(known.parameters)) if known and known.parameters else None,
        "first token": f"{speed.ttft_ms.p50:,.0f} ms for half of the calls" if speed and speed.ttft_ms else None,
        "speed": f"{speed.tps.p50:,.0f} tokens a second" if speed and speed.tps else None,
        "documents": found.docs_url,
    }


def row_of(found: Model, speed: ModelMetrics | None = None) -> dict[str, Any]:
    """A model as a row."""
    row: dict[str, Any] = {
        "id": found.id,
        "vendor": vendor_of(found),
        "context": found.context_length,
        "in $/M": _per_million(found, "input"),
        "out $/M": _per_million(found, "output"),
        "takes": [kind for kind in found.input_modalities if kind != "text"]
        + ["tools"] * ("tools" in found.capabilities),
    }
    if speed is not None:
        row |= {"ttft ms": speed.ttft_ms and speed.ttft_ms.p50, "tokens/s": speed.tps and speed.tps.p50}
    return row


def vendor_of(found: Model) -> str:
    """Who made a model: what the catalogue says, else the first part of its id."""
    return found.developer or found.id.partition("/")[0]


def out_price(found: Model) -> Decimal | None:
    """US dollars for a million output tokens."""
    return _per_million(found, "output")


def _per_million(found: Model, measure: str) -> Decimal | None:
    price = found.pricing.price(measure) if found.pricing else None
    return None if price is None else (price.each * _MILLION).normalize()


def _fits(found: Model, words: Sequence[str]) -> bool:
    text = " ".join((found.id, *found.aliases, found.name, vendor_of(found))).lower()
    return all(word.lower() in text for word in words)


def _takes(found: Model, word: str) -> bool:
    word = {"pdf": "file", "images": "image"}.get(word.lower(), word.lower())
    return word in found.input_modalities or word in found.capabilities or f"{word}_input" in found.capabilities


def _speed(ours: Any, found: Sequence[Model]) -> dict[str, ModelMetrics]:
    return {one.model: one for one in ours.metrics([model.id for model in found]) if one.ttft_ms and one.tps}


def _sorted(found: list[Model], sort: str, speed: dict[str, ModelMetrics]) -> list[Model]:
    last = float("inf")

    def figure(one: Model) -> float:
        known = speed.get(one.id)
        if sort == "price":
            price = out_price(one)
            return last if price is None else float(price)
        if sort == "context":
            return -(one.context_length or 0)
        if known is None or known.ttft_ms is None or known.tps is None:
            return last
        return known.ttft_ms.p50 if sort == "ttft" else -known.tps.p50

    if sort == "id":
        return sorted(found, key=lambda one: one.id)
    return sorted(found, key=lambda one: (figure(one), one.id))
