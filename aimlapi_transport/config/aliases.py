"""Aliases: what users of other classes call a setting, and what becomes of it. Pure, but for its warnings.

Each class of the frameworks has one table. To accept another name, add a row to its table.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from aimlapi_transport import config
from aimlapi_transport.config.fields import ACCEPTED
from aimlapi_transport.user_warnings import warn

if TYPE_CHECKING:  # imported by the first error
    from aimlapi_transport.errors import InvalidRequestError

_ADDRESSES = ("base_url", "api_base")  # blank ones count as none
# Call-time settings that may be given once for all calls.
_PER_CALL = frozenset(
    ("extra_headers", "extra_query", "stream_options", "tools", "tool_choice", "parallel_tool_calls", "response_format")
)
_OF_CONNECTION = frozenset(
    (
        *("base_url", "api_base", "openai_api_base", "aimlapi_api_base", "max_retries", "request_timeout", "deadline"),
        *("first_chunk_timeout", "stream_chunk_timeout", "default_headers", "default_query", "strict_parameters"),
        *("proxy", "openai_proxy", "http_client", "http_async_client", "async_http_client", "http_socket_options"),
    )
)
_NONE_IS_DEFAULT = ("max_retries", "streaming")  # fields for which other classes take None, and mean their default


# No `AliasChoices` of Pydantic's: of two names it takes the first, and says nothing of the second. Here two values are
# an error; and what is no name at all, which goes into the body, must be known before Pydantic sees the settings.
class Aliases:
    """The names that a class takes for its settings.

    Args:
        owner: the class, as messages name it.
        body: its field that holds further parameters of the body.
        fields: the field for each other name.
        refused: names that cannot be used, with what to do instead.
        without_effect: names of which a warning says that they have no effect, with the values that ask for what is
            done anyway. Such a name that is a field is kept in it.
        ignored: names that are dropped without a warning.
    """

    def __init__(
        self,
        owner: str,
        body: str,
        fields: Mapping[str, str],
        refused: Mapping[str, str],
        without_effect: Mapping[str, tuple[Any, ...]] | None = None,
        ignored: Collection[str] = (),
    ) -> None:
        self.owner = owner
        self.fields = fields
        self._body = body
        self._refused = refused
        self._without_effect = without_effect or {}
        self._ignored = ignored

    def settings(self, given: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
        """The settings by field; what is no field is added to the parameters of the body.

        Args:
            known: the fields of the class.

        Raises:
            InvalidRequestError: a setting given twice, with two values or in the body, too; one that cannot be used; a
                key under another name; with `strict_parameters`, one that is nearly the name of a field.

        Warns:
            UserWarning: of what has no effect, and of each that is no argument of a call; it names the nearest field.
        """
        taken, others = self.resolve(given, known)
        body = taken.get(self._body) or {}
        if not isinstance(body, Mapping):
            raise _refusal(f"`{self._body}` is {body!r}: pass {ACCEPTED[self._body]}.")
        for name in others:
            if is_key(name):
                raise _refusal(f"`{name}` is not a field: pass the key of the host in `base_url` as `api_key`.")
            if name in body:
                raise _refusal(f"`{name}` is passed twice, as an argument and in `{self._body}`: leave one out.")
            if name not in _PER_CALL:
                nearest = config.settings.suggestion(name, [*known, *self.fields])
                if taken.get("strict_parameters") is True and nearest:
                    raise _refusal(f"{self.owner} has no setting `{name}`: leave it out.{nearest}")
                warn(f"{self.owner} has no setting `{name}`: it is sent in the body, as if in `{self._body}`.{nearest}")
        if self._body in taken or others:
            taken[self._body] = {**body, **others}  # a copy
        return taken

    def resolve(self, given: Mapping[str, Any], known: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The settings by field, and those that are no field, under the names they were given.

        Args:
            known: the fields of the class.

        Raises:
            InvalidRequestError: a setting given by two names with two values, or one that cannot be used.

        Warns:
            UserWarning: of what has no effect.
        """
        taken: dict[str, Any] = {}
        others: dict[str, Any] = {}
        idle: list[str] = []
        for name, value in given.items():
            field = self.fields.get(name, name)
            if field in _ADDRESSES and isinstance(value, str) and not value.strip():
                value = None
            if value is None and (field not in known or field in _NONE_IS_DEFAULT):
                continue
            if field in self._refused:
                raise _refusal(f"`{name}` cannot be used: {self._refused[field]}.")
            is_without_effect = field in self._without_effect
            if is_without_effect and value is not None and value not in self._without_effect[field]:
                idle.append(f"`{name}`")
            if field in known:
                if taken.get(field) is None:
                    taken[field] = value
                elif value is not None and taken[field] != value:
                    raise _refusal(f"`{name}` is passed twice: `{self._first(field, given)}` is another name of it.")
            elif not is_without_effect and field not in self._ignored:
                others[name] = value
        if idle:
            have, it = ("has", "it") if len(idle) == 1 else ("have", "them")
            warn(f"{', '.join(idle)} {have} no effect in {self.owner}: leave {it} out.")
        return taken, others

    def _first(self, field: str, given: Mapping[str, Any]) -> str:
        """The name under which a field was given first."""
        return next(name for name in given if self.fields.get(name, name) == field and given[name] is not None)


def is_key(name: str) -> bool:
    """Whether a setting of this name would be a key."""
    return name.lower().replace("_", "").endswith("apikey")


def is_of_connection(name: str) -> bool:
    """Whether an argument of a call has the name of a setting for the host and the connections, or of a key."""
    return name in _OF_CONNECTION or is_key(name)


def check_call_arguments(parameters: Mapping[str, Any]) -> None:
    """Refuses settings of the connection among the parameters of a call: the host would get them in the body.

    Raises:
        InvalidRequestError: it names the first; its value, which may be a secret, is in no message.
    """
    for name, value in parameters.items():
        if value is not None and is_of_connection(name):
            setting = "api_key" if is_key(name) else name
            raise _refusal(f"`{name}` is not an argument of a call: pass `{setting}` where the model is made.")


def _refusal(message: str) -> InvalidRequestError:
    from aimlapi_transport.errors import InvalidRequestError

    return InvalidRequestError(message)
