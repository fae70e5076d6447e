"""Tool calls, whole or in fragments of any order -> calls with strictly read arguments.

Fragments belong together by index; where the index is missing, or repeated under another id, by id; where both
are missing, by what they say: a second name, or a new object after a complete one, begins a new call. Arguments without
a name begin none while a call waits for some, whatever their index or id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.limits import DEFAULT
from aimlapi_transport.errors import BadResponseError
from aimlapi_transport.json_codec import dumps, is_too_deep, read_text


@dataclass(slots=True)
class ToolCallDelta:
    """A fragment of a call: `index` is the call's position among the answer's calls, `arguments` joins.

    `id` and `name` come once each, `extra` holds what else the vendor sent (a signature, say).
    """

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    extra: Json | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model wants made.

    Attributes:
        id: the provider's, or made up where it sent none: a result must name it.
        arguments: JSON text, unchanged, save that an object encoded twice is encoded once; of a custom tool, the
            free text it is called with (`parsed["input"]`).
        parsed: the arguments as an object; None where `error` says why they are none.
        extra: other fields of the call, such as `extra_content` with a thought signature.
    """

    id: str
    name: str
    arguments: str
    parsed: Json | None
    error: str | None
    extra: Json

    def to_wire(self) -> Json:
        """The call as an assistant message carries it."""
        return call_to_wire(self.id, self.name, self.arguments, self.extra)


# Calls that are of no function of the user's, and go back as what they are.
# Source: https://docs.aimlapi.com/api-references/text-models-llm/moonshot/kimi-k2-preview (Kimi's `$web_search`)
_OTHER_TYPES = ("custom", "builtin_function")


def call_to_wire(call_id: str, name: str, arguments: str, extra: Json) -> Json:
    """A call as an assistant message carries it; a custom tool's (`extra["type"]`) holds free text."""
    if extra.get("type") == "custom":
        return {"id": call_id, **extra, "custom": {"name": name, "input": arguments}}
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments or "{}"}, **extra}


_LEGACY = "function_call"
_ITEM_FIELDS = frozenset(("id", "index", "type", "function", "custom"))
# What gateways make of no id. Source: https://github.com/langchain-ai/langchainjs/pull/11373 ("null", of GLM)
_NO_IDS = ("null", "None", "undefined")


@dataclass(slots=True)
class _Call:
    """What has come of a call.

    Attributes:
        is_quoted: whether the arguments are a JSON string, which may hold the object and so waits for its end; None
            while only blank space has come.
    """

    index: int
    last_index: int | str | None = None
    id: str = ""
    generated_id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    is_quoted: bool | None = None
    extra: Json = field(default_factory=dict)

    def text(self) -> str:
        """The arguments so far."""
        text = "".join(self.arguments)
        return unquoted(text) if self.is_quoted else text

    def is_complete(self) -> bool:
        """Whether the arguments are an object, or null: nothing can be added to them. Free text never is."""
        if self.extra.get("type") == "custom":
            return False
        # Only what may end in an object or in null is parsed, or a long call would be parsed at each of its pieces.
        end = next((text for piece in reversed(self.arguments) if (text := piece.rstrip())), "")
        return end.endswith(('"',) if self.is_quoted else ("}", "l")) and parse_arguments(self.text())[1] is None


class ToolCallReader:
    """Collects the calls of one answer."""

    __slots__ = ("_by_id", "_by_index", "_calls", "_max_calls", "_new_id")

    def __init__(self, new_id: Callable[[], str], max_calls: int = DEFAULT.choices) -> None:
        self._new_id = new_id
        self._max_calls = max_calls
        self._calls: list[_Call] = []
        self._by_id: dict[str, _Call] = {}
        self._by_index: dict[int | str, _Call] = {}

    def read(self, value: Any, function_call: Any = None, *, whole: bool = False) -> tuple[ToolCallDelta, ...]:
        """What the `tool_calls` of a message add: one fragment for each call, however many entries are of it.

        Args:
            function_call: the older field of one call, in fragments.
            whole: whether each entry of the list is a call of its own, as in a whole reply.
        """
        fragments: dict[int, ToolCallDelta] = {}
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                self._read(item, whole, fragments)
        if function_call:
            self._read({"index": _LEGACY, "function": function_call}, False, fragments)
        return tuple(fragments.values())

    def add(
        self, index: int, *, call_id: str = "", name: str = "", arguments: str = "", extra: Json | None = None
    ) -> tuple[ToolCallDelta, ...]:
        """What a fragment adds to the call of this index, which it begins where there is none."""
        fragments: dict[int, ToolCallDelta] = {}
        call = self._by_index.get(index) or self._begin()
        self._by_index[index] = call
        self._add(call, call_id, name, arguments, extra or {}, fragments)
        return tuple(fragments.values())

    def has(self, index: int) -> bool:
        """Whether the call of this index has begun."""
        return index in self._by_index

    def replace_arguments(self, index: int, arguments: str) -> None:
        """Sets the arguments of the call of this index, whatever came before."""
        call = self._by_index.get(index)
        if call is not None:
            call.arguments, call.is_quoted = [unquoted(arguments)], False

    def function_call(self) -> Json | None:
        """The call of the older `function_call` field in that field's form, None where none came."""
        call = self._by_index.get(_LEGACY)
        return {"name": call.name, "arguments": call.text()} if call else None

    def close(self) -> tuple[ToolCallDelta, ...]:
        """Ids made up for calls that never got one, and what of arguments was still held back."""
        fragments = []
        for call in self._calls:
            fragment = ToolCallDelta(call.index)
            if not call.id:
                call.id = fragment.id = call.generated_id or self._new_id()
            if call.is_quoted is not False:
                fragment.arguments = call.text()
                call.arguments, call.is_quoted = [fragment.arguments], False
            if fragment.id or fragment.arguments:
                fragments.append(fragment)
        return tuple(fragments)

    def calls(self) -> tuple[ToolCall, ...]:
        """The calls so far."""
        return tuple(self._finished(call) for call in self._calls)

    def _finished(self, call: _Call) -> ToolCall:
        if not call.id and not call.generated_id:
            call.generated_id = self._new_id()
        arguments = call.text()
        custom = call.extra.get("type") == "custom"
        parsed, error = ({"input": arguments}, None) if custom else parse_arguments(arguments)
        if not call.name:
            parsed, error = None, "the call names no tool"
        return ToolCall(call.id or call.generated_id, call.name, arguments, parsed, error, call.extra)

    def _read(self, item: Json, whole: bool, fragments: dict[int, ToolCallDelta]) -> None:
        """Reads an entry, and adds what it says to the fragments, by the index of their call."""
        body = item.get("function")
        if body is None:
            body = item.get("custom")
        if not isinstance(body, dict):
            body = {}
        call_id = item.get("id")
        call_id = str(call_id) if call_id and call_id not in _NO_IDS else ""
        name = body.get("name")
        name = name if isinstance(name, str) else ""
        arguments = body.get("arguments")
        if not isinstance(arguments, str):
            arguments = text_of_arguments(body.get("arguments", body.get("input")))
        extra: Json = {}
        if not item.keys() <= _ITEM_FIELDS or item.get("type") in _OTHER_TYPES:
            extra = {k: v for k, v in item.items() if k not in _ITEM_FIELDS and v is not None}
            if item.get("type") in _OTHER_TYPES:
                extra["type"] = item["type"]
        if not (call_id or name or arguments or extra):
            return
        index = item.get("index")
        if type(index) is not int:
            index = _as_index(index)
        call = None if whole else self._find(call_id, index, name, arguments)
        if call is not None and call_id and name and arguments and call.text() == unquoted(arguments):
            return  # the whole call once more, as some send it with the finish
        if call is None:
            call = self._begin()
        if index is not None:
            self._by_index[index] = call
            call.last_index = index
        self._add(call, call_id, name, arguments, extra, fragments)

    def _begin(self) -> _Call:
        if len(self._calls) >= self._max_calls:
            raise BadResponseError(f"The answer contains more tool calls than the limit of {self._max_calls}.")
        call = _Call(len(self._calls))
        self._calls.append(call)
        return call

    def _add(
        self, call: _Call, call_id: str, name: str, arguments: str, extra: Json, fragments: dict[int, ToolCallDelta]
    ) -> None:
        if arguments:
            call.arguments.append(arguments)
        if call.is_quoted is None:
            begin, is_custom = arguments.lstrip()[:1], extra.get("type") == "custom"
            if begin or is_custom:
                call.is_quoted = begin == '"' and not is_custom
                arguments = "".join(call.arguments)
        if call.is_quoted is not False:
            arguments = ""
        call_id, name = "" if call.id else call_id, "" if call.name else name  # said once each
        if call_id:
            call.id = call_id
            self._by_id[call_id] = call
        if name:
            call.name = name
        if extra:
            call.extra.update(extra)
        if not (call_id or name or arguments or extra):
            return
        fragment = fragments.get(call.index)
        if fragment is None:
            fragments[call.index] = ToolCallDelta(call.index, call_id or None, name or None, arguments, extra or None)
            return
        fragment.id, fragment.name = fragment.id or call_id or None, fragment.name or name or None
        fragment.arguments += arguments
        fragment.extra = {**(fragment.extra or {}), **extra} or None

    def _find(self, call_id: str, index: int | str | None, name: str, arguments: str) -> _Call | None:
        """The call a fragment continues, None if it begins one."""
        last = self._calls[-1] if self._calls else None
        call = last if index is None else self._by_index.get(index)
        is_rest = bool(arguments.strip()) and not name  # arguments alone begin no call
        if call_id and call_id in self._by_id:
            known = self._by_id[call_id]
            if index is None or known.last_index in (None, index) or (is_rest and not known.is_complete()):
                return known
            return None  # one id under two indices: two calls
        if is_rest and last is not None and call is not last and (call is None or call.is_complete()):
            call = call if last.is_complete() else last  # Qwen3's come under another index than the name before them
        if call is None:
            return None
        if call_id and call.id and not (is_rest and not call.is_complete()):
            return None  # another id: another call, whatever the index says
        if name and call.name and (name != call.name or (arguments and call.is_complete())):
            return None
        return call


def parse_arguments(arguments: str) -> tuple[Json | None, str | None]:
    """The object that arguments spell, or None and why not. Nothing is repaired; nothing at all is `{}`.

    A JSON string that holds the object (arguments encoded twice) spells that object.
    """
    arguments = unquoted(arguments)
    if not arguments.strip():
        return {}, None
    if is_too_deep(arguments):
        return None, "the arguments are nested too deep"
    try:
        value = read_text(arguments)
    except (ValueError, RecursionError):
        return None, "the arguments are not valid JSON"
    if value is None:
        return {}, None
    if not isinstance(value, dict):
        return None, f"the arguments are a JSON {type(value).__name__}, not an object"
    return value, None


def unquoted(arguments: str) -> str:
    """Arguments without the JSON string around their object, where they are encoded twice."""
    if arguments.lstrip()[:1] != '"':
        return arguments
    try:
        inner = read_text(arguments)
    except ValueError:
        return arguments
    return inner if isinstance(inner, str) and inner.lstrip()[:1] == "{" else arguments


def text_of_arguments(arguments: Any) -> str:
    """Arguments as text; some hosts send the object itself."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else dumps(arguments).decode()


def _as_index(index: Any) -> int | str | None:
    """A fragment's index: 0, 0.0 and "0" are one."""
    if isinstance(index, bool) or not isinstance(index, (int, float, str)):
        return None
    try:
        return int(index)
    except (ValueError, OverflowError):
        return str(index)
