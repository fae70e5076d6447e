"""What the tool spec and the readers of media share: their settings, and how a call is counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llama_index.core.base.llms.types import AudioBlock, ContentBlock, DocumentBlock, ImageBlock, VideoBlock
from pydantic import Field

from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.media.values import MediaFile, MediaResult
from llama_index_aimlapi._connection import ConnectionSettings
from llama_index_aimlapi.usage import counted_call


class MediaModel(ConnectionSettings):
    """A media model, and the settings with which it is called."""

    model: str = Field(description="Id of the model.")
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="What every call sends beside its arguments: common names or the model's own."
    )
    wait_timeout: float | None = Field(
        default=None, description="Seconds to wait for what takes minutes. By default 20 minutes for a video."
    )

    def __init__(self, model: str, **settings: Any) -> None:
        if not isinstance(model, str) or not model.strip():
            raise InvalidRequestError(f"`model` is {model!r}: pass the id of a media model, such as `flux/dev`.")
        unknown = [name for name in settings if name not in _SETTINGS and name not in type(self).model_fields]
        if unknown:
            raise InvalidRequestError(f"There is no setting `{'`, `'.join(unknown)}`.")
        settings["api_base"] = settings.pop("base_url", None) or settings.get("api_base")
        super().__init__(model=model, **settings)

    @classmethod
    def class_name(cls) -> str:
        """The name for LlamaIndex."""
        return "AIMLAPIMediaModel"

    def make(self, operation: str, arguments: Mapping[str, Any]) -> MediaResult:
        """The result of an operation, counted in the usage blocks around it."""
        return self._client().make_media(operation, self.model, **self._counted(arguments))

    async def amake(self, operation: str, arguments: Mapping[str, Any]) -> MediaResult:
        """As `make`, without blocking the event loop."""
        return await self._async_client().make_media(operation, self.model, **self._counted(arguments))

    def _counted(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        fields = {**self.parameters, **arguments}
        return {"arguments": fields, "call": counted_call(self.model), "wait_timeout": self.wait_timeout}


_SETTINGS = ("base_url", "http_client", "async_http_client")


def block_of(file: MediaFile) -> ContentBlock:
    """A file as LlamaIndex's block of its kind."""
    if file.kind == "image":
        return ImageBlock(url=file.url, image=file.data, image_mimetype=file.media_type)
    if file.kind == "audio":
        kind, _, form = (file.media_type or "").partition("/")
        return AudioBlock(url=file.url, audio=file.data, format=form if kind == "audio" else None)
    if file.kind == "video":
        return VideoBlock(url=file.url, video=file.data, video_mimetype=file.media_type)
    return DocumentBlock(url=file.url, data=file.data, document_mimetype=file.media_type)
