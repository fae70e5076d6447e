"""Builds every distribution of tools/distributions.py into dist/, looks into each, and tries each by itself.

python tools/build_dist.py           # wheels and sdists; each installed alone, and all on every Python of this machine
python tools/build_dist.py --wheels  # wheels only, looked into and not installed: seconds
python tools/build_dist.py --only langchain-aimlapi
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from distributions import BY_NAME, DISTRIBUTIONS, ROOT, VERSION, Distribution, stage

DIST = ROOT / "dist"
SMOKE = ROOT / "tools" / "smoke"
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
UNWANTED = re.compile(r"__pycache__|\.pyc$|/tests/|\.(?:venv|git|mypy_cache|pytest_cache|ruff_cache|hypothesis)/")
LARGEST = 2_000_000  # bytes of one file: more is somebody's output, not a source
WHOLE = "aimlapi-integrations"
BESIDE = "llama-index-llms-openai"  # another integration in LlamaIndex's namespace


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--wheels", action="store_true", help="build wheels, look into them, install nothing")
    options.add_argument("--only", metavar="NAME", choices=BY_NAME, help="try this distribution only")
    arguments = options.parse_args()
    shutil.rmtree(DIST, ignore_errors=True)
    for row in DISTRIBUTIONS:
        build(row, wheels_only=arguments.wheels)
    no_file_is_in_two()
    if arguments.wheels:
        return
    archives = sorted(map(str, DIST.iterdir()))
    run(sys.executable, "-m", "twine", "check", "--strict", *archives)
    for row in DISTRIBUTIONS:
        if arguments.only in (None, row.name):
            alone(row)
    for version in PYTHONS if arguments.only is None else ():
        together(version)


def build(row: Distribution, *, wheels_only: bool) -> None:
    """The archives of one distribution; the wheel is built from the sdist, which so is complete."""
    with tempfile.TemporaryDirectory() as folder:
        stage(row, Path(folder))
        which = ("--wheel",) if wheels_only else ()
        run(sys.executable, "-m", "build", "--no-isolation", *which, "--outdir", str(DIST), folder)
    look_into(row)


def file_name(row: Distribution) -> str:
    return f"{row.name.replace('-', '_')}-{VERSION}"


def look_into(row: Distribution) -> None:
    """Stops at a file that must be in the archives and is not, or the reverse."""
    (wheel,) = DIST.glob(f"{file_name(row)}-*.whl")
    held = modules_in(wheel)
    unwanted = sorted(name for name in held if UNWANTED.search(f"/{name}"))
    elsewhere = sorted(name for name in held if not name.startswith(tuple(f"{folder}/" for folder in row.packages)))
    untyped = [folder for folder in row.packages if f"{folder}/py.typed" not in held]
    if unwanted or elsewhere or untyped:
        sys.exit(f"{wheel.name} holds {unwanted + elsewhere}, and has no py.typed in {untyped}.")
    for sdist in DIST.glob(f"{file_name(row)}.tar.gz"):
        with tarfile.open(sdist) as archive:
            files = {member.name.partition("/")[2]: member.size for member in archive if member.isfile()}
        missing = sorted({*held, "README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml"} - files.keys())
        large = sorted(name for name, size in files.items() if size > LARGEST)
        unwanted = sorted(name for name in files if UNWANTED.search(f"/{name}"))
        if missing or large or unwanted:
            sys.exit(f"{sdist.name} lacks {missing}, holds {unwanted}, and is too large at {large}.")
    print(f"{wheel.name}: {len(held)} files, {wheel.stat().st_size / 1e3:.0f} kB", flush=True)


def modules_in(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return [name for name in archive.namelist() if ".dist-info/" not in name]


def no_file_is_in_two() -> None:
    """Two distributions with one file: whichever is removed first breaks the other."""
    owner: dict[str, str] = {}
    for wheel in sorted(DIST.glob("*.whl")):
        for name in modules_in(wheel):
            if name.lower() in owner:  # a file system may ignore case
                sys.exit(f"{name} is in {owner[name.lower()]} and in {wheel.name}.")
            owner[name.lower()] = wheel.name


def alone(row: Distribution) -> None:
    """Installs one distribution, with what it requires of ours from dist/, in an environment of its own."""
    with tempfile.TemporaryDirectory() as folder:
        python = environment(sys.executable, folder)
        install(python, f"{row.name}=={VERSION}")
        run(python, "-W", "error::SyntaxWarning", str(SMOKE / f"{row.name}.py"))
        if row.name.startswith("llama-index-llms"):
            install(python, BESIDE)
            run(python, str(SMOKE / f"{row.name}.py"))
            run(python, "-c", "from llama_index.llms.openai import OpenAI")
    print(f"{row.name}: works alone", flush=True)


def together(version: str) -> None:
    """Installs everything on a Python of this version, and runs every program."""
    python = find_python(version)
    if python is None:
        print(f"Python {version}: not on this machine")
        return
    with tempfile.TemporaryDirectory() as folder:
        inside = environment(python, folder)
        install(inside, f"{WHOLE}[all]=={VERSION}")
        for program in sorted(SMOKE.glob("*.py")):
            run(inside, "-W", "error::SyntaxWarning", str(program))
        run(inside, "-m", "pip", "check")
        run(inside, "-m", "pip", "uninstall", "--yes", "--quiet", "langchain-aimlapi")  # and takes nobody's file along
        run(inside, str(SMOKE / "llama-index-aimlapi.py"))
    print(f"Python {version}: all of them work together", flush=True)


def environment(python: str, folder: str) -> str:
    """A fresh environment; its interpreter."""
    run(python, "-m", "venv", folder)
    return str(Path(folder) / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))


def install(python: str, wanted: str) -> None:
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--find-links", str(DIST), wanted)


def find_python(version: str) -> str | None:
    """A Python of this version: on the path, or of pyenv."""
    found = [shutil.which(f"python{version}")]
    found += [str(path) for path in sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))]
    for python in filter(None, found):
        said = subprocess.run(
            [python, "-c", "import sys; print(*sys.version_info[:2], sep='.')"],
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
        if said.stdout.strip() == version:
            return python
    return None


def run(*command: str) -> str:
    """What the command prints. It runs in an empty folder: `python -c` would import what lies about there."""
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(command, cwd=empty, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
