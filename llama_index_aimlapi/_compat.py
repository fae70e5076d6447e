"""LlamaIndex's models without validation, for what is made with every piece of a stream. Pure."""

from __future__ import annotations

from typing import Any, TypeVar

from llama_index.core.base.llms.types import ChatResponse
from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)
_ALL: dict[type[BaseModel], set[str]] = {}


def built(cls: type[Model], **fields: Any) -> Model:
    """A model of these fields, all of them given, as validation would leave it, at a tenth of its cost.

    A stream makes three of them for every piece of an answer; a test holds them equal to validated ones.
    """
    model = cls.__new__(cls)
    _put_fields(model, fields)
    # One set for all: with every field in it, it never changes.
    _put_set(model, _ALL.get(cls) or _ALL.setdefault(cls, set(fields)))
    _put_extra(model, None)
    _put_private(model, None)
    return model


# Past pydantic's own assignment, which validates, and by the slots: a tenth less than by name.
_fields_of: Any = BaseModel.__dict__["__dict__"].__get__
_put_fields: Any = BaseModel.__dict__["__dict__"].__set__
_put_set: Any = BaseModel.__dict__["__pydantic_fields_set__"].__set__
_put_extra: Any = BaseModel.__dict__["__pydantic_extra__"].__set__
_put_private: Any = BaseModel.__dict__["__pydantic_private__"].__set__


class _Unread(ChatResponse):
    """A response whose message is put together when it is first looked at; from then on it is a plain ChatResponse.

    `isinstance`, attributes, equality, copies, pickles, JSON and `vars()` are a ChatResponse's. Whoever looks at no
    message, as most readers of a stream, does not pay for it: a tenth of a piece, and of a long answer's nearly all.
    """

    def __getattr__(self, name: str) -> Any:  # only for what is not there
        if name == "message":
            return read(self).message
        return super().__getattr__(name)  # type: ignore[misc]  # pydantic hides it from checkers

    @property
    def __dict__(self) -> dict[str, Any]:
        return read(self).__dict__

    @__dict__.setter
    def __dict__(self, fields: dict[str, Any]) -> None:
        _put_fields(self, fields)

    def __eq__(self, other: Any) -> bool:
        return bool(read(self) == other)

    def __repr__(self) -> str:
        return repr(read(self))

    def __copy__(self) -> Any:
        return read(self).__copy__()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Any:
        return read(self).__deepcopy__(memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return read(self).__reduce_ex__(protocol)


def unread(message: tuple[Any, ...], **fields: Any) -> ChatResponse:
    """A response of these fields and a message that is to be made by the call of a function.

    Args:
        message: the function and its arguments.
        fields: all the others, in ChatResponse's order.
    """
    fields[_MESSAGE] = message
    response = _Unread.__new__(_Unread)
    _put_fields(response, fields)
    _put_set(response, _RESPONSE)
    _put_extra(response, None)
    _put_private(response, None)
    return response


_MESSAGE = "_message"  # under which the fields hold it meanwhile
_RESPONSE = set(ChatResponse.model_fields)


def read(response: ChatResponse) -> ChatResponse:
    """The response as a plain one. Two threads may look at once: each makes the same message."""
    fields = _fields_of(response)
    if _MESSAGE in fields:
        rest = {name: value for name, value in fields.items() if name != _MESSAGE}
        make, *arguments = fields[_MESSAGE]
        _put_fields(response, {"message": make(*arguments), **rest})
    object.__setattr__(response, "__class__", ChatResponse)
    return response
