"""Classes -> their JSON schemas: Pydantic models of both versions, dataclasses, TypedDicts, unions of them. Pure.

Pydantic describes them. It is imported when a class is first described, for a JSON schema needs none.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Mapping
from typing import Annotated, Any, get_args, get_origin

from typing_extensions import NotRequired, Required, TypedDict, get_type_hints, is_typeddict

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.errors import InvalidRequestError

_ARGUMENTS = re.compile(r"\n\s*Args:\s*\n(.*?)(?:\n\s*\n\s*\w+:|\Z)", re.DOTALL)
_ARGUMENT = re.compile(r"^\s*(\w+)(?: \([^)]*\))?: *(.+(?:\n(?!\s*\w+(?: \([^)]*\))?:).+)*)", re.MULTILINE)


def is_pydantic(kind: Any) -> bool:
    """Whether this is a class of Pydantic's second version."""
    return isinstance(kind, type) and hasattr(kind, "model_json_schema")


def is_pydantic_v1(kind: Any) -> bool:
    """Whether this is a class of Pydantic's first version (`pydantic.v1`)."""
    return (
        isinstance(kind, type) and not is_pydantic(kind) and hasattr(kind, "__fields__") and hasattr(kind, "parse_obj")
    )


def schema_of(kind: Any) -> Json:
    """The JSON schema of a class, or of another type that Pydantic can describe.

    Raises:
        InvalidRequestError: it cannot be described; the error names the class and, where it is known, the field.
    """
    try:
        if is_pydantic(kind):
            return dict(kind.model_json_schema())
        if is_pydantic_v1(kind):
            return dict(kind.schema())
        from pydantic import TypeAdapter

        return dict(TypeAdapter(_restated(kind, {})).json_schema())
    except ModuleNotFoundError:
        raise InvalidRequestError(f"{name_of(kind)} needs `pydantic` to be described: pass a JSON schema.") from None
    except Exception as error:  # whatever a class's own hooks raise
        field = _undescribed_field(kind)
        which = f"{name_of(kind)}.{field}" if field else name_of(kind)
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InvalidRequestError(f"`{which}` cannot be described by a JSON schema: {reason}") from error


def name_of(kind: Any) -> str:
    """What an error calls a class or another type."""
    return str(getattr(kind, "__name__", kind))


def _undescribed_field(kind: Any) -> str | None:
    from pydantic import ConfigDict, TypeAdapter

    try:
        hints = get_type_hints(kind, include_extras=True)
    except Exception:  # a name that is not there, say: the error says which
        return None
    for name, hint in hints.items():
        try:
            TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True)).json_schema()
        except Exception as error:
            if "config" not in str(error):  # a class that has its own
                return name
    return None


def _restated(kind: Any, finished: dict[Any, Any]) -> Any:
    """The type with each TypedDict as Pydantic takes it, and as LangChain's users describe one.

    Before Python 3.12 Pydantic takes none of `typing`. A field may be `Annotated[str, ..., "The name."]`: its default,
    `...` for none, and its description; or be described in the docstring, under `Args:`.
    """
    if isinstance(kind, type) and kind in finished:
        return finished[kind]
    if is_typeddict(kind):
        finished[kind] = kind  # one that holds itself stays as it is where it does
        try:
            hints = get_type_hints(kind, include_extras=True)
        except NameError:  # names of a function, which only Pydantic may know
            return kind
        fields = {}
        described = _described_arguments(kind)
        for name, hint in hints.items():
            fields[name] = _field(name, hint, name in kind.__required_keys__, described.get(name), finished)
        restated: Any = TypedDict(kind.__name__, fields)  # type: ignore[misc]  # by call, for its fields are data
        restated.__doc__ = _summary(kind)
        restated.__module__ = kind.__module__
        finished[kind] = restated
        return restated
    origin, arguments = get_origin(kind), get_args(kind)
    if not arguments or origin in (typing.Literal, Annotated):
        return kind
    inner = tuple(_restated(argument, finished) for argument in arguments)
    if all(new is old for new, old in zip(inner, arguments, strict=True)):
        return kind
    if origin is None or not hasattr(origin, "__class_getitem__"):
        return typing.Union[inner]  # noqa: UP007  # `A | B` and `Union[A, B]` both end here
    return origin[inner]


def _field(name: str, hint: Any, is_required: bool, description: str | None, finished: dict[Any, Any]) -> Any:
    from pydantic import Field

    notes: list[Any] = []
    extra: Json = {}
    while (origin := get_origin(hint)) in (Required, NotRequired, Annotated):
        if origin is Annotated:
            hint, *notes = get_args(hint)
        else:
            is_required = origin is Required
            (hint,) = get_args(hint)
    if notes:
        if len(notes) == 2 and isinstance(notes[1], str):  # a default and a description
            default, description = notes[0], description or notes[1]
            if default is not ...:
                is_required, extra = False, {"default": default}
            notes = []
        elif notes and all(isinstance(note, str) for note in notes):
            description, notes = description or notes[0], []
    hint = _restated(hint, finished)
    if description or extra:
        notes.append(Field(description=description, json_schema_extra=extra or None))
    if notes:
        hint = Annotated[(hint, *notes)]
    return Required[hint] if is_required else NotRequired[hint]


def _described_arguments(kind: type) -> Mapping[str, str]:
    section = _ARGUMENTS.search(inspect.getdoc(kind) or "")
    arguments = _ARGUMENT.findall(section[1]) if section else ()
    return {name: " ".join(text.split()) for name, text in arguments}


def _summary(kind: type) -> str | None:
    doc = kind.__doc__ and inspect.getdoc(kind)
    return re.split(r"\n\s*Args:\s*\n", doc)[0].strip() if doc else None
