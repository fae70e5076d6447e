"""Texts -> an embeddings request, and its reply -> vectors in the order of the texts. Pure.

Source: https://docs.aimlapi.com/api-references/embedding-models
"""

from __future__ import annotations

import base64
import binascii
import sys
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aimlapi_transport._json import JsonError, dumps, loads
from aimlapi_transport.errors import BadResponseError, InvalidRequestError, error_in
from aimlapi_transport.profiles import profile_for
from aimlapi_transport.request import Request
from aimlapi_transport.usage import Cost, Usage, cost_from, usage_from
from aimlapi_transport.wire import Json

# Only OpenAI's own models document `encoding_format`; base64 halves the bytes and the time to read them.
_TAKES_BASE64 = ("text-embedding-3", "text-embedding-ada")


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


def embedding_request(
    model: str,
    texts: Sequence[str],
    *,
    parameters: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, Any] | None = None,
) -> Request:
    """The request for the vectors of these texts.

    Args:
        parameters: further body fields, such as `dimensions`; None values are unset.

    Raises:
        InvalidRequestError: no model, no texts, or one that is empty or no text.
    """
    if not isinstance(model, str) or not model.strip():
        raise InvalidRequestError("No model: pass the id of an embedding model, for example `text-embedding-3-small`.")
    if not texts:
        raise InvalidRequestError("No texts: pass at least one.")
    for position, text in enumerate(texts):
        if not isinstance(text, str) or not text:
            raise InvalidRequestError(f"texts[{position}] is {text!r}: the provider embeds texts that are not empty.")
    fields = {name: value for name, value in (parameters or {}).items() if value is not None}
    if model.startswith(_TAKES_BASE64):
        fields.setdefault("encoding_format", "base64")
    body: Json = {"model": model, "input": list(texts), **dict(sorted(fields.items()))}
    try:
        data = dumps(body)
    except JsonError as error:
        raise InvalidRequestError(f"The request cannot be written as JSON: {error}.") from None
    return Request(
        model=model,
        profile=profile_for(model),
        body=data,
        path="/embeddings",
        headers=tuple((headers or {}).items()),
        query=tuple((name, str(value)) for name, value in (query or {}).items()),
    )


def read_embeddings(
    body: bytes, count: int, headers: Mapping[str, str], *, scrub: Callable[[str], str] = lambda text: text
) -> Embeddings:
    """The vectors of a reply, put in the order of the texts by their `index`.

    Args:
        count: how many texts were sent.
        scrub: removes secrets from text a server may have echoed.

    Raises:
        BadResponseError: the reply is none, or does not hold one vector for each text.
    """
    try:
        payload = loads(body)
    except JsonError:
        payload = None
    error = error_in(payload, whole=True, scrub=scrub)
    if error is not None:
        raise error
    rows = payload.get("data") if isinstance(payload, dict) else None
    if not isinstance(payload, dict) or not isinstance(rows, list):
        shown = scrub(body[:200].decode("utf-8", "replace"))
        raise BadResponseError("The provider's reply holds no embeddings.", body=shown)
    vectors: list[list[float] | None] = [None] * count
    for position, row in enumerate(rows):
        index = row.get("index", position) if isinstance(row, dict) else None
        if not isinstance(index, int) or not 0 <= index < count or vectors[index] is not None:
            raise BadResponseError(f"The provider's reply has an embedding for no text of ours: index {index!r}.")
        vectors[index] = _vector(row.get("embedding"))
    found = [vector for vector in vectors if vector is not None]
    if len(found) != count:
        raise BadResponseError(f"The provider sent {len(found)} embeddings for {count} texts.")
    return Embeddings(
        vectors=found,
        model=payload.get("model"),
        usage=usage_from(payload.get("usage")),
        cost=cost_from(payload.get("meta")) or cost_from(headers),
        inference_id=headers.get("x-inference-id"),
        raw=payload,
    )


def _vector(value: Any) -> list[float]:
    if isinstance(value, str):  # base64 of little-endian 32-bit floats
        try:
            numbers = array("f", base64.b64decode(value, validate=True))
        except (binascii.Error, ValueError):
            raise BadResponseError("The provider's reply holds an embedding that is not base64.") from None
        if sys.byteorder == "big":
            numbers.byteswap()
        return numbers.tolist()
    if not isinstance(value, list) or not value:
        raise BadResponseError("The provider's reply holds an embedding that is no list of numbers.")
    return value
