"""Builds the sdist and the wheel into dist/, looks into both, and installs the wheel on every Python it finds.

python tools/build_dist.py
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
PACKAGES = {
    "aimlapi_transport",
    "langchain_aimlapi",
    "llama_index_aimlapi",
    "aimlapi_emulator",
    "aimlapi_cli",
    "aimlapi_batch",
}
# Other names of ours in LlamaIndex's namespace: what is above them must hold no __init__.py, or LlamaIndex is hidden.
NAMES = {"llama_index/llms/aimlapi", "llama_index/embeddings/aimlapi"}
EXPECTED = (
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "pyproject.toml",
    "docs/index.md",
    "tests/test_pages.py",
    "Makefile",
)
UNWANTED = re.compile(
    r"__pycache__|\.pyc$|\.(?:venv|git|mypy_cache|pytest_cache|ruff_cache|hypothesis)/|/build/|/dist/"
)
LARGEST = 2_000_000  # bytes of one file: more is somebody's output, not a source

PROGRAM = """
from aimlapi_emulator import emulator
from langchain_aimlapi import ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI
import aimlapi_transport
with emulator() as server:
    said = ChatAIMLAPI(model="openai/gpt-4o", base_url=server.base_url, api_key="any").invoke("What is 6 * 7?").content
    also = AIMLAPI(model="openai/gpt-4o", api_base=server.base_url, api_key="any").complete("What is 6 * 7?").text
    assert said == also == "6 * 7 equals 42.", (said, also)
print(aimlapi_transport.__version__)
"""


def main() -> None:
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", str(DIST), str(ROOT))
    (sdist,) = DIST.glob("*.tar.gz")
    (wheel,) = DIST.glob("*.whl")
    run(sys.executable, "-m", "twine", "check", "--strict", str(sdist), str(wheel))
    look_into(sdist, wheel)
    for version in PYTHONS:
        python = find_python(version)
        if python is None:
            print(f"Python {version}: not on this machine")
            continue
        with tempfile.TemporaryDirectory() as folder:
            run(python, "-m", "venv", folder)
            inside = f"{folder}/bin/python"
            pip = (inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
            run(*pip, str(wheel))
            run(inside, "-c", "import aimlapi_transport; aimlapi_transport.Client()")
            run(*pip, f"{wheel}[all]")
            said = run(inside, "-W", "error::SyntaxWarning", "-c", PROGRAM)
            print(f"Python {version}: {wheel.name} works, version {said.strip()}")


def look_into(sdist: Path, wheel: Path) -> None:
    """What must be in the two archives, and what must not."""
    with tarfile.open(sdist) as archive:
        files = {member.name.partition("/")[2]: member.size for member in archive if member.isfile()}
    missing = [name for name in EXPECTED if name not in files]
    unwanted = [name for name in files if UNWANTED.search(f"/{name}")]
    large = [name for name, size in files.items() if size > LARGEST]
    if missing or unwanted or large:
        sys.exit(f"The sdist lacks {missing}, holds {unwanted}, and is too large at {large}.")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    untyped = sorted(package for package in PACKAGES | NAMES if f"{package}/py.typed" not in names)
    inside = [name for name in names if name.startswith("llama_index/")]
    shadows = [name for name in inside if name.rpartition("/")[0] not in NAMES]
    if tops != {*PACKAGES, "llama_index"} or untyped or shadows:
        sys.exit(f"The wheel holds {sorted(tops)}, lacks py.typed in {untyped}, and hides LlamaIndex by {shadows}.")
    for path in (sdist, wheel):
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")


def find_python(version: str) -> str | None:
    """A Python of this version: on the path, or of pyenv."""
    found = [shutil.which(f"python{version}")]
    found += [str(path) for path in sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))]
    for python in filter(None, found):
        said = subprocess.run(
            [python, "-c", "import sys; print(*sys.version_info[:2], sep='.')"], capture_output=True, text=True
        )
        if said.stdout.strip() == version:
            return python
    return None


def run(*command: str) -> str:
    """What the command prints. It runs in an empty folder: `python -c` would import what lies about there."""
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(command, cwd=empty, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
