"""What the site shows beside `docs`: notebooks, files of the repository's top, and sources that pages link to.

A hook of MkDocs (see mkdocs.yml). Links are written as GitHub follows them, relative to the file they are in; here they
become links between pages of the site. Notebooks are not run: their outputs are shown.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
TOP = {
    ROOT / "CONTRIBUTING.md": "contributing.md",
    ROOT / "SECURITY.md": "security.md",
    ROOT / "CODE_OF_CONDUCT.md": "code-of-conduct.md",
    ROOT / "CHANGELOG.md": "changelog.md",
    ROOT / "README.md": "index.md",
}
_FENCED = re.compile(r"^ *```.*?^ *```$", re.M | re.S)
_LINK = re.compile(r'(\]\()((?!\w+:|#)[^)\s#"]+)')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """A page for each notebook and each file of the top; a copy of each other file that a page links to."""
    from mkdocs.structure.files import File

    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=as_page(path)))
    pages = [DOCS / file.src_uri for file in files.documentation_pages() if (DOCS / file.src_uri).is_file()]
    for path, uri in TOP.items():
        if files.get_file_from_path(uri) is None:
            files.append(File.generated(config, uri, content=path.read_text(encoding="utf-8")))
            pages.append(path)
    for linked in sorted({linked for page in pages for linked in _linked(page) if linked.is_file()}):
        uri = site_uri(linked)
        if uri.startswith("source/") and files.get_file_from_path(uri) is None:
            files.append(File.generated(config, uri, abs_src_path=str(linked)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Links to files of the repository lead to their pages."""
    return linked_in_site(markdown, page.file.src_uri)


def linked_in_site(markdown: str, uri: str) -> str:
    """The Markdown of a page of the site, with its links to files of the repository as links of the site."""
    at = next((path for path, of_top in TOP.items() if of_top == uri and uri != "index.md"), DOCS / uri)

    def relinked(match: re.Match[str]) -> str:
        target = Path(os.path.normpath(at.parent / match[2]))
        if not target.is_file() or (target.is_relative_to(DOCS) and at.is_relative_to(DOCS)):
            return match[0]
        return match[1] + os.path.relpath(site_uri(target), os.path.dirname(uri) or ".").replace(os.sep, "/")

    parts = re.split(f"({_FENCED.pattern})", markdown, flags=_FENCED.flags)
    return "".join(part if _FENCED.fullmatch(part) else _LINK.sub(relinked, part) for part in parts)


def site_uri(path: Path) -> str:
    """Where the site has a file of the repository."""
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    if path.suffix == ".ipynb":
        return f"notebooks/{path.stem}.md"
    return TOP.get(path) or f"source/{path.relative_to(ROOT).as_posix()}.txt"


def _linked(page: Path) -> list[Path]:
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    return [Path(os.path.normpath(page.parent / match[2])) for match in _LINK.finditer(text)]


def as_page(path: Path) -> str:
    """A notebook as Markdown."""
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(re.sub(r"\]\(([\w-]+)\.ipynb\)", r"](\1.md)", source.replace("](../docs/", "](../")))
        else:
            parts += [f"```python\n{source}\n```", *map(_shown, cell["outputs"])]
    return "\n\n".join(part for part in parts if part)


def _shown(output: dict[str, Any]) -> str:
    """An output in the richest form a page can show."""
    data = output.get("data", {})
    if "image/png" in data:
        return f'<img alt="{_plain(data)}" src="data:image/png;base64,{_text(data["image/png"])}">'
    if "text/markdown" in data:
        return _text(data["text/markdown"])
    if "text/html" in data:
        return f'<div class="output">{_text(data["text/html"]).strip()}</div>'
    text = _text(output.get("text", "")) or _text(data.get("text/plain", ""))
    return f"```text\n{text.rstrip()}\n```"


def _plain(data: dict[str, Any]) -> str:
    return _text(data.get("text/plain", "")).strip("<>")


def _text(value: str | list[str]) -> str:
    return "".join(value).strip("\n")
