"""Measures of a process from its birth: what an import and a first answer cost. They take the name of a subject."""

from __future__ import annotations

import time
from importlib import import_module

import psutil

from tests.benchmarks.measures import Driver, Sample
from tests.benchmarks.subjects import BY_NAME, LANGCHAIN, LLAMA_INDEX

# What any integration imports: the names, since some packages import nothing before they are asked for one.
_FRAMEWORK = {
    LANGCHAIN: (
        ("langchain_core.language_models", "BaseChatModel"),
        ("langchain_core.messages", "AIMessageChunk"),
        ("langchain_core.outputs", "ChatResult"),
        ("langchain_core.tools", "BaseTool"),
    ),
    LLAMA_INDEX: (
        ("llama_index.core.base.llms.types", "ChatMessage"),
        ("llama_index.core.llms.callbacks", "llm_chat_callback"),
        ("llama_index.core.llms.function_calling", "FunctionCallingLLM"),
    ),
}


def cold_import(name: str, origin: str) -> Sample:
    """The class beyond the framework, which is imported first."""
    subject = BY_NAME[name]
    for module, attribute in _FRAMEWORK[subject.framework]:
        getattr(import_module(module), attribute)
    wall, cpu = time.perf_counter(), time.process_time()
    subject.load()
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "n": 1}


def cold_start(name: str, origin: str, scene: str) -> Sample:
    """A whole process up to the first token: CPU since its birth."""
    driver = Driver(BY_NAME[name], origin)
    for chunk in driver.stream(driver.model(scene)):
        if driver.said(chunk):
            break
    wall = time.time() - psutil.Process().create_time()
    return {"cpu": time.process_time(), "wall": wall, "n": 1}


def cold_embedding(name: str, origin: str, scene: str) -> Sample:
    """A whole process up to its first vector: CPU since its birth."""
    load = BY_NAME[name].load_embeddings
    assert load is not None
    model = load()(f"{origin}/{scene}/v1")
    is_langchain = BY_NAME[name].framework == LANGCHAIN
    vector = model.embed_query("a text") if is_langchain else model.get_query_embedding("a text")
    wall = time.time() - psutil.Process().create_time()
    return {"cpu": time.process_time(), "wall": wall, "n": 1, "whole": len(vector) > 0}
