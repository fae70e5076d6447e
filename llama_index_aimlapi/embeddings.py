"""AIMLAPIEmbedding: LlamaIndex's embedding over the shared transport. It translates and merges settings, no more."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
from llama_index.core.base.embeddings.base import BaseEmbedding
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr, field_serializer, field_validator
from typing_extensions import Self

from aimlapi_transport.callers import stacklevel
from aimlapi_transport.client import AsyncClient, Client
from aimlapi_transport.embedders import Task
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.limits import Limits
from aimlapi_transport.pools import Closable, Lease
from aimlapi_transport.wire import Json
from llama_index_aimlapi.usage import tell

# What other LlamaIndex embeddings call our fields.
_SYNONYMS = {"base_url": "api_base", "model": "model_name", "input_type": "task_type", "headers": "default_headers"}
# What other LlamaIndex embeddings take and this one has by itself, or needs only where it is set to something.
_NEEDLESS = frozenset(("reuse_client", "class_name", "openai_client", "async_openai_client", "mode"))
_NEEDLESS_UNSET = frozenset(("api_version",))
# Further parameters of a call that are no body parameters.
_NOT_SENT = ("extra_body", "extra_headers", "extra_query", "client_request_id")


class AIMLAPIEmbedding(Closable, BaseEmbedding):
    """An embedding model of AI/ML API.

    Example:
        from llama_index_aimlapi import AIMLAPIEmbedding

        embedding = AIMLAPIEmbedding(model="text-embedding-3-small", dimensions=512)
        embedding.get_text_embedding_batch(["Hello", "Good morning"])

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
        AIMLAPIError: one class per kind of failure; see `aimlapi_transport.errors`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=())

    embed_batch_size: int = Field(default=100, gt=0, le=2048, description="Most texts in one request.")
    dimensions: int | None = Field(default=None, description="Length of the vectors, for models that can choose.")
    task_type: str | None = Field(
        default=None,
        description="What the vectors are for, for models that ask (`CLUSTERING`). By default what the call says: "
        "queries or texts to be found.",
    )
    additional_kwargs: dict[str, Any] = Field(default_factory=dict, description="Further body parameters.")
    api_key: SecretStr | Callable[[], str] | None = Field(
        default=None,
        exclude=True,
        repr=False,
        description="The key, or a function that returns it. By default AIMLAPI_API_KEY (or AIML_API_KEY), read at "
        "each call.",
    )
    api_base: str | None = Field(
        default=None, description="Address of the host up to `/v1`. By default AIMLAPI_API_BASE, else AI/ML API."
    )
    preset: str | None = Field(
        default=None,
        description="Whose rules apply: `aimlapi`, `powertokens` or `anyfast`. By default decided by `api_base`.",
    )
    max_retries: int = Field(default=2, description="Further requests for a batch after a failed one.")
    timeout: Any = Field(
        default=None, description="Seconds of silence to bear: a number, (connect, silence), or httpx.Timeout."
    )
    default_headers: dict[str, str] | None = Field(
        default=None, exclude=True, repr=False, description="Sent with every request. May hold secrets: not serialized."
    )
    deadline: float | None = Field(
        default=None, description="Seconds a batch may take in all, retries included. By default without end."
    )
    limits: Limits | None = Field(default=None, description="How long a reply may be: by default 256 MB.")
    strict_parameters: bool = Field(
        default=False, description="Raise on parameters the model's documents do not list, instead of warning."
    )

    _http_client: httpx.Client | None = PrivateAttr(default=None)
    _async_http_client: httpx.AsyncClient | None = PrivateAttr(default=None)
    _lease: Lease = PrivateAttr(default_factory=Lease)

    def __init__(
        self,
        model: str | None = None,
        *,
        api_key: str | SecretStr | Callable[[], str] | None = None,
        http_client: httpx.Client | None = None,
        async_http_client: httpx.AsyncClient | None = None,
        **settings: Any,
    ) -> None:
        named = _named(type(self), {**({} if model is None else {"model": model}), **settings})
        name = named.get("model_name")
        if not isinstance(name, str) or not name.strip():
            raise InvalidRequestError(
                f"`model` is {name!r}: pass the id of an embedding model, for example `text-embedding-3-small`."
            )
        if not (api_key is None or isinstance(api_key, (str, SecretStr)) or callable(api_key)):
            raise InvalidRequestError(f"`api_key` is a {type(api_key).__name__}: pass a text or a function.")
        key = SecretStr(api_key) if isinstance(api_key, str) else api_key
        super().__init__(**{**named, "api_key": key})
        for given, client, wanted in (
            ("http_client", http_client, httpx.Client),
            ("async_http_client", async_http_client, httpx.AsyncClient),
        ):
            if client is not None and not isinstance(client, wanted):
                raise InvalidRequestError(f"`{given}` is a {type(client).__name__}: pass an httpx.{wanted.__name__}.")
        self._http_client = http_client
        self._async_http_client = async_http_client
        self._client()  # so that a wrong address or preset is said here, not at the first call

    @field_validator("timeout")
    @classmethod
    def _timeout_from_json(cls, timeout: Any) -> Any:
        return tuple(timeout) if isinstance(timeout, list) else timeout

    @field_serializer("timeout")
    def _timeout_to_json(self, timeout: Any) -> Any:
        return [timeout.connect, timeout.read] if isinstance(timeout, httpx.Timeout) else timeout

    @property
    def model(self) -> str:
        """The model's id."""
        return self.model_name

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
        client = self._client()
        parameters, extra = self._parameters()
        vectors: list[list[float]] = []
        for batch in client.split_texts(self.model_name, texts, self.embed_batch_size, alone=alone):
            request = client.embedding_request(
                self.model_name, batch, task=task, alone=alone, parameters=parameters, **extra
            )
            found = client.embed(request, len(batch))
            tell(self.model_name, found)
            vectors += found.vectors
        return vectors

    async def _aembed(self, texts: Sequence[str], task: Task, *, alone: bool) -> list[list[float]]:
        client = self._async_client()
        parameters, extra = self._parameters()
        vectors: list[list[float]] = []
        for batch in client.split_texts(self.model_name, texts, self.embed_batch_size, alone=alone):
            request = client.embedding_request(
                self.model_name, batch, task=task, alone=alone, parameters=parameters, **extra
            )
            found = await client.embed(request, len(batch))
            tell(self.model_name, found)
            vectors += found.vectors
        return vectors

    def _parameters(self) -> tuple[Json, Json]:
        """Body parameters, and what else a request takes: fields, and `additional_kwargs` over them."""
        fields = {name: value for name in ("dimensions", "task_type") if (value := getattr(self, name)) is not None}
        parameters: Json = {**fields, **self.additional_kwargs}
        return parameters, {name: parameters.pop(name) for name in _NOT_SENT if name in parameters}

    def _config(self) -> Json:
        key = self.api_key
        return {
            "api_key": key.get_secret_value() if isinstance(key, SecretStr) else key,
            "base_url": self.api_base,
            "preset": self.preset,
            "timeout": self.timeout,
            "max_retries": self.max_retries,
            "deadline": self.deadline,
            "limits": self.limits,
            "headers": self.default_headers,
            "strict_parameters": self.strict_parameters,
        }

    def _client(self) -> Client:
        return Client(http_client=self._http_client, lease=self._lease, **self._config())

    def _async_client(self) -> AsyncClient:
        return AsyncClient(http_client=self._async_http_client, lease=self._lease, **self._config())

    def __getstate__(self) -> Json:
        """An instance is a value: your own HTTP clients are connections, and stay behind."""
        state: Json = super(AIMLAPIEmbedding, self._without_clients()).__getstate__()
        return state

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A copy of the settings, which shares your own HTTP clients, rate limiter and cache: those are no values."""
        memo = {} if memo is None else memo
        for shared in (self.rate_limiter, self.embeddings_cache):
            if shared is not None:
                memo[id(shared)] = shared
        copied = super(AIMLAPIEmbedding, self._without_clients()).__deepcopy__(memo)
        copied._http_client, copied._async_http_client = self._http_client, self._async_http_client
        return copied

    def _without_clients(self) -> Self:
        bare = self.model_copy()
        bare._http_client = bare._async_http_client = None
        return bare


def _named(cls: type[AIMLAPIEmbedding], given: Mapping[str, Any]) -> Json:
    """The settings under our names; those that are none of ours are warned about."""
    for name in ("openai_client", "async_openai_client"):
        if given.get(name) is not None:
            raise InvalidRequestError(
                f"`{name}` cannot be used: no SDK is involved. Pass `api_key` and `api_base`, and an httpx client as "
                f"`{'async_' if name.startswith('async') else ''}http_client`."
            )
    named: Json = {}
    for written, value in given.items():
        name = _SYNONYMS.get(written, written)
        if name in cls.model_fields:
            if named.get(name) is not None and value is not None and named[name] != value:
                raise InvalidRequestError(f"`{written}` is given twice: `{name}` is another name of it.")
            named[name] = named[name] if value is None and name in named else value
        elif value is not None and name not in _NEEDLESS and (value or name not in _NEEDLESS_UNSET):
            warnings.warn(
                f"AIMLAPIEmbedding has no setting `{written}`: it is ignored. A body parameter goes into "
                "`additional_kwargs`.",
                stacklevel=stacklevel(),
            )
    return {name: value for name, value in named.items() if value is not None}
