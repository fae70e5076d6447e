"""Plays published exchanges of the media endpoints to the clients and both frameworks, and compares what they read with what is expected.

    python -m tests.media.replay [FOLDER or FILE ...]

Each exchange is a JSON object: `steps` (requests and replies as the provider's documentation prints them) and `expect`.
`exchanges.jsonl` beside this file holds those that the tests play: from repository aimlapi/api-docs, commit f14fa72;
each says where it stands there and whether it was recorded or made from a template. None was seen live.
"""

from __future__ import annotations

import asyncio
import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from aimlapi_transport import AIMLAPIError, AsyncClient, Client
from aimlapi_transport.media.operations import LATER
from aimlapi_transport.media.values import MediaResult
from aimlapi_transport.user_warnings import UnlistedParameterWarning

HERE = Path(__file__).parent
OPERATIONS = {
    "image": "images",
    "image-enhance": "images",
    "3d": "images",
    "image-edit": "edit_image",
    "video": "video",
    "tts": "speech",
    "stt": "transcribe",
    "ocr": "ocr",
    "music": "music",
}
STATED = {  # expectations of what stands in the raw reply only -> its fields
    "sample_rate": "sample_rate",
    "pages_processed": "usage_info.pages_processed",
    "doc_size_bytes": "usage_info.doc_size_bytes",
    "vendor_cost": "result.usage.cost",
    "result_id": "result.id",
}
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(28)
Exchange = dict[str, Any]


def exchanges(*paths: Path) -> list[Exchange]:
    """The exchanges in these files (.jsonl or .json) and folders."""
    found: list[Exchange] = []
    for path in paths or (HERE / "exchanges.jsonl",):
        files = sorted(path.glob("*--*.json")) if path.is_dir() else [path]
        for file in files:
            texts = file.read_text().splitlines() if file.suffix == ".jsonl" else [file.read_text()]
            found += [json.loads(text) for text in texts]
    return found


def replies(exchange: Exchange) -> Iterator[httpx.Response]:
    """The replies of an exchange from its order on; states that were printed several times come as often."""
    for step in exchange["steps"][_order(exchange) :]:
        for _ in range(step.get("times", 1)):
            response = step["response"]
            headers = {"content-type": response["content_type"]}
            content = json.dumps(response["json"]).encode() if "json" in response else WAV
            yield httpx.Response(response["status"], headers=headers, content=content)


def _order(exchange: Exchange) -> int:
    """The step that orders: files may be uploaded before it."""
    return max(number for number, step in enumerate(exchange["steps"]) if step["method"] == "POST")


class Player:
    """A server that plays one exchange.

    Args:
        waits: whether it plays what is between the first reply and the last.

    Attributes:
        requests: what came.
    """

    def __init__(self, exchange: Exchange, *, waits: bool = True) -> None:
        steps = list(replies(exchange))
        self._replies = iter(steps if waits else [*steps[:-1][:1], steps[-1]])
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        return next(self._replies)

    def http_client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self))

    def http_async_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self))

    def client(self) -> Client:
        return Client(api_key="test", max_retries=0, sleep=lambda seconds: None, http_client=self.http_client())

    def async_client(self) -> AsyncClient:
        async def sleep(seconds: float) -> None:
            return None

        return AsyncClient(api_key="test", max_retries=0, sleep=sleep, http_client=self.http_async_client())


def operation_of(exchange: Exchange) -> str:
    """The method of the client that does what an exchange did."""
    kind = exchange.get("flow", "video") if exchange["kind"] == "error" else exchange["kind"]
    return OPERATIONS[kind]


def arguments_of(exchange: Exchange) -> tuple[str, dict[str, Any]]:
    """The model and the further arguments with which a client sends the first request."""
    step = exchange["steps"][_order(exchange)]
    form = step.get("multipart")
    fields = dict(form["fields"] if form else step.get("json", {}))
    model = fields.pop("model", None) or exchange["model"] or "any"
    for file in form["files"] if form else ():
        fields[file["field"]] = [*fields.get(file["field"], []), WAV]
    files = {file["field"] for file in form["files"]} if form else set()
    fields = {name: value[0] if name in files and len(value) == 1 else value for name, value in fields.items()}
    if operation_of(exchange) == "transcribe":
        names = [name for name in ("url", "audio", "file") if name in fields]
        fields["audio"] = fields.pop(names[0]) if names else "https://example.com/audio.mp3"
    if operation_of(exchange) == "ocr":
        fields.setdefault("document", "https://example.com/document.pdf")
    return model, fields


def call(exchange: Exchange) -> tuple[MediaResult | AIMLAPIError, Player]:
    """What `Client` makes of an exchange."""
    player, (model, fields) = Player(exchange), arguments_of(exchange)
    try:
        return getattr(player.client(), operation_of(exchange))(model, **fields), player
    except AIMLAPIError as error:
        return error, player


async def acall(exchange: Exchange) -> tuple[MediaResult | AIMLAPIError, Player]:
    """What `AsyncClient` makes of an exchange."""
    player, (model, fields) = Player(exchange), arguments_of(exchange)
    try:
        return await getattr(player.async_client(), operation_of(exchange))(model, **fields), player
    except AIMLAPIError as error:
        return error, player


def credits_of(expect: dict[str, Any]) -> Any:
    """The credits an exchange says it took; the old name for them is `tokens_used`."""
    return expect["credits"] if expect["credits"] is not None else expect.get("tokens_used")


def cost_of(expect: dict[str, Any]) -> float | None:
    """US dollars an exchange says it took; None where it does not say."""
    cost = expect["cost_usd"] if expect["cost_usd"] is not None else expect.get("cost_usd_derived")
    credits = credits_of(expect)
    return credits / 2_000_000 if cost is None and credits is not None else cost


def differences(exchange: Exchange, result: MediaResult | AIMLAPIError) -> list[str]:
    """What a result has otherwise than an exchange expects it."""
    expect, lines = exchange["expect"], []

    def compare(name: str, actual: Any, expected: Any) -> None:
        if actual != expected:
            lines.append(f"{exchange['id']}: {name} is {str(actual)[:120]}, not {str(expected)[:120]}")

    if isinstance(result, AIMLAPIError):
        compare("outcome", "failed", expect["status"])
        compare("message", result.message, expect.get("message"))
        if expect.get("request_id"):
            compare("request_id", result.request_id, expect["request_id"])
        return lines
    compare("outcome", "done", expect["status"])
    compare("urls", result.urls, expect.get("urls", []))
    compare("cost_usd", result.cost_usd, cost_of(expect))
    compare("credits", result.cost.credits if result.cost else None, credits_of(expect))
    if expect.get("mime"):
        compare("media_type", result.files[0].media_type, expect["mime"])
    if expect.get("bytes"):
        data = result.files[0].data
        compare("bytes", data, WAV if result.raw is None else data or "bytes in its JSON")
    if expect.get("file_size"):
        compare("size", result.files[0].size, expect["file_size"])
    seconds = expect.get("duration_s", expect["duration_ms"] / 1000 if "duration_ms" in expect else None)
    if seconds is not None:
        compare("seconds", result.seconds, seconds)
    if operation_of(exchange) in LATER or expect["id"] is not None:
        compare("id", result.id, expect["id"])
    for name in ("text", "language", "reply_model"):
        if name in expect:
            compare(name, getattr(result, name), expect[name])
    if "total_tokens" in expect:
        compare("tokens", result.usage.total if result.usage else None, expect["total_tokens"])
    for name, value in STATED.items():
        if name in expect:
            compare(name, _stated(result.raw, value), expect[name])
    if "segments" in expect:
        words = [
            {"text": word.text, "start_s": word.start, "end_s": word.end, "confidence": word.confidence}
            for word in result.segments
        ]
        compare("segments", _rounded(words), _rounded(expect["segments"] or []))
    if "pages" in expect:
        compare("pages", _pages(result), expect["pages"])
    if "request_id" in expect:
        compare("request_id", result.request_id, expect["request_id"])
    return lines


def _stated(raw: Any, path: str) -> Any:
    for name in path.split("."):
        raw = raw.get(name) if isinstance(raw, dict) else None
    return raw


def _rounded(words: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {name: round(value, 3) if name.endswith("_s") else value for name, value in word.items() if name != "speaker"}
        for word in words
    ]


def _pages(result: MediaResult) -> list[dict[str, Any]]:
    return [
        {
            "index": page.index,
            "chars": len(page.markdown),
            "starts": page.markdown[:40],
            "ends": page.markdown[-40:],
            "images": [
                {"id": image.id, "box": list(image.box or ()), "has_base64": bool(image.base64)}
                for image in page.images
            ],
            "width": page.width,
            "height": page.height,
            "dpi": page.dpi,
        }
        for page in result.pages
    ]


def main(paths: list[str]) -> int:
    from tests.media.replay_frameworks import framework_differences

    warnings.simplefilter("ignore", UnlistedParameterWarning)
    found = exchanges(*map(Path, paths))
    read = played = 0
    for exchange in found:
        try:
            lines = differences(exchange, call(exchange)[0])
            lines += differences(exchange, asyncio.run(acall(exchange))[0])
            others = asyncio.run(framework_differences(exchange))
        except Exception as error:  # one that cannot be played: the others are
            lines = others = [f"{exchange['id']}: {type(error).__name__}: {error}"]
        read, played = read + (not lines), played + (not others)
        for line in lines + others:
            print(line)
    print(f"{read} of {len(found)} exchanges are read as expected by Client and AsyncClient")
    print(
        f"{played} of {len(found)} through the tools, loaders and readers of LangChain and LlamaIndex, sync and async"
    )
    return int(read != len(found) or played != len(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
