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

from distributions import DISTRIBUTIONS, ROOT

SMOKE = ROOT / "tools" / "smoke"
NEIGHBOUR = "llama-index-llms-openai"

# extra -> the programs of tools/smoke that must run, and modules they must not have needed
PROGRAMS = {
    "": (("aimlapi-transport",), ("langchain_core", "llama_index.core")),
    "langchain": (("langchain-aimlapi",), ("llama_index.core",)),
    "llama-index": (tuple(row.name for row in DISTRIBUTIONS if row.name.startswith("llama-")), ("langchain_core",)),
    "emulator": (("aimlapi-emulator",), ("langchain_core", "llama_index.core")),
    "batch": (("aimlapi-batch", "aimlapi-cli"), ("langchain_core", "llama_index.core", "ray")),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, str(ROOT))
        (wheel,) = Path(folder).glob("*.whl")
        held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
        files = [path for row in DISTRIBUTIONS for package in row.packages for path in (ROOT / package).rglob("*")]
        expected = {path.relative_to(ROOT).as_posix() for path in files if path.is_file()}
        # an __init__.py above those of the rows would hide other packages in LlamaIndex's namespace
        assert held == {name for name in expected if "__pycache__" not in name}, held ^ expected
        for extra, (programs, absent) in PROGRAMS.items():
            home = Path(folder) / f"venv-{extra}"
            venv.create(home, with_pip=True)
            python = str(home / "bin" / "python")
            target = f"{wheel}[{extra}]" if extra else str(wheel)
            run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", target)
            found = f"import importlib.util as u; assert not [n for n in {absent!r} if u.find_spec(n)]"
            for program in programs:
                run(python, str(SMOKE / f"{program}.py"))
            run(python, "-I", "-c", found)  # isolated: a folder `ray` in the working folder is no package
            print(f"{wheel.name}[{extra}]: works alone")
        beside_others(Path(folder) / "venv-llama-index" / "bin" / "python", wheel)


def beside_others(python: Path, wheel: Path) -> None:
    """The shared namespace holds another's LLM and ours, from the wheel and from the source tree."""
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, NEIGHBOUR)
    for source in ((), ("--force-reinstall", "--no-deps", "--editable", str(ROOT))):
        if source:
            run(*pip, *source)
        run(str(python), "-c", "from llama_index.llms.openai import OpenAI")
        run(str(python), str(SMOKE / "llama-index-llms-aimlapi.py"))
    print(f"{wheel.name}: works beside {NEIGHBOUR}, editable too")


def run(*command: str) -> None:
    subprocess.run(command, check=True, cwd=tempfile.gettempdir())


if __name__ == "__main__":
    main()
