"""What has arrived of an output item of /v1/responses. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from aimlapi_transport.chat.tool_calls import parse_arguments
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.responses.events import PartKey
from aimlapi_transport.responses.output_items import PARAGRAPH, message_parts, message_text, reasoning_parts


class CallArguments:
    """The arguments of a call: announced with it, then in pieces, then whole.

    A host may announce a call with all its arguments, with their first piece or with `{}` in their place, and may or
    may not repeat in the pieces what it announced. So what was announced counts only where nothing else says it.
    """

    def __init__(self) -> None:
        self._announced = ""  # until it is known what the pieces make of it
        self._waiting = ""
        self._streamed: list[str] = []

    def announce(self, text: str) -> None:
        """What the call is announced with."""
        if not self._streamed:
            self._announced = text

    def feed(self, piece: str) -> str:
        """What a piece adds; nothing while it may only repeat what was announced."""
        if self._announced:
            self._waiting += piece
            if len(self._waiting) < len(self._announced) and self._announced.startswith(self._waiting):
                return ""
            is_repeated = self._waiting.startswith(self._announced) or _is_object(self._announced)
            piece = self._waiting if is_repeated else self._announced + self._waiting
            self._announced = self._waiting = ""
        if piece:
            self._streamed.append(piece)
        return piece

    def finish(self, whole: str) -> str | None:
        """What has not come yet of the whole arguments; None where other arguments came.

        Args:
            whole: empty where nobody says: then what was announced or has come stands.
        """
        announced, waiting = self._announced, self._waiting
        self._announced = self._waiting = ""
        streamed = "".join(self._streamed)
        if not whole.strip():
            whole = streamed or (announced if _is_object(announced) else waiting or announced)
        if not whole.startswith(streamed):
            self._streamed = [whole]
            return None
        rest = whole[len(streamed) :]
        if rest:
            self._streamed.append(rest)
        return rest


@dataclass(slots=True)
class OutputItem:
    """One item.

    Attributes:
        value: the item unchanged: at its announcement, and then whole.
        arguments: of a call.
        has_call_id: whether the id of the call was returned.
    """

    index: int
    value: Json = field(default_factory=dict)
    is_done: bool = False
    has_logprobs: bool = False
    has_call_id: bool = False
    arguments: CallArguments = field(default_factory=CallArguments)
    _pieces: dict[PartKey, list[str]] = field(default_factory=dict)

    def add(self, part: PartKey, piece: str) -> None:
        """A further piece of a part."""
        self._pieces.setdefault(part, []).append(piece)

    def has(self, part: PartKey) -> bool:
        """Whether anything of a part has come."""
        return part in self._pieces

    def streamed(self, field: str) -> str:
        """What has come piece by piece of the parts of this field."""
        return "".join(piece for (name, _), pieces in self._pieces.items() if name == field for piece in pieces)

    def parts(self) -> list[tuple[PartKey, str]]:
        """The texts of the item as its value has them: of a message, all that is text and all that is refusal."""
        if self.value.get("type") != "message":
            return reasoning_parts(self.value)
        refusals = (part["refusal"] for part in message_parts(self.value, "refusal"))
        return [(("text", -1), message_text(self.value)), (("refusal", -1), "".join(refusals))]

    def rest(self, part: PartKey, whole: str) -> str:
        """What of a whole part has not come yet; nothing where other text came.

        Args:
            part: with the index -1 for all parts of the field.
        """
        streamed = self.streamed(part[0]) if part[1] < 0 else "".join(self._pieces.get(part, ()))
        if not streamed and self.streamed(part[0]).endswith(whole):
            return ""  # it came without its index, under another
        return whole[len(streamed) :] if whole.startswith(streamed) else ""

    def joined(self, field: str) -> str:
        """All text, or all refusal, of a message; of one under way, what has come, or what its announcement says."""
        whole = (text for part, text in self.parts() if part[0] == field)
        return (not self.is_done and self.streamed(field)) or "".join(whole)

    def reasoning(self) -> str:
        """The text of a reasoning item, its parts as paragraphs; see `joined`."""
        pieces = [] if self.is_done else [self._pieces[part] for part in self._pieces if part[0] in _REASONING]
        return PARAGRAPH.join(map("".join, pieces) if pieces else (text for _, text in reasoning_parts(self.value)))


_REASONING = ("summary", "content")


def _is_object(text: str) -> bool:
    """Whether arguments are all there."""
    return bool(text.strip()) and parse_arguments(text)[1] is None
