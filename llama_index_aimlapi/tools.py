"""Media models as tools of a LlamaIndex agent: pictures, edits, film, speech, music, transcripts.

from llama_index.core.agent.workflow import FunctionAgent
from llama_index_aimlapi import AIMLAPI
from llama_index_aimlapi.tools import AIMLAPIToolSpec

tools = AIMLAPIToolSpec(image_model="flux/dev", include=["image"], save_to="pictures").to_tool_list()
agent = FunctionAgent(tools=tools, llm=AIMLAPI(model="openai/gpt-4o"))
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import llama_index_aimlapi._framework  # noqa: F401  # says what to install where it is missing

from llama_index.core.base.llms.types import ContentBlock, TextBlock
from llama_index.core.tools.tool_spec.base import SPEC_FUNCTION_TYPE, BaseToolSpec
from pydantic import BaseModel, Field, create_model

from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.media.tool_answers import ToolAnswer
from aimlapi_transport.media.tool_arguments import arguments_of
from llama_index_aimlapi._media import MediaModel, block_of
from llama_index_aimlapi.usage import counted_call

__all__ = ["AIMLAPIToolSpec"]

Kind = Literal["image", "edit", "video", "speech", "music", "transcript"]
Blocks = list[ContentBlock]
T_Method = TypeVar("T_Method", bound=Callable[..., Any])

# kind -> the functions that do it, and what they do.
_FUNCTIONS: dict[str, tuple[str, str]] = {
    "image": ("generate_image", "images"),
    "edit": ("edit_image", "edit_image"),
    "video": ("generate_video", "video"),
    "speech": ("text_to_speech", "speech"),
    "music": ("generate_music", "music"),
    "transcript": ("transcribe_audio", "transcribe"),
}
_OPERATIONS = dict(_FUNCTIONS.values())
_SUBMITS = {"generate_video": "submit_video", "generate_music": "submit_music"}


Method = Callable[..., Blocks]
AsyncMethod = Callable[..., Coroutine[Any, Any, Blocks]]


def _methods(name: str, about: str, submits: str | None = None) -> tuple[Method, AsyncMethod]:
    """The methods of a tool, sync and async.

    Args:
        name: of the tool that makes it.
        submits: the name of the tool that only orders it; some models answer at once.
    """

    def run(self: AIMLAPIToolSpec, **arguments: Any) -> Blocks:
        client = self._models[name]._client()
        return self._answer(client.answer_tool(**self._call(name, arguments, waits=not submits)))

    async def arun(self: AIMLAPIToolSpec, **arguments: Any) -> Blocks:
        client = self._models[name]._async_client()
        return self._answer(await client.answer_tool(**self._call(name, arguments, waits=not submits)))

    return _named(run, submits or name, about), _named(arun, f"a{submits or name}", about)


def _named(method: T_Method, name: str, about: str) -> T_Method:
    """A method under its name, with what agents read of it."""
    method.__name__, method.__qualname__, method.__doc__ = name, f"AIMLAPIToolSpec.{name}", about
    return method


class AIMLAPIToolSpec(BaseToolSpec):
    """Media models as tools. Each answers a text (addresses, or the paths it saved to) and a block for each file.

    What the agent's LLM may choose is what the documents of each model list. It can name no file of this machine, save
    those that the tools saved. The tools have an async form, which agents use.

    Args:
        image_model, edit_model, video_model, speech_model, music_model, transcript_model: ids of the models.
        include: which of `image`, `edit`, `video`, `speech`, `music`, `transcript`; by default all.
        wait: whether videos and music are waited for; otherwise they are ordered, and asked for with one more tool.
        blocks: which kinds of files are blocks of the answer, of `image`, `audio` and `video`: leave those out that the
            agent's LLM does not take in results of tools.
        save_to: a folder to save to; the answer has the paths then, and not the addresses, which expire.
        parameters: what calls send beside what the LLM chooses, by kind: `{"image": {"seed": 7}}`.
        settings: of all: `api_key`, `api_base`, `timeout`, `max_retries`, `wait_timeout`, `http_client`, ...
    """

    def __init__(
        self,
        *,
        image_model: str = "openai/gpt-image-1",
        edit_model: str = "google/nano-banana-edit",
        video_model: str = "google/veo3",
        speech_model: str = "openai/gpt-4o-mini-tts",
        music_model: str = "google/lyria2",
        transcript_model: str = "openai/gpt-4o-transcribe",
        include: Sequence[Kind] = ("image", "edit", "video", "speech", "music", "transcript"),
        wait: bool = True,
        blocks: Sequence[Literal["image", "audio", "video"]] = ("image", "audio", "video"),
        save_to: str | Path | None = None,
        parameters: dict[str, dict[str, Any]] | None = None,
        **settings: Any,
    ) -> None:
        ids = (image_model, edit_model, video_model, speech_model, music_model, transcript_model)
        self._models = {
            name: MediaModel(model, parameters=(parameters or {}).get(kind, {}), **settings)
            for (kind, (name, _)), model in zip(_FUNCTIONS.items(), ids, strict=True)
        }
        self._blocks = tuple(blocks)
        self._save_to = save_to or None
        unknown = [kind for kind in include if kind not in _FUNCTIONS]
        if unknown:
            raise InvalidRequestError(f"`include` has {', '.join(unknown)}: pass some of {', '.join(_FUNCTIONS)}.")
        names = [_FUNCTIONS[kind][0] for kind in include]
        names = names if wait else [_SUBMITS.get(name, name) for name in names]
        if any(name in _SUBMITS.values() for name in names):
            names.append("generation_status")
        self.spec_functions: list[SPEC_FUNCTION_TYPE] = [(name, f"a{name}") for name in names]

    def get_fn_schema_from_fn_name(
        self, fn_name: str, spec_functions: list[SPEC_FUNCTION_TYPE] | None = None
    ) -> type[BaseModel] | None:
        """The arguments that an LLM may choose, as the documents of the model list them."""
        name = next((name for name, submit in _SUBMITS.items() if submit == fn_name), fn_name)
        if name not in self._models:
            return create_model(fn_name, reference=(str, Field(description="The reference that the order gave")))
        model = self._models[name]
        fields: dict[str, Any] = {}
        for argument in arguments_of(_OPERATIONS[name], model.model, tuple(model.parameters)):
            kind, default = (argument.type, ...) if argument.is_required else (argument.type | None, None)
            fields[argument.name] = (kind, Field(default=default, description=argument.description))
        return create_model(fn_name, **fields)

    generate_image, agenerate_image = _methods("generate_image", "Makes pictures from a description.")
    edit_image, aedit_image = _methods("edit_image", "Changes a picture as described.")
    generate_video, agenerate_video = _methods("generate_video", "Makes a short film. It takes minutes.")
    text_to_speech, atext_to_speech = _methods("text_to_speech", "Speaks a text.")
    generate_music, agenerate_music = _methods("generate_music", "Makes a piece of music. It takes minutes.")
    transcribe_audio, atranscribe_audio = _methods("transcribe_audio", "Writes down what is said in a sound.")
    submit_video, asubmit_video = _methods(
        "generate_video",
        "Orders a short film, which takes minutes; gives a reference to ask for its status with.",
        "submit_video",
    )
    submit_music, asubmit_music = _methods(
        "generate_music",
        "Orders music, which takes minutes; gives a reference to ask for its status with.",
        "submit_music",
    )

    def generation_status(self, reference: str) -> Blocks:
        """Asks how far a video or a piece of music is that was ordered; gives it once it is done."""
        client = self._models["generate_video"]._client()
        return self._answer(client.answer_status(reference, save_to=self._save_to))

    async def ageneration_status(self, reference: str) -> Blocks:
        """Asks how far a video or a piece of music is that was ordered; gives it once it is done."""
        client = self._models["generate_video"]._async_client()
        return self._answer(await client.answer_status(reference, save_to=self._save_to))

    def _call(self, name: str, arguments: dict[str, Any], *, waits: bool) -> dict[str, Any]:
        """What the LLM chose, and how it is called."""
        model = self._models[name]
        return {
            "operation": _OPERATIONS[name],
            "model": model.model,
            "chosen": {name: value for name, value in arguments.items() if value is not None},
            "parameters": model.parameters,
            "call": counted_call(model.model),
            "waits": waits,
            "wait_timeout": model.wait_timeout,
            "save_to": self._save_to,
        }

    def _answer(self, answer: ToolAnswer) -> Blocks:
        return [TextBlock(text=answer.text), *(block_of(each) for each in answer.files if each.kind in self._blocks)]
