"""What `ask`, `chat` and `compare` have in common: their options, and what goes out in the end."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from aimlapi_cli import completion, saved, streams
from aimlapi_cli.answers import Answer
from aimlapi_cli.config import OWN, Config, Defaults, load
from aimlapi_cli.exits import Failure
from aimlapi_cli.nearest import sentence
from aimlapi_cli.session import ApiKey, BaseUrl
from aimlapi_cli.streams import file_name
from aimlapi_transport.errors import InvalidRequestError

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")
Model = Annotated[
    str | None,
    typer.Argument(
        metavar="MODEL",
        help="Id or alias of the model; without it, the configured one.",
        autocompletion=completion.models,
    ),
]
_PLACE = re.compile(r"\{([A-Za-z_]\w*)\}")
_MODEL = re.compile(r"[\w.-]+/[\w.:/-]+")


@dataclass(frozen=True)
class Asked:
    """The options of all that asks a model."""

    system: Annotated[str | None, typer.Option(help="An instruction.")] = None
    temperature: Annotated[float | None, typer.Option(help="How much chance.")] = None
    max_tokens: Annotated[int | None, typer.Option(help="Most tokens of the answer.", min=1)] = None
    effort: Annotated[
        str | None,
        typer.Option(
            "--reasoning-effort",
            "--effort",
            help=f"How long it thinks: {', '.join(EFFORTS)}.",
            autocompletion=completion.among(EFFORTS),
        ),
    ] = None
    param: Annotated[
        list[str] | None, typer.Option("--param", "-p", help="A body parameter: top_p=0.9; may be repeated.")
    ] = None
    profile: Annotated[
        str | None, typer.Option(help="A profile of the configuration.", autocompletion=completion.profiles)
    ] = None
    base_url: BaseUrl = None
    api_key: ApiKey = None


@dataclass(frozen=True)
class Talk(Asked):
    """The options of `ask` and `chat`."""

    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Id or alias of the model.", autocompletion=completion.models),
    ] = None
    file: Annotated[list[Path] | None, typer.Option("--file", "-f", help="A picture, a sound, a paper, a text.")] = None
    template: Annotated[
        str | None,
        typer.Option("--template", "-t", help="A template of the configuration.", autocompletion=completion.templates),
    ] = None
    var: Annotated[list[str] | None, typer.Option(help="For a place of the template: language=French.")] = None
    go_on: Annotated[bool, typer.Option("--continue", "-c", help="Continue with the last conversation.")] = False
    load: Annotated[str | None, typer.Option(help="Continue a saved conversation, or one of the log (its id).")] = None
    log: Annotated[bool | None, typer.Option("--log/--no-log", help="Whether the local log keeps the answer.")] = None


@dataclass
class Call:
    """What goes out, of the options over the template's, the profile's and the file's defaults."""

    config: Config
    model: str | None
    system: str | None
    parameters: dict[str, Any]
    keeps_log: bool
    prompt: str | None = None
    variables: dict[str, str] = field(default_factory=dict)

    def need_model(self) -> str:
        """The model.

        Raises:
            InvalidRequestError: none was named.
        """
        name = (self.model or "").strip()
        if not name:
            raise InvalidRequestError(
                f"No model is named: pass one (`aimlapi models` lists them), or set `model` in {self.config.path}."
            )
        if re.search(r"\s", name):
            raise InvalidRequestError(f"{name[:60]!r} is not the id of a model: pass one first, and then the question.")
        return name

    def keep(
        self, kept: saved.Saved, answer: Answer, *, command: str, question: str, cost: float, number: int | None = None
    ) -> int | None:
        """For `--continue`, and in the log where that is wanted; an answer is not lost because of either.

        Args:
            kept: the conversation with the answer.
            cost: of this turn, in US dollars.
            number: of the conversation in the log; None for a new one.

        Returns:
            That number, where the log has it.
        """
        if self.config.defaults.remember is not False:
            saved.keep_last(kept)
        if not self.keeps_log:
            return number
        from aimlapi_cli import log_store

        fields = {**answer.fields(), "cost_usd": cost}
        try:
            return log_store.add(
                kept, command=command, conversation=number, parameters=self.parameters, question=question, answer=fields
            )
        except Failure as error:
            streams.say(str(error))
            return number

    @property
    def needs_text(self) -> bool:
        """Whether there is no question without one of the user."""
        return self.prompt is None or "input" in _PLACE.findall(self.prompt)

    def question(self, text: str) -> str:
        """The template around a question, or the question.

        Raises:
            InvalidRequestError: a place of the template has no value.
        """
        if self.prompt is None:
            return text
        values = {"input": text, **self.variables}
        names = set(_PLACE.findall(self.prompt))
        missing = sorted(names - values.keys())
        if missing:
            raise InvalidRequestError(f"The template needs {missing[0]!r}: pass --var {missing[0]}=...")
        filled = _PLACE.sub(lambda found: values[found[1]], self.prompt)
        return filled if "input" in names or not text else f"{filled}\n\n{text}"


def call_of(asked: Asked, model: str | None, begun: saved.Saved | None = None) -> Call:
    """What goes out.

    Args:
        begun: the conversation that goes on.

    Raises:
        InvalidRequestError: an option, the configuration or a template is wrong.
    """
    talk = asked if isinstance(asked, Talk) else Talk()
    if talk.var and talk.template is None:
        raise InvalidRequestError("`--var` is for a place of a template: pass --template, too.")
    config = load()
    system = asked.system if asked.system is not None or begun is None else begun.system
    params = dict(map(parameter, asked.param or ()))
    given = Defaults(model, system, asked.temperature, asked.max_tokens, asked.effort, params=params)
    defaults, prompt, values = config.defaults, None, {}
    if talk.template is not None:
        if talk.template not in config.templates:
            near = sentence(talk.template, config.templates)
            raise InvalidRequestError(f"There is no template {talk.template!r} in {config.path}.{near}")
        found = config.templates[talk.template]
        prompt, values = found.prompt, dict(found.variables)
        defaults = found.defaults.over(defaults)
    values |= dict(_pair(text, "--var") for text in talk.var or ())
    all_of = given.over(defaults)
    keeps = bool(all_of.log) if talk.log is None else talk.log
    return Call(config, all_of.model, all_of.system, dict(all_of.parameters), keeps, prompt, values)


def begun(load: str | None, continues: bool) -> saved.Saved:
    """The conversation that `--load` or `--continue` names; else an empty one.

    Raises:
        InvalidRequestError: both are given, or there is none.
    """
    if load is not None and continues:
        raise InvalidRequestError("Pass --load or --continue, not both.")
    if continues:
        return saved.last()
    if load is None:
        return saved.Saved()
    if load.isdecimal() and not Path(load).exists():
        from aimlapi_cli import log_store

        return log_store.conversation(int(load))
    return saved.read(Path(file_name(load)))


def parameter(text: str) -> tuple[str, Any]:
    """`NAME=VALUE`, where the value is JSON, or else a text.

    Raises:
        InvalidRequestError: it is none.
    """
    name, value = _pair(text, "--param")
    if name in OWN:
        raise InvalidRequestError(f"`--param` cannot set `{name}`, which the command itself says.")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value


def _pair(text: str, option: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark or not name.strip():
        raise InvalidRequestError(f"`{option}` is {text!r}: pass NAME=VALUE.")
    return name.strip(), value


def model_and_question(
    first: str | None, second: str | None, named: str | None, *, has_default: bool
) -> tuple[str | None, str | None]:
    """Which of the two arguments is the model: with `--model` none is; a single one is where it can be no question.

    A single argument is a question where there is a model without it (`has_default`: of the configuration, the template
    or the conversation) and it does not look like a model's id.
    """
    if named is not None:
        text = " ".join(part for part in (first, second) if part)
        return named, text or None
    if second is not None or first is None:
        return first, second
    if not has_default or _is_model(first):
        return (first, None) if not re.search(r"\s", first) else (None, first)
    return None, first


def _is_model(text: str) -> bool:
    from aimlapi_transport.config.model_families import facts_for

    return not re.search(r"\s", text) and (_MODEL.fullmatch(text) is not None or facts_for(text) is not None)
