"""Builds the wheel and installs it by itself, once for each extra, in environments that hold nothing else;
then beside another LlamaIndex integration.

python tools/check_wheel.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
# All that may be in LlamaIndex's namespace: an __init__.py above these would hide everybody else's packages.
NAMESPACE = tuple(f"llama_index/{kind}/aimlapi" for kind in ("embeddings", "llms", "readers", "tools"))
NEIGHBOUR = "llama-index-llms-openai"

# extra -> a program that must run, and modules it must not have needed
PROGRAMS = {
    "": ("from aimlapi_transport import Client; Client()", ("langchain_core", "llama_index.core")),
    "langchain": (
        "from langchain_aimlapi import ChatAIMLAPI; ChatAIMLAPI(model='openai/gpt-4o')\n"
        "from langchain_aimlapi.tools import AIMLAPIToolkit; assert len(AIMLAPIToolkit().get_tools()) == 5",
        ("llama_index.core",),
    ),
    "llama-index": (
        "from llama_index.llms.aimlapi import AIMLAPI; from llama_index.embeddings.aimlapi import AIMLAPIEmbedding\n"
        "import llama_index_aimlapi as ours\n"
        "assert (ours.AIMLAPI, ours.AIMLAPIEmbedding) == (AIMLAPI, AIMLAPIEmbedding)\n"
        "AIMLAPI(model='openai/gpt-4o'); AIMLAPIEmbedding(model='voyage-2')\n"
        "from llama_index.tools.aimlapi import AIMLAPIToolSpec; assert len(AIMLAPIToolSpec().to_tool_list()) == 6\n"
        "from llama_index.readers.aimlapi import AIMLAPIOCRReader; AIMLAPIOCRReader()",
        ("langchain_core",),
    ),
    "emulator": (
        "from aimlapi_emulator import emulator; from aimlapi_transport import Client\n"
        "with emulator() as server:\n"
        "    client = Client(base_url=server.base_url, api_key='k')\n"
        "    assert client.chat('openai/gpt-4o', [{'role': 'user', 'content': 'Hello'}]).text",
        ("langchain_core", "llama_index.core"),
    ),
    "batch": (
        "from aimlapi_batch import Job, run; from aimlapi_cli.app import main; from aimlapi_emulator import emulator\n"
        "import os, tempfile; os.chdir(tempfile.mkdtemp())\n"
        "with emulator() as server:\n"
        "    host = {'base_url': server.base_url, 'api_key': 'k'}\n"
        "    rows = [{'id': 1, 'text': 'Hello'}]\n"
        "    job = Job(rows, 'out.parquet', model='openai/gpt-4o', prompt='{text}', key='id', **host)\n"
        "    assert run(job).answered == 1",
        ("langchain_core", "llama_index.core", "ray"),
    ),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, str(ROOT))
        (wheel,) = Path(folder).glob("*.whl")
        names = zipfile.ZipFile(wheel).namelist()
        packages = {name.split("/")[0] for name in names if not name.split("/")[0].endswith(".dist-info")}
        expected = {"aimlapi_transport", "langchain_aimlapi", "llama_index_aimlapi", "aimlapi_emulator"} | {
            "aimlapi_cli",
            "aimlapi_batch",
        }
        assert packages == {*expected, "llama_index"}, packages
        shared = [name for name in names if name.startswith("llama_index/")]
        assert sorted(shared) == [f"{place}/{file}" for place in NAMESPACE for file in ("__init__.py", "py.typed")], (
            shared
        )
        assert all(f"{package}/py.typed" in names for package in expected)
        files = [*(ROOT / "aimlapi_emulator/inspector/page").iterdir(), *(ROOT / "aimlapi_transport").rglob("*.json")]
        assert all(file.relative_to(ROOT).as_posix() in names for file in files)
        for extra, (program, absent) in PROGRAMS.items():
            home = Path(folder) / f"venv-{extra}"
            venv.create(home, with_pip=True)
            python = str(home / "bin" / "python")
            target = f"{wheel}[{extra}]" if extra else str(wheel)
            run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", target)
            found = f"import importlib.util as u; assert not [n for n in {absent!r} if u.find_spec(n)]"
            run(python, "-c", f"{program}\n{found}")
            print(f"{wheel.name}[{extra}]: works alone")
        beside_others(Path(folder) / "venv-llama-index" / "bin" / "python", wheel)


def beside_others(python: Path, wheel: Path) -> None:
    """The shared namespace holds another's LLM and ours, from the wheel and from the source tree."""
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, NEIGHBOUR)
    program = f"from llama_index.llms.openai import OpenAI\n{PROGRAMS['llama-index'][0]}"
    run(str(python), "-c", program)
    run(*pip, "--force-reinstall", "--no-deps", "--editable", str(ROOT))
    run(str(python), "-c", program)
    print(f"{wheel.name}: works beside {NEIGHBOUR}, editable too")


def run(*command: str) -> None:
    subprocess.run(command, check=True, cwd=tempfile.gettempdir())


if __name__ == "__main__":
    main()
