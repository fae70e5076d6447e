"""Sound and scanned documents as LangChain documents: what is said, with its seconds; what is written, page by page.

    from langchain_aimlapi.document_loaders import AIMLAPIOCRLoader, AIMLAPITranscriptLoader

    documents = AIMLAPITranscriptLoader("talk.mp3").load() + AIMLAPIOCRLoader("scan.pdf").load()

The parsers (`AIMLAPITranscriber`, `AIMLAPIOCR`) take LangChain's blobs, so they go into its other loaders, too.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import langchain_aimlapi._framework  # noqa: F401  # says what to install where it is missing

from langchain_core.document_loaders import BaseBlobParser, BaseLoader
from langchain_core.documents import Document
from langchain_core.documents.base import Blob
from pydantic import Field

from aimlapi_transport.media.inputs import FileBytes, MediaInput, check_paths, read_input
from aimlapi_transport.media.passages import document_parts
from aimlapi_transport.media.values import MediaFile, MediaResult
from langchain_aimlapi._media import MediaSettings
from langchain_aimlapi.errors import translated

__all__ = ["AIMLAPIOCR", "AIMLAPIOCRLoader", "AIMLAPITranscriber", "AIMLAPITranscriptLoader"]

_ADDRESS = re.compile(r"https?://", re.IGNORECASE)

Source: TypeAlias = MediaInput


class _Parser(MediaSettings, BaseBlobParser):
    """Reads one file by a media model.

    Args:
        model: id of the media model.
        parameters: what every call sends beside the file: common names or the model's own.
    """

    operation: ClassVar[str]
    argument: ClassVar[str]

    def lazy_parse(self, blob: Blob) -> Iterator[Document]:
        """The documents of a file."""
        result = self._make(self.operation, {self.argument: _content(blob)})
        yield from self._documents(result, blob)

    async def alazy_parse(self, blob: Blob) -> AsyncIterator[Document]:
        """The documents of a file, without blocking the event loop."""
        result = await self._amake(self.operation, {self.argument: _content(blob)})
        for document in self._documents(result, blob):
            yield document

    def _documents(self, result: MediaResult, blob: Blob) -> Iterator[Document]:
        origin = {**blob.metadata, **({"source": blob.source} if blob.source is not None else {})}
        for text, metadata in document_parts(result, getattr(self, "max_seconds", None)):
            yield Document(text, metadata={**origin, **metadata})


class AIMLAPITranscriber(_Parser):
    """Speech to text: a document for each stretch of speech, with its seconds and speaker.

    Metadata: `source`, `start_seconds`, `end_seconds`, `speaker`, `language`, `duration_seconds`, `model`, `cost_usd`
    (of the whole file), each where it is known.
    """

    operation: ClassVar[str] = "transcribe"
    argument: ClassVar[str] = "audio"
    model: str = Field(default="openai/gpt-4o-transcribe", description="Id of the model.")
    max_seconds: float | None = Field(
        default=60.0,
        gt=0,
        description="Longest stretch in one document; a new speaker begins another. None for one document.",
    )


class AIMLAPIOCR(_Parser):
    """Text of scanned documents and pictures: a document of Markdown for each page.

    Metadata: `source`, `page` (from 0), `page_label` (from 1), `total_pages`, `width`, `height`, `model`, `cost_usd`
    (of all pages), and `images`: a dict for each figure with its `id`, by which the Markdown names it, its `box`, and,
    with `parameters={"include_image_base64": True}`, its `base64` and `mime_type`.
    """

    operation: ClassVar[str] = "ocr"
    argument: ClassVar[str] = "document"
    model: str = Field(default="mistral/mistral-ocr-latest", description="Id of the model.")


class _Loader(BaseLoader):
    """Loads files and addresses, one after the other.

    Args:
        sources: a path or an address, or several of these; also the bytes of a file, an open one, a data URL.
        settings: of the parser: `model`, `api_key`, `parameters`, ...
    """

    _parser_class: ClassVar[type[_Parser]]

    def __init__(self, sources: Source | Sequence[Source], **settings: Any) -> None:
        self.sources: list[Any] = list(sources) if isinstance(sources, (list, tuple)) else [sources]
        self.parser = self._parser_class(**settings)

    def lazy_load(self) -> Iterator[Document]:
        """The documents, file by file."""
        with translated():
            check_paths(self.sources, self.parser.argument)
        for source in self.sources:
            yield from self.parser.lazy_parse(_blob(source))

    async def alazy_load(self) -> AsyncIterator[Document]:
        """The documents, file by file, without blocking the event loop."""
        with translated():
            check_paths(self.sources, self.parser.argument)
        for source in self.sources:
            async for document in self.parser.alazy_parse(_blob(source)):
                yield document


class AIMLAPITranscriptLoader(_Loader):
    """Transcripts of sound files and addresses; see `AIMLAPITranscriber`."""

    _parser_class: ClassVar[type[_Parser]] = AIMLAPITranscriber


class AIMLAPIOCRLoader(_Loader):
    """Pages of scanned documents and pictures, of files and addresses; see `AIMLAPIOCR`."""

    _parser_class: ClassVar[type[_Parser]] = AIMLAPIOCR


def _blob(source: Source) -> Blob:
    """A blob of what is read; nothing is opened of a path or an address before it is parsed."""
    if isinstance(source, MediaFile) and source.url is not None:
        source = source.url
    if isinstance(source, str) and _ADDRESS.match(source):
        return Blob(path=source)
    if isinstance(source, os.PathLike) or (isinstance(source, str) and source[:5].lower() != "data:"):
        return Blob.from_path(os.fspath(source))
    content, name = read_input(source, "sources"), getattr(source, "name", None)
    assert isinstance(content, FileBytes)  # all else was an address or a path
    return Blob.from_data(content.data, mime_type=content.media_type, path=name if isinstance(name, str) else None)


def _content(blob: Blob) -> str | bytes | Path:
    """What is sent of a blob: its address, or its bytes."""
    if blob.data is not None:
        return blob.as_bytes()
    text = str(blob.path)
    return text if _ADDRESS.match(text) else Path(text)
