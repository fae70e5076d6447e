"""A transcript in the form of each vendor: Deepgram's channels, AssemblyAI's milliseconds, a text alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from aimlapi_emulator.media.models import MediaModel
from aimlapi_emulator.media.sounds import WORD_SECONDS, Heard

_SURE = 0.99
_SPEAKER = re.compile(r"\s*Speaker (\d{1,3}):\s*")


def _spoken(text: str) -> Iterator[tuple[str, int | None]]:
    """The words, and who says each, by the lines of a script: `Speaker 1: ...`; None where nobody is named."""
    who = None
    for line in text.splitlines():
        if label := _SPEAKER.match(line):
            who = max(int(label[1]) - 1, 0)
        yield from ((word, who) for word in line[label.end() if label else 0 :].split())


def transcript(model: MediaModel, heard: Heard) -> dict[str, Any]:
    """The `result` of a poll."""
    spoken = list(_spoken(heard.text))
    words, said = [word for word, _ in spoken], " ".join(word for word, _ in spoken)
    each = (heard.seconds or len(words) * WORD_SECONDS) / max(len(words), 1)
    times = [(word, round(n * each, 3), round((n + 0.9) * each, 3), who) for n, (word, who) in enumerate(spoken)]
    if model.family == "stt/assemblyai":
        flat = [
            {
                "text": word,
                "start": round(start * 1000),
                "end": round(end * 1000),
                "confidence": _SURE,
                "speaker": None if who is None else chr(ord("A") + who % 26),
            }
            for word, start, end, who in times
        ]
        about = {"status": "completed", "audio_duration": heard.seconds, "language_code": "en"}
        return {**about, "text": said, "words": flat}
    if model.family.startswith("stt/deepgram"):
        timed = [
            {
                "word": word.lower().strip(".,!?"),
                "punctuated_word": word,
                "start": start,
                "end": end,
                "confidence": _SURE,
                "speaker": who or 0,
            }
            for word, start, end, who in times
        ]
        channel = {"alternatives": [{"transcript": said, "confidence": _SURE, "words": timed}]}
        return {"metadata": {"duration": heard.seconds, "channels": 1}, "results": {"channels": [channel]}}
    if model.family == "stt/mai":
        return {"text": said, "usage": {"seconds": heard.seconds, "cost": 0.001}}
    counts = {"type": "tokens", "input_tokens": 10, "output_tokens": len(words), "total_tokens": 10 + len(words)}
    return {"text": said, "usage": counts}
