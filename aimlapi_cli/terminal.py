"""A Rich console on which text of others cannot do more than be seen."""

from __future__ import annotations

from typing import Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.segment import Segment

from aimlapi_cli.streams import printable


class _Cleaned:
    """What is rendered, without control characters; Rich's own movements of the cursor are no text, and stay."""

    def __init__(self, shown: Any) -> None:
        self._shown = shown

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for text, style, control in console.render(self._shown, options):
            yield Segment(text if control else printable(text), style, control)


class _Cleaner(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Cleaned(one) for one in renderables]


class Terminal(Console):
    """A console that cleans text for a terminal, and leaves a closed pipe to the boundary of the command."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        if self.is_terminal:
            self.push_render_hook(_Cleaner())

    def on_broken_pipe(self) -> None:
        raise  # Rich calls it while it handles the BrokenPipeError
