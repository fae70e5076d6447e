"""Charts into a file: .png or .svg by matplotlib, .html with the drawing inside, which needs no network to be seen."""

from __future__ import annotations

import html
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from aimlapi_transport.errors import InvalidRequestError

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color-scheme:light dark}"
    "svg{max-width:100%;height:auto;background:#fff}table{border-collapse:collapse;display:block;overflow-x:auto}"
    "th,td{padding:.2em .8em;text-align:left;border-bottom:1px solid #8884}pre{white-space:pre-wrap}"
)
_KINDS = (".png", ".svg", ".html")


def bars(path: Path, names: Sequence[str], values: Sequence[float], label: str) -> None:
    """One bar for each name."""
    figure, axes = _figure(path, 0.4 * len(names) + 1.2)
    axes.barh(range(len(names)), values, color="#3b6fb6")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel(label)
    _write(path, figure, label)


class Report(NamedTuple):
    """What a page has beside its drawing: the question, the rows of the table, the answers of each model."""

    question: str
    rows: Sequence[Mapping[str, str]]
    answers: Mapping[str, Sequence[str]]

    def html(self) -> str:
        """As a part of a page; nothing in it is more than text."""
        names = list(self.rows[0]) if self.rows else []
        head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
        body = "".join(
            f"<tr>{''.join(f'<td>{html.escape(row[name])}</td>' for name in names)}</tr>" for row in self.rows
        )
        said = "".join(
            f"<h2>{html.escape(model)}</h2><pre>{html.escape(answer)}</pre>"
            for model, texts in self.answers.items()
            for answer in texts
        )
        return f"<h1>{html.escape(self.question)}</h1><table><tr>{head}</tr>{body}</table>{said}"


def scatter(
    path: Path, points: Sequence[tuple[str, float, float]], x_label: str, y_label: str, report: Report | None = None
) -> None:
    """A named point for each of (name, x, y)."""
    figure, axes = _figure(path, 4.5)
    for name, x, y in points:
        axes.scatter([x], [y], s=60)
        axes.annotate(name, (x, y), xytext=(6, 4), textcoords="offset points", fontsize=9)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.set_xlim(0, max((x for _, x, _ in points), default=1) * 1.4)  # room for the names
    axes.set_ylim(0, max((y for _, _, y in points), default=1) * 1.2)
    _write(path, figure, f"{y_label} against {x_label}", report)


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


def _write(path: Path, figure: Any, title: str, report: Report | None = None) -> None:
    path = path.expanduser()
    if path.suffix.lower() != ".html":
        figure.savefig(path, dpi=150)
        return
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg")
    svg = drawn.getvalue()
    head = f'<!doctype html><meta charset="utf-8"><title>{html.escape(title)}</title><style>{_STYLE}</style>'
    path.write_text(f"{head}{svg[svg.index('<svg') :]}{report.html() if report else ''}", encoding="utf-8")
