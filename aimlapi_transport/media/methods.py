"""The media methods of both clients, each written once: `Client` gives a value, `AsyncClient` something to await."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from aimlapi_transport.client_methods import client_method

if TYPE_CHECKING:  # imported by the first call
    import os
    from decimal import Decimal
    from pathlib import Path

    from aimlapi_transport.http.timeouts import Timeout
    from aimlapi_transport.media.calls import MediaCalls, OnProgress
    from aimlapi_transport.media.generations import Generation, GenerationStatus
    from aimlapi_transport.media.inputs import MediaInput
    from aimlapi_transport.media.values import MediaFile, MediaResult
    from aimlapi_transport.service.catalogue import Pricing

T = TypeVar("T")


class MediaMethods:
    """Pictures, film, speech, transcripts, OCR and music.

    Every method takes the common names it lists, the field names of the model's own documents as further keywords, and:

    - `extra_body`: fields sent as they are, over all others, never checked;
    - `extra_headers`, `extra_query`: added to the request;
    - `client_request_id`: your own id of this request, 1 to 128 of `A-Za-z0-9._:-`;
    - `timeout`: seconds of silence before a request is given up; by default 600.

    A file is an address, a data URL, a path, bytes, or a file opened for reading bytes. Errors are `AIMLAPIError`s.
    Source: https://docs.aimlapi.com/api-references; nothing here was tried against the live service.
    """

    @cached_property
    def _media(self) -> MediaCalls:
        from aimlapi_transport.media.calls import MediaCalls

        return MediaCalls(self, self._run)  # type: ignore[arg-type]  # a client, of which this is a part

    @abstractmethod
    async def _run(self, work: Callable[[], T]) -> T:
        """Does what blocks: here in `SyncMedia`, in a thread in `AsyncMedia`."""

    @abstractmethod
    async def _pricing(self, model: str) -> Pricing | None:
        """The prices of a model in the catalogue."""

    @client_method
    async def images(
        self,
        /,
        model: str,
        prompt: str | None = None,
        *,
        image: MediaInput | Sequence[MediaInput] | None = None,
        size: str | None = None,
        n: int | None = None,
        seed: int | None = None,
        timeout: Timeout = None,
        **fields: Any,
    ) -> MediaResult:
        """Pictures (or a 3D model) by a prompt: `.files`.

        Args:
            image: what to begin with, for the models that take one.
            size: `1024x768`, a ratio, or a name of the model's own; sent as its family's `size`, `image_size` or
                `aspect_ratio`.
            n: how many.
        """
        named = {"prompt": prompt, "image": image, "size": size, "n": n, "seed": seed}
        return await self._media.make("images", model, {**named, **fields}, timeout=timeout)

    @client_method
    async def edit_image(
        self,
        /,
        model: str,
        prompt: str | None = None,
        image: MediaInput | Sequence[MediaInput] | None = None,
        *,
        mask: MediaInput | None = None,
        size: str | None = None,
        n: int | None = None,
        timeout: Timeout = None,
        **fields: Any,
    ) -> MediaResult:
        """A picture changed by a prompt: `.files`.

        Args:
            mask: a PNG of the same size, transparent where the picture may change; for the models that take one.
        """
        named = {"prompt": prompt, "image": image, "mask": mask, "size": size, "n": n}
        return await self._media.make("edit_image", model, {**named, **fields}, timeout=timeout)

    @client_method
    async def video(
        self,
        /,
        model: str,
        prompt: str | None = None,
        *,
        image: MediaInput | Sequence[MediaInput] | None = None,
        last_image: MediaInput | None = None,
        video: MediaInput | Sequence[MediaInput] | None = None,
        audio: MediaInput | Sequence[MediaInput] | None = None,
        duration: float | str | None = None,
        aspect_ratio: str | None = None,
        seed: int | None = None,
        timeout: Timeout = None,
        wait_timeout: float | None = None,
        on_progress: OnProgress | None = None,
        **fields: Any,
    ) -> MediaResult:
        """A video; waits until it is there.

        Args:
            image, last_image: the first and the last frame; or references, by the model.
            video, audio: what to change, to follow or to speak.
            duration: seconds, as the model's documents list them.
            wait_timeout: seconds to wait in all; by default 20 minutes.
            on_progress: called with each `GenerationStatus`.

        Raises:
            APITimeoutError: it is not there yet; `wait(error.generation)` goes on.
            GenerationError: it failed, or the class of its kind where the provider says why.
        """
        named = {"prompt": prompt, "image": image, "last_image": last_image, "video": video, "audio": audio}
        more = {"duration": duration, "aspect_ratio": aspect_ratio, "seed": seed}
        return await self._media.make(
            "video",
            model,
            {**named, **more, **fields},
            timeout=timeout,
            wait_timeout=wait_timeout,
            on_progress=on_progress,
        )

    @client_method
    async def speech(
        self,
        /,
        model: str,
        text: str | None = None,
        *,
        voice: str | None = None,
        format: str | None = None,
        speed: float | None = None,
        timeout: Timeout = None,
        **fields: Any,
    ) -> MediaResult:
        """A text spoken: `.files[0]`, an address or bytes by the model.

        Args:
            voice: a name of the model's own.
            format: `mp3`, `wav`, ... as the model lists them.
        """
        named = {"text": text, "voice": voice, "format": format, "speed": speed}
        return await self._media.make("speech", model, {**named, **fields}, timeout=timeout)

    @client_method
    async def transcribe(
        self,
        /,
        model: str,
        audio: MediaInput | None = None,
        *,
        language: str | None = None,
        diarize: bool | None = None,
        timeout: Timeout = None,
        wait_timeout: float | None = None,
        on_progress: OnProgress | None = None,
        **fields: Any,
    ) -> MediaResult:
        """What is said: `.text`, `.segments` (words) and `.turns` (speakers), in seconds; waits until it is there.

        Args:
            language: of the sound, as the model's documents list it.
            diarize: whether speakers are distinguished.
        """
        named = {"audio": audio, "language": language, "diarize": diarize}
        return await self._media.make(
            "transcribe",
            model,
            {**named, **fields},
            timeout=timeout,
            wait_timeout=wait_timeout,
            on_progress=on_progress,
        )

    @client_method
    async def ocr(
        self, /, model: str, document: MediaInput | None = None, *, timeout: Timeout = None, **fields: Any
    ) -> MediaResult:
        """The text of a document or picture, page by page: `.pages`, and `.text` of all of them.

        Args:
            document: a PDF or a picture. What is sent as an address must be public.
        """
        return await self._media.make("ocr", model, {"document": document, **fields}, timeout=timeout)

    @client_method
    async def music(
        self,
        /,
        model: str,
        prompt: str | None = None,
        *,
        lyrics: str | None = None,
        audio: MediaInput | None = None,
        duration: float | None = None,
        seed: int | None = None,
        timeout: Timeout = None,
        wait_timeout: float | None = None,
        on_progress: OnProgress | None = None,
        **fields: Any,
    ) -> MediaResult:
        """A piece of music: `.files[0]`; waits until it is there.

        Args:
            audio: a reference, for the models that take one.
            duration: seconds, for the models that take it.
        """
        named = {"prompt": prompt, "lyrics": lyrics, "audio": audio, "duration": duration, "seed": seed}
        return await self._media.make(
            "music", model, {**named, **fields}, timeout=timeout, wait_timeout=wait_timeout, on_progress=on_progress
        )

    @client_method
    async def submit(
        self,
        /,
        operation: str,
        model: str,
        prompt: str | None = None,
        *,
        timeout: Timeout = None,
        **fields: Any,
    ) -> Generation:
        """Orders what takes minutes, and does not wait for it: a value that is written as JSON (`to_json`).

        A model that answers at once gives an order that is done: it has the `result`, which `wait` returns.

        Args:
            operation: `video`, `music` or `transcribe`.
            fields: as the method of that name takes them.
        """
        return await self._media.submit(operation, model, {"prompt": prompt, **fields}, timeout=timeout)

    @client_method
    async def status(self, generation: Generation | str, *, timeout: Timeout = None) -> GenerationStatus:
        """How far a generation is; asks once.

        Args:
            generation: what `submit` returned, its `to_json()` or its `reference`.
        """
        return await self._media.status(_generation(generation), timeout=timeout)

    @client_method
    async def wait(
        self,
        generation: Generation | str,
        *,
        timeout: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> MediaResult:
        """What was ordered, once it is there; also for what another process ordered.

        Args:
            generation: what `submit` returned, its `to_json()` or its `reference`.
            timeout: seconds in all; by default 20 minutes for a video, 10 for music and transcripts.
            on_progress: called with each `GenerationStatus`.
        """
        return await self._media.wait(_generation(generation), timeout=timeout, on_progress=on_progress)

    @client_method
    async def save(
        self, result: MediaResult | MediaFile | Sequence[MediaFile | str] | str, to: str | os.PathLike[str] = "."
    ) -> list[Path]:
        """Writes the files of a result, or what is behind an address, to this machine; never sends the key there.

        What was cut off goes on where it was, in this call or the next. An `AsyncClient` writes in a thread.

        Args:
            to: a folder, or for one file the path it gets. A name that is taken gets a number.

        Returns:
            The paths, one for each file.

        Raises:
            NotFoundError: an address has expired: hosts keep files from ten minutes to seven days.
        """
        return await self._media.save(result, to)

    @client_method
    async def estimate_media_cost(self, /, model: str, **arguments: Any) -> Decimal | None:
        """US dollars that a media call will cost, at the catalogue's prices.

        None where the catalogue has no price for it, or counts what is not known beforehand. Where prices depend on an
        argument that is not set, the most expensive of them.

        Args:
            arguments: of the call, by common names or the model's own.
        """
        from aimlapi_transport.media.prices import media_cost

        return media_cost(await self._pricing(model), arguments)


def _generation(value: Generation | str) -> Generation:
    from aimlapi_transport.media.generations import Generation

    if isinstance(value, str) and not value.lstrip().startswith("{"):
        return Generation.from_reference(value)
    return value if isinstance(value, Generation) else Generation.from_json(value)
