"""Pages, help texts and docstrings keep to the words of docs/style.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STYLE = ROOT / "docs" / "style.md"
PACKAGES = (
    "aimlapi_batch",
    "aimlapi_cli",
    "aimlapi_emulator",
    "aimlapi_transport",
    "langchain_aimlapi",
    "llama_index_aimlapi",
)
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page != STYLE),
    *sorted((ROOT / "notebooks" / "source").glob("*.py")),
]
ALLOWED_IN_DOCSTRINGS = 16
"""How many docstrings and help texts have such a word; only ever lower it."""


@lru_cache(maxsize=1)
def avoided() -> re.Pattern[str]:
    """The words of the first column of the table."""
    rows = re.findall(r"^\| ([a-z][^|]*) \| [^|]+ \|$", STYLE.read_text(encoding="utf-8"), re.M)
    words = {word.strip() for row in rows for word in row.split(",")} - {"avoid"}
    assert len(words) > 25
    ways = "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"\b(?:{ways})\b", re.I)


def prose(text: str) -> str:
    """A page without its code, with as many lines."""
    if "`" not in text:
        return text
    blank = re.sub(r"^ *```.*?^ *```$", lambda match: "\n" * match[0].count("\n"), text, flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`|<!--.*?-->", "``", blank)


def hits(text: str) -> list[str]:
    return [f"line {text.count(chr(10), 0, match.start()) + 1}: {match[0]!r}" for match in avoided().finditer(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_keeps_to_the_words(page: Path) -> None:
    assert hits(prose(page.read_text(encoding="utf-8"))) == []


def test_what_is_unreleased_in_the_changelog_keeps_to_the_words() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").partition("## [Unreleased]")[2].partition("\n## [")[0]
    assert hits(prose(text)) == []


def docstrings() -> Iterator[tuple[str, str]]:
    """Where each docstring, and each text of an option's help, stands."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    yield where, ast.get_docstring(node) or ""
                elif isinstance(node, ast.keyword) and node.arg in ("help", "description"):
                    text = getattr(node.value, "value", None)
                    yield where, text if isinstance(text, str) else ""


def test_docstrings_and_help_texts_have_fewer_and_fewer_of_them() -> None:
    found = [f"{where}: {', '.join(words)}" for where, text in docstrings() if (words := hits(prose(text)))]
    assert len(found) <= ALLOWED_IN_DOCSTRINGS, "\n".join(found)
