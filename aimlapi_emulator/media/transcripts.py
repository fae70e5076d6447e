"""A transcript in the form of each vendor: Deepgram's channels, AssemblyAI's milliseconds, a text alone."""

from __future__ import annotations

from typing import Any

from aimlapi_emulator.media.models import MediaModel
from aimlapi_emulator.media.sounds import WORD_SECONDS, Heard

_SURE = 0.99


def transcript(model: MediaModel, heard: Heard) -> dict[str, Any]:
    """The `result` of a poll."""
    words = heard.text.split()
    each = (heard.seconds or len(words) * WORD_SECONDS) / max(len(words), 1)
    times = [(word, round(n * each, 3), round((n + 0.9) * each, 3)) for n, word in enumerate(words)]
    if model.family == "stt/assemblyai":
        flat = [
            {"text": word, "start": round(start * 1000), "end": round(end * 1000), "confidence": _SURE, "speaker": None}
            for word, start, end in times
        ]
        about = {"status": "completed", "audio_duration": heard.seconds, "language_code": "en"}
        return {**about, "text": heard.text, "words": flat}
    if model.family.startswith("stt/deepgram"):
        timed = [
            {
                "word": word.lower().strip(".,!?"),
                "punctuated_word": word,
                "start": start,
                "end": end,
                "confidence": _SURE,
                "speaker": 0,
            }
            for word, start, end in times
        ]
        channel = {"alternatives": [{"transcript": heard.text, "confidence": _SURE, "words": timed}]}
        return {"metadata": {"duration": heard.seconds, "channels": 1}, "results": {"channels": [channel]}}
    if model.family == "stt/mai":
        return {"text": heard.text, "usage": {"seconds": heard.seconds, "cost": 0.001}}
    counts = {"type": "tokens", "input_tokens": 10, "output_tokens": len(words), "total_tokens": 10 + len(words)}
    return {"text": heard.text, "usage": counts}
