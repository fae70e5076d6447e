"""A transcript of any vendor's shape -> its text, words and turns, in seconds. Pure.

Deepgram has channels with alternatives and seconds, AssemblyAI a flat object and milliseconds, OpenAI and Microsoft a
text alone. The envelope is `result` or `output`.
Source: https://docs.aimlapi.com/api-references/speech-models/speech-to-text
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from statistics import median
from typing import NamedTuple

from aimlapi_transport.media.payloads import Json, as_object, number, objects, text, without_envelope
from aimlapi_transport.media.values import Segment

_LONGEST_WORD = 20.0  # seconds
_TEXTS = ("text", "transcript", "transcription")


class Transcript(NamedTuple):
    """What was said.

    Attributes:
        text: all of it; empty where nothing was said.
        segments: words; turns: what one speaker says in one go.
        seconds: how long the sound is; language: as the reply names it. None where it does not say.
    """

    text: str
    segments: tuple[Segment, ...] = ()
    turns: tuple[Segment, ...] = ()
    seconds: float | None = None
    language: str | None = None


def read(payload: Json) -> Transcript | None:
    """The transcript in a reply; None where there is none."""
    body = without_envelope(payload)
    channels = _channels(body)
    plain = next((body[name] for name in _TEXTS if isinstance(body.get(name), str)), None)
    if plain is None and not channels:
        return None
    spoken = (body.get("utterances"), body.get("segments"), as_object(body.get("results")).get("utterances"))
    turns = _first(list(objects(parts)) for parts in spoken)
    words = _first(
        [word for part in parts for word in objects(part.get("words"))] for parts in ([body], channels, turns)
    )
    duration = _duration(body)
    scale = _scale(words, turns, duration)
    segments = tuple(sorted((_segment(word, scale) for word in words), key=lambda word: word.start or 0.0))
    turn_segments = tuple(_segment(turn, scale) for turn in turns) or tuple(_turns(segments))
    return Transcript(
        text=plain if plain is not None else "\n".join(filter(None, map(_text_of, channels))),
        segments=segments or turn_segments,
        turns=turn_segments,
        seconds=duration,
        language=_language(body, channels),
    )


def _first(lists: Iterable[list[Json]]) -> list[Json]:
    """The first list that is not empty."""
    return next(filter(None, lists), [])


def _channels(body: Json) -> list[Json]:
    """The best reading of each channel: a list in replies, an object in the schema."""
    first = []
    for channel in objects(as_object(body.get("results")).get("channels")):
        best = next(objects(channel.get("alternatives")), None)
        if best is not None:
            first.append({**best, "detected_language": channel.get("detected_language")})
    return first


def _duration(body: Json) -> float | None:
    """Seconds: every vendor states the length of the sound in them, also where its words are in milliseconds."""
    candidates = (
        body.get("audio_duration"),
        as_object(body.get("metadata")).get("duration"),
        as_object(body.get("usage")).get("seconds"),
        body.get("duration"),
    )
    return next((seconds for value in candidates if (seconds := number(value)) is not None), None)


def _scale(words: Sequence[Json], turns: Sequence[Json], duration: float | None) -> float:
    """What makes seconds of the times: milliseconds are whole, and too long for a word or for the sound."""
    times = [(start, end) for part in words or turns for start, end in [_times(part)] if start is not None and end]
    if not times or any(not time.is_integer() for pair in times for time in pair):
        return 1.0
    is_long = median(end - start for start, end in times) > _LONGEST_WORD
    if duration and not (words and is_long):
        is_long = max(end for _, end in times) > 2 * duration + 1
    return 0.001 if is_long else 1.0


def _times(part: Json) -> tuple[float | None, float | None]:
    start, end = (next(filter(None, map(part.get, names)), part.get(names[0])) for names in _TIMES)
    return number(start), number(end)


_TIMES = (("start", "start_time"), ("end", "end_time"))


def _segment(part: Json, scale: float) -> Segment:
    (start, end), speaker = _times(part), part.get("speaker")
    return Segment(
        text=_text_of(part),
        start=None if start is None else start * scale,
        end=None if end is None else end * scale,
        speaker=None if speaker is None else str(speaker),
        confidence=number(part.get("confidence")),
    )


def _turns(words: Iterable[Segment]) -> Iterator[Segment]:
    """Words of one speaker after each other, where speakers are distinguished."""
    for speaker, group in groupby(words, key=lambda word: word.speaker):
        if speaker is not None:
            spoken = list(group)
            yield Segment(" ".join(word.text for word in spoken), spoken[0].start, spoken[-1].end, speaker)


def _text_of(part: Json) -> str:
    names = ("punctuated_word", "text", "word", "transcript")
    return next((part[name] for name in names if isinstance(part.get(name), str)), "")


def _language(body: Json, channels: Sequence[Json]) -> str | None:
    names = (body.get("language_code"), body.get("language"), *(channel["detected_language"] for channel in channels))
    return next((language for name in names if (language := text(name))), None)
