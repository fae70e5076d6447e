"""Builds the wheel and installs it by itself, once for each extra, in environments that hold nothing else.

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

# extra -> a program that must run, and modules it must not have needed
PROGRAMS = {
    "": ("from aimlapi_transport import Client; Client()", ("langchain_core", "llama_index")),
    "langchain": ("from langchain_aimlapi import ChatAIMLAPI; ChatAIMLAPI(model='openai/gpt-4o')", ("llama_index",)),
    "llama-index": ("from llama_index_aimlapi import AIMLAPI; AIMLAPI(model='openai/gpt-4o')", ("langchain_core",)),
    "emulator": (
        "from aimlapi_emulator import emulator; from aimlapi_transport import Client\n"
        "with emulator() as server:\n"
        "    client = Client(base_url=server.base_url, api_key='k')\n"
        "    assert client.chat('openai/gpt-4o', [{'role': 'user', 'content': 'Hello'}]).text",
        ("langchain_core", "llama_index"),
    ),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, str(ROOT))
        (wheel,) = Path(folder).glob("*.whl")
        names = zipfile.ZipFile(wheel).namelist()
        packages = {name.split("/")[0] for name in names if not name.split("/")[0].endswith(".dist-info")}
        expected = {"aimlapi_transport", "langchain_aimlapi", "llama_index_aimlapi", "aimlapi_emulator"}
        assert packages == expected, packages
        assert all(f"{package}/py.typed" in names for package in packages)
        for extra, (program, absent) in PROGRAMS.items():
            home = Path(folder) / f"venv-{extra}"
            venv.create(home, with_pip=True)
            python = str(home / "bin" / "python")
            target = f"{wheel}[{extra}]" if extra else str(wheel)
            run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", target)
            found = f"import importlib.util as u; assert not [n for n in {absent!r} if u.find_spec(n)]"
            run(python, "-c", f"{program}\n{found}")
            print(f"{wheel.name}[{extra}]: works alone")


def run(*command: str) -> None:
    subprocess.run(command, check=True, cwd=tempfile.gettempdir())


if __name__ == "__main__":
    main()
