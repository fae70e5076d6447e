"""What an embedding model takes: one row per family, first match wins. To teach it a family, add a row.

`source` names the provider's document; those state no batch sizes, so these are the vendors'.

Source: https://docs.aimlapi.com/api-references/embedding-models
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

from aimlapi_transport.config.hosts import Limit

Task = Literal["query", "document"]
"""What the vectors are for: to search with, or to be found."""

_COMMON = frozenset(("model", "input"))


class Embedder(NamedTuple):
    """How one family of embedding models wants to be asked.

    Attributes:
        prefixes: lower-case starts of the id, or of the part behind its last slash.
        parameters: every body field the documents list; None where they list none to hold us to.
        takes_base64: whether `encoding_format: base64` is documented: half the bytes, and half the time to read them.
        task_parameter, tasks: the field that says what vectors are for, and its documented values.
        query, document: the value for each use; None to leave the field out.
        dimensions: the lengths that can be asked for.
        max_characters: of one text in a list of texts.
        max_characters_alone: of a text sent by itself, as a text and not a list.
        max_texts, max_bytes: of one request; the bytes replace a limit in tokens, two bytes to a token at worst.
    """

    prefixes: tuple[str, ...]
    parameters: frozenset[str] | None = None
    takes_base64: bool = False
    task_parameter: str | None = None
    tasks: tuple[str, ...] = ()
    query: str | None = None
    document: str | None = None
    dimensions: Limit = (1, None)
    max_characters: int | None = None
    max_characters_alone: int | None = None
    max_texts: int | None = None
    max_bytes: int | None = None
    source: str = ""

    def task(self, task: Task) -> str | None:
        """The family's own word for a use, None where it has none."""
        return self.query if task == "query" else self.document


EMBEDDERS: tuple[Embedder, ...] = (
    Embedder(
        prefixes=("text-embedding-3", "text-embedding-ada"),
        parameters=_COMMON | {"encoding_format", "dimensions"},
        takes_base64=True,
        max_texts=2048,
        max_bytes=600_000,
        source="embedding-models/OpenAI; a request holds 2048 texts and 300,000 tokens: "
        "platform.openai.com/docs/api-reference/embeddings/create",
    ),
    *(
        Embedder(
            prefixes=prefixes,
            parameters=_COMMON | {"dimensions", "task_type", "title", "auto_truncate"},
            task_parameter="task_type",
            tasks=(
                *("RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY", "CLASSIFICATION"),
                *("CLUSTERING", "QUESTION_ANSWERING", "FACT_VERIFICATION"),
            ),
            query="RETRIEVAL_QUERY",
            document="RETRIEVAL_DOCUMENT",
            max_texts=max_texts,
            max_bytes=40_000,
            source="embedding-models/Google; a request holds 1, 5 or 250 texts and 20,000 tokens: "
            "cloud.google.com/vertex-ai/generative-ai/docs/embeddings/get-text-embeddings",
        )
        for prefixes, max_texts in (
            (("gemini-embedding", "google/gemini-embedding"), 1),
            (("textembedding-gecko",), 5),
            (("text-multilingual-embedding", "text-embedding-00", "google/"), 250),
        )
    ),
    Embedder(
        prefixes=("qwen-text-embedding", "alibaba/", "text-embedding-v"),
        parameters=_COMMON | {"dimensions"},
        dimensions=(64, 2048),
        max_texts=10,
        source="embedding-models/alibaba-cloud; a request holds 10 texts: "
        "alibabacloud.com/help/en/model-studio/text-embedding-synchronous-api",
    ),
    Embedder(
        prefixes=("voyage",),
        parameters=_COMMON | {"input_type"},
        task_parameter="input_type",
        tasks=("document",),
        document="document",
        max_characters=800,
        max_characters_alone=8000,
        max_texts=128,
        source="embedding-models/Anthropic: input_type is `document` or left out; a request holds 128 texts: "
        "docs.voyageai.com/reference/embeddings-api",
    ),
    Embedder(
        prefixes=("bge-", "baai/", "m2-bert", "togethercomputer/"),
        parameters=_COMMON,
        source="embedding-models/BAAI, embedding-models/Together-AI",
    ),
)

PLAIN = Embedder(prefixes=("",))
"""Of a model the documents do not name, and of every model of a host that documents no embeddings."""


@lru_cache(maxsize=1024)
def embedder_for(model: str) -> Embedder:
    """The family of an embedding model's id: never raises, unknown ids get `PLAIN`."""
    whole = model.lower()
    name = whole.rpartition("/")[2]
    return next((row for row in EMBEDDERS if whole.startswith(row.prefixes) or name.startswith(row.prefixes)), PLAIN)
