"""AIMLAPIEmbeddings: LangChain's embeddings over the shared transport. It translates and merges settings, no more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import langchain_aimlapi._framework  # noqa: F401  # says what to install where it is missing

from langchain_core.embeddings import Embeddings
from pydantic import ConfigDict, Field, model_validator

from aimlapi_transport.chat.request import Request
from aimlapi_transport.client import AsyncClient, Client
from aimlapi_transport.config.embedding_families import Task
from aimlapi_transport.config.fields import ABOUT, model_problem
from aimlapi_transport.lazy_imports import lazy_names
from aimlapi_transport.repr_fields import repr_fields
from langchain_aimlapi._aliases import embedding_settings
from langchain_aimlapi._concurrency import amap_limited, map_limited, progress
from langchain_aimlapi._endpoint_settings import EndpointSettings
from langchain_aimlapi.error_translation import translated
from langchain_aimlapi.errors import InvalidRequestError
from langchain_aimlapi.usage import counted_call

# Arguments of a call that are no body parameters.
_NOT_SENT = ("extra_body", "extra_headers", "extra_query", "client_request_id")


class AIMLAPIEmbeddings(EndpointSettings, Embeddings):
    """An embedding model of AI/ML API.

    Example:
        ```python
        from langchain_aimlapi import AIMLAPIEmbeddings, get_aimlapi_usage_callback

        embeddings = AIMLAPIEmbeddings(model="text-embedding-3-small", dimensions=512)
        with get_aimlapi_usage_callback() as used:
            embeddings.embed_documents(["Hello", "Good morning"])
        print(used.input_tokens, used.cost_usd)
        ```

    Texts go as they are, never as token ids and never cut; vectors come back in the order of the texts, and a reply
    that does not hold one vector for each is an error. Batches travel side by side, in threads or, in async calls, in
    the running loop. An instance is a value: it holds no connections and may be copied, pickled and shared between
    threads and event loops. The names of OpenAIEmbeddings' settings are taken, too.

    Every call takes, beside the body's parameters, `chunk_size`, `extra_body`, `extra_headers`, `extra_query`,
    `timeout` (seconds), `client_request_id` and `model`.

    Args:
        model: id of the model; there is no default.
        api_key: the key, or a function that returns it; by default AIMLAPI_API_KEY (or AIML_API_KEY), read at
            each call.
        base_url: address of the host up to `/v1`; its host decides the preset unless one is given.
        dimensions: length of the vectors, for models that can choose.
        chunk_size: most texts in one request; fewer where the model takes fewer.
        max_retries: further requests for a batch after a failed one, 2 by default.

    Raises:
        langchain_aimlapi.errors: one class per kind of failure, each also a `langchain_core.exceptions` one.
    """

    model: str = Field(description="Id of the model, for example `text-embedding-3-small`.")
    dimensions: int | None = Field(default=None, description=ABOUT["dimensions"])
    task_type: str | None = Field(default=None, description=ABOUT["task_type"])
    chunk_size: int = Field(
        default=512, ge=1, description="Most texts in one request; fewer where the model takes fewer."
    )
    max_concurrency: int = Field(default=4, ge=1, description="Most requests at a time, for one call.")
    show_progress_bar: bool = Field(default=False, description="Whether tqdm draws a bar over the batches.")
    skip_empty: bool = Field(
        default=False,
        description="Give empty texts a vector of zeros, unasked, instead of raising an error. Vectors stay in step "
        "with the texts.",
    )
    model_kwargs: dict[str, Any] = Field(default_factory=dict, description=ABOUT["additional_kwargs"])

    model_config = ConfigDict(defer_build=False)  # built at once: its signature is complete before the first instance

    def __repr_args__(self) -> Any:
        """What is in a repr: model, host, and what was set; no key."""
        return repr_fields(self, self.model, self.base_url, ("model", "base_url"))

    @model_validator(mode="before")
    @classmethod
    def _resolve_aliases(cls, values: Any) -> Any:
        """Other names of our fields become ours; unknown ones become body parameters, with a warning."""
        if not isinstance(values, dict):
            return values
        taken = embedding_settings(values, cls.model_fields)
        if problem := model_problem(taken, cls.model_fields["model"], "model", "text-embedding-3-small"):
            raise ValueError(problem)
        return taken

    @property
    def request_timeout(self) -> Any:
        """Seconds to wait without data, None for the defaults."""
        return self.timeout

    def embed_documents(self, texts: list[str], chunk_size: int | None = None, **kwargs: Any) -> list[list[float]]:
        """A vector for each text, in their order.

        Args:
            chunk_size: most texts in one request; 1 sends each by itself, for which Voyage models take longer texts.
            kwargs: further body parameters, and those named above.
        """
        return self._embed(texts, "document", chunk_size, kwargs)

    def embed_query(self, text: str, **kwargs: Any) -> list[float]:
        """The vector of a text to search with."""
        return self._embed([text], "query", 1, kwargs)[0]

    async def aembed_documents(
        self, texts: list[str], chunk_size: int | None = None, **kwargs: Any
    ) -> list[list[float]]:
        """A vector for each text, in their order; see `embed_documents`."""
        return await self._aembed(texts, "document", chunk_size, kwargs)

    async def aembed_query(self, text: str, **kwargs: Any) -> list[float]:
        """The vector of a text to search with."""
        return (await self._aembed([text], "query", 1, kwargs))[0]

    def _embed(self, texts: list[str], task: Task, size: int | None, kwargs: dict[str, Any]) -> list[list[float]]:
        with translated():
            client = self._client()
            job = _Job(self, client, texts, task, size, kwargs)

            def one(batch: list[str]) -> list[list[float]]:
                call = counted_call(job.model)
                return client.embed(job.request(batch), len(batch), timeout=job.timeout, call=call).vectors

            with progress(self.show_progress_bar, len(job.batches)) as advance:
                return job.joined(map_limited(one, job.batches, self.max_concurrency, advance))

    async def _aembed(
        self, texts: list[str], task: Task, size: int | None, kwargs: dict[str, Any]
    ) -> list[list[float]]:
        with translated():
            client = self._async_client()
            job = _Job(self, client, texts, task, size, kwargs)

            async def one(batch: list[str]) -> list[list[float]]:
                call = counted_call(job.model)
                return (await client.embed(job.request(batch), len(batch), timeout=job.timeout, call=call)).vectors

            with progress(self.show_progress_bar, len(job.batches)) as advance:
                return job.joined(await amap_limited(one, job.batches, self.max_concurrency, advance))


class _Job:
    """One call: its texts in batches, and the one place where its settings meet."""

    def __init__(
        self,
        settings: AIMLAPIEmbeddings,
        client: Client | AsyncClient,
        texts: Iterable[str],
        task: Task,
        size: int | None,
        kwargs: dict[str, Any],
    ) -> None:
        call = dict(kwargs)
        self.model = call.pop("model", None) or settings.model
        self.timeout = call.pop("timeout", None)
        self._extra = {name: call.pop(name) for name in _NOT_SENT if name in call}
        fields = {name: getattr(settings, name) for name in ("dimensions", "task_type")}
        own = {name: value for name, value in fields.items() if value is not None}
        self._parameters = {**own, **settings.model_kwargs, **call}
        self._client = client
        self._task = task
        size = settings.chunk_size if size is None else size
        self._alone = size == 1
        self._dimensions = self._parameters.get("dimensions")
        self._empty: frozenset[int] = frozenset()
        if settings.skip_empty and not isinstance(texts, str) and isinstance(texts, Iterable):
            texts = list(texts)
            self._empty = frozenset(n for n, text in enumerate(texts) if text == "")
            texts = [text for text in texts if text != ""]
        self.batches = client.split_texts(self.model, texts, size, alone=self._alone)

    def request(self, batch: list[str]) -> Request:
        """The request for a batch."""
        return self._client.embedding_request(
            self.model, batch, task=self._task, alone=self._alone, parameters=self._parameters, **self._extra
        )

    def joined(self, batches: Sequence[list[list[float]]]) -> list[list[float]]:
        """The vectors of all batches; zeros where a text was skipped."""
        vectors = [vector for batch in batches for vector in batch]
        if not self._empty:
            return vectors
        length = len(vectors[0]) if vectors else self._dimensions
        if not length:
            raise InvalidRequestError(
                "All texts are empty, so the length of a vector is not known: pass `dimensions`, or a text that is "
                "not empty."
            )
        remaining = iter(vectors)
        return [[0.0] * length if n in self._empty else next(remaining) for n in range(len(self._empty) + len(vectors))]


# The older distribution has `AimlapiEmbeddings` here.
__getattr__ = lazy_names(__name__, {"AimlapiEmbeddings": "langchain_aimlapi.deprecated"})[0]
