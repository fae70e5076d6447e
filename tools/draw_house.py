"""Draws docs/images/house.svg, the modules and who imports whom, from the code's own imports.

python tools/draw_house.py
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "images" / "house.svg"

ADAPTERS = ("langchain_aimlapi", "llama_index_aimlapi")
PROGRAMS = ("aimlapi_cli", "aimlapi_batch")
TRANSPORT = "aimlapi_transport"
EMULATOR = "aimlapi_emulator"
ROOMS = {
    "langchain_aimlapi": "LangChain's messages and settings, to the transport's and back",
    "llama_index_aimlapi": "LlamaIndex's messages and settings, to the transport's and back",
    "aimlapi_transport": "how to talk to the hosts; knows no framework",
    "aimlapi_cli": "the command `aimlapi`",
    "aimlapi_batch": "jobs of many rows, here, on Ray, or by the provider",
    "aimlapi_emulator": "how the provider answers; imports none of the others",
    "http": "connection pool, sending, timeouts, retries, SSE",
    "chat": "/v1/chat/completions: request, reader, tool calls, usage",
    "responses": "/v1/responses: items, reader, background",
    "service": "catalogue, account, keys, prices",
    "config": "settings, hosts, model families",
    "server": "endpoints, validation, running it",
    "inspector": "a page that shows what passed",
    "faults": "replies spoilt on request",
    "mind": "what a model answers",
    "dialects": "how each model family writes it",
}
# Who else is shown at a room: packages whose import says what the room is for.
SHOWN = (
    *("httpx", "orjson", "langchain_core", "llama_index", "pydantic", "starlette", "uvicorn"),
    *("typer", "rich", "pyarrow", "ray"),
)

CHAR, CHIP, ROW, GAP, PAD = 7.0, 24, 46, 14, 18  # pixels: a letter, a chip's height, a row, between chips, a margin
BETWEEN = 90  # pixels between the transport and those who use it
STYLE = """
text { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 11.5px; fill: #17303a; }
.title { font-size: 15px; font-weight: bold; }
.note { fill: #4d6570; }
.package { fill: #e6eff1; stroke: #7fa3ad; }
.room { fill: #f4f8f9; stroke: #7fa3ad; }
.pure { fill: #d7eef0; stroke: #3c8d96; }
.io { fill: #ffdfc2; stroke: #c8752b; }
.edge { fill: none; stroke: #7d99a3; stroke-width: 1; opacity: .75; }
.road { stroke: #17303a; stroke-width: 2.5; fill: none; }
"""


@dataclass
class Room:
    """A package or a sub-package: its modules, what each imports of it, and what of others."""

    name: str
    inner: dict[str, set[str]] = field(default_factory=dict)
    outer: dict[str, set[str]] = field(default_factory=dict)
    beside: set[str] = field(default_factory=set)  # sub-packages of the same package that it imports


def read_room(name: str, root: Path = ROOT) -> Room:
    """The modules of a package and their imports, read from their text; nothing is run."""
    room = Room(name)
    paths = {path.relative_to(root).with_suffix("").parts: path for path in sorted((root / name).rglob("*.py"))}
    modules = {".".join(parts[1:]): path for parts, path in paths.items() if parts[-1] not in ("__init__", "__main__")}
    for module, path in modules.items():
        imported = set(_imports(ast.parse(path.read_text(encoding="utf-8"))))
        own = {full.removeprefix(f"{name}.") for full in imported if full.startswith(f"{name}.")}
        room.inner[module] = {_module_of(target, modules) for target in own} - {module, ""}
        room.outer[module] = {full for full in imported if full.split(".")[0] != name}
    return room


def _module_of(target: str, modules: Iterable[str]) -> str:
    """`completion` of `completion.Delta`."""
    return max((m for m in modules if target == m or target.startswith(f"{m}.")), key=len, default="")


def _imports(tree: ast.AST) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def levels(inner: Mapping[str, set[str]]) -> dict[str, int]:
    """How far above the ground a module stands: 0 where it imports none of its room. A circle shares a level."""
    level = dict.fromkeys(inner, 0)
    for _ in inner:
        for module, wanted in inner.items():
            level[module] = min(max((level[w] + 1 for w in wanted), default=0), len(inner))
    floors = sorted(set(level.values()))
    return {module: floors.index(value) for module, value in level.items()}


def reduced(inner: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """The imports that no chain of others already tells."""

    def reach(start: str, seen: set[str]) -> set[str]:
        for wanted in inner[start]:
            if wanted not in seen:
                seen.add(wanted)
                reach(wanted, seen)
        return seen

    far = {module: set().union(*(reach(w, set()) for w in wanted)) for module, wanted in inner.items()}
    return sorted((module, w) for module, wanted in inner.items() for w in wanted - far[module])


def wings(room: Room) -> list[Room]:
    """The sub-packages of a package, each with the imports inside it; the package's own modules first."""
    sizes = Counter(module.rpartition(".")[0] for module in room.inner)
    names = sorted(sizes, key=lambda name: (name != "", -sizes[name], name))
    found = []
    for name in names:
        wing = Room(name or room.name)
        for module, imported in room.inner.items():
            package, _, short = module.rpartition(".")
            if package == name:
                wing.inner[short] = {other.rpartition(".")[2] for other in imported if other.rpartition(".")[0] == name}
                wing.outer[short] = room.outer[module]
                wing.beside |= {other.rpartition(".")[0] for other in imported} - {name}
        found.append(wing)
    return found


@dataclass
class Drawing:
    """A room laid out: where each chip is, relative to the room's corner."""

    room: Room
    width: float
    height: float
    chips: dict[str, tuple[float, float, float]]  # left, top, width
    edges: list[tuple[str, str]]


def lay_out(room: Room, width: float, *, edges: bool = True) -> Drawing:
    """Modules in rows: what is imported stands below what imports it, and near it."""
    level = levels(room.inner) if edges else dict.fromkeys(room.inner, 0)
    lines = reduced(room.inner) if edges else []
    rows: list[list[str]] = []
    for floor in sorted(set(level.values()), reverse=True):
        row: list[str] = []
        for module in _near(sorted(m for m in level if level[m] == floor), lines, rows):
            taken = sum(chip_width(m) + GAP for m in row)
            if row and taken + chip_width(module) > width - 2 * PAD:
                rows.append(row)
                row = []
            row.append(module)
        rows.append(row)
    chips = {}
    for number, row in enumerate(rows):
        free = width - 2 * PAD - sum(map(chip_width, row))
        gap = min(free / (len(row) + 1), 90) if edges else GAP
        left = (width - sum(map(chip_width, row)) - gap * (len(row) - 1)) / 2 if edges else PAD
        for module in row:
            chips[module] = (left, 62 + number * (ROW if edges else ROW - 14), chip_width(module))
            left += chip_width(module) + gap
    bottom = max(top for _, top, _ in chips.values()) + CHIP
    return Drawing(room, width, bottom + PAD + 16 + 15 * (len(_note(room, width)) - 1), chips, lines)


def _near(modules: list[str], lines: list[tuple[str, str]], rows: list[list[str]]) -> list[str]:
    """Modules in the order of those above that import them, so that fewer lines cross."""
    place = {m: (i + 0.5) / len(row) for row in rows for i, m in enumerate(row)}

    def middle(module: str) -> float:
        above = [place[a] for a, b in lines if b == module and a in place]
        return sum(above) / len(above) if above else 0.5

    return sorted(modules, key=lambda module: (middle(module), module))


def chip_width(module: str) -> float:
    return len(module) * CHAR + 16


def draw(drawing: Drawing, x: float, y: float) -> list[str]:
    """A room as SVG, its corner at x, y."""
    room = drawing.room
    parts = [
        f'<rect class="room" x="{x}" y="{y}" width="{drawing.width}" height="{drawing.height:.0f}" rx="10"/>',
        f'<text class="title" x="{x + PAD}" y="{y + 24}">{room.name}</text>',
        f'<text class="note" x="{x + PAD}" y="{y + 42}">{escape(ROOMS.get(room.name, ""))}</text>',
    ]
    for one, other in drawing.edges:
        (left, top, width), (under_left, under_top, under_width) = drawing.chips[one], drawing.chips[other]
        x1, y1 = x + left + width / 2, y + top + CHIP
        x2, y2 = x + under_left + under_width / 2, y + under_top
        middle = (y1 + y2) / 2
        curve = f"M{x1:.0f} {y1:.0f} C{x1:.0f} {middle:.0f} {x2:.0f} {middle:.0f} {x2:.0f} {y2:.0f}"
        parts.append(f'<path class="edge" d="{curve}"/>')
    for module, (left, top, width) in sorted(drawing.chips.items()):
        kind = "io" if any(name.split(".")[0] in ("httpx", "uvicorn") for name in room.outer[module]) else "pure"
        parts.append(
            f'<rect class="{kind}" x="{x + left:.0f}" y="{y + top:.0f}" width="{width:.0f}" height="{CHIP}" rx="5"/>'
            f'<text x="{x + left + 8:.0f}" y="{y + top + 16:.0f}">{module}</text>'
        )
    for above, note in enumerate(reversed(_note(room, drawing.width))):
        parts.append(f'<text class="note" x="{x + PAD}" y="{y + drawing.height - 10 - 15 * above:.0f}">{note}</text>')
    return parts


def _note(room: Room, width: float) -> list[str]:
    """What a room imports, in lines that fit its width."""
    names = {full.split(".")[0] for outer in room.outer.values() for full in outer}
    found = [*(f"{name}/" for name in sorted(room.beside) if name), *(name for name in SHOWN if name in names)]
    return _lines(found, int((width - 2 * PAD) / CHAR)) if found else [""]


def draw_package(room: Room, x: float, y: float, width: float, *, edges: bool) -> tuple[list[str], float]:
    """A package with its sub-packages in it, two side by side, as SVG; and its height."""
    own, *inner = wings(room)
    drawn: list[str] = []
    top = lay_out(own, width, edges=False)
    head = draw(top, x, y)[1:-1] if not own.beside else draw(top, x, y)[1:]
    drawn += head
    below = y + top.height
    half = (width - 3 * PAD) / 2
    for start in range(0, len(inner), 2):
        pair = [lay_out(wing, half, edges=edges) for wing in inner[start : start + 2]]
        tallest = max(drawing.height for drawing in pair)
        for place, drawing in enumerate(pair):
            drawing.height = tallest
            drawn += draw(drawing, x + PAD + place * (half + PAD), below)
        below += tallest + PAD
    height = below - y
    box = f'<rect class="package" x="{x}" y="{y}" width="{width}" height="{height:.0f}" rx="10"/>'
    return [box, *drawn], height


def draw_users(drawings: list[Drawing], top: float, way: str) -> tuple[float, list[str]]:
    """Two rooms side by side with a road to the transport, which is below ("down") or above them; their height."""
    tallest = max(drawing.height for drawing in drawings)
    parts: list[str] = []
    for number, drawing in enumerate(drawings):
        x = PAD + number * (drawing.width + PAD)
        drawing.height = tallest
        parts += draw(drawing, x, top)
        start, end = (top + tallest, top + tallest + BETWEEN - 8) if way == "down" else (top, top - BETWEEN + 8)
        parts.append(f'<path class="road" marker-end="url(#tip)" d="M{x + 60} {start:.0f} V{end:.0f}"/>')
        for line, names in enumerate(_lines(_wanted(drawing.room, TRANSPORT), 56)):
            y = min(start, end) + 22 + 15 * line
            parts.append(f'<text class="note" x="{x + 76}" y="{y:.0f}">{names}</text>')
    return tallest, parts


def picture(root: Path = ROOT) -> str:
    """The whole SVG. The same code gives the same bytes."""
    rooms = {name: read_room(name, root) for name in ROOMS}
    half = 500
    width = 2 * half + 3 * PAD
    top = 40
    ceiling, parts = draw_users([lay_out(rooms[name], half) for name in ADAPTERS], top, "down")
    below = top + ceiling + BETWEEN
    transport, tall = draw_package(rooms[TRANSPORT], PAD, below, 2 * half + PAD, edges=True)
    bottom = below + tall + BETWEEN
    deep, programs = draw_users([lay_out(rooms[name], half) for name in PROGRAMS], bottom, "up")
    ground = bottom + deep + 2 * PAD
    parts += [*transport, *programs]
    emulator, deep = draw_package(rooms[EMULATOR], PAD, ground, 2 * half + PAD, edges=False)
    parts += emulator
    height = ground + deep + PAD
    legend = _legend()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:.0f}" role="img" '
        'aria-label="The packages, their modules, and who imports whom">\n'
        f"<style>{STYLE}</style>\n"
        '<defs><marker id="tip" markerWidth="9" markerHeight="8" refX="6" refY="4" orient="auto">'
        '<path d="M0 0 L9 4 L0 8 z" fill="#17303a"/></marker></defs>\n'
        f'<rect width="{width}" height="{height:.0f}" fill="#ffffff"/>\n' + "\n".join([legend, *parts]) + "\n</svg>\n"
    )


def _legend() -> str:
    note = "a line: the upper module imports the lower; what a chain of lines tells is left out"
    return (
        f'<rect class="io" x="{PAD}" y="10" width="18" height="14" rx="3"/>'
        f'<text x="{PAD + 26}" y="21">imports httpx or uvicorn</text>'
        f'<rect class="pure" x="{PAD + 210}" y="10" width="18" height="14" rx="3"/>'
        f'<text x="{PAD + 236}" y="21">does not</text>'
        f'<text class="note" x="{PAD + 320}" y="21">{note}</text>'
    )


def _wanted(room: Room, other: str) -> list[str]:
    """What this room imports of another: its sub-packages, and the modules beside them."""
    modules = read_room(other).inner
    found = {
        _module_of(full.removeprefix(f"{other}."), modules)
        for outer in room.outer.values()
        for full in outer
        if full.startswith(f"{other}.")
    }
    return sorted({name.replace(name[name.index(".") :], "/") if "." in name else name for name in found - {""}})


def _lines(names: list[str], most: int) -> list[str]:
    lines = ["imports"]
    for name in names:
        if len(lines[-1]) + len(name) > most:
            lines.append("")
        lines[-1] += f" {name}"
    return [line.strip() for line in lines]


def main() -> None:
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(picture(), encoding="utf-8")
    print(PICTURE.relative_to(ROOT))


if __name__ == "__main__":
    main()
