"""What a release needs: one version, typed packages, a changelog in its form, metadata that is true."""

from __future__ import annotations

import re
from pathlib import Path

import aimlapi_transport
import langchain_aimlapi
import llama_index_aimlapi

ROOT = Path(__file__).parents[1]
PROJECT = (ROOT / "pyproject.toml").read_text()
PACKAGES = (
    "aimlapi_transport",
    "langchain_aimlapi",
    "llama_index_aimlapi",
    "aimlapi_emulator",
    "aimlapi_cli",
    "aimlapi_batch",
)


def test_the_version_is_written_once() -> None:
    version = aimlapi_transport.__version__
    assert langchain_aimlapi.__version__ == llama_index_aimlapi.__version__ == version
    written = [
        path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if f'"{version}"' in path.read_text()
    ]
    assert written == [ROOT / "aimlapi_transport" / "version.py"]
    assert 'dynamic = ["version"]' in PROJECT and 'path = "aimlapi_transport/version.py"' in PROJECT


def test_every_package_is_typed() -> None:
    assert all((ROOT / package / "py.typed").is_file() for package in PACKAGES)


def test_a_warning_of_the_guides_is_an_error() -> None:
    """MkDocs counts a warning only where it would say it: `--quiet` makes `--strict` blind."""
    (build,) = re.findall(r"mkdocs build ([^#\n]*)", (ROOT / "Makefile").read_text())
    assert build.split() == ["--strict"]


def test_the_changelog_has_its_form() -> None:
    """https://keepachangelog.com/en/1.1.0/: newest first, the next version on top, six kinds of change."""
    text = (ROOT / "CHANGELOG.md").read_text()
    releases = re.findall(r"^## (.+)$", text, re.M)
    assert releases[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", release) for release in releases[1:])
    kinds = set(re.findall(r"^### (.+)$", text, re.M))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_classifiers_name_every_python_that_is_tried() -> None:
    claimed = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PROJECT)
    (least,) = re.findall(r'requires-python = ">=(3\.\d+)"', PROJECT)
    assert claimed[0] == least
    tried = re.findall(r'"(3\.\d+)"', re.search(r"^PYTHONS = .*$", (ROOT / "tools/build_dist.py").read_text(), re.M)[0])  # type: ignore[index]  # the line is there
    assert set(claimed) <= set(tried)
