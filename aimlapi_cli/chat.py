"""`aimlapi chat`: a conversation on the terminal."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.markdown import Markdown
from rich.text import Text

from aimlapi_cli import streams
from aimlapi_cli.files import part_of
from aimlapi_cli.session import ApiKey, BaseUrl, client, console, streamed
from aimlapi_transport.errors import AIMLAPIError, InvalidRequestError

HELP = """/model ID      go on with another model
/system TEXT   the instruction; without a text, none
/image PATH    a picture (or a sound, a paper) for your next message; @PATH in a message will do, too
/save FILE     the conversation as JSON
/cost          what it cost so far
/new           begin again
/help          this
/quit          or Ctrl-D"""
_PATHS = re.compile(r"(?:^|\s)@(\S+)")


def chat(
    model: Annotated[str, typer.Argument(help="Id or alias of the model.")],
    system: Annotated[str | None, typer.Option(help="An instruction.")] = None,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """A conversation. Ctrl-C stops an answer, Ctrl-D ends.

    /help lists its commands.

    [dim]aimlapi chat openai/gpt-4o[/dim]
    """
    talk = Conversation(client(base_url, api_key), model, system, console())
    read = reader()
    talk.out.print(f"{model}. /help lists what you can do.", style="dim")
    while not talk.is_over:
        try:
            line = read()
        except EOFError:
            break
        except KeyboardInterrupt:
            continue  # a line that was begun is given up
        if line.strip():
            talk.take(line.strip())
    if talk.usd:
        talk.out.print(f"${talk.usd:.6f}", style="dim")


def reader() -> Callable[[], str]:
    """What reads a line: with history and editing on a terminal, plainly from a pipe."""
    if not sys.stdin.isatty():
        return _piped
    from platformdirs import user_state_path
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import FileHistory, History, InMemoryHistory

    history: History = InMemoryHistory()
    folder = user_state_path("aimlapi-integrations", appauthor=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        history = FileHistory(str(folder / "chat_history"))
    except OSError:
        pass
    session: PromptSession[str] = PromptSession(history=history)
    return lambda: session.prompt("> ")


def _piped() -> str:
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line


class Conversation:
    """What was said, and how the next line is taken."""

    def __init__(self, ours: Any, model: str, system: str | None, out: Console) -> None:
        self._client = ours
        self.model = model
        self.system = system
        self.out = out
        self.messages: list[dict[str, Any]] = []
        self.files: list[dict[str, Any]] = []
        self.usd = 0.0
        self.tokens = 0
        self.is_over = False

    def take(self, line: str) -> None:
        """A command, or something to say."""
        try:
            if line.startswith("/"):
                self._command(*line[1:].partition(" ")[::2])
            else:
                self._say(line)
        except AIMLAPIError as error:
            self.out.print(str(error), style="red", markup=False)

    def _command(self, name: str, rest: str) -> None:
        rest = rest.strip()
        if name in ("quit", "exit", "q"):
            self.is_over = True
        elif name == "model" and rest:
            self.model = rest
            self.out.print(f"Now {rest}.", style="dim", markup=False)
        elif name == "system":
            self.system = rest or None
        elif name in ("image", "file") and rest:
            self.files.append(part_of(Path(rest)))
            self.out.print(f"{rest} goes with your next message.", style="dim", markup=False)
        elif name == "save" and rest:
            self._save(Path(rest))
        elif name == "cost":
            self.out.print(f"{self.tokens:,} tokens, ${self.usd:.6f}")
        elif name == "new":
            self.messages.clear()
        else:
            self.out.print(HELP, markup=False)

    def _save(self, path: Path) -> None:
        whole = {"model": self.model, "system": self.system, "messages": self.messages, "cost_usd": self.usd}
        try:
            path.expanduser().write_text(json.dumps(whole, ensure_ascii=False, indent=2), encoding="utf-8")
        except OSError as error:
            raise InvalidRequestError(f"{path} cannot be written: {error.strerror or error}.") from None
        self.out.print(f"Saved to {path}.", style="dim", markup=False)

    def _say(self, line: str) -> None:
        files = [*self.files, *(part_of(Path(found)) for found in _PATHS.findall(line))]
        text = _PATHS.sub("", line).strip() or "What is this?"
        content: Any = [{"type": "text", "text": text}, *files] if files else text
        asked = {"role": "user", "content": content}
        head = [{"role": "system", "content": self.system}] if self.system else []
        stream = streamed(self._client, self.model, [*head, *self.messages, asked])
        answer = Answer(self.out)
        completion = None
        try:
            with answer:
                for delta in stream:
                    answer.add(delta.text, delta.reasoning)
                    completion = delta.completion or completion
        except KeyboardInterrupt:
            stream.close()
            self.out.print("(stopped)", style="dim")
        self.files.clear()
        if answer.text:
            said: dict[str, Any] = {"role": "assistant", "content": answer.text}
            if completion is not None and completion.reasoning:
                said["reasoning_content"] = completion.reasoning
            self.messages += [asked, said]
        if completion is not None:
            self.usd += completion.cost.usd if completion.cost else 0.0
            self.tokens += completion.usage.total if completion.usage else 0


class Answer:
    """An answer as it grows: Markdown on a terminal, with its reasoning dimmed; plain text in a pipe."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._live = Live(console=out, refresh_per_second=8, vertical_overflow="visible") if out.is_terminal else None
        self.text = ""
        self._reasoning = ""

    def __enter__(self) -> Answer:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.update(self._shown(), refresh=True)
            self._live.stop()
        else:
            self._out.file.write("\n")

    def add(self, text: str, reasoning: str) -> None:
        """Another piece."""
        self.text += text
        self._reasoning += streams.printable(reasoning)
        if self._live is not None:
            self._live.update(self._shown())
        else:
            self._out.file.write(text)
            self._out.file.flush()

    def _shown(self) -> Group:
        thought = [Text(self._reasoning.strip(), style="dim italic")] if self._reasoning.strip() else []
        return Group(*thought, Markdown(streams.printable(self.text), hyperlinks=False))
