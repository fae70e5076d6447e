"""A conversation: what was said, and how the next line is taken. To add a /command, add a row to `_COMMANDS`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from aimlapi_cli import options, saved
from aimlapi_cli.answers import Answer, notice
from aimlapi_cli.exits import sentence_of
from aimlapi_cli.files import named_in, part_of
from aimlapi_cli.line_reader import Reader
from aimlapi_cli.nearest import suggestions
from aimlapi_cli.saved import Saved
from aimlapi_cli.session import streamed
from aimlapi_cli.shown_answer import ShownAnswer
from aimlapi_transport.errors import AIMLAPIError, InvalidRequestError

_COMMANDS = {
    "model": ("ID", "go on with another model"),
    "system": ("TEXT", "the instruction; without a text, none"),
    "param": ("NAME=VALUE", "a body parameter: temperature=0; without a value, none"),
    "effort": ("WORD", "how long it thinks: low, medium, high; without a word, as it is by default"),
    "image": ("PATH", "a picture (or a sound, a paper, a text) for your next message; @PATH in a message will do, too"),
    "tools": ("", "what the model may call"),
    "save": ("FILE", "the conversation as JSON"),
    "load": ("FILE", "go on with a saved conversation"),
    "cost": ("", "what it cost so far"),
    "new": ("", "begin again"),
    "help": ("", "this"),
    "quit": ("", "or Ctrl-D"),
}
_ROUNDS = 25  # of tool calls in one turn


class Conversation:
    """What was said, and how the next line is taken."""

    def __init__(
        self,
        ours: Any,
        call: options.Call,
        begun: Saved,
        out: Console,
        read: Reader,
        toolbox: Any = None,
        *,
        asks_first: bool = False,
    ) -> None:
        self._client, self._call, self.out, self.read = ours, call, out, read
        self._toolbox, self._asks_first = toolbox, asks_first
        self.model = call.need_model()
        self.system = call.system
        self.messages = list(begun.messages)
        self.files: list[dict[str, Any]] = []
        self.usd = 0.0
        self._talk_usd = begun.cost_usd  # since the conversation began, perhaps another day
        self.tokens = 0
        self.is_over = False
        self.failures = 0  # messages that got no answer
        self._number: int | None = None  # in the log

    def take(self, line: str) -> None:
        """A command, or something to say."""
        try:
            if line.startswith("/"):
                self._command(*line[1:].partition(" ")[::2])
            else:
                self._say(line)
        except AIMLAPIError as error:
            self.failures += not line.startswith("/")
            self.out.print(sentence_of(error), style="red", markup=False)

    def attach(self, path: Path) -> None:
        """A file for the next message.

        Raises:
            InvalidRequestError: it cannot be read.
        """
        self.files.append(part_of(path))

    def _note(self, text: str) -> None:
        self.out.print(text, style="dim", markup=False)

    def _command(self, name: str, rest: str) -> None:
        rest = rest.strip()
        if name in ("quit", "exit", "q"):
            self.is_over = True
        elif name == "model" and rest:
            self.model = rest
            self._note(f"Now {rest}.")
        elif name == "system":
            self.system = rest or None
        elif name == "param" and rest:
            self._set(*(options.parameter(rest) if "=" in rest else (rest, None)))
        elif name == "effort":
            self._set("reasoning_effort", rest or None)
        elif name in ("image", "file") and rest:
            self.attach(Path(rest.strip("\"'")))
            self._note(f"{rest} goes with your next message.")
        elif name == "tools":
            self._note(self._toolbox.listed() if self._toolbox else "None: begin with --tools FILE or --mcp SERVER.")
        elif name == "save" and rest:
            self._save(Path(rest.strip("\"'")))
        elif name == "load" and rest:
            self._load(options.begun(rest.strip("\"'"), False))
        elif name == "cost":
            self.out.print(f"{self.tokens:,} tokens, ${self.usd:.6f}")
        elif name == "new":
            self.messages.clear()
            self._number, self._talk_usd = None, 0.0
        else:
            self._help()

    def _help(self) -> None:
        lines = {f"/{name} {argument}".strip(): text for name, (argument, text) in _COMMANDS.items()}
        if self.out.is_terminal:
            from rich.table import Table

            grid = Table.grid("", "", padding=(0, 2))
            for line, text in lines.items():
                grid.add_row(Text(line, style="bold"), Text(text))
            self.out.print(grid)
            return
        self.out.print("\n".join(f"{line.ljust(18)} {text}" for line, text in lines.items()), markup=False)

    def _set(self, name: str, value: Any) -> None:
        if value is None:
            self._call.parameters.pop(name, None)
        else:
            self._call.parameters[name] = value

    def _saved(self) -> Saved:
        return Saved(self.model, self.system, self.messages, self._talk_usd)

    def _save(self, path: Path) -> None:
        if path.expanduser().is_dir():
            raise InvalidRequestError(f"{path} is a folder: pass a file.")
        if path.expanduser().exists() and not self.read.confirm(f"{path} is there already. Overwrite it?"):
            self._note("It is as it was.")
            return
        saved.write(path, self._saved())
        self._note(f"Saved to {path}.")

    def _load(self, found: Saved) -> None:
        self.messages, self.system = list(found.messages), found.system
        self.model = found.model or self.model
        self._number, self._talk_usd = None, found.cost_usd
        self._note(f"{len(self.messages)} messages of {self.model}.")

    # -- a turn --------------------------------------------------------------------------------------------------------

    def _say(self, line: str) -> None:
        text, named = named_in(line)
        files = [*self.files, *map(part_of, named)]
        asked = self._call.question(text)
        content: Any = [{"type": "text", "text": asked}, *files] if files else asked
        turn: list[dict[str, Any]] = [{"role": "user", "content": content}]
        paid, answer = self.usd, Answer()
        try:
            for _ in range(_ROUNDS):
                answer = Answer()
                try:
                    self._answer(turn, answer)
                finally:  # also what came before a stop, a lost connection or a full disk: it is paid for
                    calls = answer.completion.tool_calls if answer.completion is not None and self._toolbox else ()
                    if answer.text and not calls:
                        turn.append(answer.message())
                if not calls:
                    break
                turn += [answer.message(calls), *map(self._run, calls)]
            else:
                self._note(f"Stopped after {_ROUNDS} rounds of tool calls.")
        finally:
            if len(turn) > 1:  # else nothing came: the message is not kept, so that it can be said again
                self.files.clear()
                self.messages += turn
                self._talk_usd += self.usd - paid
                self._number = self._call.keep(
                    self._saved(), answer, command="chat", question=asked, cost=self.usd - paid, number=self._number
                )

    def _answer(self, turn: list[dict[str, Any]], answer: Answer) -> None:
        """One answer, shown as it comes; Ctrl-C ends it early."""
        head = [{"role": "system", "content": self.system}] if self.system else []
        parameters = dict(self._call.parameters)
        if self._toolbox:
            parameters["tools"] = self._toolbox.schemas()
        with suggestions(self._client, self.model):
            stream = streamed(self._client, self.model, [*head, *self.messages, *turn], parameters)
            try:
                with ShownAnswer(self.out) as shown:
                    for delta in stream:
                        answer.add(delta)
                        if delta.choice == 0:
                            shown.add(delta.text, delta.reasoning)
            except KeyboardInterrupt:
                stream.close()
                self._note("(stopped)")
                return
        self.usd += answer.usd
        usage = answer.completion and answer.completion.usage
        self.tokens += usage.total if usage else 0
        sentence = notice(answer.completion)
        runs = bool(answer.completion and answer.completion.tool_calls and self._toolbox)
        if sentence is not None and not runs:
            self._note(sentence)

    def _run(self, call: Any) -> dict[str, Any]:
        """Runs a call of a tool, unless the user says no; the message with its result."""
        described = f"{call.name}({call.arguments})"
        if self._asks_first and not self.read.confirm(f"Run {described}?"):
            result = "The user did not allow this call."
        else:
            self._note(f"-> {described[:500]}")
            try:
                result = self._toolbox.run(call)
            except KeyboardInterrupt:
                result = "The user stopped this call."
        self._note(f"<- {result[:500]}")
        return {"role": "tool", "tool_call_id": call.id, "content": result}
