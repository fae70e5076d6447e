"""`aimlapi image`, `edit`, `video`, `say`, `transcribe`, `ocr`, `music`: what is no chat, on the terminal.

To add an option, add it to its command; to show more of a result, see `media_calls`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aimlapi_cli import completion
from aimlapi_cli.media_calls import Wanted, file_of, files_of, follow, run, text_of
from aimlapi_cli.session import ApiKey, AsJson, BaseUrl
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
Param = Annotated[
    list[str] | None, typer.Option("--param", "-p", help="Another field of the model: quality=low; may be repeated.")
]
Save = Annotated[Path | None, typer.Option("--save", "-o", help="A folder, or the path of one file.")]
Open = Annotated[bool, typer.Option("--open", help="Show the result by the system's own program.")]
Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="--no-wait prints the generation as JSON, for `status` and `wait`.")
]
WaitTimeout = Annotated[float | None, typer.Option(help="Seconds to wait in all.", min=0)]
Ordered = Annotated[str | None, typer.Option("--model", "-m", help="Beside a bare id: the model that was ordered.")]


def image(
    model: Model,
    prompt: Prompt = None,
    image: Pictures = None,
    size: Size = None,
    n: Count = None,
    seed: Seed = None,
    param: Param = None,
    save: Save = None,
    opens: Open = False,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Pictures by a prompt.

    [dim]aimlapi image flux/dev "A red cat on a roof" --size 1024x768 --save cat.png[/dim]
    """
    fields = {"image": files_of(image), "prompt": text_of(prompt), "size": size, "n": n, "seed": seed}
    run(Wanted("image", save, opens, as_json, base_url, api_key), model, fields, param)


def edit(
    model: Model,
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to change.")],
    pictures: Annotated[list[str], typer.Argument(metavar="PICTURE...", help="Addresses or paths; -: the pipe.")],
    mask: Annotated[str | None, typer.Option(help="A PNG, transparent where the picture may change.")] = None,
    size: Size = None,
    n: Count = None,
    param: Param = None,
    save: Save = None,
    opens: Open = False,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """A picture changed by a prompt.

    [dim]aimlapi edit openai/gpt-image-1 "Give it a hat" cat.png --save hat.png[/dim]
    """
    fields = {"prompt": prompt, "image": files_of(pictures), "mask": file_of(mask), "size": size, "n": n}
    run(Wanted("edit", save, opens, as_json, base_url, api_key), model, fields, param)


def video(
    model: ModelOrWord,
    prompt: PromptOrGeneration = None,
    image: Pictures = None,
    last_image: Annotated[str | None, typer.Option(help="The last frame.")] = None,
    film: Annotated[list[str] | None, typer.Option("--video", help="A film to change or to follow.")] = None,
    audio: Annotated[list[str] | None, typer.Option(help="A sound to speak or to follow.")] = None,
    duration: Duration = None,
    aspect_ratio: Annotated[str | None, typer.Option(help="16:9, 9:16, ...")] = None,
    seed: Seed = None,
    param: Param = None,
    wait: Wait = True,
    wait_timeout: WaitTimeout = None,
    ordered: Ordered = None,
    save: Save = None,
    opens: Open = False,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """A film by a prompt; it takes minutes.

    [dim]aimlapi video google/veo3 "A cat runs" --duration 4 --save cat.mp4
    aimlapi video google/veo3 "A cat runs" --no-wait > order.json
    aimlapi video wait --save cat.mp4 < order.json[/dim]
    """
    wanted = Wanted("video", save, opens, as_json, base_url, api_key, wait, wait_timeout)
    if model in _FOLLOWED:
        follow(wanted, model, prompt, ordered)
        return
    fields = {
        "image": files_of(image),
        "last_image": file_of(last_image),
        "video": files_of(film),
        "audio": files_of(audio),
        "prompt": text_of(prompt),
        "duration": _number(duration),
        "aspect_ratio": aspect_ratio,
        "seed": seed,
    }
    run(wanted, model, fields, param)


def say(
    model: Model,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="Or what comes in by the pipe.")] = None,
    voice: Annotated[str | None, typer.Option(help="A name of the model's own.")] = None,
    form: Annotated[str | None, typer.Option("--format", help="mp3, wav, ...")] = None,
    speed: Annotated[float | None, typer.Option(help="1 is the usual.")] = None,
    param: Param = None,
    save: Save = None,
    opens: Open = False,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """A text spoken.

    [dim]cat speech.txt | aimlapi say openai/tts-1 --voice alloy --save speech.mp3[/dim]
    """
    fields = {"text": text_of(text), "voice": voice, "format": form, "speed": speed}
    run(Wanted("say", save, opens, as_json, base_url, api_key), model, fields, param)


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
    param: Param = None,
    wait: Wait = True,
    wait_timeout: WaitTimeout = None,
    ordered: Ordered = None,
    save: Save = None,
    opens: Open = False,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """What is said in a recording, as text.

    [dim]aimlapi transcribe nova-3 talk.mp3 --diarize --save talk.txt[/dim]
    """
    wanted = Wanted("transcribe", save, opens, as_json, base_url, api_key, wait, wait_timeout)
    if model in _FOLLOWED:
        follow(wanted, model, audio, ordered)
        return
    if audio is None:
        raise InvalidRequestError("There is no sound: pass an address, a path, or - for the pipe.")
    run(wanted, model, {"audio": file_of(audio), "language": language, "diarize": diarize}, param)


def ocr(
    model: Model,
    document: Annotated[str, typer.Argument(metavar="DOCUMENT", help="A PDF or a picture; -: the pipe.")],
    param: Param = None,
    save: Save = None,
    opens: Open = False,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """The text of a document or a picture, as Markdown.

    [dim]aimlapi ocr mistral/mistral-ocr-latest invoice.pdf > invoice.md[/dim]
    """
    wanted = Wanted("ocr", save, opens, as_json, base_url, api_key)
    run(wanted, model, {"document": file_of(document)}, param)


def music(
    model: ModelOrWord,
    prompt: PromptOrGeneration = None,
    lyrics: Annotated[str | None, typer.Option(help="What is sung.")] = None,
    audio: Annotated[str | None, typer.Option(help="A reference, for the models that take one.")] = None,
    duration: Duration = None,
    seed: Seed = None,
    param: Param = None,
    wait: Wait = True,
    wait_timeout: WaitTimeout = None,
    ordered: Ordered = None,
    save: Save = None,
    opens: Open = False,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """A piece of music by a prompt; it takes minutes.

    [dim]aimlapi music elevenlabs/eleven_music "A slow waltz" --duration 30 --save waltz.mp3[/dim]
    """
    wanted = Wanted("music", save, opens, as_json, base_url, api_key, wait, wait_timeout)
    if model in _FOLLOWED:
        follow(wanted, model, prompt, ordered)
        return
    fields = {"audio": file_of(audio), "prompt": text_of(prompt), "lyrics": lyrics, "seed": seed}
    run(wanted, model, {**fields, "duration": _number(duration)}, param)


def _number(value: float | None) -> float | int | None:
    """Whole seconds as an integer: schemas list `4`, and not `4.0`."""
    return int(value) if value is not None and value.is_integer() else value
