"""A conversation: what was said, and how the next line is taken. To add a /command, add a row to `_COMMANDS`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from aimlapi_cli import answers, options, saved, streams
from aimlapi_cli.exits import Failure
from aimlapi_cli.files import named_in, part_of
from aimlapi_cli.line_reader import Reader
from aimlapi_cli.nearest import suggestions
from aimlapi_cli.saved import Saved
from aimlapi_cli.session import streamed
from aimlapi_cli.shown_answer import ShownAnswer
from aimlapi_transport.errors import AIMLAPIError

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
        self.tokens = 0
        self.is_over = False
        self._number: int | None = None  # in the log

    def take(self, line: str) -> None:
        """A command, or something to say."""
        try:
            if line.startswith("/"):
                self._command(*line[1:].partition(" ")[::2])
            else:
                self._say(line)
        except AIMLAPIError as error:
            self.out.print(str(error), style="red", markup=False)

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
            self._number = None
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
        return Saved(self.model, self.system, self.messages, self.usd)

    def _save(self, path: Path) -> None:
        if path.expanduser().exists() and not self.read.confirm(f"{path} is there already. Overwrite it?"):
            self._note("It is as it was.")
            return
        saved.write(path, self._saved())
        self._note(f"Saved to {path}.")

    def _load(self, found: Saved) -> None:
        self.messages, self.system = list(found.messages), found.system
        self.model = found.model or self.model
        self._number = None
        self._note(f"{len(self.messages)} messages of {self.model}.")

    # -- a turn --------------------------------------------------------------------------------------------------------

    def _say(self, line: str) -> None:
        text, named = named_in(line)
        files = [*self.files, *map(part_of, named)]
        asked = self._call.question(text)
        content: Any = [{"type": "text", "text": asked}, *files] if files else asked
        turn: list[dict[str, Any]] = [{"role": "user", "content": content}]
        paid = self.usd
        for _ in range(_ROUNDS):
            completion, shown = self._answer(turn)
            calls = completion.tool_calls if completion is not None and self._toolbox else ()
            if shown or calls:
                turn.append(_message(shown, completion, calls))
            if not calls:
                break
            turn += [self._run(call) for call in calls]
        else:
            self._note(f"Stopped after {_ROUNDS} rounds of tool calls.")
        self.files.clear()
        if len(turn) == 1:  # nothing came: the message is not kept, so that it can be said again
            return
        self.messages += turn
        self._keep(asked, completion, shown, self.usd - paid)

    def _answer(self, turn: list[dict[str, Any]]) -> tuple[Any, str]:
        """One answer, shown as it comes: what is known of it (None where it was stopped), and its text."""
        head = [{"role": "system", "content": self.system}] if self.system else []
        parameters = dict(self._call.parameters)
        if self._toolbox:
            parameters["tools"] = self._toolbox.schemas()
        completion = None
        with suggestions(self._client, self.model):
            stream = streamed(self._client, self.model, [*head, *self.messages, *turn], parameters)
            answer = ShownAnswer(self.out)
            try:
                with answer:
                    for delta in stream:
                        if delta.choice == 0:
                            answer.add(delta.text, delta.reasoning)
                        completion = delta.completion or completion
            except KeyboardInterrupt:
                stream.close()
                self._note("(stopped)")
                return None, answer.text
        self.usd += completion.cost.usd if completion and completion.cost else 0.0
        self.tokens += completion.usage.total if completion and completion.usage else 0
        sentence = answers.notice(completion)
        runs = bool(completion and completion.tool_calls and self._toolbox)
        if sentence is not None and not runs:
            self._note(sentence)
        return completion, answer.text

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

    def _keep(self, asked: str, completion: Any, shown: str, cost: float) -> None:
        """For `--continue`, and in the log where that is wanted."""
        if self._call.config.defaults.remember is not False:
            saved.keep_last(self._saved())
        if not self._call.keeps_log:
            return
        from aimlapi_cli import log_store

        try:
            self._number = log_store.add(
                command="chat",
                conversation=self._number,
                call=self._call,
                model=self.model,
                question=asked,
                messages=[{"role": "system", "content": self.system}, *self.messages] if self.system else self.messages,
                answer={
                    **(answers.fields(completion) if completion is not None else {"text": shown}),
                    "cost_usd": cost,
                },
            )
        except Failure as error:
            streams.say(str(error))


def _message(text: str, completion: Any, calls: Any) -> dict[str, Any]:
    """An answer as a message of the history."""
    message: dict[str, Any] = {"role": "assistant", "content": text or None}
    if completion is not None and completion.reasoning:
        message["reasoning_content"] = completion.reasoning
    if calls:
        message["tool_calls"] = [call.to_wire() for call in calls]
    return message
