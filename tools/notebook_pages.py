"""The notebooks as pages of the guides: a hook of MkDocs (see mkdocs.yml). Nothing is run, what they show is shown."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).parent.parent


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """A page for each notebook, beside those of the folder `docs`."""
    from mkdocs.structure.files import File

    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=as_page(path)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Files of the repository's top are put in, and links that on GitHub lead to files lead to pages."""
    markdown = re.sub(r'^--8<-- "([A-Z_]+\.md)"$', lambda match: (ROOT / match[1]).read_text(), markdown, flags=re.M)
    markdown = re.sub(r"\]\(\.\./notebooks/([\w-]+)\.ipynb\)", r"](notebooks/\1.md)", markdown)
    return re.sub(r"\]\(([A-Z_]+)\.md(?=[#)])", lambda match: f"]({match[1].lower().replace('_', '-')}.md", markdown)


def as_page(path: Path) -> str:
    """A notebook as Markdown."""
    parts = []
    for cell in json.loads(path.read_text())["cells"]:
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
