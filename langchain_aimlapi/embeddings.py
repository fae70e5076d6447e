"""AIMLAPIEmbeddings: LangChain's embeddings over the shared transport."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from langchain_core.embeddings import Embeddings
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr

from aimlapi_transport.client import AsyncClient, Client
from aimlapi_transport.embeddings import embedding_request
from aimlapi_transport.pools import Closable, Lease
from aimlapi_transport.request import Request
from langchain_aimlapi.errors import translated


class AIMLAPIEmbeddings(Closable, BaseModel, Embeddings):
    """An embedding model of AI/ML API.

    Example:
        .. code-block:: python

            from langchain_aimlapi import AIMLAPIEmbeddings

            AIMLAPIEmbeddings(model="text-embedding-3-small").embed_query("Hello")

    Texts go as they are, never as token ids; vectors come back in the order of the texts, and a reply with too few
    is an error. Raises the errors of `langchain_aimlapi.errors`.
    """

    model: str = Field(description="Id of the model, for example `text-embedding-3-small`.")
    dimensions: int | None = Field(default=None, description="Length of the vectors, for models that can choose.")
    chunk_size: int = Field(default=512, ge=1, description="Most texts in one request.")
    max_concurrency: int = Field(default=4, ge=1, description="Most requests at a time, in async calls.")
    model_kwargs: dict[str, Any] = Field(default_factory=dict, description="Further body parameters.")
    api_key: SecretStr | Callable[[], str] | None = Field(default=None, repr=False)
    base_url: str | None = None
    preset: Literal["aimlapi", "powertokens", "anyfast"] | None = None
    max_retries: int = Field(default=2, ge=0)
    timeout: float | tuple[float | None, float | None] | Any | None = None
    default_headers: Mapping[str, str] | None = Field(default=None, repr=False)
    http_client: Any = Field(default=None, exclude=True, repr=False)
    http_async_client: Any = Field(default=None, exclude=True, repr=False)

    _lease: Lease = PrivateAttr(default_factory=Lease)

    model_config = ConfigDict(extra="forbid", protected_namespaces=(), arbitrary_types_allowed=True)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """A vector for each text."""
        vectors: list[list[float]] = []
        with translated():
            client = Client(http_client=self.http_client, lease=self._lease, **self._config())
            for request, count in self._requests(texts):
                vectors.extend(client.embed(request, count).vectors)
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """The vector of a text."""
        return self.embed_documents([text])[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """A vector for each text; batches travel side by side."""
        with translated():
            client = AsyncClient(http_client=self.http_async_client, lease=self._lease, **self._config())
            places = asyncio.Semaphore(self.max_concurrency)

            async def one(request: Request, count: int) -> list[list[float]]:
                async with places:
                    return (await client.embed(request, count)).vectors

            batches = await asyncio.gather(*(one(*batch) for batch in self._requests(texts)))
        return [vector for batch in batches for vector in batch]

    async def aembed_query(self, text: str) -> list[float]:
        """The vector of a text."""
        return (await self.aembed_documents([text]))[0]

    def _requests(self, texts: Sequence[str]) -> list[tuple[Request, int]]:
        parameters = {"dimensions": self.dimensions, **self.model_kwargs}
        size = self.chunk_size
        batches = [texts[start : start + size] for start in range(0, len(texts), size)]
        headers = self.default_headers
        return [
            (embedding_request(self.model, batch, parameters=parameters, headers=headers), len(batch))
            for batch in batches
        ]

    def _config(self) -> dict[str, Any]:
        key = self.api_key
        return {
            "api_key": key.get_secret_value() if isinstance(key, SecretStr) else key,
            "base_url": self.base_url,
            "preset": self.preset,
            "timeout": self.timeout,
            "max_retries": self.max_retries,
        }
