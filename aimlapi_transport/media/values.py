"""What a media endpoint gave: files, a transcript, pages; and a generation that is under way. Frozen values, pure.

Source of the fields: https://docs.aimlapi.com/api-references (repository aimlapi/api-docs, commit f14fa72)
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from aimlapi_transport.errors import BadResponseError, InvalidRequestError

if TYPE_CHECKING:
    from aimlapi_transport.chat.usage import Cost, Usage

DONE, FAILED, UNDER_WAY = "done", "failed", "under_way"
"""The states of a generation, in one spelling: the provider writes completed, succeeded, error, failed, queued, ..."""


# What a field of a reply holds, where no media type says it.
_KINDS = {
    "images": "image",
    "image": "image",
    "video": "video",
    "videos": "video",
    "audio": "audio",
    "audios": "audio",
    "audio_file": "audio",
}


_ANY_TYPE = ("application/octet-stream", "binary/octet-stream")


@dataclass(frozen=True, slots=True)
class MediaFile:
    """One file of a result: behind an address, or its bytes.

    Attributes:
        url: where it can be fetched, for a time: hosts keep files from ten minutes to seven days; None for bytes.
        data: the bytes; None where there is only an address.
        media_type: `image/png` for example: what its first bytes say, else what the reply states, else None.
        width, height: pixels; seconds: how long it plays; size: bytes. None where the reply does not say.
        name: as the reply names it.
        role: the field of the reply that holds it (`images`, `video`, `model_mesh`, ...), or what was asked for where
            its name does not say (`data`, `output`).
    """

    url: str | None = None
    data: bytes | None = field(default=None, repr=False)
    media_type: str | None = None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    size: int | None = None
    name: str | None = None
    role: str | None = None

    @property
    def kind(self) -> str:
        """`image`, `audio` or `video`; `file` for anything else, a mesh for example."""
        kind = (self.media_type or "").partition("/")[0]
        if not kind or self.media_type in _ANY_TYPE:
            kind = _KINDS.get(self.role or "", "")
        return kind if kind in ("image", "audio", "video") else "file"

    @property
    def base64(self) -> str | None:
        """The bytes as base64 text; None where there is only an address."""
        return None if self.data is None else base64.b64encode(self.data).decode()


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a transcript: a word, or what one speaker says.

    Attributes:
        start, end: seconds from the beginning; None where they are not known.
        speaker: as the model names them ("A", "0"); None where speakers are not told apart.
        confidence: from 0 to 1; None where it is not known.
    """

    text: str
    start: float | None = None
    end: float | None = None
    speaker: str | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class PageImage:
    """A figure on a page.

    Attributes:
        id: as the page's Markdown names it: `![img-0.jpeg](img-0.jpeg)`.
        box: left, top, right, bottom in pixels; None where it is not known.
        base64: its bytes as base64 text, where they were asked for (`include_image_base64`).
        media_type: `image/jpeg` for example; None where neither bytes nor label say.
    """

    id: str
    box: tuple[int, int, int, int] | None = None
    base64: str | None = field(default=None, repr=False)
    media_type: str | None = None

    @property
    def data(self) -> bytes | None:
        """Its bytes; None where they were not asked for."""
        return base64.b64decode(self.base64) if self.base64 else None


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was read.

    Attributes:
        index: from 0, as the reply counts.
        markdown: its text.
        images: its figures.
        width, height: pixels; dpi: of the page as it was read. None where the reply does not say.
    """

    index: int
    markdown: str
    images: tuple[PageImage, ...] = ()
    width: int | None = None
    height: int | None = None
    dpi: int | None = None


@dataclass(frozen=True, slots=True)
class MediaResult:
    """What one call gave.

    Attributes:
        model: that was asked; reply_model: as the reply names it, None where it does not.
        operation: `images`, `video`, ...
        files: pictures, films, sound, meshes.
        text: of a transcript, or of all pages; None where there is none.
        segments: of a transcript: words, with their times.
        turns: of a transcript: what each speaker says in one go; empty where the reply does not tell.
        pages: of OCR.
        language: of a transcript, as the reply names it.
        seconds: how long the sound or film is, where the reply says so.
        id: of the generation; None where the reply was the answer.
        request_id: the provider's, to quote to its support.
        usage: tokens, where they are counted.
        cost: credits and US dollars; None where the reply states none.
        raw: the reply as it came; None for bytes.
    """

    model: str
    operation: str
    files: tuple[MediaFile, ...] = ()
    text: str | None = None
    segments: tuple[Segment, ...] = field(default=(), repr=False)
    turns: tuple[Segment, ...] = field(default=(), repr=False)
    pages: tuple[Page, ...] = field(default=(), repr=False)
    language: str | None = None
    seconds: float | None = None
    id: str | None = None
    request_id: str | None = None
    reply_model: str | None = None
    usage: Usage | None = None
    cost: Cost | None = None
    raw: Any = field(default=None, repr=False)

    @property
    def cost_usd(self) -> float | None:
        """US dollars; None where the reply states none."""
        return self.cost.usd if self.cost else None

    @property
    def urls(self) -> list[str]:
        """The addresses of its files."""
        return [file.url for file in self.files if file.url]


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
            from aimlapi_transport.media.replies import reply_of

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
            raise InvalidRequestError(f"{text[:80]!r} is no reference of a generation: pass it as it was given.")
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
                from aimlapi_transport.media.replies import result_from

                known["result"] = result_from(known["result"], model=known["model"], operation=known["operation"])
            found = cls(**known)
            datetime.fromisoformat(found.created_at)
        except (ValueError, TypeError, KeyError, AttributeError, BadResponseError):
            raise InvalidRequestError(
                "This is no generation: pass what `submit` returned, or its `to_json()`."
            ) from None
        return found


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
