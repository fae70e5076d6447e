"""`aimlapi image`, `edit`, `video`, `say`, `transcribe`, `ocr`, `music`: what is no chat, on the terminal.

To add an option, add it to its command, or to `media_options` where all of them have it.
"""

from __future__ import annotations

from typing import Annotated

import typer

from aimlapi_cli import completion
from aimlapi_cli.media_calls import file_of, files_of, follow, run, text_of
from aimlapi_cli.media_options import Common, Waited
from aimlapi_cli.option_groups import with_options
from aimlapi_transport.errors import InvalidRequestError

_FOLLOWED = ("status", "wait")

Model = Annotated[str, typer.Argument(metavar="MODEL", help="Id of the model.", autocompletion=completion.media_models)]
ModelOrWord = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="Id of the model; or `status` or `wait`, for what was ordered.",
        autocompletion=completion.media_models,
    ),
]
Prompt = Annotated[
    str | None, typer.Argument(metavar="PROMPT", help="The prompt, and before what comes in by the pipe.")
]
PromptOrGeneration = Annotated[
    str | None,
    typer.Argument(metavar="PROMPT", help="The prompt; after `status` or `wait` the generation: its JSON or its id."),
]
Pictures = Annotated[
    list[str] | None, typer.Option("--image", "-i", help="A picture to begin with: an address or a path.")
]
Size = Annotated[str | None, typer.Option(help="1024x768, a ratio, or a name of the model's own.")]
Count = Annotated[int | None, typer.Option("--n", "-n", help="How many.", min=1)]
Seed = Annotated[int | None, typer.Option(help="The same seed, the same result, where the model keeps to it.")]
Duration = Annotated[float | None, typer.Option(help="Seconds.", min=0)]


@with_options
def image(
    model: Model,
    prompt: Prompt = None,
    image: Pictures = None,
    size: Size = None,
    n: Count = None,
    seed: Seed = None,
    *,
    common: Common,
) -> None:
    """Pictures by a prompt.

    [dim]aimlapi image flux/dev "A red cat on a roof" --size 1024x768 --save cat.png[/dim]
    """
    fields = {"image": files_of(image), "prompt": text_of(prompt), "size": size, "n": n, "seed": seed}
    run("image", common, model, fields)


@with_options
def edit(
    model: Model,
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to change.")],
    pictures: Annotated[list[str], typer.Argument(metavar="PICTURE...", help="Addresses or paths; -: the pipe.")],
    mask: Annotated[str | None, typer.Option(help="A PNG, transparent where the picture may change.")] = None,
    size: Size = None,
    n: Count = None,
    *,
    common: Common,
) -> None:
    """A picture changed by a prompt.

    [dim]aimlapi edit openai/gpt-image-1 "Give it a hat" cat.png --save hat.png[/dim]
    """
    fields = {"prompt": prompt, "image": files_of(pictures), "mask": file_of(mask), "size": size, "n": n}
    run("edit", common, model, fields)


@with_options
def video(
    model: ModelOrWord,
    prompt: PromptOrGeneration = None,
    image: Pictures = None,
    last_image: Annotated[str | None, typer.Option(help="The last frame.")] = None,
    film: Annotated[list[str] | None, typer.Option("--video", help="A video to change or to follow.")] = None,
    audio: Annotated[list[str] | None, typer.Option(help="A sound to speak or to follow.")] = None,
    duration: Duration = None,
    aspect_ratio: Annotated[str | None, typer.Option(help="16:9, 9:16, ...")] = None,
    seed: Seed = None,
    *,
    common: Waited,
) -> None:
    """A video by a prompt; it takes minutes.

    [dim]aimlapi video google/veo3 "A cat runs" --duration 4 --save cat.mp4
    aimlapi video google/veo3 "A cat runs" --no-wait > order.json
    aimlapi video wait --save cat.mp4 < order.json[/dim]
    """
    settings = {"image": image, "last_image": last_image, "video": film, "audio": audio, "duration": _number(duration)}
    settings |= {"aspect_ratio": aspect_ratio, "seed": seed}
    if model in _FOLLOWED:
        follow("video", common, model, prompt, settings)
        return
    files = {"image": files_of(image), "last_image": file_of(last_image), "video": files_of(film)}
    run("video", common, model, {**settings, **files, "audio": files_of(audio), "prompt": text_of(prompt)})


@with_options
def say(
    model: Model,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="Or what comes in by the pipe.")] = None,
    voice: Annotated[str | None, typer.Option(help="A name of the model's own.")] = None,
    form: Annotated[str | None, typer.Option("--format", help="mp3, wav, ...")] = None,
    speed: Annotated[float | None, typer.Option(help="1 is the usual.")] = None,
    *,
    common: Common,
) -> None:
    """A text spoken.

    [dim]cat speech.txt | aimlapi say openai/tts-1 --voice alloy --save speech.mp3[/dim]
    """
    run("say", common, model, {"text": text_of(text), "voice": voice, "format": form, "speed": speed})


@with_options
def transcribe(
    model: ModelOrWord,
    audio: Annotated[
        str | None,
        typer.Argument(
            metavar="SOUND", help="An address or a path; -: the pipe. After `status` or `wait` the generation."
        ),
    ] = None,
    language: Annotated[str | None, typer.Option(help="Of the sound, as the model lists it.")] = None,
    diarize: Annotated[bool | None, typer.Option("--diarize", help="Tell speakers apart.")] = None,
    *,
    common: Waited,
) -> None:
    """What is said in a recording, as text.

    [dim]aimlapi transcribe nova-3 talk.mp3 --diarize --save talk.txt[/dim]
    """
    settings = {"language": language, "diarize": diarize}
    if model in _FOLLOWED:
        follow("transcribe", common, model, audio, settings)
        return
    if audio is None:
        raise InvalidRequestError("There is no sound: pass an address, a path, or - for the pipe.")
    run("transcribe", common, model, {"audio": file_of(audio), **settings})


@with_options
def ocr(
    model: Model,
    document: Annotated[str, typer.Argument(metavar="DOCUMENT", help="A PDF or a picture; -: the pipe.")],
    *,
    common: Common,
) -> None:
    """The text of a document or a picture, as Markdown.

    [dim]aimlapi ocr mistral/mistral-ocr-latest invoice.pdf > invoice.md[/dim]
    """
    run("ocr", common, model, {"document": file_of(document)})


@with_options
def music(
    model: ModelOrWord,
    prompt: PromptOrGeneration = None,
    lyrics: Annotated[str | None, typer.Option(help="What is sung.")] = None,
    audio: Annotated[str | None, typer.Option(help="A reference, for the models that take one.")] = None,
    duration: Duration = None,
    seed: Seed = None,
    *,
    common: Waited,
) -> None:
    """A piece of music by a prompt; it takes minutes.

    [dim]aimlapi music elevenlabs/eleven_music "A slow waltz" --duration 30 --save waltz.mp3[/dim]
    """
    settings = {"lyrics": lyrics, "audio": audio, "duration": _number(duration), "seed": seed}
    if model in _FOLLOWED:
        follow("music", common, model, prompt, settings)
        return
    run("music", common, model, {**settings, "audio": file_of(audio), "prompt": text_of(prompt)})


def _number(value: float | None) -> float | int | None:
    """Whole seconds as an integer: schemas list `4`, and not `4.0`."""
    return int(value) if value is not None and value.is_integer() else value
