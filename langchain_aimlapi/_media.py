"""What tools, parsers and loaders of media share: their settings, how a call is counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages.content import (
    ContentBlock,
    create_audio_block,
    create_file_block,
    create_image_block,
    create_video_block,
)
from pydantic import Field, model_validator
from typing_extensions import Self

from aimlapi_transport.media.values import MediaFile, MediaResult
from langchain_aimlapi._endpoint_settings import EndpointSettings
from langchain_aimlapi.errors import translated
from langchain_aimlapi.usage import counted_call


class MediaSettings(EndpointSettings):
    """The settings of everything that calls a media model, and how it does."""

    model: str = Field(description="Id of the model.")
    parameters: Mapping[str, Any] = Field(
        default_factory=dict, description="What every call sends beside its arguments: common names or the model's own."
    )
    wait_timeout: float | None = Field(
        default=None, gt=0, description="Seconds to wait for what takes minutes. By default 20 minutes for a video."
    )

    @model_validator(mode="after")
    def _check_model(self) -> Self:
        if not self.model.strip():
            raise ValueError("`model` is empty: pass the id of a media model, such as `flux/dev`.")
        return self

    def _make(self, operation: str, arguments: Mapping[str, Any]) -> MediaResult:
        """The result of an operation, counted in the contexts around it."""
        with translated():
            return self._client().make_media(operation, self.model, **self._counted(arguments))

    async def _amake(self, operation: str, arguments: Mapping[str, Any]) -> MediaResult:
        with translated():
            return await self._async_client().make_media(operation, self.model, **self._counted(arguments))

    def _counted(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call, and what counts it."""
        fields = {**self.parameters, **arguments}
        return {"arguments": fields, "call": counted_call(self.model), "wait_timeout": self.wait_timeout}


def block_of(file: MediaFile) -> ContentBlock:
    """A file as LangChain's standard content block of its kind."""
    source: dict[str, Any] = {"url": file.url} if file.url else {"base64": file.base64}
    if file.media_type:
        source["mime_type"] = file.media_type
    if file.kind == "image":
        return create_image_block(**source)
    if file.kind == "audio":
        return create_audio_block(**source)
    if file.kind == "video":
        return create_video_block(**source)
    return create_file_block(**source)
