"""Content blocks of every dialect users hold in their history -> the API's content parts. Pure.

One row per block type in `_PARTS`; LangChain's own (v1 and its older form), OpenAI's and Anthropic's words meet
here. A part that is the API's own already (`{"type": "X", "X": ...}`) keeps every key it has, also where its
type is unknown. What cannot be carried raises and names itself.
Source of the parts: https://docs.aimlapi.com/api-references/text-models-llm
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from aimlapi_transport.chat.media_parts import audio_format
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.media_types import data_start, data_url
from langchain_aimlapi.errors import InvalidRequestError

Block = Mapping[str, Any]

_IMAGES = ("png", "jpeg", "webp", "gif", "bmp", "tiff", "heic", "heif", "avif")

# Keys of LangChain's bookkeeping, which are in no part.
_BOOKKEEPING = frozenset(("type", "index", "extras"))
# Keys of blocks in another dialect that their rows read, or that say nothing beside what these read.
_TRANSLATED = _BOOKKEEPING | frozenset(
    (
        *("source", "source_type", "url", "base64", "data", "mime_type", "file_id", "file_data", "image_url"),
        *("filename", "name", "title", "metadata", "detail", "format", "transcript", "value"),
    )
)
# Items of /v1/responses that an application says: they stand among the parts of a message.
_ITEMS = frozenset(
    (
        *("mcp_approval_response", "item_reference", "compaction", "computer_call_output", "local_shell_call_output"),
        *("shell_call_output", "apply_patch_call_output", "tool_search_output"),
    )
)
# Types whose rows translate: a part that has its value under this name is some host's own.
_BLOCKS_OF_FRAMEWORKS = frozenset(("image", "audio", "video", "document"))
# Blocks of reasoning are no parts, unless they hold parts, as Mistral's do.
_REASONING = frozenset(("reasoning", "thinking"))


class _Unusable(Exception):
    """Why a block cannot be carried: the rest of a sentence that names it."""


def is_item(block: Any) -> bool:
    """Whether a block may be an item or a part that is the provider's own: nothing here reads its type."""
    if not isinstance(block, Mapping) or "type" not in block:
        return False
    kind = block["type"]
    return not isinstance(kind, str) or (kind not in _PARTS and not is_wire_part(block))


def is_wire_part(block: Any) -> bool:
    """Whether a block is a content part in the API's format, whose type names the key that holds its value."""
    if not isinstance(block, Mapping):
        return False
    kind = block.get("type")
    if not isinstance(kind, str) or kind not in block or (kind in _TRANSLATED and kind not in _PARTS):
        return False
    return kind not in _REASONING or isinstance(block[kind], list)


def is_of_type(block: Any, kinds: tuple[str, ...]) -> bool:
    """Whether a block is a dict of one of these types."""
    return isinstance(block, dict) and block.get("type") in kinds


def unwrapped(block: Any) -> Any:
    """What LangChain's `non_standard` block holds; any other block as it is."""
    inner = block.get("value") if is_of_type(block, ("non_standard",)) else None
    return inner if isinstance(inner, Mapping) else block


def to_content(content: Any, where: str, *, as_it_came: bool = False, is_reply: bool = False) -> str | list[Json]:
    """A content as the wire has it: a text, or parts.

    Args:
        as_it_came: whether an unknown block is sent as it is: it came from the provider, or is an item.
        is_reply: as in `to_part`.
    """
    if isinstance(content, str):
        return content
    if as_it_came:
        blocks = [unwrapped(block) for block in content]
        return [dict(block) if is_item(block) else to_part(block, where, is_reply=is_reply) for block in blocks]
    return [to_part(block, where, is_reply=is_reply) for block in content]


def text_or_parts(content: Any, where: str, *, as_it_came: bool = False, is_reply: bool = False) -> str | list[Json]:
    """As `to_content`, but a text where all is text: most schemas want just that of a tool or an assistant."""
    parts = to_content(content, where, as_it_came=as_it_came, is_reply=is_reply)
    if isinstance(parts, str) or any(part.keys() != {"type", "text"} for part in parts):
        return parts
    return "".join(part["text"] for part in parts)


def to_part(block: Any, where: str, *, is_reply: bool = False) -> Json:
    """The API's part for one content block, with all keys that the block has beside what its row reads.

    Args:
        is_reply: whether a model made the block: what else it holds (annotations, ids, signatures) describes the reply
            and is for no request, but for a cache mark.

    Raises:
        InvalidRequestError: no part carries this block.
    """
    if isinstance(block, str):
        return {"type": "text", "text": block}
    kind = block.get("type") if isinstance(block, Mapping) else None
    convert = _PARTS.get(kind) if isinstance(kind, str) else None
    if (isinstance(kind, str) and kind in _ITEMS) or (
        (convert is None or kind in _BLOCKS_OF_FRAMEWORKS) and is_wire_part(block)
    ):
        convert = _as_it_is
    if convert is None:
        what = f"of type {kind!r}" if isinstance(block, Mapping) else str(block)[:80]
        raise InvalidRequestError(
            f"{where} has content {what}, which cannot be sent. These can: {', '.join(sorted(_PARTS))}."
        )
    try:
        part = convert(block)
    except _Unusable as reason:
        article = "an" if str(kind)[0] in "aio" else "a"
        raise InvalidRequestError(f"{where} has {article} `{kind}` block {reason}.") from None
    return {**part, **_further(block, part, is_reply)} if len(block) > 2 else part


def _further(block: Block, part: Json, is_reply: bool) -> Json:
    """What a block says beside what its row has read: keys of its own, and LangChain's `extras`."""
    kind = block["type"]
    read = _BOOKKEEPING if part["type"] == kind and kind in block else _TRANSLATED
    further = {
        name: value
        for fields in (_extras(block), block)
        for name, value in fields.items()
        if name not in read and name not in part and (name == "cache_control" or not is_reply)
    }
    if str(further.get("id", "")).startswith("lc_"):  # LangChain's own
        del further["id"]
    if kind == "image_url":
        further.pop("detail", None)  # stands in the part
    return further


def _as_it_is(block: Block) -> Json:
    return {name: value for name, value in block.items() if name != "extras" or not isinstance(value, Mapping)}


def _string(name: str, block: Block) -> Json:
    """A part that holds a text under its own name."""
    if not isinstance(block.get(name), str):
        raise _Unusable(f"whose `{name}` is {block.get(name)!r}: pass a string")
    return {"type": name, name: block[name]}


_text = partial(_string, "text")


def _image(block: Block) -> Json:
    image: Json = {"url": _address(block, _image_data)}
    detail = block.get("detail") or _extras(block).get("detail")
    if detail:
        image["detail"] = detail
    return {"type": "image_url", "image_url": image}


def _image_url(block: Block) -> Json:
    image = _with_url(block, "image_url")
    if data_start(image["url"]) is not None:
        image["url"] = _image_data(image["url"], None)
    if block.get("detail"):
        image["detail"] = block["detail"]
    return {"type": "image_url", "image_url": image}


def _with_url(block: Block, name: str) -> Json:
    """The object that a part holds under its name; an address alone becomes one."""
    value = block.get(name)
    value = {"url": value} if isinstance(value, str) else value
    if not isinstance(value, Mapping) or not isinstance(value.get("url"), str) or not value["url"]:
        raise _Unusable(f"whose `{name}` is {str(value)[:80]!r}: pass an object with a `url`")
    return dict(value)


def _image_data(data: str, mime: str | None) -> str:
    """Base64 of an image, or a data URL of it, as a data URL with the type of the image."""
    if mime and "/" not in mime:
        mime = f"image/{mime}"
    url = data_url(data, None if mime == "image/*" else mime, default="")
    label = url[len("data:") : url.index(";")]
    if label.removeprefix("image/") not in _IMAGES:
        raise _Unusable(f"of the type {label or mime!r}: pass a `mime_type` of image/{', image/'.join(_IMAGES)}")
    return url


def _audio(block: Block) -> Json:
    data, mime = _data(block)
    url = str(_link(block) or "")
    if not data and not url:
        raise _Unusable(f"with {sorted(block)}: pass `base64` and `mime_type`, or `url`")
    name = url.partition("?")[0].rpartition("/")[2].rpartition(".")[2] if data is None else None
    known = _extras(block).get("format") or block.get("format") or mime or name
    if data:
        data = data[data_start(data) or 0 :]
    return {"type": "input_audio", "input_audio": {"data": data or url, "format": audio_format(known, data or "")}}


def _input_audio(block: Block) -> Json:
    audio = block.get("input_audio")
    if isinstance(audio, str) and audio:
        return {"type": "input_audio", "input_audio": audio}  # Mistral's: the data, or an address
    if not isinstance(audio, Mapping) or not audio.get("data"):
        raise _Unusable(f"whose `input_audio` is {str(audio)[:80]!r}: pass an object with `data` and `format`")
    return {"type": "input_audio", "input_audio": dict(audio)}


def _video(block: Block) -> Json:
    url = _address(block, lambda data, mime: data_url(data, mime, "video/mp4"))
    return {"type": "video_url", "video_url": {"url": url}}


def _video_url(block: Block) -> Json:
    return {"type": "video_url", "video_url": _with_url(block, "video_url")}


def _file(block: Block) -> Json:
    if isinstance(block.get("file"), Mapping):
        return {"type": "file", "file": dict(block["file"])}
    if block.get("type") == "input_file" and block.get("file_data"):
        filename = {"filename": block.get("filename") or "document.pdf"}
        return {"type": "file", "file": {**filename, "file_data": block["file_data"]}}
    file_id = block.get("file_id")
    source = block.get("source")
    if isinstance(source, Mapping):
        file_id = file_id or source.get("file_id")
        if source.get("type") == "text" and isinstance(source.get("data"), str):
            return {"type": "text", "text": source["data"]}  # Anthropic's plain-text document
    if file_id:
        return {"type": "file", "file": {"file_id": file_id}}
    data, mime = _data(block)
    if not data:
        address = _link(block)
        raise _Unusable(
            f"at the address {address!r}, which is not fetched: pass its `base64`, or a `file_id`"
            if address
            else f"with {sorted(block)}: pass `base64` and `mime_type`, or a `file_id`"
        )
    url = data_url(data, mime, "application/pdf")
    if url.startswith("data:text/"):
        return {"type": "text", "text": _decoded(url)}
    extras = {**(block.get("metadata") or {}), **_extras(block)}
    name = block.get("filename") or extras.get("filename") or extras.get("name") or block.get("title") or "document.pdf"
    return {"type": "file", "file": {"filename": name, "file_data": url}}


def _plain_text(block: Block) -> Json:
    if isinstance(block.get("text"), str):
        return {"type": "text", "text": block["text"]}
    data, _ = _data(block)
    if not data:
        raise _Unusable(f"with {sorted(block)}: pass its `text`, or the `base64` of it")
    return {"type": "text", "text": _decoded(data)}


def _decoded(data: str) -> str:
    try:
        return base64.b64decode(data[data_start(data) or 0 :], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise _Unusable("whose data is not base64 of UTF-8 text") from None


def _non_standard(block: Block) -> Json:
    value = block.get("value")
    if not isinstance(value, Mapping):
        raise _Unusable(f"whose `value` is {value!r}: pass a content part")
    return to_part(value, "a `non_standard` block")


def _address(block: Block, to_url: Callable[[str, str | None], str]) -> str:
    """An address, or the data in one, of an image or video."""
    link = _link(block)
    if link:
        return str(link)
    data, mime = _data(block)
    if not data:
        raise _Unusable(f"with {sorted(block)}: pass `url`, or `base64` and `mime_type`")
    return to_url(data, mime)


def _link(block: Block) -> Any:
    source = block.get("source")
    if isinstance(source, Mapping):
        return source.get("url")
    # `image_url` as a plain address: how the Responses API writes an image
    return block.get("url") or (block.get("image_url") if isinstance(block.get("image_url"), str) else None)


def _data(block: Block) -> tuple[str | None, str | None]:
    """Base64 data and its MIME type, in LangChain's newer and older words and in Anthropic's."""
    source = block.get("source")
    if isinstance(source, Mapping):
        return source.get("data"), source.get("media_type")
    data = block.get("base64") or block.get("data")
    if isinstance(data, bytes):
        data = base64.b64encode(data).decode()
    return data, block.get("mime_type")


def _extras(block: Block) -> Mapping[str, Any]:
    extras = block.get("extras")
    return extras if isinstance(extras, Mapping) else {}


_PARTS: dict[str, Callable[[Block], Json]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "text-plain": _plain_text,
    "image": _image,
    "image_url": _image_url,
    "input_image": _image,
    "audio": _audio,
    "input_audio": _input_audio,
    "video": _video,
    "video_url": _video_url,
    "refusal": partial(_string, "refusal"),
    "file": _file,
    "input_file": _file,
    "document": _file,
    "non_standard": _non_standard,
    # Parts of the vendors behind the provider that hold their value under several keys, or another's name.
    "search_result": _as_it_is,
    "reference": _as_it_is,
}
