"""What a newcomer is told when something is missing, misspelt or out of reach, and what a model looks like in a shell."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from langchain_aimlapi import AIMLAPIEmbeddings, ChatAIMLAPI
from langchain_aimlapi.errors import APIConnectionError
from llama_index_aimlapi import AIMLAPI, AIMLAPIEmbedding

ROOT = Path(__file__).parents[1]
FRAMEWORKS = {
    "langchain_aimlapi": ("langchain_core", "LangChain", "langchain"),
    "llama_index_aimlapi": ("llama_index.core", "LlamaIndex", "llama-index"),
}
# Every public module of both packages.
MODULES = [f"{package}.{path.stem}" for package in FRAMEWORKS for path in sorted((ROOT / package).glob("[a-z]*.py"))]

# A program that finds these modules missing, as in an environment without the extra.
WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
try:
    {program}
except ModuleNotFoundError as error:
    print(error.name, "|", error)
"""


@pytest.mark.parametrize(
    ("missing", "program", "said"),
    [
        (
            "langchain_core",
            "from langchain_aimlapi import ChatAIMLAPI",
            "ChatAIMLAPI needs LangChain: run `pip install 'aimlapi-integrations[langchain]'`.",
        ),
        (
            "llama_index.core",
            "from llama_index_aimlapi import AIMLAPIEmbedding",
            "AIMLAPIEmbedding needs LlamaIndex: run `pip install 'aimlapi-integrations[llama-index]'`.",
        ),
        (
            "llama_index.core",
            "from llama_index.llms.aimlapi import AIMLAPI",
            "AIMLAPI needs LlamaIndex: run `pip install 'aimlapi-integrations[llama-index]'`.",
        ),
        (
            "langchain_core",
            "from langchain_aimlapi import get_aimlapi_usage_callback",
            "get_aimlapi_usage_callback needs LangChain: run `pip install 'aimlapi-integrations[langchain]'`.",
        ),
        (
            "platformdirs",
            "from llama_index_aimlapi import AIMLAPI",
            "AIMLAPI needs the package `platformdirs`: run `pip install 'aimlapi-integrations[llama-index]'`.",
        ),
        (
            "httpx",
            "from aimlapi_transport import Client",
            "Client needs the package `httpx`: run `pip install aimlapi-integrations`.",
        ),
        (
            "uvicorn",
            "from aimlapi_emulator import emulator",
            "The emulator needs its extra: run `pip install 'aimlapi-integrations[emulator]'`.",
        ),
        (
            "httpx",
            "from langchain_aimlapi import ChatAIMLAPI; ChatAIMLAPI(model='a/b').invoke('x')",
            "No module named 'httpx'",
        ),
    ],
)
def test_a_missing_extra_says_how_to_install_it(missing: str, program: str, said: str) -> None:
    """And a module that no extra brings is named as Python names it."""
    assert run_without(missing, program) == f"{missing} | {said}\n"


@pytest.mark.parametrize("module", MODULES)
def test_a_module_without_its_framework_says_how_to_install_it(module: str) -> None:
    package = module.partition(".")[0]
    missing, title, extra = FRAMEWORKS[package]
    said = f"{missing} | {package} needs {title}: run `pip install 'aimlapi-integrations[{extra}]'`.\n"
    # the transport's errors, of which it needs no more; and a dict of headers
    needs_none = module in ("llama_index_aimlapi.errors", "langchain_aimlapi.constants")
    assert run_without(missing, f"import {module}") == ("" if needs_none else said)


def run_without(missing: str, program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(missing=missing, program=program)],
        capture_output=True,
        text=True,
        check=True,
        env={
            "PATH": "",
            "AIMLAPI_API_KEY": "any",
            "AIMLAPI_API_BASE": "http://127.0.0.1:9/v1",
            "PYTHONPATH": ":".join(sys.path),
        },
    )
    return done.stdout


def test_the_emulators_command_says_how_to_install_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from aimlapi_emulator.__main__ import main

    for module in [name for name in sys.modules if name.startswith("aimlapi_emulator.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "starlette.requests", None)
    assert main(["--list-faults"]) == 1
    assert "pip install 'aimlapi-integrations[emulator]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("build", "misspelt", "meant"),
    [
        (ChatAIMLAPI, "temprature", "temperature"),
        (ChatAIMLAPI, "max_token", "max_tokens"),
        (ChatAIMLAPI, "zzz", None),
        (AIMLAPIEmbeddings, "dimension", "dimensions"),
        (AIMLAPIEmbeddings, "zzz", None),
        (AIMLAPI, "temprature", "temperature"),
        (AIMLAPI, "zzz", None),
        (AIMLAPIEmbedding, "dimension", "dimensions"),
        (AIMLAPIEmbedding, "zzz", None),
    ],
)
def test_a_misspelt_setting_names_the_one_it_is_close_to(build: type, misspelt: str, meant: str | None) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        build(model="some/model", **{misspelt: 1})
    (warning,) = said
    assert f"`{misspelt}`" in str(warning.message)
    assert warning.filename == __file__
    assert str(warning.message).partition(" Did you mean ")[2] == ("" if meant is None else f"`{meant}`?")


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (ChatAIMLAPI, "ChatAIMLAPI(model='a/b', host='api.aimlapi.com', max_retries=5)"),
        (AIMLAPIEmbeddings, "AIMLAPIEmbeddings(model='a/b', host='api.aimlapi.com', max_retries=5)"),
        (AIMLAPI, "AIMLAPI(model='a/b', host='api.aimlapi.com', max_retries=5)"),
        (AIMLAPIEmbedding, "AIMLAPIEmbedding(model='a/b', host='api.aimlapi.com', max_retries=5)"),
    ],
)
def test_a_repr_says_model_host_and_what_was_set(build: type, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIMLAPI_API_BASE", "AIMLAPI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    assert repr(build(model="a/b", max_retries=5, api_key="sk-secret")) == said


async def test_a_server_that_cannot_be_reached_is_named(unused_tcp_port: int) -> None:
    """The address may be the mistake."""
    base = f"http://127.0.0.1:{unused_tcp_port}/v1"
    model = ChatAIMLAPI(model="a/b", base_url=base, api_key="any", max_retries=0)
    with pytest.raises(APIConnectionError, match=rf"host 127\.0\.0\.1:{unused_tcp_port}\)$"):
        model.invoke("Hello")
    with pytest.raises(APIConnectionError, match=rf"host 127\.0\.0\.1:{unused_tcp_port}\)$"):
        await model.ainvoke("Hello")
