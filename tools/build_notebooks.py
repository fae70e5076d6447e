"""Writes notebooks/*.ipynb: each made from its source, run from its first cell to its last, with what its cells showed.

python tools/build_notebooks.py [name ...]    # all, or those whose file names contain one of the names

A source (notebooks/source/*.py) is Python in the percent format: `# %%` begins a cell of code, `# %% [markdown]` one of
prose. `# %% varies` begins one whose output is another every time: a clock's, a plot. Notebooks run without a key, that
is, on the emulator.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "notebooks"
VARIES = "varies"
_MARK = re.compile(r"^# %%(?: (\[markdown\]|varies))?\n", re.M)
_WAIT = 60  # seconds a cell may take


@dataclass(frozen=True)
class Cell:
    """A part of a source: prose, or code; `varies` if what it shows is another every time."""

    text: str
    is_prose: bool = False
    varies: bool = False


def sources() -> list[Path]:
    """The sources of all notebooks, in their order."""
    return sorted((FOLDER / "source").glob("*.py"))


def target(source: Path) -> Path:
    """The notebook made from a source."""
    return FOLDER / f"{source.stem}.ipynb"


def cells(text: str) -> list[Cell]:
    """The cells of a source; what stands before the first mark is none."""
    _, *parts = _MARK.split(text)
    found = []
    for kind, body in zip(parts[::2], parts[1::2], strict=True):
        if kind == "[markdown]":
            found.append(Cell(re.sub(r"^# ?", "", body.strip(), flags=re.M), is_prose=True))
        else:
            found.append(Cell(body.strip(), varies=kind == VARIES))
    return found


def unrun(source: Path) -> Any:
    """The notebook of a source, without outputs. The same source gives the same notebook."""
    from nbformat import v4

    made = []
    for number, cell in enumerate(cells(source.read_text(encoding="utf-8")), 1):
        node = v4.new_markdown_cell(cell.text) if cell.is_prose else v4.new_code_cell(cell.text)
        node["id"] = f"{source.stem}-{number}"
        if cell.varies:
            node["metadata"]["tags"] = [VARIES]
        made.append(node)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return v4.new_notebook(cells=made, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


def run(source: Path, **environment: str) -> Any:
    """The notebook of a source, run in a kernel of its own, with what its cells showed.

    Args:
        environment: set for the kernel, in which no key is set otherwise.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    notebook = unrun(source)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIML", "OPENAI"))}
    with tempfile.TemporaryDirectory() as profile:
        settings = {"PYTHONPATH": str(ROOT), "IPYTHONDIR": profile, "MPLCONFIGDIR": str(ROOT / "build" / "matplotlib")}
        kernel = AsyncKernelManager(kernel_name="python3")
        # No ports, which another kernel, started at the same time, might get first.
        kernel.transport, kernel.ip = "ipc", str(Path(profile) / "kernel")
        client = NotebookClient(notebook, km=kernel, timeout=_WAIT, resources={"metadata": {"path": str(FOLDER)}})
        client.record_timing = False
        client.extra_arguments = [
            "--log-level=ERROR"
        ]  # it warns that its sockets, on this machine only, are open to it
        client.execute(env={**inherited, **settings, **environment})
    return normalised(notebook)


def normalised(notebook: Any) -> Any:
    """The notebook with nothing that tells of one run only: cells are numbered, a text printed in parts is one."""
    number = 0
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
        if cell["cell_type"] != "code":
            continue
        number += 1
        cell["execution_count"] = number
        outputs: list[Any] = []
        for output in cell["outputs"]:
            if output["output_type"] == "stream" and outputs and outputs[-1].get("name") == output["name"]:
                outputs[-1]["text"] += output["text"]
                continue
            if "execution_count" in output:
                output["execution_count"] = number
            outputs.append(output)
        cell["outputs"] = outputs
    return notebook


def compared(notebook: Any) -> list[Any]:
    """What of a notebook is the same every time: of outputs that vary only their kinds."""
    told = []
    for cell in notebook["cells"]:
        outputs = cell.get("outputs", [])
        if VARIES in cell["metadata"].get("tags", ()):
            outputs = [(output["output_type"], sorted(output.get("data", ()))) for output in outputs]
        told.append({**cell, "outputs": outputs})
    return told


def main(names: list[str]) -> None:
    import nbformat

    for source in sources():
        if names and not any(name in source.stem for name in names):
            continue
        made, path = run(source), target(source)
        if path.exists() and compared(nbformat.read(path, as_version=4)) == compared(made):
            print(f"{path.relative_to(ROOT)} is as it was")  # what varies is no news
            continue
        nbformat.write(made, path)
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main(sys.argv[1:])
