"""Charts into a file: .png or .svg by matplotlib, .html with the drawing inside, which needs no network to be seen."""

from __future__ import annotations

import html
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aimlapi_transport.errors import InvalidRequestError

_KINDS = (".png", ".svg", ".html")


def bars(path: Path, names: Sequence[str], values: Sequence[float], label: str) -> None:
    """One bar for each name."""
    figure, axes = _figure(path, 0.4 * len(names) + 1.2)
    axes.barh(range(len(names)), values, color="#3b6fb6")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel(label)
    _write(path, figure, label)


def scatter(path: Path, points: Sequence[tuple[str, float, float]], x_label: str, y_label: str) -> None:
    """A named point for each of (name, x, y)."""
    figure, axes = _figure(path, 4.5)
    for name, x, y in points:
        axes.scatter([x], [y], s=60)
        axes.annotate(name, (x, y), xytext=(6, 4), textcoords="offset points", fontsize=9)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.set_xlim(0, max((x for _, x, _ in points), default=1) * 1.4)  # room for the names
    axes.set_ylim(0, max((y for _, _, y in points), default=1) * 1.2)
    _write(path, figure, f"{y_label} against {x_label}")


def check(path: Path) -> None:
    """Refuses a file that cannot be drawn into, before anything is paid for.

    Raises:
        InvalidRequestError: its ending, its folder, or a package that is missing.
    """
    if path.suffix.lower() not in _KINDS:
        raise InvalidRequestError(f"`--plot` is {str(path)!r}: pass a file that ends in {', '.join(_KINDS)}.")
    folder = path.expanduser().parent
    if path.expanduser().is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InvalidRequestError(f"`--plot` is {str(path)!r}: it cannot be written there.")
    import matplotlib.figure  # noqa: F401 - what is missing is named by the boundary of the command


def _figure(path: Path, height: float) -> Any:
    check(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    return figure, axes


def _write(path: Path, figure: Any, title: str) -> None:
    if path.suffix.lower() != ".html":
        figure.savefig(path, dpi=150)
        return
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg")
    svg = drawn.getvalue()
    page = f'<!doctype html><meta charset="utf-8"><title>{html.escape(title)}</title>{svg[svg.index("<svg") :]}'
    path.write_text(page, encoding="utf-8")
