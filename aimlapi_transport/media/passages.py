"""Transcripts and pages -> texts with metadata, for documents that are searched. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aimlapi_transport.media.values import MediaResult, Segment

_SENTENCE_ENDS = (".", "!", "?", "。", "！", "？", "…")


def document_parts(result: MediaResult, max_seconds: float | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """The texts of documents, each with its metadata: the pages of OCR, or the passages of a transcript.

    What is not known is left out: many vector stores take no None.

    Args:
        max_seconds: the longest passage; None for all in one.
    """
    common = {"model": result.model, "cost_usd": result.cost_usd}
    if result.pages:
        for page in result.pages:
            images = [
                _known({"id": each.id, "box": each.box, "base64": each.base64, "mime_type": each.media_type})
                for each in page.images
            ]
            size = {"total_pages": len(result.pages), "width": page.width, "height": page.height}
            labels = {"page": page.index, "page_label": str(page.index + 1), "images": images or None}
            yield page.markdown, _known({**common, **labels, **size})
        return
    common |= {"language": result.language, "duration_seconds": result.seconds}
    for passage in passages(result, max_seconds):
        times = {"start_seconds": passage.start, "end_seconds": passage.end, "speaker": passage.speaker}
        yield passage.text, _known({**common, **times})


def _known(metadata: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metadata.items() if value is not None}


def passages(result: MediaResult, max_seconds: float | None) -> list[Segment]:
    """The transcript, cut where a speaker changes, or at the end of a sentence before it gets too long.

    Without times (some models give none) it is one passage.

    Args:
        max_seconds: the longest passage; None for all in one.
    """
    words = result.segments
    if not words or max_seconds is None or words[0].start is None:
        return [Segment(result.text or "", 0.0 if result.seconds else None, result.seconds)] if result.text else []
    if result.turns and result.segments == result.turns:  # no words: turns are not cut
        return list(result.turns)
    return list(_cut(words, max_seconds))


def _cut(words: tuple[Segment, ...], max_seconds: float) -> Iterator[Segment]:
    passage: list[Segment] = []
    for word in words:
        if passage and (word.speaker != passage[0].speaker or _length(passage[0], word) > max_seconds):
            last_end = max((n for n, one in enumerate(passage, 1) if one.text.endswith(_SENTENCE_ENDS)), default=0)
            cut = len(passage) if word.speaker != passage[0].speaker or not last_end else last_end
            yield _joined(passage[:cut])
            passage = passage[cut:]
        passage.append(word)
    if passage:
        yield _joined(passage)


def _length(first: Segment, last: Segment) -> float:
    return (last.end or last.start or 0.0) - (first.start or 0.0)


def _joined(words: list[Segment]) -> Segment:
    text = " ".join(word.text for word in words)
    return Segment(text, words[0].start, words[-1].end, words[0].speaker)
