"""A generation that is under way or done: plain JSON, for another process to continue with. Frozen values, pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from aimlapi_transport.errors import BadResponseError, InvalidRequestError
from aimlapi_transport.media.replies import reply_of, result_from
from aimlapi_transport.media.values import DONE, MediaResult


@dataclass(frozen=True, slots=True)
class Generation:
    """Something that was ordered and takes minutes: plain JSON, for another process to go on waiting for it.

    Attributes:
        id: by which it is asked for.
        model, operation: what was ordered.
        created_at: when, in ISO 8601 with its zone.
        base_url: of the host it was ordered at.
        cost_usd, credits: what the order was quoted at; None where it was not.
        result: what a model answered at once; None for what takes minutes.
    """

    id: str
    model: str
    operation: str
    created_at: str
    base_url: str | None = None
    cost_usd: float | None = None
    credits: int | None = None
    result: MediaResult | None = field(default=None, repr=False, hash=False)

    @property
    def is_done(self) -> bool:
        """Whether its result is there already."""
        return self.result is not None

    def to_json(self) -> str:
        """One line of JSON; `from_json` reads it."""
        return json.dumps(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Its fields; a result as the reply that it was read from."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        if self.result is not None:
            fields["result"] = reply_of(self.result)
        return fields

    @property
    def reference(self) -> str:
        """Its operation, model and id in one word, short enough for a language model to repeat."""
        return f"{self.operation}:{self.model}:{self.id}"

    @classmethod
    def from_reference(cls, text: str) -> Generation:
        """What `reference` gave; when it was ordered is not known any more.

        Raises:
            InvalidRequestError: it is something else.
        """
        operation, _, rest = text.strip().partition(":")
        model, _, generation_id = rest.partition(":")
        if not generation_id:
            raise InvalidRequestError(
                f"{text[:80]!r} is not a reference to a generation: pass the one that was returned."
            )
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return cls(generation_id, model, operation, now)

    @classmethod
    def from_json(cls, value: str | bytes | Mapping[str, Any]) -> Generation:
        """What `to_json` or `to_dict` wrote.

        Raises:
            InvalidRequestError: it is something else.
        """
        try:
            fields = dict(value) if isinstance(value, Mapping) else json.loads(value)
            known = {name: fields[name] for name in cls.__slots__ if fields.get(name) is not None}
            if "result" in known:
                known["result"] = result_from(known["result"], model=known["model"], operation=known["operation"])
            generation = cls(**known)
            datetime.fromisoformat(generation.created_at)
        except (ValueError, TypeError, KeyError, AttributeError, BadResponseError):
            raise InvalidRequestError(
                "This is not a generation: pass what `submit` returned, or its `to_json()`."
            ) from None
        return generation


@dataclass(frozen=True, slots=True)
class GenerationStatus:
    """How far a generation is.

    Attributes:
        state: `under_way` or `done`; one that failed raises instead.
        provider_state: the provider's own word for it: `queued`, `generating`, ...
        result: what was made; None while it is under way.
        seconds: since it was ordered.
        retry_after: seconds after which to ask again, where the host says so.
    """

    generation: Generation
    state: str
    provider_state: str | None
    result: MediaResult | None
    seconds: float
    retry_after: float | None = None

    @property
    def is_done(self) -> bool:
        """Whether `result` is there."""
        return self.state == DONE
