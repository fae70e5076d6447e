"""`aimlapi models` and `aimlapi model`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aimlapi_cli import completion, streams
from aimlapi_cli.nearest import names_of, nearest, sentence
from aimlapi_cli.session import ApiKey, AsCsv, AsJson, BaseUrl, client, console, fail
from aimlapi_cli.tables import Column, show, show_one
from aimlapi_cli.vendors import of_vendor, spellings, vendor_of, vendors
from aimlapi_transport.errors import AIMLAPIError, InvalidRequestError

if TYPE_CHECKING:
    from aimlapi_transport.service.catalogue import Model, ModelMetrics

_MILLION = 1_000_000
_SORTS = ("id", "price", "context", "ttft", "tps")
# What `--takes` says -> where the catalogue has it.
_MODALITIES = ("text", "image", "audio", "video", "file", "pdf")
_COLUMNS = {
    one.name: one
    for one in (
        Column("id", "id"),
        Column("vendor", "vendor"),
        Column("context", "context"),
        Column("input_usd_per_million", "in $/M"),
        Column("output_usd_per_million", "out $/M"),
        Column("takes", "takes", wraps=True),
        Column("ttft_ms", "ttft ms"),
        Column("tokens_per_second", "tokens/s"),
    )
}
_SPEED = ("ttft_ms", "tokens_per_second")
# What a terminal shows from the left: what matters most, and the speed where it was asked for.
_ON_TERMINAL = ("id", *_SPEED, "output_usd_per_million", "input_usd_per_million", "context", "takes", "vendor")


def models(
    words: Annotated[list[str] | None, typer.Argument(help="Words that the id, an alias or the name holds.")] = None,
    vendor: Annotated[str | None, typer.Option(help="Of this vendor, by any of its names.")] = None,
    takes: Annotated[
        str | None,
        typer.Option(
            help="What it must take: image, audio, file, tools, structured_output, ...",
            autocompletion=completion.listed((*_MODALITIES, "tools", "structured_output", "streaming")),
        ),
    ] = None,
    max_price: Annotated[float | None, typer.Option(help="Most US dollars for a million output tokens.")] = None,
    sort: Annotated[str, typer.Option(help=f"By {', '.join(_SORTS)}.", autocompletion=completion.among(_SORTS))] = "id",
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
    every = ours.models(include="all")
    found = every if all_types else [one for one in every if _chats(one)]
    if vendor is not None:
        theirs = of_vendor(every, vendor)
        if theirs is None:
            near = sentence(vendor, spellings(every)) or f" There are: {', '.join(vendors(every))}."
            raise InvalidRequestError(f"There is no vendor {vendor!r}.{near}")
        ids = {one.id for one in theirs}
        found = [one for one in found if one.id in ids]
    for word in [word.strip() for word in (takes or "").split(",") if word.strip()]:
        taking = [one for one in found if _takes(one, word)]
        if not taking and not any(_takes(one, word) for one in every):
            known = {kind for one in every for kind in (*one.input_modalities, *one.capabilities)}
            raise InvalidRequestError(
                f"No model takes {word!r}: pass image, audio, video, file, tools, ...{sentence(word, known)}"
            )
        found = taking
    if max_price is not None:
        if not max_price >= 0:  # also of no number at all
            raise InvalidRequestError(f"`--max-price` is {max_price}: pass US dollars for a million output tokens.")
        found = [one for one in found if (price := out_price(one)) is not None and price <= Decimal(str(max_price))]
    found = [one for one in found if _fits(one, words or ())]
    speed = _speed(ours, found) if sort in ("ttft", "tps") else {}
    rows = [row_of(one, speed.get(one.id)) for one in _sorted(found, sort, speed)]
    left_out = () if speed else _SPEED
    columns = [one for name, one in _COLUMNS.items() if name not in left_out]
    people = [_COLUMNS[name] for name in _ON_TERMINAL if name not in left_out]
    if rows or as_json or as_csv:
        show(rows, columns, on_terminal=people, as_json=as_json, as_csv=as_csv, title=f"{len(rows)} models")
    if not rows:
        fail(_no_hit(" ".join(words or ()), every, all_types))


def _no_hit(words: str, every: Sequence[Model], all_types: bool) -> str:
    """What to say of a search that found nothing."""
    if not words:
        return "No model has all of that: leave out an option."
    others = [one.id for one in every if not _chats(one) and _fits(one, words.split())]
    if others and not all_types:
        return f"No model that chats fits {words!r}; with --all there are {len(others)}: {', '.join(others[:3])}."
    near = nearest(words, names_of(every))
    return f"No model fits {words!r}." + (f" The nearest: {', '.join(near)}." if near else "")


def _chats(found: Model) -> bool:
    return any("chat" in path or "responses" in path for path in found.endpoints)


def model(
    name: Annotated[str, typer.Argument(help="Id or alias.", autocompletion=completion.models)],
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """All that is known of one model, and the code to use it.

    It needs no key.

    [dim]aimlapi model openai/gpt-4o[/dim]
    """
    if not name.strip():
        raise InvalidRequestError("No model is named: pass an id (`aimlapi models` lists them).")
    ours = client(base_url, api_key)
    found = ours.model(name)
    try:
        metrics = ours.metrics([found.id])
    except AIMLAPIError:
        metrics = []
    if as_json:
        show_one(_fields(found, metrics), as_json=True)
        return
    imports = (
        ("LangChain", "langchain_aimlapi", "ChatAIMLAPI", "invoke"),
        ("LlamaIndex", "llama_index_aimlapi", "AIMLAPI", "complete"),
    )
    code = {
        framework: (f"from {package} import {name}", f'{name}(model="{found.id}").{method}("Hello")')
        for framework, package, name, method in imports
    }
    if not streams.is_terminal():
        one_line = {framework.lower(): "; ".join(lines) for framework, lines in code.items()}
        fields = _fields(found, metrics)
        prices = json.dumps(fields["prices"], default=float) if fields["prices"] else None
        piped = {**fields, "first_token_ms": fields["ttft_ms"], "prices": prices, **one_line}
        show_one({name: value for name, value in piped.items() if name not in ("raw", "ttft_ms")})
        return
    show_one(_facts(found, metrics), title=found.name)
    out = console()
    for framework, lines in code.items():
        out.print(f"\n{framework}", style="bold")
        out.print("\n".join(lines), markup=False, soft_wrap=True)  # no line is broken: it is copied


def _fields(found: Model, metrics: Sequence[ModelMetrics]) -> dict[str, Any]:
    """All that is known of a model, for programs."""
    from aimlapi_transport.config.model_families import facts_for

    known = facts_for(found.id)
    speed = next((one for one in metrics if one.ttft_ms and one.tps), None)
    prices = found.pricing.prices if found.pricing else ()
    return {
        **row_of(found),
        "name": found.name,
        "aliases": list(found.aliases),
        "description": found.description,
        "output_limit": found.output_limit,
        "input_modalities": list(found.input_modalities),
        "output_modalities": list(found.output_modalities),
        "capabilities": list(found.capabilities),
        "prices": [
            {"usd": one.amount, "per": one.per, "unit": one.unit, "measure": one.measure, "when": one.when}
            for one in prices
        ],
        "endpoints": list((known.endpoints if known else None) or found.endpoints),
        "parameters": sorted(known.parameters) if known and known.parameters else None,
        "ttft_ms": speed.ttft_ms.p50 if speed and speed.ttft_ms else None,
        "tokens_per_second": speed.tps.p50 if speed and speed.tps else None,
        "docs_url": found.docs_url,
        "raw": found.raw,
    }


def _facts(found: Model, metrics: Sequence[ModelMetrics]) -> dict[str, Any]:
    """The same for people."""
    fields = _fields(found, metrics)
    prices = [
        f"${one['usd']:f} for {one['per']:,} {one['unit']}s{' of ' + one['measure'] if one['measure'] else ''}"
        + (f" ({', '.join(f'{name} {value}' for name, value in one['when'].items())})" if one["when"] else "")
        for one in fields["prices"]
    ]
    ttft, tps = fields["ttft_ms"], fields["tokens_per_second"]
    return {
        "id": found.id,
        "aliases": ", ".join(found.aliases),
        "vendor": vendor_of(found),
        "description": found.description,
        "context": f"{found.context_length:,} tokens" if found.context_length else None,
        "output_limit": f"{found.output_limit:,} tokens" if found.output_limit else None,
        "takes": ", ".join(found.input_modalities),
        "gives": ", ".join(found.output_modalities),
        "capabilities": ", ".join(found.capabilities),
        "price": "; ".join(prices),
        "endpoints": ", ".join(fields["endpoints"]),
        "parameters": ", ".join(fields["parameters"] or ()),
        "first_token": None if ttft is None else f"{ttft:,.0f} ms for half of the calls",
        "speed": None if tps is None else f"{tps:,.0f} tokens a second",
        "documents": found.docs_url,
    }


def row_of(found: Model, speed: ModelMetrics | None = None) -> dict[str, Any]:
    """A model as a row."""
    row: dict[str, Any] = {
        "id": found.id,
        "vendor": vendor_of(found),
        "context": found.context_length,
        "input_usd_per_million": _per_million(found, "input"),
        "output_usd_per_million": _per_million(found, "output"),
        "takes": [kind for kind in found.input_modalities if kind != "text"]
        + ["tools"] * ("tools" in found.capabilities),
    }
    if speed is not None:
        row |= {"ttft_ms": speed.ttft_ms and speed.ttft_ms.p50, "tokens_per_second": speed.tps and speed.tps.p50}
    return row


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
