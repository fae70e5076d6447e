"""Sound and scanned documents as LangChain documents, with what a citation needs."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.documents.base import Blob

from aimlapi_transport.media.values import MediaFile
from langchain_aimlapi.document_loaders import (
    AIMLAPIOCR,
    AIMLAPIOCRLoader,
    AIMLAPITranscriber,
    AIMLAPITranscriptLoader,
)
from langchain_aimlapi.errors import InvalidRequestError
from tests.media.test_langchain_tools import PNG, WAV, Host

WORDS = [
    *({"word": word, "start": n * 10.0, "end": n * 10.0 + 5, "speaker": 0} for n, word in enumerate(("Good", "day.", "It", "is", "late."))),
    {"word": "Yes.", "start": 60.0, "end": 61.0, "speaker": 1},
]  # fmt: skip
SAID = {
    "status": "completed",
    "result": {
        "metadata": {"duration": 61.5},
        "results": {"channels": [{"alternatives": [{"transcript": "Good day. It is late. Yes.", "words": WORDS}]}]},
    },
}
READ = {
    "model": "mistral-ocr-2512",
    "pages": [
        {
            "index": 0,
            "markdown": "# Title\n![img-0.jpeg](img-0.jpeg)",
            "images": [{"id": "img-0.jpeg", "top_left_x": 1, "top_left_y": 2, "bottom_right_x": 3, "bottom_right_y": 4, "image_base64": "data:image/jpeg;base64,/9j/4AA="}],
            "dimensions": {"dpi": 200, "width": 1700, "height": 2200},
        },
        {"index": 1, "markdown": "The end.", "images": []},
    ],
    "meta": {"usage": {"credits_used": 2000, "usd_spent": 0.001}},
}  # fmt: skip


def host() -> Host:
    return Host({"POST /v1/stt/create": {"generation_id": "t1"}, "GET /v1/stt/t1": SAID, "POST /v1/ocr": READ})


async def test_a_transcript_is_cut_at_speakers_and_sentences_with_its_seconds(tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(WAV)
    loader = AIMLAPITranscriptLoader(path, model="nova-3", max_seconds=30, **host().settings)
    documents = loader.load()
    assert [document.page_content for document in documents] == ["Good day.", "It is late.", "Yes."]
    common = {"source": str(path), "model": "nova-3", "duration_seconds": 61.5}
    assert [document.metadata for document in documents] == [
        {**common, "start_seconds": 0.0, "end_seconds": 15.0, "speaker": "0"},
        {**common, "start_seconds": 20.0, "end_seconds": 45.0, "speaker": "0"},
        {**common, "start_seconds": 60.0, "end_seconds": 61.0, "speaker": "1"},
    ]
    assert await loader.aload() == [document async for document in loader.alazy_load()] == documents


def test_a_transcript_in_one_piece() -> None:
    [document] = AIMLAPITranscriptLoader(
        "https://h/talk.mp3", model="nova-3", max_seconds=None, **host().settings
    ).load()
    assert document.page_content == "Good day. It is late. Yes."
    assert document.metadata == {
        "source": "https://h/talk.mp3",
        "model": "nova-3",
        "duration_seconds": 61.5,
        "start_seconds": 0.0,
        "end_seconds": 61.5,
    }


async def test_pages_have_their_number_and_figures() -> None:
    server = host()
    loader = AIMLAPIOCRLoader(["https://h/scan.pdf", "https://h/scan.png"], **server.settings)
    documents = loader.load()
    assert len(documents) == 4 and [body["document"]["type"] for body in server.bodies] == ["document_url", "image_url"]
    assert documents[0].metadata == {
        "source": "https://h/scan.pdf",
        "model": "mistral/mistral-ocr-latest",
        "cost_usd": 0.001,
        "total_pages": 2,
        "page": 0,
        "page_label": "1",
        "width": 1700,
        "height": 2200,
        "images": [{"id": "img-0.jpeg", "box": (1, 2, 3, 4), "base64": "/9j/4AA=", "mime_type": "image/jpeg"}],
    }
    assert documents[1].page_content == "The end." and documents[1].metadata["page"] == 1
    assert [document.page_content for document in await loader.aload()] == [
        document.page_content for document in documents
    ]


async def test_parsers_take_blobs() -> None:
    server = host()
    blob = Blob.from_data(PNG, mime_type="image/png", metadata={"source": "camera", "shelf": 3})
    documents = AIMLAPIOCR(**server.settings).parse(blob)
    assert documents[0].metadata["source"] == "camera" and documents[0].metadata["shelf"] == 3
    assert server.bodies[0]["document"]["image_url"].startswith("data:image/png;base64,")
    parser = AIMLAPITranscriber(model="nova-3", **server.settings)
    assert [document async for document in parser.alazy_parse(Blob.from_data(WAV))] == parser.parse(Blob.from_data(WAV))


async def test_loaders_take_every_form_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a scan ü.png"
    path.write_bytes(PNG)
    address = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    with path.open("rb") as opened:
        server = host()
        loader = AIMLAPIOCRLoader([path, str(path), PNG, io.BytesIO(PNG), address, opened], **server.settings)
        documents = loader.load()
    assert [body["document"] for body in server.bodies] == [{"type": "image_url", "image_url": address}] * 6
    named = [document.metadata.get("source") for document in documents[::2]]
    assert named == [str(path), str(path), None, None, None, str(path)]
    one = AIMLAPIOCRLoader(PNG, **host().settings)
    assert len(one.load()) == len(await one.aload()) == 2


async def test_a_file_of_a_result_is_read_by_its_address() -> None:
    server = host()
    loader = AIMLAPIOCRLoader([MediaFile(url="https://h/a.png"), MediaFile(data=PNG)], **server.settings)
    documents = loader.load()
    assert [document.metadata.get("source") for document in documents[::2]] == ["https://h/a.png", None]
    assert server.bodies[0]["document"] == {"type": "image_url", "image_url": "https://h/a.png"}


async def test_a_missing_file_is_said_before_the_others_are_paid_for(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    for wrong in (tmp_path / "none.png", str(tmp_path)):
        server = host()
        loader = AIMLAPIOCRLoader([tmp_path / "a.png", "https://h/a.png", wrong], **server.settings)
        with pytest.raises(InvalidRequestError):
            loader.load()
        with pytest.raises(InvalidRequestError):
            await loader.aload()
        assert server.bodies == []


def test_a_key_is_in_no_repr_and_a_missing_file_is_said(tmp_path: Path) -> None:
    loader = AIMLAPIOCRLoader(tmp_path / "none.pdf", api_key="secret-key")
    assert "secret-key" not in repr(loader.parser) + repr(vars(loader))
    with pytest.raises(InvalidRequestError, match="cannot be read"):
        loader.load()
    with pytest.raises(ValueError, match="modle"):
        AIMLAPIOCRLoader("x.pdf", modle="x")


def test_silence_is_no_document() -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        reply: Any = (
            {"status": "completed", "result": {"text": ""}} if request.method == "GET" else {"generation_id": "t"}
        )
        return httpx.Response(200, content=json.dumps(reply))

    client = httpx.Client(transport=httpx.MockTransport(silent))
    assert AIMLAPITranscriptLoader("https://h/a.mp3", api_key="k", http_client=client).load() == []
