"""Draws docs/images: terminals with what `make demo` and commands of `aimlapi` print on the emulator, and a comparison.

python tools/draw_terminal.py
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Timer

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "images" / "demo.svg"
WIDTH = 104  # columns
STYLES = (
    (r"^\$ .*", "bold"),
    (r"^OFFLINE", "bold yellow"),
    (r"^== .*", "bold cyan"),
    (r"^ +(?:thinking|answer|question|source|calls|result)\b", "green"),
    (r"^ +\[.*\]$", "magenta"),
)

# Rich's own template asks a server for its font; this one takes what the machine has.
TEMPLATE = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img"
 aria-label="What make demo prints">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
 font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def demo() -> str:
    """What the demo prints on a machine without a key; the emulator's port, which changes, as on a fixed one."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIML")}
    environment |= {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "examples/demo.py"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=True)
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8765", done.stdout)


def picture(text: str) -> str:
    """The terminal as SVG. The same text gives the same bytes."""
    from rich.console import Console
    from rich.text import Text

    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True, color_system="truecolor")
        shown = Text(f"$ make demo\n{text.rstrip()}", tab_size=4)
        for pattern, style in STYLES:
            shown.highlight_regex(f"(?m){pattern}", style)
        console.print(shown, soft_wrap=False)
        return console.export_svg(title="aimlapi-integrations", code_format=TEMPLATE, unique_id="demo")


COMMANDS = {
    "doctor": "aimlapi doctor --call",
    "models": "aimlapi models gpt-4o --sort price",
}
BATCH = 'aimlapi batch run rows.jsonl -o answers.jsonl --model openai/gpt-4o --prompt "Label this: {text}" --key id'
COMPARED = "openai/gpt-4o,anthropic/claude-sonnet-4.5,deepseek/deepseek-r1,minimax/m2"


def commands() -> None:
    """The pictures of the command, on an emulator, as a terminal of 100 columns shows them."""
    from aimlapi_emulator import emulator

    with emulator() as server, tempfile.TemporaryDirectory() as cache:
        settings = {"AIMLAPI_API_BASE": server.base_url, "AIMLAPI_API_KEY": "sk-emulated-0123456789abcdef"}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AIML")}
        environment |= {**settings, "XDG_CACHE_HOME": cache, "COLUMNS": "100", "TERM": "xterm-256color"}
        for name, line in COMMANDS.items():
            shown = terminal([sys.executable, "-m", "aimlapi_cli", *line.split()[1:]], environment)
            shown = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8765", shown.replace(sys.prefix, "/home/ann/.venv"))
            save(name, [(line, shown)], f"What {line} prints")
        save("batch", batch(environment), "A job that is interrupted, and goes on where it was")
        picture = PICTURE.parent / "compare.png"
        prompt = ["Explain tides", "--models", COMPARED, "--runs", "3", "--no-answers", "--plot", str(picture)]
        compared = [sys.executable, "-m", "aimlapi_cli", "compare", *prompt]
        subprocess.run(compared, env=environment, cwd=ROOT, check=True, capture_output=True)


def save(name: str, shown: list[tuple[str, str]], label: str) -> None:
    """Commands, and what they show, as a picture."""
    from rich.console import Console
    from rich.text import Text

    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=100, file=nowhere, force_terminal=True, color_system="truecolor")
        for line, output in shown:
            console.print(Text(f"$ {line}", style="bold"))
            console.print(Text.from_ansi(output))
        svg = console.export_svg(title="aimlapi", code_format=TEMPLATE, unique_id=name)
    (PICTURE.parent / f"{name}.svg").write_text(svg.replace("What make demo prints", label), encoding="utf-8")


def batch(environment: dict[str, str]) -> list[tuple[str, str]]:
    """A job that is stopped after two seconds, then run again; of its bar, what it showed last."""
    with tempfile.TemporaryDirectory() as folder:
        rows = (json.dumps({"id": n, "text": f"letter {n}"}) for n in range(5000))
        (Path(folder) / "rows.jsonl").write_text("\n".join(rows), encoding="utf-8")
        shown = []
        for line, seconds in ((BATCH, 2.5), (BATCH, None), ("aimlapi batch status answers.jsonl", None)):
            command = [sys.executable, "-m", "aimlapi_cli", *shlex.split(line)[1:]]
            output = terminal(command, environment | {"PYTHONPATH": str(ROOT)}, folder, seconds)
            shown.append((line, re.sub(r"(?s)\x1b\[\?25l.*\r\x1b\[2K", "", output).replace("\x1b[?25h", "")))
        return shown


def terminal(
    command: list[str], environment: dict[str, str], cwd: str | Path = ROOT, interrupted_after: float | None = None
) -> str:
    """What a command shows on a terminal."""
    import pty

    mine, theirs = pty.openpty()
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=cwd)
    os.close(theirs)
    if interrupted_after is not None:
        Timer(interrupted_after, process.send_signal, [signal.SIGINT]).start()
    shown = b""
    with contextlib.suppress(OSError):
        while piece := os.read(mine, 4096):
            shown += piece
    process.wait()
    os.close(mine)
    return shown.decode().replace("\r\n", "\n")


def main() -> None:
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(picture(demo()), encoding="utf-8")
    commands()
    print(PICTURE.relative_to(ROOT))


if __name__ == "__main__":
    main()
