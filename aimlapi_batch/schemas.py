"""Whether an answer fits the JSON schema of its job: all of the schema, as `jsonschema` reads it."""

from __future__ import annotations

from typing import Any

from aimlapi_batch.job import JobError, Row

_LONGEST = 200  # characters of a reason


class SchemaCheck:
    """A schema, ready to be checked against.

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
