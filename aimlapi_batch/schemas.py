"""The schema of a job's answers: how it travels, and whether an answer fits all of it, as `jsonschema` reads it."""

from __future__ import annotations

from typing import Any

from aimlapi_batch.job import JobError, Row
from aimlapi_transport.structured.answer_schema import answer_schema
from aimlapi_transport.structured.json_text import json_answer

_LONGEST = 200  # characters of a reason


class AnswerCheck:
    """A schema that answers have to fit.

    Raises:
        JobError: it is no JSON schema.
    """

    def __init__(self, schema: Row) -> None:
        try:
            from jsonschema.exceptions import SchemaError
            from jsonschema.validators import validator_for
            from referencing.jsonschema import EMPTY_REGISTRY
        except ImportError:
            raise JobError("A schema needs jsonschema: pip install 'aimlapi-integrations[batch]'.") from None
        kind = validator_for(schema)
        try:
            kind.check_schema(schema)
        except SchemaError as error:
            raise JobError(f"`schema` is no JSON schema: {error.message}.") from None
        self._validator: Any = kind(schema, registry=EMPTY_REGISTRY)  # which looks nothing up in the network

        self._travelling = answer_schema(schema)

    @property
    def response_format(self) -> Row:
        """The parameter that asks for it."""
        return self._travelling.response_format()

    def read(self, text: str) -> Any:
        """The value that a text answers with.

        Raises:
            ValueError: it holds no JSON.
        """
        return self._travelling.value(json_answer(text, self._travelling.schema))

    def problem(self, value: Any) -> str | None:
        """Why a value does not fit, None where it does."""
        from jsonschema.exceptions import best_match
        from referencing.exceptions import Unresolvable

        try:
            error = best_match(self._validator.iter_errors(value))
        except Unresolvable as unresolved:
            return f"the schema names what it does not hold: {unresolved}"
        if error is None:
            return None
        message = error.message if len(error.message) <= _LONGEST else f"{error.message[:_LONGEST]}..."
        return message if not error.absolute_path else f"{error.json_path}: {message}"
