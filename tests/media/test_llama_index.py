"""Media models as tools and readers of LlamaIndex, sync and async."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import SimpleDirectoryReader
from llama_index.core.base.llms.types import AudioBlock, ImageBlock, TextBlock, VideoBlock
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.tools import FunctionTool

from aimlapi_transport.errors import BudgetExceededError, InvalidRequestError
from aimlapi_transport.media.values import MediaFile
from llama_index_aimlapi import get_aimlapi_usage
from llama_index_aimlapi.readers import AIMLAPIOCRReader, AIMLAPITranscriptReader
from llama_index_aimlapi.tools import AIMLAPIToolSpec
from tests.media.test_langchain_loaders import host as host_for_readers
from tests.media.test_langchain_tools import FILM, PNG, WAV, Host


def settings(host: Host) -> dict[str, Any]:
    own = host.settings
    own["async_http_client"] = own.pop("http_async_client")
    return own


def tools(host: Host, **options: Any) -> dict[str, FunctionTool]:
    spec = AIMLAPIToolSpec(**options, **settings(host))
    return {str(tool.metadata.name): tool for tool in spec.to_tool_list()}


async def test_every_tool_answers_a_text_and_a_block_of_its_kind() -> None:
    said = {
        "POST /v1/stt/create": {"generation_id": "t"},
        "GET /v1/stt/t": {"status": "completed", "result": {"text": "Hi."}},
    }
    host = Host(said)
    found = tools(host, image_model="flux/dev")
    expected: dict[str, tuple[dict[str, Any], Any]] = {
        "generate_image": ({"prompt": "A cat"}, ImageBlock(url="https://cdn.test/cat.png")),
        "edit_image": ({"prompt": "A hat", "image": "https://h/c.png"}, ImageBlock(url="https://cdn.test/cat.png")),
        "generate_video": ({"prompt": "A cat"}, VideoBlock(url="https://cdn.test/film.mp4")),
        "text_to_speech": ({"text": "Hello"}, AudioBlock(audio=WAV, format="wav")),
        "generate_music": ({"prompt": "A song"}, AudioBlock(url="https://cdn.test/a.mp3")),
        "transcribe_audio": ({"audio": "https://h/a.mp3"}, None),
    }
    assert set(found) == set(expected)
    for name, (arguments, block) in expected.items():
        for output in (found[name].call(**arguments), await found[name].acall(**arguments)):
            assert isinstance(output.blocks[0], TextBlock) and not output.is_error
            assert output.blocks[1:] == ([block] if block else []), name
    assert found["transcribe_audio"].call(audio="https://h/a.mp3").content == "Hi."


def test_the_llm_may_choose_what_the_documents_list() -> None:
    found = tools(Host(), image_model="flux/dev", parameters={"image": {"size": "64x64"}})
    schema = found["generate_image"].metadata.get_parameters_dict()
    assert set(schema["properties"]) == {"prompt", "n"} and schema["required"] == ["prompt"]
    assert "Makes pictures" in found["generate_image"].metadata.description
    assert set(tools(Host(), include=["speech"])) == {"text_to_speech"}
    with pytest.raises(InvalidRequestError, match="pass some of image, edit"):
        AIMLAPIToolSpec(include=["films"], api_key="k")  # type: ignore[list-item]
    with pytest.raises(InvalidRequestError, match="api_kye"):
        AIMLAPIToolSpec(api_kye="k")


def test_a_model_reaches_no_file_of_this_machine_but_what_was_saved(tmp_path: Path) -> None:
    host = Host({"POST /v1/images/generations": {"data": [{"b64_json": "iVBORw0KGgo="}]}})
    edit = tools(host, save_to=str(tmp_path))["edit_image"]
    with pytest.raises(InvalidRequestError, match="https://"):
        edit.call(prompt="A hat", image="/etc/passwd")
    (tmp_path / "cat.png").write_bytes(PNG)
    output = edit.call(prompt="A hat", image=str(tmp_path / "cat.png"))
    saved = Path(output.content.partition("1 picture: ")[2].splitlines()[0])
    assert saved.parent == tmp_path and saved.read_bytes() == b"\x89PNG\r\n\x1a\n"


async def test_what_cannot_be_saved_is_answered_by_its_address(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    tool = tools(Host(), image_model="flux/dev", save_to=tmp_path / "taken")["generate_image"]
    for output in (tool(prompt="A cat"), await tool.acall(prompt="A cat")):
        assert not output.is_error and str(output.blocks[1].url) in output.blocks[0].text
        assert "Not saved: " in output.blocks[0].text


async def test_what_takes_minutes_is_ordered_and_asked_for() -> None:
    host = Host({"GET /v2/video/generations": {"id": "g:1", "status": "generating"}})
    found = tools(host, include=["video"], wait=False, blocks=[])
    assert set(found) == {"submit_video", "generation_status"}
    for answer in (found["submit_video"].call(prompt="A cat"), await found["submit_video"].acall(prompt="A cat")):
        assert answer.content.endswith("video:google/veo3:g:1")
    reference = "video:google/veo3:g:1"
    assert "Not done yet (generating)" in found["generation_status"].call(reference=reference).content
    host.replies["GET /v2/video/generations"] = FILM
    done = await found["generation_status"].acall(reference=reference)
    assert done.content == "1 film: https://cdn.test/film.mp4" and len(done.blocks) == 1


def test_calls_are_counted_and_a_budget_holds() -> None:
    host = Host()
    tool = tools(host, image_model="flux/dev")["generate_image"]
    with get_aimlapi_usage(budget_usd=0.08) as used:
        tool.call(prompt="A cat")
        with pytest.raises(BudgetExceededError):
            tool.call(prompt="A cat")
    assert (used.calls, used.cost_usd, list(used.by_model)) == (1, 0.04, ["flux/dev"])


async def test_readers_go_into_a_directory_reader(tmp_path: Path) -> None:
    (tmp_path / "talk.wav").write_bytes(WAV)
    (tmp_path / "scan.png").write_bytes(PNG)
    own = settings(host_for_readers())
    readers: dict[str, Any] = {
        ".wav": AIMLAPITranscriptReader("nova-3", max_seconds=30, **own),
        ".png": AIMLAPIOCRReader(**own),
    }
    reader = SimpleDirectoryReader(str(tmp_path), file_extractor=readers, raise_on_error=True)
    documents = reader.load_data()
    assert [document.text for document in await reader.aload_data()] == [document.text for document in documents]
    pages, said = documents[:2], documents[2:]
    assert pages[0].text.startswith("# Title") and pages[0].metadata["page_label"] == "1"
    assert pages[0].metadata["images"][0]["mime_type"] == "image/jpeg" and pages[0].metadata["file_name"] == "scan.png"
    assert [(each.text, each.metadata["start_seconds"]) for each in said] == [
        ("Good day.", 0.0),
        ("It is late.", 20.0),
        ("Yes.", 60.0),
    ]
    nodes = SentenceSplitter(chunk_size=128, chunk_overlap=10).get_nodes_from_documents(documents)
    assert len(nodes) == 5 and "base64" not in nodes[0].get_content()


async def test_readers_read_addresses_one_by_one_and_together() -> None:
    reader = AIMLAPIOCRReader(**settings(host_for_readers()))
    documents = reader.load_data(["https://h/a.pdf", "https://h/b.pdf"], extra_info={"shelf": 3})
    assert [each.metadata["file_path"] for each in documents] == ["https://h/a.pdf"] * 2 + ["https://h/b.pdf"] * 2
    assert {each.metadata["shelf"] for each in documents} == {3}
    assert len(await reader.aload_data("https://h/a.pdf")) == len(list(reader.lazy_load_data("https://h/a.pdf"))) == 2


async def test_readers_take_every_form_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a scan ü.png"
    path.write_bytes(PNG)
    address = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    server = host_for_readers()
    reader = AIMLAPIOCRReader(**settings(server))
    with path.open("rb") as opened:
        documents = reader.load_data([path, str(path), PNG, io.BytesIO(PNG), address, opened])
    assert [body["document"] for body in server.bodies] == [{"type": "image_url", "image_url": address}] * 6
    named = [document.metadata.get("file_path") for document in documents[::2]]
    assert named == [str(path), str(path), None, None, None, str(path)]
    assert len(await reader.aload_data(PNG)) == 2


def test_a_file_of_a_result_is_read_by_its_address() -> None:
    server = host_for_readers()
    documents = AIMLAPIOCRReader(**settings(server)).load_data([MediaFile(url="https://h/a.png"), MediaFile(data=PNG)])
    assert [document.metadata.get("file_path") for document in documents[::2]] == ["https://h/a.png", None]
    assert server.bodies[0]["document"] == {"type": "image_url", "image_url": "https://h/a.png"}


async def test_a_missing_file_is_said_before_the_others_are_paid_for(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    for wrong in (tmp_path / "none.png", str(tmp_path)):
        server = host_for_readers()
        reader = AIMLAPIOCRReader(**settings(server))
        with pytest.raises(InvalidRequestError):
            reader.load_data([tmp_path / "a.png", "https://h/a.png", wrong])
        with pytest.raises(InvalidRequestError):
            await reader.aload_data([tmp_path / "a.png", wrong])
        assert server.bodies == []


def test_the_names_of_the_ecosystem() -> None:
    from llama_index.readers.aimlapi import AIMLAPITranscriptReader as Reader
    from llama_index.tools.aimlapi import AIMLAPIToolSpec as Spec

    assert Reader is AIMLAPITranscriptReader and Spec is AIMLAPIToolSpec
