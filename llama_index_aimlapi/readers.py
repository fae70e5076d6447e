"""Sound and scanned documents as LlamaIndex documents: what is said, with its seconds; what is written, page by page.

from llama_index.core import SimpleDirectoryReader
from llama_index_aimlapi.readers import AIMLAPIOCRReader, AIMLAPITranscriptReader

readers = {".mp3": AIMLAPITranscriptReader(), ".pdf": AIMLAPIOCRReader()}
documents = SimpleDirectoryReader("talks", file_extractor=readers).load_data()
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import llama_index_aimlapi._framework  # noqa: F401  # says what to install where it is missing

from llama_index.core.readers.base import BaseReader
from llama_index.core.schema import Document

from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.media.inputs import MediaInput, check_paths
from aimlapi_transport.media.passages import document_parts
from aimlapi_transport.media.values import MediaFile, MediaResult
from llama_index_aimlapi._media import MediaModel

__all__ = ["AIMLAPIOCRReader", "AIMLAPITranscriptReader"]

Source: TypeAlias = MediaInput


class _Reader(BaseReader):
    """Reads files and addresses by a media model.

    Args:
        model: id of the media model.
        parameters: what every call sends beside the file: common names or the model's own.
        settings: `api_key`, `api_base`, `timeout`, `max_retries`, `http_client`, ...
    """

    _operation: ClassVar[str]
    _argument: ClassVar[str]
    _max_seconds: float | None = None

    def __init__(self, model: str, **settings: Any) -> None:
        self._model = MediaModel(model, **settings)

    def lazy_load_data(
        self, file: Source | Sequence[Source], extra_info: dict[str, Any] | None = None, fs: Any = None
    ) -> Iterable[Document]:
        """The documents, file by file.

        Args:
            file: a path or an address, or several of these; also the bytes of a file, an open one, a data URL.
            extra_info: metadata of each document.
            fs: an fsspec file system to read from.
        """
        if fs is None:
            check_paths(_sources(file), self._argument)
        for source in _sources(file):
            result = self._model.make(self._operation, {self._argument: _content(source, fs)})
            yield from self._documents(result, source, extra_info or {})

    def load_data(
        self, file: Source | Sequence[Source], extra_info: dict[str, Any] | None = None, fs: Any = None
    ) -> list[Document]:
        """The documents of all files; see `lazy_load_data`."""
        return list(self.lazy_load_data(file, extra_info, fs))

    async def aload_data(
        self, file: Source | Sequence[Source], extra_info: dict[str, Any] | None = None, fs: Any = None
    ) -> list[Document]:
        """The documents of all files, without blocking the event loop; see `lazy_load_data`."""
        documents: list[Document] = []
        if fs is None:
            check_paths(_sources(file), self._argument)
        for source in _sources(file):
            result = await self._model.amake(self._operation, {self._argument: _content(source, fs)})
            documents += self._documents(result, source, extra_info or {})
        return documents

    async def alazy_load_data(self, *args: Any, **kwargs: Any) -> Iterable[Document]:
        """The same as `aload_data`."""
        return await self.aload_data(*args, **kwargs)

    def _documents(self, result: MediaResult, source: Source, extra_info: dict[str, Any]) -> Iterable[Document]:
        """The documents of one file."""
        origin = _path_of(source)
        for text, metadata in document_parts(result, self._max_seconds):
            metadata.pop("page", None)  # LlamaIndex's readers number pages by `page_label` alone
            yield Document(
                text=text,
                metadata={**origin, **metadata, **extra_info},
                excluded_embed_metadata_keys=list(_HIDDEN),
                excluded_llm_metadata_keys=list(_HIDDEN),
            )


class AIMLAPITranscriptReader(_Reader):
    """Speech to text: a document for each stretch of speech, with its seconds and speaker.

    Metadata: `file_path`, `start_seconds`, `end_seconds`, `speaker`, `language`, `duration_seconds`, `model`,
    `cost_usd` (of the whole file), each where it is known.

    Args:
        model: id of the media model.
        max_seconds: the longest stretch in one document; a new speaker begins another. None for one document.
        settings: see `AIMLAPIOCRReader`.
    """

    _operation: ClassVar[str] = "transcribe"
    _argument: ClassVar[str] = "audio"

    def __init__(
        self, model: str = "openai/gpt-4o-transcribe", *, max_seconds: float | None = 60.0, **settings: Any
    ) -> None:
        if max_seconds is not None and not (isinstance(max_seconds, (int, float)) and max_seconds > 0):
            raise InvalidRequestError(f"`max_seconds` is {max_seconds!r}: pass seconds above 0, or None.")
        super().__init__(model, **settings)
        self._max_seconds = max_seconds


class AIMLAPIOCRReader(_Reader):
    """Text of scanned documents and pictures: a document of Markdown for each page.

    Metadata: `file_path`, `page_label` (from 1), `total_pages`, `width`, `height`, `model`, `cost_usd` (of all pages),
    and `images`: a dict for each figure with its `id`, by which the Markdown names it, its `box`, and, with
    `parameters={"include_image_base64": True}`, its `base64` and `mime_type`. LLM and embedding do not see these.

    Args:
        model: id of the media model.
        parameters: what every call sends beside the file: common names or the model's own.
        settings: `api_key`, `api_base`, `timeout`, `max_retries`, `http_client`, ...
    """

    _operation: ClassVar[str] = "ocr"
    _argument: ClassVar[str] = "document"

    def __init__(self, model: str = "mistral/mistral-ocr-latest", **settings: Any) -> None:
        super().__init__(model, **settings)


# Metadata that says nothing to a language model, or too much.
_HIDDEN = ["images", "width", "height", "model", "cost_usd"]


def _path_of(source: Source) -> dict[str, Any]:
    if isinstance(source, MediaFile):
        source = source.url or source.data or b""
    name = os.fspath(source) if isinstance(source, (str, os.PathLike)) else getattr(source, "name", None)
    return {"file_path": name} if isinstance(name, str) and name[:5].lower() != "data:" else {}


def _sources(file: Source | Sequence[Source]) -> list[Source]:
    return list(file) if isinstance(file, (list, tuple)) else [file]  # type: ignore[list-item]  # what is no sequence


def _content(source: Source, fs: Any) -> MediaInput:
    if isinstance(source, str) and re.match(r"https?://|data:", source, re.IGNORECASE):
        return source
    if not isinstance(source, (str, os.PathLike)):
        return source
    if fs is None:
        return Path(source)
    with fs.open(os.fspath(source), "rb") as opened:
        data: bytes = opened.read()
        return data
