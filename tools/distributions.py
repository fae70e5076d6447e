"""The distributions that this tree is published as: one row each. docs/packages.md has the reasons.

`stage` writes the source tree of one, with a pyproject.toml of its own, from the row and the root's pyproject.toml.
To add a distribution, add a row, and a program to tools/smoke. tests/test_distributions.py compares rows and imports.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
VERSION: str = re.findall(r'"(.+)"', (ROOT / "aimlapi_transport/version.py").read_text(encoding="utf-8"))[-1]
FILES = ("LICENSE", "CHANGELOG.md")
UNWANTED = ("__pycache__", "*.pyc")


@dataclass(frozen=True)
class Distribution:
    """What one distribution holds and needs. Version ranges stand in the root's pyproject.toml only."""

    name: str
    description: str
    packages: tuple[str, ...] = ()  # folders of this tree
    ours: tuple[str, ...] = ()  # distributions of this table, in the same version
    extra: str | None = None  # the root's extra whose requirements are this distribution's
    also: tuple[str, ...] = ()  # further ones that it imports, of the root's `dependencies` or another extra
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # its own; "root:NAME" is the root's extra
    optional: Mapping[str, str] = field(default_factory=dict)  # imported but not required: module -> the reason
    usage: str = ""  # a few lines for its page in the package index


_LLAMA_INDEX = ("llama-index-aimlapi",)

DISTRIBUTIONS = (
    Distribution(
        "aimlapi-transport",
        "Clients of AI/ML API, PowerTokens and AnyFast; no framework",
        packages=("aimlapi_transport",),
        also=("httpx", "orjson", "platformdirs", "pydantic", "typing-extensions"),
        optional={
            "socksio": "only a SOCKS proxy needs it, and an error says so",
            "tzdata": "where there is no list of time zones, the provider decides which there are",
        },
        usage=(
            "from aimlapi_transport import Client\n\n"
            'Client().chat("openai/gpt-4o", [{"role": "user", "content": "Hello"}]).text'
        ),
    ),
    Distribution(
        "langchain-aimlapi",
        "LangChain chat model, embeddings, tools and loaders for AI/ML API",
        packages=("langchain_aimlapi",),
        ours=("aimlapi-transport",),
        extra="langchain",
        extras={"agents": ("langchain>=1.0,<2",)},
        optional={
            "langchain": "only langchain_aimlapi.middleware needs it: the extra `agents`",
            "tqdm": "only `show_progress_bar=True` needs it, and an error says so",
        },
        usage=(
            "from langchain_aimlapi import AIMLAPIEmbeddings, ChatAIMLAPI\n\n"
            'ChatAIMLAPI(model="openai/gpt-4o").invoke("Hello").content'
        ),
    ),
    Distribution(
        "llama-index-aimlapi",
        "What the LlamaIndex integrations for AI/ML API share: LLM, embedding, tools and readers",
        packages=("llama_index_aimlapi",),
        ours=("aimlapi-transport",),
        extra="llama-index",
        optional={"transformers": "only a `tokenizer` passed by its name needs it, and an error says so"},
        usage='from llama_index_aimlapi import AIMLAPI\n\nAIMLAPI(model="openai/gpt-4o").complete("Hello").text',
    ),
    Distribution(
        "llama-index-llms-aimlapi",
        "LlamaIndex LLM for AI/ML API",
        packages=("llama_index/llms/aimlapi",),
        ours=_LLAMA_INDEX,
        usage='from llama_index.llms.aimlapi import AIMLAPI\n\nAIMLAPI(model="openai/gpt-4o").complete("Hello").text',
    ),
    Distribution(
        "llama-index-embeddings-aimlapi",
        "LlamaIndex embedding for AI/ML API",
        packages=("llama_index/embeddings/aimlapi",),
        ours=_LLAMA_INDEX,
        usage=(
            "from llama_index.embeddings.aimlapi import AIMLAPIEmbedding\n\n"
            'AIMLAPIEmbedding(model="text-embedding-3-small").get_text_embedding("Hello")'
        ),
    ),
    Distribution(
        "llama-index-tools-aimlapi",
        "LlamaIndex tool spec for images, video, speech and music of AI/ML API",
        packages=("llama_index/tools/aimlapi",),
        ours=_LLAMA_INDEX,
        usage="from llama_index.tools.aimlapi import AIMLAPIToolSpec\n\nAIMLAPIToolSpec().to_tool_list()",
    ),
    Distribution(
        "llama-index-readers-aimlapi",
        "LlamaIndex readers for OCR and transcripts of AI/ML API",
        packages=("llama_index/readers/aimlapi",),
        ours=_LLAMA_INDEX,
        usage=(
            "from llama_index.readers.aimlapi import AIMLAPIOCRReader\n\n"
            'AIMLAPIOCRReader().load_data("https://example.com/document.pdf")'
        ),
    ),
    Distribution(
        "aimlapi-emulator",
        "A local server that emulates AI/ML API, for tests and work without a key",
        packages=("aimlapi_emulator",),
        ours=("aimlapi-transport",),  # its packaged facts about models
        extra="emulator",
        also=("httpx", "orjson"),
        optional={"pytest": "pytest itself loads the plugin"},
        usage="from aimlapi_emulator import emulator\n\nwith emulator() as server:\n    print(server.base_url)",
    ),
    Distribution(
        "aimlapi-cli",
        "AI/ML API on your terminal: the command `aimlapi`",
        packages=("aimlapi_cli",),
        ours=("aimlapi-emulator", "aimlapi-transport"),
        extra="cli",
        also=("httpx", "platformdirs", "pydantic"),
        extras={"batch": ("aimlapi-batch",), "mcp": ("root:mcp",)},
        optional={
            "aimlapi_batch": "only `aimlapi batch` needs it: the extra `batch`",
            "anyio": "only MCP servers need it, and mcp brings it: the extra `mcp`",
            "mcp": "only MCP servers need it: the extra `mcp`",
            "packaging": "without it `aimlapi doctor` does not compare versions",
        },
    ),
    Distribution(
        "aimlapi-batch",
        "Many rows through a model of AI/ML API: resumable jobs, also on Ray",
        packages=("aimlapi_batch",),
        ours=("aimlapi-cli", "aimlapi-transport"),
        extra="batch",
        also=("orjson", "platformdirs", "rich", "typer"),
        extras={"ray": ("root:ray",)},
        optional={
            "langchain_core": "only a runnable in place of a model needs it, and it is imported already",
            "llama_index": "only an LLM in place of a model needs it, and it is imported already",
            "ray": "only a job on Ray needs it: the extra `ray`",
        },
        usage=(
            "from aimlapi_batch import Job, run\n\n"
            'run(Job("rows.csv", "answers.jsonl", model="openai/gpt-4o", prompt="{text}"))'
        ),
    ),
    Distribution(
        "aimlapi-integrations",
        "LangChain and LlamaIndex integrations for AI/ML API: all its distributions, by extras",
        ours=("aimlapi-transport",),
        extras={
            "langchain": ("langchain-aimlapi",),
            "llama-index": (
                *("llama-index-llms-aimlapi", "llama-index-embeddings-aimlapi"),
                *("llama-index-tools-aimlapi", "llama-index-readers-aimlapi"),
            ),
            "emulator": ("aimlapi-emulator",),
            "cli": ("aimlapi-cli",),
            "mcp": ("aimlapi-cli[mcp]",),
            "batch": ("aimlapi-batch",),
            "ray": ("aimlapi-batch[ray]",),
            "all": ("aimlapi-integrations[langchain,llama-index,emulator,cli,batch]",),
        },
    ),
)
BY_NAME = {row.name: row for row in DISTRIBUTIONS}
# Import name -> the requirement that brings it, where the two differ.
BROUGHT_BY = {
    "llama_index": "llama-index-core",
    "llama_index_instrumentation": "llama-index-core",
    "pydantic_core": "pydantic",
    "PIL": "matplotlib",
    "jsonschema_specifications": "jsonschema",
    "referencing": "jsonschema",
}


def base_name(requirement: str) -> str:
    """The distribution that a requirement names: `httpx` of `httpx>=0.27,<1`."""
    return re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0]


def of_root(extra: str) -> list[str]:
    """What the root's extra requires besides other extras of the root."""
    return [one for one in PROJECT["optional-dependencies"][extra] if base_name(one) != PROJECT["name"]]


def requirements(row: Distribution) -> list[str]:
    """All that a distribution requires, each with its range."""
    own = of_root(row.extra) if row.extra else []
    return [*(pinned(one) for one in row.ours), *map(_of_anywhere, row.also), *own]


def _of_anywhere(name: str) -> str:
    """The root's requirement of this name: its own, or else that of an extra."""
    everything = [
        *PROJECT["dependencies"],
        *(one for extra in PROJECT["optional-dependencies"] for one in of_root(extra)),
    ]
    return next(one for one in everything if base_name(one) == name)


def extras(row: Distribution) -> dict[str, list[str]]:
    """A distribution's own extras, each with what it requires."""
    found: dict[str, list[str]] = {}
    for name, wanted in row.extras.items():
        found[name] = []
        for one in wanted:
            found[name] += of_root(one[5:]) if one.startswith("root:") else [pinned(one)]
    return found


def pinned(requirement: str) -> str:
    """One of ours is required in the very version that it was tested with; others as they are written."""
    return f"{requirement}=={VERSION}" if base_name(requirement) in BY_NAME else requirement


def stage(row: Distribution, folder: Path) -> None:
    """Writes the source tree of one distribution into an empty folder."""
    for package in row.packages:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns(*UNWANTED))
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    (folder / "README.md").write_text(_readme(row), encoding="utf-8")
    (folder / "pyproject.toml").write_text(pyproject(row), encoding="utf-8")


def pyproject(row: Distribution) -> str:
    """The pyproject.toml of one distribution."""
    modules = {package.partition("/")[0] for package in row.packages}
    scripts = {name: to for name, to in PROJECT["scripts"].items() if to.partition(".")[0] in modules}
    plugins = {
        group: {name: to for name, to in entries.items() if to.partition(".")[0] in modules}
        for group, entries in PROJECT["entry-points"].items()
    }
    tables: dict[str, dict[str, Any]] = {
        "build-system": {"requires": ["hatchling"], "build-backend": "hatchling.build"},
        "project": {
            **{"name": row.name, "version": VERSION, "description": row.description, "readme": "README.md"},
            **{key: PROJECT[key] for key in ("license", "license-files", "requires-python", "keywords", "classifiers")},
            "dependencies": requirements(row),
        },
        "project.urls": PROJECT["urls"],
        "project.optional-dependencies": extras(row),
        "project.scripts": scripts,
        **{f"project.entry-points.{group}": entries for group, entries in plugins.items()},
        # a wheel without modules is meant where a row has none
        "tool.hatch.build.targets.wheel": {"only-include": list(row.packages)}
        if row.packages
        else {"bypass-selection": True},
        **_llamahub(row),
    }
    return "\n".join(f"[{name}]\n{_toml(table)}" for name, table in tables.items() if table)


def _llamahub(row: Distribution) -> dict[str, dict[str, Any]]:
    """What LlamaHub reads of an integration: its import path and its classes."""
    names = [package for package in row.packages if package.startswith("llama_index/")]
    if not names:
        return {}
    tree = ast.parse((ROOT / names[0] / "__init__.py").read_text(encoding="utf-8"))
    assigned = [node.value for node in tree.body if isinstance(node, ast.Assign)]  # of `__all__`, and nothing else
    classes = ast.literal_eval(assigned[0])
    return {
        "tool.llamahub": {"contains_example": False, "import_path": names[0].replace("/", ".")},
        "tool.llamahub.class_authors": dict.fromkeys(classes, "aimlapi"),
    }


def _toml(table: Mapping[str, Any]) -> str:
    """One table; JSON's strings, lists and booleans are TOML's."""
    return "".join(f"{json.dumps(key)} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in table.items())


def _readme(row: Distribution) -> str:
    example = f"```python\n{row.usage}\n```\n\n" if row.usage else ""
    return (
        f"# {row.name}\n\n{row.description}.\n\n```console\npip install {row.name}\n```\n\n{example}"
        "The key is read from `AIMLAPI_API_KEY`. This distribution is built from the project `aimlapi-integrations`, "
        "whose distributions are released together and require one another in the same version.\n"
    )
