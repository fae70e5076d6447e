"""Options that several commands have: a dataclass, whose fields Typer sees as options of the command itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """A command of which each keyword-only parameter that is a dataclass stands for the fields of that dataclass.

    A field is annotated as a parameter of a command is: `save: Annotated[Path | None, typer.Option()] = None`.
    """
    # On Python 3.10, `get_type_hints` wraps an annotation whose default is None in `Optional`: Typer would not see it.
    hints = inspect.get_annotations(command, eval_str=True)
    groups: dict[str, type[Any]] = {
        name: hint for name, hint in hints.items() if isinstance(hint, type) and is_dataclass(hint)
    }
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        group = groups.get(parameter.name)
        if group is None:
            parameters.append(parameter.replace(annotation=hints[parameter.name]))
            continue
        types = get_type_hints(group, include_extras=True)
        parameters += [
            inspect.Parameter(
                one.name, inspect.Parameter.KEYWORD_ONLY, annotation=types[one.name], default=_default(one)
            )
            for one in _own_first(group)
        ]

    @wraps(command)
    def expanded(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{one.name: given.pop(one.name) for one in fields(group)})
        command(**given)

    expanded.__annotations__ = {one.name: one.annotation for one in parameters}
    expanded.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # which functions may have
    return expanded


def _own_first(group: type[Any]) -> list[Field[Any]]:
    """The fields as help shows them: those of a class before those of the classes that it is made of."""
    classes = [inspect.get_annotations(one) for one in group.__mro__]
    return sorted(fields(group), key=lambda one: next(place for place, own in enumerate(classes) if one.name in own))


def _default(one: Field[Any]) -> Any:
    return inspect.Parameter.empty if one.default is MISSING else one.default
