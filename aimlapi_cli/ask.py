"""`aimlapi ask`: one question, one answer, for pipes and scripts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aimlapi_cli import answers, config, options, saved, streams
from aimlapi_cli.files import named_in, part_of, read_text
from aimlapi_cli.nearest import suggestions
from aimlapi_cli.option_groups import with_options
from aimlapi_cli.session import AsJson, client, fail, streamed
from aimlapi_transport.errors import AIMLAPIError, InvalidRequestError

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
    answer = answers.Answer()
    try:
        with suggestions(ours, used):
            if as_json or schema is not None:
                answer = answers.Answer.of(ours.complete(ours.request(used, messages, parameters=parameters)))
            else:
                _write(streamed(ours, used, messages, parameters), answer)
    finally:  # also what came before an interrupt, a lost connection or a full disk: it is paid for
        if answer.completion is not None or answer.text:
            turns = [*messages[len(head) :], answer.message()]
            kept = saved.Saved(used, call.system, turns, conversation.cost_usd + answer.usd)
            call.keep(kept, answer, command="ask", question=asked, cost=answer.usd)
    sentence = answers.notice(answer.completion)
    if shape is not None:
        parsed = _object(answer.text, shape, sentence)
        streams.write_json({**answer.fields(), "parsed": parsed} if as_json else parsed)
    elif as_json:
        streams.write_json(answer.fields())
    if sentence is not None:
        streams.say(sentence)


def _content(call: options.Call, typed: str | None, files: list[Path]) -> tuple[str, Any]:
    """The question as text, and as the content of a message: with the files that were passed or named by @."""
    parts = [part_of(path) for path in files]  # one of them may be what is piped in
    piped = streams.piped()
    text, named = named_in(typed or "")
    for path in named:
        streams.say(f"With {path}.")
    own = "\n\n".join(part for part in (text.strip(), piped) if part)
    if not own and not files and call.needs_text:
        raise InvalidRequestError("There is no question: pass one, or pipe it in.")
    asked = call.question(own)
    parts += map(part_of, named)
    return asked, [{"type": "text", "text": asked}, *parts] if parts else asked


def _write(pieces: Iterable[Any], answer: answers.Answer) -> None:
    """Writes an answer as it comes. Where a disk is full, the rest is still read: it is paid for, and is kept.

    Raises:
        OSError: it could not be written; BrokenPipeError at once, for nobody reads on.
    """
    lost: OSError | None = None
    written = 0
    try:
        for delta in pieces:
            answer.add(delta)
            if lost is None and len(answer.text) > written:
                try:
                    streams.write(answer.text[written:])
                except BrokenPipeError:
                    raise
                except OSError as error:
                    lost = error
                written = len(answer.text)
    except AIMLAPIError:
        if written and lost is None:
            streams.write("\n")  # what is said of the error is a line of its own
        raise
    if lost is not None:
        raise lost
    if not answer.text.endswith("\n"):
        streams.write("\n")


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


def _object(text: str, shape: AnswerSchema, sentence: str | None) -> Any:
    from aimlapi_transport.structured.json_text import json_answer

    try:
        return shape.value(json_answer(text, shape.schema))
    except ValueError as error:
        fail(sentence or str(error))
