"""A transcript of any vendor's shape -> its text, words and turns, in seconds. Pure.

Deepgram has channels with alternatives and seconds, AssemblyAI a flat object and milliseconds, OpenAI and Microsoft a
text alone. The envelope is `result` or `output`.
Source: https://docs.aimlapi.com/api-references/speech-models/speech-to-text
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from statistics import median
from typing import Any, NamedTuple

from aimlapi_transport.media.values import Segment

Json = dict[str, Any]

_SPOKEN_SECONDS = 20.0  # no word lasts so long: longer ones are in milliseconds
_ENVELOPES = ("result", "output")


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


def inner(payload: Json) -> Json:
    """What the envelope holds; the payload itself where there is no envelope."""
    found = next((payload[name] for name in _ENVELOPES if payload.get(name)), payload)
    return found if isinstance(found, dict) else {"text": found} if isinstance(found, str) else payload


def read(payload: Json) -> Transcript | None:
    """The transcript in a reply; None where there is none."""
    body = inner(payload)
    channels = _channels(body)
    texts = [_text_of(alternative) for alternative in channels]
    plain = next((body[name] for name in ("text", "transcript") if isinstance(body.get(name), str)), None)
    if plain is None and not channels:
        return None
    duration = _duration(body)
    results = body.get("results")
    words = list(_objects(body.get("words"))) or [
        word for channel in channels for word in _objects(channel.get("words"))
    ]
    turns = list(_objects(body.get("utterances"))) or list(_objects(body.get("segments")))
    if not turns and isinstance(results, dict):
        turns = list(_objects(results.get("utterances")))
    scale = _scale(words or turns, duration)
    segments = tuple(sorted((_segment(word, scale) for word in words), key=lambda word: word.start or 0.0))
    spoken = tuple(_segment(turn, scale) for turn in turns) or tuple(_turns(segments))
    return Transcript(
        text=plain if plain is not None else "\n".join(text for text in texts if text),
        segments=segments or spoken,
        turns=spoken,
        seconds=duration,
        language=_language(body, channels),
    )


def _channels(body: Json) -> list[Json]:
    """The best reading of each channel: a list in replies, an object in the schema."""
    results = body.get("results")
    found = results.get("channels") if isinstance(results, dict) else None
    channels = [found] if isinstance(found, dict) else found if isinstance(found, list) else []
    first = []
    for channel in _objects(channels):
        alternatives = channel.get("alternatives")
        best = alternatives if isinstance(alternatives, dict) else next(_objects(alternatives), None)
        if best is not None:
            first.append({**best, "detected_language": channel.get("detected_language")})
    return first


def _duration(body: Json) -> float | None:
    """Seconds: every vendor states the length of the sound in them, also where its words are in milliseconds."""
    metadata, usage = body.get("metadata"), body.get("usage")
    candidates = (
        body.get("audio_duration"),
        metadata.get("duration") if isinstance(metadata, dict) else None,
        usage.get("seconds") if isinstance(usage, dict) else None,
        body.get("duration"),
    )
    return next((seconds for value in candidates if (seconds := _number(value)) is not None), None)


def _scale(parts: Sequence[Json], duration: float | None) -> float:
    """What makes seconds of the times: milliseconds are whole numbers, and end long after the sound does."""
    spans = ((_number(part.get("start")), _number(part.get("end"))) for part in parts)
    times = [(start, end) for start, end in spans if start is not None and end is not None]
    if not times or any(not time.is_integer() for pair in times for time in pair):
        return 1.0
    if duration:
        return 0.001 if max(end for _, end in times) > 2 * duration + 1 else 1.0
    return 0.001 if median(end - start for start, end in times) > _SPOKEN_SECONDS else 1.0


def _segment(part: Json, scale: float) -> Segment:
    start, end, speaker = _number(part.get("start")), _number(part.get("end")), part.get("speaker")
    return Segment(
        text=_text_of(part),
        start=None if start is None else start * scale,
        end=None if end is None else end * scale,
        speaker=None if speaker is None else str(speaker),
        confidence=_number(part.get("confidence")),
    )


def _turns(words: Iterable[Segment]) -> Iterator[Segment]:
    """Words of one speaker after each other, where speakers are told apart."""
    for speaker, group in groupby(words, key=lambda word: word.speaker):
        if speaker is not None:
            said = list(group)
            yield Segment(" ".join(word.text for word in said), said[0].start, said[-1].end, speaker)


def _text_of(part: Json) -> str:
    names = ("punctuated_word", "text", "word", "transcript")
    return next((part[name] for name in names if isinstance(part.get(name), str)), "")


def _language(body: Json, channels: Sequence[Json]) -> str | None:
    names = (body.get("language_code"), body.get("language"), *(channel["detected_language"] for channel in channels))
    return next((name for name in names if isinstance(name, str) and name), None)


def _objects(value: Any) -> Iterator[Json]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
