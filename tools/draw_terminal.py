"""Draws docs/images/demo.svg: a terminal with what `make demo` prints without a key.

python tools/draw_terminal.py
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

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
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8123", done.stdout)


def picture(text: str) -> str:
    """The terminal as SVG. The same text gives the same bytes."""
    from rich.console import Console
    from rich.text import Text

    with open(os.devnull, "w") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True, color_system="truecolor")
        shown = Text(f"$ make demo\n{text.rstrip()}", tab_size=4)
        for pattern, style in STYLES:
            shown.highlight_regex(f"(?m){pattern}", style)
        console.print(shown, soft_wrap=False)
        return console.export_svg(title="aimlapi-integrations", code_format=TEMPLATE, unique_id="demo")


def main() -> None:
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(picture(demo()))
    print(PICTURE.relative_to(ROOT))


if __name__ == "__main__":
    main()
