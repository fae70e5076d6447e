"""What a media endpoint gave: files, a transcript, pages. Frozen values, pure.

Source of the fields: https://docs.aimlapi.com/api-references (repository aimlapi/api-docs, commit f14fa72)
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aimlapi_transport.chat.usage import Cost, Usage

DONE, FAILED, UNDER_WAY = "done", "failed", "under_way"
"""The states of a generation, in one spelling: the provider writes completed, succeeded, error, failed, queued, ..."""


KINDS = {
    "images": "image",
    "image": "image",
    "video": "video",
    "videos": "video",
    "audio": "audio",
    "audios": "audio",
    "audio_file": "audio",
    "audio_files": "audio",
}
"""What a field of a reply holds, where no media type says it."""

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
            kind = KINDS.get(self.role or "", "")
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
        speaker: as the model names them ("A", "0"); None where speakers are not distinguished.
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
        files: pictures, videos, sound, meshes.
        text: of a transcript, or of all pages; None where there is none.
        segments: of a transcript: words, with their times.
        turns: of a transcript: what each speaker says in one go; empty where the reply does not tell.
        pages: of OCR.
        language: of a transcript, as the reply names it.
        seconds: how long the sound or film is, where the reply says so.
        id: of the generation, or of the reply; None where it has none.
        request_id: the provider's, to quote to its support.
        usage: tokens, where they are counted.
        cost: credits and US dollars; None where the reply states none.
        raw: the raw reply; None for bytes.
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
