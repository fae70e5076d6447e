"""Classes -> the schemas a model is held to, by `aimlapi_transport.structured`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llama_index.core.tools.types import BaseTool
from pydantic import BaseModel

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.structured import describe
from aimlapi_transport.structured.answer_schema import AnswerSchema, answer_schema, object_schema, plain_name
from aimlapi_transport.structured.strict import report, strict_schema


def schema_of(cls: type[BaseModel]) -> Json:
    """The class's JSON schema, with its root written out where it is a reference (a class that holds itself)."""
    described = describe.schema_of(cls)
    written_out, is_wrapped = object_schema(described)
    return described if is_wrapped else written_out


def name_of(cls: type[BaseModel]) -> str:
    """The class's name as the wire allows it: 1 to 64 of `A-Za-z0-9_-`."""
    return plain_name(str(schema_of(cls).get("title") or cls.__name__))


def to_answer_schema(
    cls: type[BaseModel], *, strict: bool | None, was_asked: bool = True, refuse: bool = False
) -> AnswerSchema:
    """The schema of an answer, in the forms that it travels in.

    Args:
        was_asked: whether the user asked for `strict`, not we by ourselves.
        refuse: raise where the user did, and it cannot be; else warn.
    """
    schema = schema_of(cls)
    shape = answer_schema(schema, name=str(schema.get("title") or cls.__name__), description="", strict=strict)
    report(shape.problem, was_asked=was_asked, refuse=refuse)
    return shape


def tool_for(shape: AnswerSchema) -> Json:
    """A tool whose arguments are the answer."""
    function = shape.tool()["function"]
    name = function.pop("name")
    description = shape.original.get("description") or f"The answer, a {shape.original.get('title') or name}."
    return {"type": "function", "function": {"name": name, "description": description, **function}}


def definition_of(tool: BaseTool, *, strict: bool = False, refuse: bool = False) -> Json:
    """The definition of a LlamaIndex tool.

    Args:
        strict: hold the model to the tool's schema, where it can be held to.
        refuse: raise where it cannot; else warn.

    Raises:
        InvalidRequestError: its arguments cannot be described; the error names the field.
    """
    metadata = tool.metadata
    try:
        definition: Json = metadata.to_openai_tool(skip_length_check=True)
    except Exception as error:  # whatever Pydantic raises of a class, and its own hooks
        if metadata.fn_schema is not None:
            describe.schema_of(metadata.fn_schema)
        raise InvalidRequestError(f"The tool `{metadata.name}` cannot be described: {error}") from error
    function = definition["function"]
    function["name"] = metadata.name  # LlamaIndex writes another, under which no tool would be run
    if "properties" not in function["parameters"] and metadata.fn_schema is not None:  # a class that holds itself
        schema = schema_of(metadata.fn_schema)
        function["parameters"] = {key: value for key, value in schema.items() if key not in ("title", "description")}
    if strict:
        function["parameters"], function["strict"] = to_strict(
            function["parameters"], str(metadata.name), refuse=refuse
        )
    return definition


def to_response_format(value: Any, *, strict: bool | None = None, refuse: bool = False) -> Any:
    """`response_format` as it travels: a Pydantic class becomes its schema, all else stays as it is.

    Raises:
        InvalidRequestError: a class that is no Pydantic model.
    """
    if not isinstance(value, type):
        return value
    if not issubclass(value, BaseModel):
        raise InvalidRequestError(
            f"`response_format` is the class {value.__name__}: pass a Pydantic class, or the wire's own object."
        )
    schema = schema_of(value)
    is_strict = False
    if strict is not False:
        schema, is_strict = to_strict(schema, value.__name__, was_asked=bool(strict), refuse=refuse)
    return {"type": "json_schema", "json_schema": {"name": name_of(value), "schema": schema, "strict": is_strict}}


def to_strict(
    schema: Mapping[str, Any], name: str, *, was_asked: bool = True, refuse: bool = False
) -> tuple[Json, bool]:
    """The schema as strict output wants it, and True; or the schema itself and False, where it cannot be held to."""
    result = strict_schema(schema, name=name)
    report(result.problem, was_asked=was_asked, refuse=refuse)
    return result.schema, result.problem is None
