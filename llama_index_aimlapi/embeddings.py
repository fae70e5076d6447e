"""AIMLAPIEmbedding: LlamaIndex's embedding over the shared transport. It translates and merges settings, no more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import llama_index_aimlapi._framework  # noqa: F401  # says what to install where it is missing

from llama_index.core.base.embeddings.base import BaseEmbedding
from pydantic import ConfigDict, Field

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.aliases import Aliases
from aimlapi_transport.config.embedding_families import Task
from aimlapi_transport.config.fields import ABOUT, digest, model_problem
from aimlapi_transport.repr_fields import repr_fields
from llama_index_aimlapi._connection import REFUSED, ConnectionSettings, resolved
from llama_index_aimlapi.errors import InvalidSettingsError
from llama_index_aimlapi.usage import counted_call, record

if TYPE_CHECKING:  # imported at the first call
    from aimlapi_transport.client import AsyncClient, Client
    from aimlapi_transport.request import Request

# What may hold secrets -> what is written of it: an ingestion pipeline caches vectors by `to_dict`.
_DIGESTS = {name: f"{name}_digest" for name in ("default_headers", "default_query")}
_ALIASES = Aliases(
    owner="AIMLAPIEmbedding",
    body="additional_kwargs",
    fields={
        "base_url": "api_base",
        "model": "model_name",
        "input_type": "task_type",
        "headers": "default_headers",
        "http_async_client": "async_http_client",
        "request_timeout": "timeout",
    },
    refused=REFUSED,
    ignored=("reuse_client", "class_name", "mode", "api_version", *_DIGESTS.values()),
)
# Fields a repr shows in its own way, and one that LlamaIndex fills with an object.
_NOT_SHOWN = frozenset(("model_name", "api_base", "callback_manager"))
# Further parameters of a call that are no body parameters.
_NOT_SENT = ("extra_body", "extra_headers", "extra_query", "client_request_id")


class EmbeddingSettings(ConnectionSettings, BaseEmbedding):
    """The settings of an `AIMLAPIEmbedding`; see there. Apart, since type checkers make its constructor of fields."""

    model_name: str = Field(alias="model", kw_only=False, description=ABOUT["model"])
    embed_batch_size: int = Field(default=100, gt=0, le=2048, description="Most texts in one request.")
    dimensions: int | None = Field(default=None, description=ABOUT["dimensions"])
    task_type: str | None = Field(default=None, description=ABOUT["task_type"])
    additional_kwargs: dict[str, Any] = Field(default_factory=dict, description=ABOUT["additional_kwargs"])

    def __init__(self, model: str | None = None, **settings: Any) -> None:
        given = {**({} if model is None else {"model": model}), **settings}
        if not given.get("api_version"):
            given.pop("api_version", None)  # an empty one asks for nothing
        taken = resolved(type(self), _ALIASES, given)
        field = type(self).model_fields["model_name"]
        if problem := model_problem(taken, field, "model_name", "text-embedding-3-small"):
            raise InvalidSettingsError(problem)
        super().__init__(**taken)

    def to_dict(self, **kwargs: Any) -> Json:
        """The settings as JSON has them: neither the key nor what headers and query hold, but digests of these two."""
        hidden = {written: getattr(self, name) for name, written in _DIGESTS.items()}
        return {**super().to_dict(**kwargs), **{name: digest(value) for name, value in hidden.items() if value}}


class AIMLAPIEmbedding(EmbeddingSettings):
    """An embedding model of AI/ML API.

    Example:
        ```python
        from llama_index_aimlapi import AIMLAPIEmbedding, embedding_usage

        embedding = AIMLAPIEmbedding(model="text-embedding-3-small", dimensions=512)
        with embedding_usage() as spent:
            embedding.get_text_embedding_batch(["Hello", "Good morning"])
        print(spent.tokens, spent.cost_usd)
        ```

    Texts go as they are, newlines and all; vectors come back in the order of the texts, and a reply that does not
    hold one vector for each is an error. Tokens and cost are summed up by `with embedding_usage() as spent:`, and each
    answered request dispatches an `EmbeddingUsageEvent`. An instance is a value: it holds no connections and may be
    copied, pickled and shared between threads and event loops. A pickle holds the key only where it was passed in code.

    Args:
        model: id of the model (also `model_name`); there is no default.
        api_key: the key, or a function that returns it; by default AIMLAPI_API_KEY (or AIML_API_KEY), read at each
            call.
        api_base: address of the host up to `/v1` (also `base_url`); its host decides the preset unless one is given.
        dimensions: length of the vectors, for models that can choose.
        embed_batch_size: most texts in one request, 100 by default; fewer where the model takes fewer. With 1, each
            text is sent by itself, for which Voyage models take longer ones.
        max_retries: further requests for a batch after a failed one, 2 by default.
        http_client, async_http_client: httpx clients of your own, used as they are and never closed here.

    Raises:
        AIMLAPIError: one class per kind of failure; see `llama_index_aimlapi.errors`.
    """

    model_config = ConfigDict(defer_build=False)  # built at once: its signature is complete before the first instance

    _shared_by_copies: ClassVar = (*ConnectionSettings._shared_by_copies, "rate_limiter", "embeddings_cache")

    @property
    def model(self) -> str:
        """The model's id."""
        return self.model_name

    def __repr_args__(self) -> Any:
        """What is in a repr: model, host, and what was set; no key."""
        return repr_fields(self, self.model_name, self.api_base, _NOT_SHOWN)

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex serializes this class."""
        return "AIMLAPIEmbedding"

    def to_payload(self) -> Json:
        """What observers are shown of this embedding: no secret among it."""
        return {**super().to_payload(), "dimensions": self.dimensions}

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._embed([query], "query", alone=True)[0]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._embed([text], "document", alone=True)[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._embed(texts, "document", alone=self.embed_batch_size == 1)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return (await self._aembed([query], "query", alone=True))[0]

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return (await self._aembed([text], "document", alone=True))[0]

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return await self._aembed(texts, "document", alone=self.embed_batch_size == 1)

    def _embed(self, texts: Sequence[str], task: Task, *, alone: bool) -> list[list[float]]:
        client, vectors = self._client(), []
        for request, count in self._requests(client, texts, task, alone=alone):
            embeddings = client.embed(request, count, call=counted_call(self.model_name))
            record(self.model_name, embeddings)
            vectors += embeddings.vectors
        return vectors

    async def _aembed(self, texts: Sequence[str], task: Task, *, alone: bool) -> list[list[float]]:
        client, vectors = self._async_client(), []
        for request, count in self._requests(client, texts, task, alone=alone):
            embeddings = await client.embed(request, count, call=counted_call(self.model_name))
            record(self.model_name, embeddings)
            vectors += embeddings.vectors
        return vectors

    def _requests(
        self, client: Client | AsyncClient, texts: Sequence[str], task: Task, *, alone: bool
    ) -> Iterator[tuple[Request, int]]:
        """A request for each batch, and how many texts it holds: fields, and `additional_kwargs` over them."""
        fields = {name: value for name in ("dimensions", "task_type") if (value := getattr(self, name)) is not None}
        parameters: Json = {**fields, **self.additional_kwargs}
        extra = {name: parameters.pop(name) for name in _NOT_SENT if name in parameters}
        model = self.model_name
        for batch in client.split_texts(model, texts, self.embed_batch_size, alone=alone):
            request = client.embedding_request(model, batch, task=task, alone=alone, parameters=parameters, **extra)
            yield request, len(batch)
