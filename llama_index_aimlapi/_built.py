"""LlamaIndex's models without validation, for what is made with every piece of a stream. Pure."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)
_ALL: dict[type[BaseModel], set[str]] = {}


def built(cls: type[Model], **fields: Any) -> Model:
    """A model of these fields, all of them given, as validation would leave it, at a tenth of its cost.

    A stream makes three of them for every piece of an answer; a test holds them equal to validated ones.
    """
    model = cls.__new__(cls)
    _put(model, "__dict__", fields)
    # One set for all: with every field in it, it never changes.
    _put_set(model, _ALL.get(cls) or _ALL.setdefault(cls, set(fields)))
    _put_extra(model, None)
    _put_private(model, None)
    return model


_put = object.__setattr__  # past pydantic's own, which validates
# What pydantic keeps beside the fields, by its slots: a tenth less than by name.
_put_set: Any = BaseModel.__dict__["__pydantic_fields_set__"].__set__
_put_extra: Any = BaseModel.__dict__["__pydantic_extra__"].__set__
_put_private: Any = BaseModel.__dict__["__pydantic_private__"].__set__
