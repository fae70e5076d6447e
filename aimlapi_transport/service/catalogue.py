"""The catalogue of models, their prices and their measured speed, as values.

Source: https://docs.aimlapi.com/api-references/service-endpoints/complete-model-list, in the shape of today and in the
one of 2025 (a list without an object around it, `features` and `endpoints` in place of `type` and `capabilities`).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, PlainValidator, TypeAdapter

from aimlapi_transport.errors import BadResponseError, InvalidRequestError
from aimlapi_transport.service import fields
from aimlapi_transport.service.fields import Json

# The endpoint type of today's catalogue -> the path that serves it.
_PATHS = {
    "openai/chat-completions": "/v1/chat/completions",
    "openai/responses": "/v1/responses",
    "openai/embeddings": "/v1/embeddings",
    "anthropic/messages": "/v1/messages",
    "chat-completion": "/v1/chat/completions",
    "embedding": "/v1/embeddings",
}
# What the older catalogue's `features` end in -> a capability of today's.
_FEATURES = {
    ".function": "tools",
    ".stream": "streaming",
    ".vision": "vision",
    ".response-format": "structured_output",
    ".parallel-tool-calls": "parallel_tool_calls",
}
_KNOWN = frozenset(
    ("id", "aliases", "type", "info", "tags", "modalities", "capabilities", "pricing", "features", "endpoints")
)


def _pricing_row(value: Any) -> Any:
    """Prices in either form as a list: of units with their measures, or of variants with their conditions."""
    if not isinstance(value, dict):
        return None
    units = [{**row, "unit": row.get("name")} for row in fields.objects(value.get("units"))]
    return {**value, "prices": [*units, *fields.objects(value.get("variants"))], "raw": value}


@dataclass(frozen=True, slots=True)
class Price:
    """What one thing costs.

    Attributes:
        amount: US dollars for `per` units.
        unit: what is counted: `token`, `second`, `image`, ...
        per: so many units, a million tokens for example.
        measure: of what: `input`, `output`, `cached_input`, ...
        when: under which conditions (`{"resolution": "720p"}`); empty where always.
    """

    amount: Annotated[fields.Money, fields.path("price")] = Decimal(0)
    unit: fields.Text = ""
    per: Annotated[int, PlainValidator(lambda value: fields.count(value) or 1)] = 1
    measure: fields.OptionalText = None
    when: fields.Object = field(default_factory=dict)

    @property
    def each(self) -> Decimal:
        """US dollars for one unit."""
        return self.amount / self.per


@dataclass(frozen=True, slots=True)
class Pricing:
    """The prices of a model.

    Attributes:
        kind: `fixed`, `variants` (they depend on a parameter) or `variable`.
        currency: `USD`.
    """

    kind: Annotated[str, PlainValidator(lambda value: fields.text(value) or "fixed")] = "fixed"
    currency: Annotated[str, PlainValidator(lambda value: fields.text(value) or "USD")] = "USD"
    prices: tuple[Price, ...] = ()
    raw: fields.Object = field(default_factory=dict, repr=False)

    def price(self, measure: str, unit: str = "token") -> Price | None:
        """The price of this measure, None where there is none of its own."""
        return next((one for one in self.prices if one.measure == measure and one.unit == unit), None)

    def cost(self, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> Decimal | None:
        """US dollars for so many tokens; None where tokens have no fixed price.

        Args:
            cached_tokens: those of the input that come from the cache, at their own price where they have one.
        """
        input_price, output_price = self.price("input"), self.price("output")
        if input_price is None and output_price is None:
            return None
        cache_price = self.price("cached_input") or self.price("cache_read") or input_price
        total = Decimal(0)
        if input_price is not None:
            total += input_price.each * max(input_tokens - cached_tokens, 0)
        if cache_price is not None:
            total += cache_price.each * min(cached_tokens, input_tokens)
        return total + (output_price.each * output_tokens if output_price is not None else 0)


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the catalogue.

    Attributes:
        id, aliases: its names.
        type: the endpoint type, `openai/chat-completions` for example.
        endpoints: the paths that serve it, as far as the catalogue says.
        context_length, output_limit: tokens; None where not reported.
        released, cutoff: dates as they are written: of the release, and of the newest thing it learned.
        input_modalities, output_modalities, capabilities, pricing: empty, or None, where they were not asked for
            (`include`).
        extra: the other fields.
    """

    id: fields.Text
    aliases: fields.Texts = ()
    type: fields.Text = ""
    name: Annotated[fields.Text, fields.path("info", "name")] = ""
    developer: Annotated[fields.OptionalText, fields.path("info", "developer")] = None
    description: Annotated[fields.OptionalText, fields.path("info", "description")] = None
    context_length: Annotated[fields.OptionalCount, fields.path("info", "contextLength")] = None
    output_limit: Annotated[fields.OptionalCount, fields.path("info", ("outputMax", "maxTokens"))] = None
    released: Annotated[fields.OptionalText, fields.path("info", "releasedAt")] = None
    cutoff: Annotated[fields.OptionalText, fields.path("info", "cutoffAt")] = None
    url: Annotated[fields.OptionalText, fields.path("info", "url")] = None
    docs_url: Annotated[fields.OptionalText, fields.path("info", ("docsUrl", "docs_url"))] = None
    tags: fields.Texts = ()
    endpoints: fields.Texts = ()
    input_modalities: Annotated[fields.Texts, fields.path("modalities", "input")] = ()
    output_modalities: Annotated[fields.Texts, fields.path("modalities", "output")] = ()
    capabilities: fields.Texts = ()
    pricing: Annotated[Pricing | None, BeforeValidator(_pricing_row)] = None
    extra: fields.Object = field(default_factory=dict, repr=False)
    raw: fields.Object = field(default_factory=dict, repr=False, compare=False)

    def is_named(self, name: str) -> bool:
        """Whether this is its id or an alias."""
        return name == self.id or name in self.aliases


@dataclass(frozen=True, slots=True)
class Percentiles:
    """How a measured figure is spread: half of the calls were below `p50`, 99 of 100 below `p99`."""

    p50: float
    p75: float
    p90: float
    p99: float


def _percentiles(value: Any) -> Any:
    names = ("p50", "p75", "p90", "p99")
    is_whole = isinstance(value, dict) and all(isinstance(value.get(name), (int, float)) for name in names)
    return value if is_whole else None


Spread: TypeAlias = Annotated[Percentiles | None, BeforeValidator(_percentiles)]


@dataclass(frozen=True, slots=True)
class ModelMetrics:
    """How fast a model answered everyone, lately.

    Attributes:
        model, endpoint: the alias that was asked for, and the path.
        ttft_ms: milliseconds to the first token.
        tps: tokens a second.
        duration_ms: milliseconds of a whole call.
        window_seconds: the time that was looked at.
    """

    model: Annotated[fields.Text, fields.path("alias")] = ""
    endpoint: fields.Text = ""
    ttft_ms: Annotated[Spread, fields.path("metrics", "ttft_ms")] = None
    tps: Annotated[Spread, fields.path("metrics", "tps")] = None
    duration_ms: Annotated[Spread, fields.path("metrics", "duration_ms")] = None
    window_seconds: fields.Count = 0


def _model_row(row: Json) -> Json:
    """An entry of either shape in today's."""
    kind, info = fields.text(row.get("type")) or "", fields.an_object(row.get("info"))
    endings = [
        word
        for feature in fields.texts(row.get("features"))
        for ending, word in _FEATURES.items()
        if feature.endswith(ending)
    ]
    return {
        **row,
        "info": {**info, "name": fields.text(info.get("name")) or row["id"]},
        "endpoints": fields.texts(row.get("endpoints")) or [path for name, path in _PATHS.items() if name == kind],
        "capabilities": fields.texts(row.get("capabilities")) or sorted(set(endings)),
        "extra": {name: value for name, value in row.items() if name not in _KNOWN},
        "raw": row,
    }


_MODEL: TypeAdapter[Model] = TypeAdapter(Annotated[Model, BeforeValidator(_model_row)])
_PRICING = TypeAdapter(Pricing)
_METRICS = TypeAdapter(list[ModelMetrics])


def read_models(payload: Any) -> list[Model]:
    """The models of a catalogue, of either shape.

    Raises:
        BadResponseError: it is none.
    """
    rows = payload.get("data") if isinstance(payload, dict) else payload
    if not isinstance(rows, list):
        raise BadResponseError("The provider's reply is not a catalogue: it has no list of models.", body=payload)
    return [read_model(row) for row in fields.objects(rows) if fields.text(row.get("id"))]


def read_item(payload: Any) -> Model:
    """The one model of a reply.

    Raises:
        BadResponseError: it holds none.
    """
    row = payload.get("data", payload) if isinstance(payload, dict) else None
    if not isinstance(row, dict) or not fields.text(row.get("id")):
        raise BadResponseError("The provider's reply contains no model.", body=payload)
    return read_model(row)


def read_model(row: Json) -> Model:
    """One entry of a catalogue."""
    return _MODEL.validate_python(row)


def read_pricing(value: Json) -> Pricing:
    """Prices in either form: units with their measures, or variants with their conditions."""
    return _PRICING.validate_python(_pricing_row(value))


def read_metrics(payload: Any) -> list[ModelMetrics]:
    """Measured speed, a value for each model and endpoint.

    Raises:
        BadResponseError: it holds none.
    """
    rows = payload.get("models") if isinstance(payload, dict) else None
    if not isinstance(rows, list):
        raise BadResponseError("The provider's reply contains no metrics.", body=payload)
    window = {"window_seconds": payload.get("window_seconds")}
    return _METRICS.validate_python([{**row, **window} for row in fields.objects(rows)])


# -- what may be asked -------------------------------------------------------------------------------------------------

INCLUDES = ("pricing", "modalities", "capabilities", "all")
# A filter -> what a model has of it.
_FILTERS: Mapping[str, Callable[[Model], Iterable[str]]] = {
    "id": lambda model: (model.id, *model.aliases),
    "type": lambda model: (model.type,),
    "tags": lambda model: model.tags,
    "modalities": lambda model: (*model.input_modalities, *model.output_modalities),
    "input_modalities": lambda model: model.input_modalities,
    "output_modalities": lambda model: model.output_modalities,
    "capabilities": lambda model: model.capabilities,
}


def filter_words(name: str, value: Any) -> list[str]:
    """The values of a filter.

    Raises:
        InvalidRequestError: there is no such filter, or nothing of that name to include.
    """
    words = [word for word in ([value] if isinstance(value, str) else value or ()) if word]
    if name != "include" and name not in _FILTERS:
        raise InvalidRequestError(f"`{name}` is not a filter of models: pass some of {', '.join(_FILTERS)}.")
    for word in words if name == "include" else ():
        if word not in INCLUDES:
            raise InvalidRequestError(f"`include` is {word!r}: pass some of {', '.join(INCLUDES)}.")
    return words


def check_filters(filters: Mapping[str, Any], models: Sequence[Model]) -> None:
    """Raises for a filter's value that none of these models has.

    Raises:
        InvalidRequestError: it names the nearest values that some have.
    """
    for name, value in filters.items():
        known = {one for model in models for one in _FILTERS[name](model)} if name in _FILTERS else set()
        lower = {one.lower() for one in known}
        for word in filter_words(name, value):
            if name in _FILTERS and word.lower() not in lower:
                raise InvalidRequestError(f"No model has the `{name}` {word!r}. {nearest(word, known)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that names the three nearest."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.3) or names[:3]
    return f"The nearest: {', '.join(close)}." if close else "There are none."
