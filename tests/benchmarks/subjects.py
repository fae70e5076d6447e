"""What is measured: one row per integration. To measure another one, add a row.

Nothing of it is imported before it is asked for: its import is measured, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MODEL = "gpt-4o"
EMBEDDING_MODEL = "text-embedding-3-small"
LANGCHAIN, LLAMA_INDEX = "langchain", "llama_index"


@dataclass(frozen=True)
class Subject:
    """An integration.

    Attributes:
        framework: whose interface it has.
        role: "floor", "ours" or "peer".
        load: imports it; gives the function that makes a chat model for a base URL.
        load_embeddings: the same for embeddings; None where it has none.
        load_responses: the same for a chat model that asks /v1/responses.
        distributions: whose versions the report names.
    """

    name: str
    framework: str
    role: str
    load: Callable[[], Callable[[str], Any]]
    load_embeddings: Callable[[], Callable[[str], Any]] | None
    load_responses: Callable[[], Callable[[str], Any]] | None
    distributions: tuple[str, ...]


def _kind(url: str) -> str:
    """What the scene of a base URL sends: a floor reads that and nothing else."""
    return url.split("/")[3].partition("-")[0].partition("_")[0]


def _floor_langchain() -> Callable[[str], Any]:
    from tests.benchmarks.floor_langchain import FloorChat

    return lambda url: FloorChat(model=MODEL, url=f"{url}/chat/completions", scene=_kind(url))


def _floor_langchain_responses() -> Callable[[str], Any]:
    from tests.benchmarks.floor_langchain import FloorChat

    return lambda url: FloorChat(model=MODEL, url=f"{url}/responses", scene=_kind(url))


def _floor_llama_index_responses() -> Callable[[str], Any]:
    from tests.benchmarks.floor_llama_index import FloorLLM

    return lambda url: FloorLLM(model=MODEL, url=f"{url}/responses", scene=_kind(url))


def _chat_aimlapi_responses() -> Callable[[str], Any]:
    from langchain_aimlapi import ChatAIMLAPI

    return lambda url: ChatAIMLAPI(model=MODEL, base_url=url, api_key="benchmark", use_responses_api=True)


def _aimlapi_responses() -> Callable[[str], Any]:
    from llama_index_aimlapi import AIMLAPI

    return lambda url: AIMLAPI(model=MODEL, api_base=url, api_key="benchmark", use_responses_api=True)


def _chat_openai_responses() -> Callable[[str], Any]:
    from langchain_openai import ChatOpenAI

    return lambda url: ChatOpenAI(model=MODEL, base_url=url, api_key="benchmark", use_responses_api=True)


def _openai_responses() -> Callable[[str], Any]:
    from llama_index.llms.openai import OpenAIResponses

    return lambda url: OpenAIResponses(model=MODEL, api_base=url, api_key="benchmark")


def _floor_langchain_embeddings() -> Callable[[str], Any]:
    from tests.benchmarks.floor_langchain import FloorEmbeddings

    return lambda url: FloorEmbeddings(EMBEDDING_MODEL, url)


def _chat_aimlapi() -> Callable[[str], Any]:
    from langchain_aimlapi import ChatAIMLAPI

    return lambda url: ChatAIMLAPI(model=MODEL, base_url=url, api_key="benchmark")


def _aimlapi_embeddings() -> Callable[[str], Any]:
    from langchain_aimlapi import AIMLAPIEmbeddings

    return lambda url: AIMLAPIEmbeddings(model=EMBEDDING_MODEL, base_url=url, api_key="benchmark")


def _chat_openai() -> Callable[[str], Any]:
    from langchain_openai import ChatOpenAI

    return lambda url: ChatOpenAI(model=MODEL, base_url=url, api_key="benchmark", stream_usage=True)


def _openai_embeddings() -> Callable[[str], Any]:
    from langchain_openai import OpenAIEmbeddings

    # Texts, not token ids: else it would fetch a tokenizer, which no other host would understand.
    return lambda url: OpenAIEmbeddings(
        model=EMBEDDING_MODEL, base_url=url, api_key="benchmark", chunk_size=512, check_embedding_ctx_length=False
    )


def _chat_openrouter() -> Callable[[str], Any]:
    from langchain_openrouter import ChatOpenRouter

    return lambda url: ChatOpenRouter(model=MODEL, base_url=url, api_key="benchmark")


def _chat_litellm() -> Callable[[str], Any]:
    import os

    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else its import asks a server for prices
    from langchain_litellm import ChatLiteLLM

    return lambda url: ChatLiteLLM(model=f"openai/{MODEL}", api_base=url, api_key="benchmark")


def _floor_llama_index() -> Callable[[str], Any]:
    from tests.benchmarks.floor_llama_index import FloorLLM

    return lambda url: FloorLLM(model=MODEL, url=f"{url}/chat/completions", scene=_kind(url))


def _floor_llama_index_embedding() -> Callable[[str], Any]:
    from tests.benchmarks.floor_llama_index import floor_embedding

    return lambda url: floor_embedding(EMBEDDING_MODEL, url)


def _aimlapi() -> Callable[[str], Any]:
    from llama_index_aimlapi import AIMLAPI

    return lambda url: AIMLAPI(model=MODEL, api_base=url, api_key="benchmark")


def _aimlapi_embedding() -> Callable[[str], Any]:
    from llama_index_aimlapi import AIMLAPIEmbedding

    return lambda url: AIMLAPIEmbedding(model=EMBEDDING_MODEL, api_base=url, api_key="benchmark", embed_batch_size=512)


def _openai_like() -> Callable[[str], Any]:
    from llama_index.llms.openai_like import OpenAILike

    return lambda url: OpenAILike(
        model=MODEL, api_base=url, api_key="benchmark", is_chat_model=True, is_function_calling_model=True
    )


def _openai_like_embedding() -> Callable[[str], Any]:
    from llama_index.embeddings.openai_like import OpenAILikeEmbedding

    return lambda url: OpenAILikeEmbedding(
        model_name=EMBEDDING_MODEL, api_base=url, api_key="benchmark", embed_batch_size=512
    )


_OURS = ("aimlapi-integrations", "httpx", "orjson")
SUBJECTS = (
    Subject(
        "LangChain floor",
        LANGCHAIN,
        "floor",
        _floor_langchain,
        _floor_langchain_embeddings,
        _floor_langchain_responses,
        ("langchain-core",),
    ),
    Subject("ChatAIMLAPI", LANGCHAIN, "ours", _chat_aimlapi, _aimlapi_embeddings, _chat_aimlapi_responses, _OURS),
    Subject(
        "ChatOpenAI",
        LANGCHAIN,
        "peer",
        _chat_openai,
        _openai_embeddings,
        _chat_openai_responses,
        ("langchain-openai", "openai"),
    ),
    Subject("ChatOpenRouter", LANGCHAIN, "peer", _chat_openrouter, None, None, ("langchain-openrouter", "openrouter")),
    Subject("ChatLiteLLM", LANGCHAIN, "peer", _chat_litellm, None, None, ("langchain-litellm", "litellm")),
    Subject(
        "LlamaIndex floor",
        LLAMA_INDEX,
        "floor",
        _floor_llama_index,
        _floor_llama_index_embedding,
        _floor_llama_index_responses,
        ("llama-index-core",),
    ),
    Subject("AIMLAPI", LLAMA_INDEX, "ours", _aimlapi, _aimlapi_embedding, _aimlapi_responses, _OURS),
    Subject(
        "OpenAILike",
        LLAMA_INDEX,
        "peer",
        _openai_like,
        _openai_like_embedding,
        _openai_responses,
        ("llama-index-llms-openai-like", "llama-index-embeddings-openai-like"),
    ),
)
BY_NAME = {subject.name: subject for subject in SUBJECTS}
