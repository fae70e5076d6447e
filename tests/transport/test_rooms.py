"""The house's walls: who may import whom, and that importing costs nothing and does nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRANSPORT = ROOT / "aimlapi_transport"
PACKAGES = (
    *("aimlapi_transport", "langchain_aimlapi", "llama_index_aimlapi"),
    *("aimlapi_emulator", "aimlapi_cli", "aimlapi_batch"),
)
IMPORTS_HTTPX = {
    *("client", "stream", "media.calls", "media.downloads", "media.multipart", "media.requests"),
    *(f"http.{name}" for name in ("caller", "connections", "exchange", "replies", "request", "timeouts")),
}
IMPORTS_PYDANTIC = {
    *("chat_settings", "connection_settings"),
    *(f"service.{name}" for name in ("billing", "calls", "catalogue", "fields", "keys")),
}
MODULES = {".".join(path.relative_to(TRANSPORT).with_suffix("").parts) for path in TRANSPORT.rglob("*.py")}


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_modules_import_no_httpx_but_those_that_do_the_io() -> None:
    """Nor Pydantic, but those that read replies of the service endpoints, and what the frameworks' classes share."""
    assert IMPORTS_HTTPX | IMPORTS_PYDANTIC < MODULES
    names = (name.removesuffix(".__init__") for name in MODULES - IMPORTS_HTTPX - IMPORTS_PYDANTIC - {"__init__"})
    loaded = modules_after("; ".join(f"import aimlapi_transport.{name}" for name in sorted(names)))
    assert not {"httpx", "pydantic", "langchain_core", "llama_index"} & loaded


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("aimlapi_transport", {"langchain_core", "llama_index", "langchain_aimlapi", "llama_index_aimlapi", "aimlapi_emulator"}),
        ("langchain_aimlapi", {"llama_index", "llama_index_aimlapi", "aimlapi_emulator"}),
        ("llama_index_aimlapi", {"langchain_core", "langchain_aimlapi", "aimlapi_emulator"}),
        ("aimlapi_emulator", {"aimlapi_transport", "langchain_core", "llama_index"}),
    ],
)  # fmt: skip
def test_dependencies_point_one_way(package: str, forbidden: set[str]) -> None:
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {name.split(".")[0] for name in names} & forbidden, path


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import aimlapi_transport", {"httpx", "orjson"}),
        ("import langchain_aimlapi", {"httpx", "langchain_core"}),
        (
            "from langchain_aimlapi import ChatAIMLAPI",
            {"llama_index", "starlette", "transformers", "aimlapi_transport.client"}
            | {"aimlapi_transport.errors", "aimlapi_transport.config.hosts", "aimlapi_transport.config.model_families"},
        ),
        ("import llama_index_aimlapi", {"httpx", "llama_index"}),
        ("from llama_index_aimlapi import AIMLAPI", {"langchain_core", "starlette", "aimlapi_transport.client"}),
        ("import aimlapi_emulator.pytest_plugin", {"starlette", "uvicorn"}),
    ],
)
def test_an_import_brings_only_what_it_needs(statement: str, absent: set[str]) -> None:
    assert not modules_after(statement) & absent


@pytest.mark.parametrize("package", ["aimlapi_transport", "langchain_aimlapi", "llama_index_aimlapi"])
def test_a_package_lists_its_names_before_any_is_imported(package: str) -> None:
    code = (
        f"import {package} as it, sys; assert set(it.__all__) <= set(dir(it)) and '__doc__' in dir(it); "
        "assert not {'httpx', 'langchain_core', 'llama_index'} & set(sys.modules); "
        "assert all(hasattr(it, name) for name in it.__all__) and not hasattr(it, 'nonsense')"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


class _Imports(ast.NodeVisitor):
    """The modules that a module imports when it runs, at once or later; not those it names for a type checker."""

    def __init__(self, name: str, modules: set[str]) -> None:
        self._name = name
        self._modules = modules
        self.found: set[str] = set()

    def visit_If(self, node: ast.If) -> None:
        for part in node.orelse if "TYPE_CHECKING" in ast.unparse(node.test) else [*node.body, *node.orelse]:
            self.visit(part)

    def visit_Call(self, node: ast.Call) -> None:
        """A package says which modules it imports when they are first used."""
        if isinstance(node.func, ast.Name) and node.func.id == "lazy_modules":
            self.found |= {f"{self._name}.{name.value}" for name in node.args if isinstance(name, ast.Constant)}
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.found |= {alias.name for alias in node.names} & self._modules

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        names = {f"{node.module}.{alias.name}" for alias in node.names} & self._modules
        self.found |= names or {node.module or ""} & self._modules


def test_no_two_modules_need_each_other() -> None:
    """Also later on, inside functions: such a pair is read as one."""
    paths = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    }
    graph = {}
    for name, path in paths.items():
        imports = _Imports(name, set(paths))
        imports.visit(ast.parse(path.read_text()))
        graph[name] = imports.found - {name}
    assert sum(map(len, graph.values())) > 300
    TopologicalSorter(graph).prepare()  # raises for a cycle, and names it


# What each package of the transport may import, beside modules that stand in no package.
LAYERS = {
    "config": set[str](),
    "http": {"config"},
    "chat": {"config"},
    "structured": {"config", "chat"},
    "messages": {"config", "http", "chat"},
    "responses": {"config", "http", "chat"},
    "service": {"config", "http", "chat"},
    "media": {"config", "http", "chat", "service"},
}


def _transport_imports(*, with_types: bool) -> dict[str, set[str]]:
    """A module of the transport -> those it imports."""
    found: dict[str, set[str]] = {}
    for path in TRANSPORT.rglob("*.py"):
        name = ".".join(path.relative_to(TRANSPORT).with_suffix("").parts).removesuffix(".__init__")
        tree = ast.parse(path.read_text())
        imports = _Imports(f"aimlapi_transport.{name}", {f"aimlapi_transport.{module}" for module in MODULES})
        for node in ast.walk(tree) if with_types else [tree]:
            imports.visit(node)
        found[name] = {other.removeprefix("aimlapi_transport.") for other in imports.found} - {name}
    return found


def _layers(*, with_types: bool) -> dict[str, set[str]]:
    """A package of the transport, or a module that is in none -> those it imports."""
    graph: dict[str, set[str]] = {}
    for name, others in _transport_imports(with_types=with_types).items():
        layer = name.partition(".")[0]
        graph.setdefault(layer, set()).update({other.partition(".")[0] for other in others} - {layer})
    return graph


def test_packages_import_only_those_below() -> None:
    """`http` knows no endpoint, and `config` nothing above it; also in what a type checker reads."""
    graph = _layers(with_types=True)
    packages = {path.name for path in TRANSPORT.iterdir() if (path / "__init__.py").is_file()}
    assert packages == set(LAYERS)
    assert {name: (graph[name] & packages) - LAYERS[name] for name in packages} == {name: set() for name in packages}


def test_layers_point_one_way() -> None:
    """No package needs one that needs it, nor by way of a module that stands in none."""
    TopologicalSorter(_layers(with_types=False)).prepare()  # raises for a cycle, and names it
