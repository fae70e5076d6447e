"""Texts -> embeddings requests, and a reply -> vectors in the order of the texts. Pure.

What a model takes is a row of `embedders`. Source: https://docs.aimlapi.com/api-references/embedding-models
"""

from __future__ import annotations

import base64
import binascii
import math
import sys
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aimlapi_transport.chat.usage import Cost, Usage, cost_from, usage_from
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.aliases import check_call_arguments
from aimlapi_transport.config.embedding_families import PLAIN, Embedder, Task, embedder_for
from aimlapi_transport.config.hosts import AIMLAPI, Preset
from aimlapi_transport.error_bodies import beginning
from aimlapi_transport.error_replies import error_in
from aimlapi_transport.errors import BadResponseError, InvalidRequestError
from aimlapi_transport.json_codec import JsonError, loads
from aimlapi_transport.request import Request
from aimlapi_transport.request_options import RequestOptions, request_of

_BOM = b"\xef\xbb\xbf"
_TASK_PARAMETERS = ("task_type", "input_type")  # two names of one thing: sent under the name the family has


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Vectors, one for each text, in the order of the texts.

    Attributes:
        model: the served model's own name.
        usage, cost: None where the provider did not say.
    """

    vectors: list[list[float]]
    model: str | None
    usage: Usage | None
    cost: Cost | None
    inference_id: str | None
    raw: Json


def split_texts(
    model: str, texts: Iterable[str], limit: int, *, alone: bool = False, preset: Preset = AIMLAPI
) -> list[list[str]]:
    """The texts in batches, one for each request: at most `limit` texts, and no more than the model's family takes.

    Args:
        alone: each text is sent by itself, for which some families allow longer ones.

    Raises:
        InvalidRequestError: an empty text, one that is too long for the family, or something that is no text. All
            texts are looked at, so that nothing is sent, and paid for, before the last of them is known to be right.
    """
    if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
        raise InvalidRequestError(f"`texts` is of type {type(texts).__name__}: pass a list of strings.")
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise InvalidRequestError(f"The batch size is {limit!r}: pass 1 or a larger whole number.")
    row = _row(model, preset)
    limit = 1 if alone else min(limit, row.max_texts or limit)
    batches: list[list[str]] = []
    batch: list[str] = []
    size = 0
    for position, text in enumerate(texts):
        _check_text(text, f"texts[{position}]", model, row, alone=alone)
        more = len(text.encode("utf-8", "surrogatepass")) if row.max_bytes else 0
        if batch and (len(batch) == limit or (row.max_bytes is not None and size + more > row.max_bytes)):
            batches.append(batch)
            batch, size = [], 0
        batch.append(text)
        size += more
    return [*batches, batch] if batch else batches


def embedding_request(
    model: str,
    texts: Sequence[str],
    options: RequestOptions | None = None,
    *,
    task: Task | None = None,
    alone: bool = False,
    **fields: Any,
) -> Request:
    """The request for the vectors of these texts.

    Args:
        task: what the vectors are for, said to the families that want to know, unless a parameter says it.
        alone: send the only text as a text, not as a list of one: some families then allow a longer one.
        fields: options by their names, over `options`. `parameters` are further body fields, such as `dimensions`;
            an unset `task_type` is no task at all, not even the family's own.

    Raises:
        InvalidRequestError: no model, no texts, one that is empty, too long or no text, or a parameter outside its
            documented range. It names what is accepted.
    """
    options = (options or RequestOptions())._replace(**fields)
    if not isinstance(model, str) or not model.strip():
        raise InvalidRequestError("No model: pass the id of an embedding model, for example `text-embedding-3-small`.")
    if isinstance(texts, (str, bytes)) or not texts:
        raise InvalidRequestError("No texts: pass a list of at least one.")
    row = _row(model, options.preset)
    alone = alone and len(texts) == 1 and row.max_characters_alone is not None
    for position, text in enumerate(texts):
        _check_text(text, f"texts[{position}]", model, row, alone=alone)
    parameters = options.parameters or {}
    check_call_arguments(parameters)
    checked, unlisted = _checked(parameters, model, row, options.strict_parameters)
    if task is not None and row.task_parameter is not None and parameters.keys().isdisjoint(_TASK_PARAMETERS):
        word = row.task(task)
        if word is not None:
            checked[row.task_parameter] = word
    if row.takes_base64:
        checked.setdefault("encoding_format", "base64")
    body: Json = {"model": model, "input": texts[0] if alone else list(texts), **dict(sorted(checked.items()))}
    body.update(options.extra_body or {})
    return request_of(model, body, options, path="/embeddings", unlisted=unlisted)


def read_embeddings(
    body: bytes | bytearray, count: int, headers: Mapping[str, str], *, scrub: Callable[[str], str] = lambda text: text
) -> Embeddings:
    """The vectors of a reply, put in the order of the texts by their `index`.

    Args:
        count: how many texts were sent.
        scrub: removes secrets from text a server may have echoed.

    Raises:
        BadResponseError: the reply is none, or does not hold one vector for each text.
    """
    try:
        payload = loads(body.removeprefix(_BOM) if body.startswith(_BOM) else body)
    except JsonError:
        payload = None
    error = error_in(payload, whole=True, scrub=scrub)
    if error is not None:
        raise error
    rows = payload.get("data") if isinstance(payload, dict) else None
    if not isinstance(payload, dict) or not isinstance(rows, list):
        start = beginning(body, 200, scrub)
        raise BadResponseError("The provider's reply contains no embeddings.", body=start)
    vectors: list[list[float]] = [[]] * count
    for row in rows:
        index = row.get("index", 0 if count == 1 else None) if isinstance(row, dict) else None
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < count or vectors[index]:
            unknown = scrub(repr(index))[:80]
            raise BadResponseError(f"The provider's reply has an embedding with index {unknown}, which no text has.")
        vectors[index] = _vector(row.get("embedding"))
    if len(rows) != count:
        raise BadResponseError(f"The provider sent {len(rows)} embeddings for {count} texts.")
    if len({len(vector) for vector in vectors}) > 1:
        raise BadResponseError("The provider's reply contains embeddings of different lengths.")
    model = payload.get("model")
    return Embeddings(
        vectors=vectors,
        model=model if isinstance(model, str) else None,
        usage=usage_from(payload.get("usage")),
        cost=cost_from(payload.get("meta")) or cost_from(headers),
        inference_id=headers.get("x-inference-id"),
        raw=payload,
    )


def _row(model: str, preset: Preset) -> Embedder:
    return embedder_for(model) if preset.lists_models and isinstance(model, str) else PLAIN


def _check_text(text: Any, where: str, model: str, row: Embedder, *, alone: bool) -> None:
    if not isinstance(text, str):
        raise InvalidRequestError(f"{where} is {repr(text)[:80]}, of type {type(text).__name__}: pass a string.")
    if not text:
        raise InvalidRequestError(f"{where} is empty: remove it, or pass a string that is not empty.")
    limit = row.max_characters_alone if alone else row.max_characters
    if limit is not None and len(text) > limit:
        longer = row.max_characters_alone or 0
        way_out = (
            f", or of {longer} where each is sent by itself (a batch size of 1)" if not alone and longer > limit else ""
        )
        raise InvalidRequestError(
            f"{where} has {len(text)} characters: {model} takes texts of at most {limit} characters{way_out}."
        )


def _checked(
    parameters: Mapping[str, Any], model: str, row: Embedder, strict: bool
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What the user set, spelled for the model, and the names its documents do not list."""
    fields: dict[str, Any] = {}
    unlisted: list[str] = []
    for parameter, value in parameters.items():
        if value is None:
            continue
        if parameter in ("model", "input"):
            raise InvalidRequestError(
                f"`{parameter}` cannot be an extra parameter: pass it as the argument of the call."
            )
        name = row.task_parameter if parameter in _TASK_PARAMETERS and row.task_parameter else parameter
        if name == row.task_parameter:
            value = _task(value, parameter, model, row)
        elif name == "dimensions":
            _check_dimensions(value, model, row)
        elif name == "encoding_format" and value not in ("float", "base64"):
            raise InvalidRequestError(f"`encoding_format` is {value!r}: pass `float` or `base64`.")
        if row.parameters is not None and name not in row.parameters:
            if strict:
                listed = ", ".join(sorted(row.parameters))
                raise InvalidRequestError(
                    f"The documented parameters of {model} do not include `{parameter}`. They are: {listed}."
                )
            unlisted.append(parameter)
        fields[name] = value
    return fields, tuple(unlisted)


def _task(value: Any, parameter: str, model: str, row: Embedder) -> Any:
    words = {"query": row.query, "document": row.document}
    word = (words.get(value) or value) if isinstance(value, str) else value
    if word not in row.tasks:
        raise InvalidRequestError(f"`{parameter}` is {value!r}: {model} accepts {', '.join(row.tasks)}.")
    return word


def _check_dimensions(value: Any, model: str, row: Embedder) -> None:
    low, high = row.dimensions
    if isinstance(value, bool) or not isinstance(value, int) or value < (low or 1) or (high and value > high):
        accepted = f"from {low:g} to {high:g}" if low and high else "of at least 1"
        raise InvalidRequestError(f"`dimensions` is {value!r}: {model} accepts a whole number {accepted}.")


def _vector(value: Any) -> list[float]:
    """The numbers, as floats: some providers write 0 and 1 without a point."""
    try:
        if isinstance(value, str):  # base64 of little-endian 32-bit floats
            numbers = array("f", base64.b64decode(value, validate=True))
            if sys.byteorder == "big":
                numbers.byteswap()
        else:
            numbers = array("d", value)
    except (binascii.Error, ValueError, TypeError, OverflowError):
        form = "not base64 of 32-bit floats" if isinstance(value, str) else "not a list of numbers"
        raise BadResponseError(f"The provider's reply contains an embedding that is {form}.") from None
    vector = numbers.tolist()
    if not vector:
        raise BadResponseError("The provider's reply contains an embedding that is not a list of numbers: it is empty.")
    if not math.isfinite(sum(vector)):  # infinity, and what is no number, make the sum such a one
        raise BadResponseError("The provider's reply contains an embedding with a value that is not a number.")
    return vector
