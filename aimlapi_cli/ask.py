"""`aimlapi ask`: one question, one answer, for pipes and scripts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from aimlapi_cli import streams
from aimlapi_cli.files import part_of
from aimlapi_cli.session import ApiKey, AsJson, BaseUrl, client, fail
from aimlapi_transport.errors import InvalidRequestError


def ask(
    model: Annotated[str, typer.Argument(help="Id or alias of the model.")],
    question: Annotated[str | None, typer.Argument(help="The question; by default what comes in by the pipe.")] = None,
    system: Annotated[str | None, typer.Option(help="An instruction.")] = None,
    file: Annotated[list[Path] | None, typer.Option("--file", "-f", help="A picture, a sound, a paper.")] = None,
    schema: Annotated[Path | None, typer.Option(help="A JSON schema that the answer has to fit.")] = None,
    temperature: Annotated[float | None, typer.Option(help="How much chance.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Most tokens of the answer.")] = None,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """One answer, as plain text.

    [dim]cat report.txt | aimlapi ask openai/gpt-4o "Sum this up"
    aimlapi ask openai/gpt-4o "Ann is 30" --schema person.json[/dim]
    """
    piped = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read()
    asked = "\n\n".join(text for text in (question, piped.strip()) if text)
    if not asked and not file:
        raise InvalidRequestError("There is no question: pass one, or pipe it in.")
    content: Any = asked
    if file:
        content = [{"type": "text", "text": asked}, *map(part_of, file)]
    messages = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": content})
    parameters: dict[str, Any] = {"temperature": temperature, "max_tokens": max_tokens}
    if schema is not None:
        parameters["response_format"] = _format(schema)
    ours = client(base_url, api_key)
    if as_json or schema is not None:
        completion = ours.chat(model, messages, **parameters)
        if schema is not None and not as_json:
            streams.write_json(_object(completion.text))
            return
        usage, cost = completion.usage, completion.cost
        answer = {
            "text": completion.text,
            **({"parsed": _object(completion.text)} if schema is not None else {}),
            "reasoning": completion.reasoning or None,
            "model": completion.model,
            "finish_reason": completion.finish_reason,
            "input_tokens": usage and usage.input,
            "output_tokens": usage and usage.output,
            "cost_usd": cost and cost.usd,
            "inference_id": completion.inference_id,
        }
        streams.write_json(answer)
        return
    for delta in ours.stream_chat(model, messages, **parameters):
        if delta.text:
            streams.write(delta.text)
    streams.write("\n")


def _format(path: Path) -> dict[str, Any]:
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidRequestError(f"`--schema` {path} cannot be read as JSON: {error}.") from None
    if not isinstance(schema, dict):
        raise InvalidRequestError(f"`--schema` {path} holds no object.")
    name = "".join(letter if letter.isalnum() else "_" for letter in str(schema.get("title") or path.stem))[:64]
    return {"type": "json_schema", "json_schema": {"name": name or "answer", "schema": schema}}


def _object(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        fail(f"The answer is no JSON: {text[:200]!r}.")
