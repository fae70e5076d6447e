"""`aimlapi ask`: one question, one answer, for pipes and scripts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aimlapi_cli import answers, config, options, saved, streams
from aimlapi_cli.exits import Failure
from aimlapi_cli.files import named_in, part_of, read_text
from aimlapi_cli.nearest import suggestions
from aimlapi_cli.option_groups import with_options
from aimlapi_cli.session import AsJson, client, fail, streamed
from aimlapi_transport.errors import InvalidRequestError

if TYPE_CHECKING:
    from aimlapi_transport.structured.answer_schema import AnswerSchema


@with_options
def ask(
    first: options.Model = None,
    second: Annotated[
        str | None,
        typer.Argument(metavar="QUESTION", help="The question, and before what comes in by the pipe. @PATH: a file."),
    ] = None,
    schema: Annotated[Path | None, typer.Option(help="A JSON schema that the answer has to fit.")] = None,
    as_json: AsJson = False,
    *,
    talk: options.Talk,
) -> None:
    """One answer, as plain text.

    [dim]cat report.txt | aimlapi ask openai/gpt-4o "Sum this up"
    aimlapi ask openai/gpt-4o "Ann is 30" --schema person.json
    aimlapi ask -m openai/gpt-4o --continue "And in French?"[/dim]
    """
    if talk.profile is not None:
        config.choose(talk.profile)
    conversation = options.begun(talk.load, talk.go_on)
    defaults = config.load()
    models = [conversation.model, defaults.defaults.model]
    if talk.template is not None and talk.template in defaults.templates:
        models.append(defaults.templates[talk.template].defaults.model)
    named, typed = options.model_and_question(first, second, talk.model, has_default=any(models))
    call = options.call_of(
        talk, named or (conversation.model if named is None and conversation.messages else None), conversation
    )
    used = call.need_model()
    asked, content = _content(call, typed, talk.file or [])
    head = [{"role": "system", "content": call.system}] if call.system else []
    messages = [*head, *conversation.messages, {"role": "user", "content": content}]
    parameters = dict(call.parameters)
    shape = None if schema is None else _shape(schema)
    if shape is not None:
        parameters["response_format"] = shape.response_format()
    ours = client(talk.base_url, talk.api_key)
    with suggestions(ours, used):
        if as_json or schema is not None:
            found = ours.complete(ours.request(used, messages, parameters=parameters))
        else:
            found = _streamed(ours, used, messages, parameters)
    sentence = answers.notice(found)
    if found is not None:
        _keep(call, used, asked, messages, found, conversation)
    if shape is not None:
        parsed = _object(found, shape, sentence)
        streams.write_json({**answers.fields(found), "parsed": parsed} if as_json else parsed)
    elif as_json:
        streams.write_json(answers.fields(found))
    if sentence is not None:
        streams.say(sentence)


def _content(call: options.Call, typed: str | None, files: list[Path]) -> tuple[str, Any]:
    """The question as text, and as the content of a message: with the files that were passed or named by @."""
    piped = "" if sys.stdin is None or streams.is_terminal(sys.stdin) else sys.stdin.read()
    text, named = named_in(typed or "")
    for path in named:
        streams.say(f"With {path}.")
    own = "\n\n".join(part for part in (text, piped.strip()) if part)
    if not own and not files and call.needs_text:
        raise InvalidRequestError("There is no question: pass one, or pipe it in.")
    asked = call.question(own)
    parts = [part_of(path) for path in (*files, *named)]
    return asked, [{"type": "text", "text": asked}, *parts] if parts else asked


def _streamed(ours: Any, model: str, messages: list[dict[str, Any]], parameters: dict[str, Any]) -> Any:
    """The answer, written as it comes."""
    found, ends_line = None, True
    for delta in streamed(ours, model, messages, parameters):
        if delta.text and delta.choice == 0:
            streams.write(delta.text)
            ends_line = delta.text.endswith("\n")
        found = delta.completion or found
    if not ends_line or found is None or not found.text:
        streams.write("\n")
    return found


def _keep(
    call: options.Call, model: str, asked: str, messages: list[dict[str, Any]], found: Any, before: saved.Saved
) -> None:
    """For `--continue`, and in the log where that is wanted; an answer is not lost because of either."""
    said: dict[str, Any] = {"role": "assistant", "content": found.text}
    if found.reasoning:
        said["reasoning_content"] = found.reasoning
    whole = [*messages, said]
    if call.config.defaults.remember is not False:
        cost = before.cost_usd + (found.cost.usd if found.cost else 0.0)
        turns = [message for message in whole if message["role"] != "system"]
        saved.keep_last(saved.Saved(model, call.system, turns, cost))
    if call.keeps_log:
        from aimlapi_cli import log_store

        try:
            log_store.add(
                command="ask",
                conversation=None,
                call=call,
                model=model,
                question=asked,
                messages=whole,
                answer=answers.fields(found),
            )
        except Failure as error:
            streams.say(str(error))


def _shape(path: Path) -> AnswerSchema:
    """The JSON schema of a file, as it travels: its root may be anything."""
    from aimlapi_transport.structured.answer_schema import answer_schema

    try:
        schema = json.loads(read_text(path))
    except (InvalidRequestError, ValueError, RecursionError) as error:
        reason = str(error).removeprefix(f"{path} cannot be read: ").rstrip(".")
        raise InvalidRequestError(f"`--schema` {path} cannot be read as JSON: {reason}.") from None
    if not isinstance(schema, dict):
        raise InvalidRequestError(f"`--schema` {path} does not contain a JSON object.")
    return answer_schema(schema, name=None if schema.get("title") else path.stem)


def _object(found: Any, shape: AnswerSchema, sentence: str | None) -> Any:
    from aimlapi_transport.structured.json_text import json_answer

    try:
        return shape.value(json_answer(found.text, shape.schema))
    except ValueError as error:
        fail(sentence or str(error))
