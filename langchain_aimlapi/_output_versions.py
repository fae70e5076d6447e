"""`output_version="responses/v1"` and `"v0"`: replies of /v1/responses in the forms of langchain-openai. Pure.

Under "responses/v1" the content is the output items themselves, texts and refusals of a message as blocks of their own.
Under "v0" it is the texts; the reasoning and the provider's calls are in `additional_kwargs`. Both go back to the model
from there, also of a message by another class: these forms are in histories that it has written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage

from aimlapi_transport.responses.output_items import call_field, is_comment, joined_texts, message_text, text_of
from langchain_aimlapi._output_items import OUTPUT_ITEMS, in_order, without_index
from langchain_aimlapi._standard_blocks import item_blocks

if TYPE_CHECKING:
    from aimlapi_transport.chat.response import Choice, Completion
    from aimlapi_transport.chat.wire_types import Json

ITEMS, V0 = "responses/v1", "v0"
VERSIONS = (ITEMS, V0)
FREE_TEXT = "__arg1"
"""The argument of a custom tool's call in these forms."""

CALL_IDS = "__openai_function_call_ids__"
# What a message's item says that its blocks say otherwise.
_OF_MESSAGE = ("type", "role", "status", "content", "id")
# Items that "v0" leaves in the content.
IN_CONTENT = ("custom_tool_call", "compaction")
# Fields of ours that say what these forms say in the content.
_SAID_IN_ITEMS = ("reasoning_content", "tool_call_extras", "annotations", "refusal")


def version_for(output_version: str | None, path: str) -> str | None:
    """Which of these forms the reply to a request to this path has; None for the common one."""
    return output_version if output_version in VERSIONS and path.endswith("/responses") else None


def in_version(message: AIMessage, version: str, completion: Completion, choice: Choice) -> AIMessage:
    """A whole reply in one of these forms."""
    items = in_order(message.additional_kwargs.get(OUTPUT_ITEMS))
    is_whole = choice.text == text_of(items)
    blocks: list[str | Json] = [block for item in items for block in content_of(item, version)]
    message.content = blocks if is_whole else _cut_at(choice.text, items, version)
    message.additional_kwargs = kwargs_in(message.additional_kwargs, version)
    if version == V0:
        message.additional_kwargs |= v0_fields(items)
    message.tool_calls = [
        {**call, "args": {FREE_TEXT: call["args"].get("input", "")}} if call["id"] in _custom_ids(items) else call
        for call in message.tool_calls
    ]
    message.response_metadata |= metadata_in(version, completion)
    message.id = message_id(version, completion, items)
    return message


def metadata_in(version: str, completion: Completion) -> Json:
    """What `response_metadata` has in these forms beside what it always has."""
    names = ("created_at", "object", "model")
    metadata = {name: completion.raw[name] for name in names if completion.raw.get(name) is not None}
    return {**metadata, "output_version": version}


def message_id(version: str, completion: Completion, items: Sequence[Json]) -> str | None:
    """The message's id: the response's; under "v0" the last message item's, where it has one."""
    ids = (str(item["id"]) for item in reversed(items) if item.get("type") == "message" and item.get("id"))
    if version == V0 and (item_id := next(ids, None)):
        return item_id
    return None if version == V0 and str(completion.id).startswith("resp_") else completion.id


def kwargs_in(kwargs: Json, version: str) -> Json:
    """`additional_kwargs` without what the content says."""
    return kwargs if version == V0 else {name: value for name, value in kwargs.items() if name not in _SAID_IN_ITEMS}


def content_of(item: Json, version: str) -> list[Json]:
    """The blocks of the content that an item is."""
    blocks = blocks_of_item(item, version)
    if version == ITEMS or item.get("type") in IN_CONTENT:
        return blocks
    return [block for block in blocks if item.get("type") == "message" and block.get("type") != "refusal"]


def blocks_of_item(item: Json, version: str) -> list[Json]:
    """The blocks of an item: one for each part of a message, else the item itself."""
    if item.get("type") != "message":
        return [item_block(item)]
    content = item.get("content")
    parts = [{"type": "output_text", "text": content}] if isinstance(content, str) else _list(content)
    return [_part_block(item, part, version) for part in parts if isinstance(part, Mapping)]


def _part_block(item: Json, part: Mapping[str, Any], version: str) -> Json:
    """The block of a part of a message, with whatever else the message's item says."""
    block = item_block({name: value for name, value in part.items() if name != "logprobs"})
    if part.get("type") == "output_text":
        block["type"] = "text"
        block["annotations"] = [_renamed(note, "index", "file_index") for note in _list(part.get("annotations"))]
    block |= {name: value for name, value in item.items() if name not in _OF_MESSAGE and value is not None}
    return {**block, "id": item["id"]} if version == ITEMS and item.get("id") else block


def item_block(item: Json) -> Json:
    """Any other item, without its empty fields; one without a type wrapped, for LangChain asks each block for its."""
    block = {name: value for name, value in item.items() if value is not None}
    return block if isinstance(item.get("type"), str) else {"type": "non_standard", "value": block}


def v0_fields(items: Sequence[Json]) -> Json:
    """What `additional_kwargs` holds under "v0": all reasoning as one item, the provider's calls, ids of calls."""
    fields: Json = {}
    thoughts = [item_block(item) for item in items if item.get("type") == "reasoning"]
    if thoughts:
        summaries = [part for item in thoughts for part in _list(item.get("summary"))]
        fields["reasoning"] = {**thoughts[-1], "summary": summaries}
    tools = [item_block(item) for item in items if is_v0_output(item)]
    if tools:
        fields["tool_outputs"] = tools
    ids = v0_call_ids(items)
    return {**fields, CALL_IDS: ids} if ids else fields


def v0_call_ids(items: Sequence[Json]) -> Json:
    """The ids of calls' items, by the calls' own."""
    return {
        item["call_id"]: item["id"]
        for item in items
        if item.get("type") == "function_call" and isinstance(item.get("call_id"), str) and item.get("id")
    }


def is_v0_output(item: Json) -> bool:
    """Whether "v0" has an item in `additional_kwargs["tool_outputs"]`."""
    kind = item.get("type")
    return kind not in ("message", "reasoning", *IN_CONTENT) and call_field(kind) is None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _custom_ids(items: Sequence[Json]) -> list[Any]:
    return [item.get("call_id") for item in items if item.get("type") == "custom_tool_call"]


def _renamed(value: Any, one: str, other: str) -> Any:
    """A citation of a file with one key under another name: LangChain adds up a stream by `index`."""
    if not isinstance(value, Mapping) or value.get("type") != "file_citation" or one not in value:
        return value
    return {other if name == one else name: inner for name, inner in value.items()}


def _cut_at(text: str, items: Sequence[Json], version: str) -> list[str | Json]:
    """The content of these items, their texts no longer than the reply's own: it may end at a stop sequence."""
    _, starts = joined_texts([(message_text(item), is_comment(item)) for item in items])
    content: list[str | Json] = []
    for item, start in zip(items, starts, strict=True):
        for block in content_of(item, version):
            if block.get("type") == "text" and isinstance(block.get("text"), str):
                start, whole = start + len(block["text"]), start
                block = {**block, "text": block["text"][: max(len(text) - whole, 0)]}
            content.append(block)
    return content


# -- back to items -----------------------------------------------------------------------------------------------------

_TEXTS = ("text", "output_text", "refusal")
_FOREIGN = frozenset(
    (
        *("function_call", "custom_tool_call", "web_search_call", "file_search_call", "computer_call", "mcp_call"),
        *("code_interpreter_call", "mcp_list_tools", "mcp_approval_request", "image_generation_call", "compaction"),
        *("tool_search_call", "tool_search_output", "apply_patch_call", "apply_patch_call_output"),
    )
)


def items_in(message: AIMessage) -> list[Json]:
    """The output items of a reply, from wherever its form has them; none of a message that holds none."""
    version, content = message.response_metadata.get("output_version"), message.content
    blocks: list[Json] = []
    if isinstance(content, list):
        blocks = [block for block in content if isinstance(block, dict)]
        if blocks and (version == ITEMS or (version not in ("v1", V0) and any(map(_is_item, blocks)))):
            return _items_of(blocks)
    if items := message.additional_kwargs.get(OUTPUT_ITEMS):
        return in_order(items)
    if version == "v1" and message.response_metadata.get("model_provider") == "openai":
        return _items_of(item_blocks(blocks))
    return _items_of_v0(message, blocks)


def _is_item(block: Json) -> bool:
    """Whether a block is an item as langchain-openai has it: an item's type, reasoning's summary, a message's phase."""
    kind = block.get("type")
    return (
        (isinstance(kind, str) and kind in _FOREIGN)
        or (kind == "reasoning" and "summary" in block)
        or (kind in _TEXTS and "phase" in block)
    )


def _items_of(blocks: Sequence[Json]) -> list[Json]:
    items: list[Json] = []
    for block in blocks:
        if block.get("type") == "non_standard" and isinstance(block.get("value"), dict):
            items.append(block["value"])
            continue
        if block.get("type") not in _TEXTS:
            items.append(without_index(block))
            continue
        part, further = _part(block)
        before = items[-1] if items else {}
        if before.get("type") == "message" and before.get("id") == further.get("id"):
            before["content"].append(part)
            before.update(further)
        elif part.get("text") or part.get("refusal"):
            items.append({"type": "message", "role": "assistant", **further, "content": [part]})
    return items


def _part(block: Json) -> tuple[Json, Json]:
    """A part of a message, and what else its item says."""
    further = {k: v for k, v in block.items() if k not in (*_TEXTS, "type", "annotations", "index", "extras")}
    if str(further.get("id", "")).startswith("lc_"):  # LangChain's own
        del further["id"]
    if block.get("type") == "refusal":
        return {"type": "refusal", "refusal": block.get("refusal")}, further
    notes = [_renamed(note, "file_index", "index") for note in _list(block.get("annotations"))]
    return {"type": "output_text", "text": block.get("text") or "", "annotations": notes}, further


def _items_of_v0(message: AIMessage, blocks: Sequence[Json]) -> list[Json]:
    """The items of a message that langchain-openai made under "v0": reasoning, the provider's calls, texts, calls."""
    kwargs = message.additional_kwargs
    thought, tools = kwargs.get("reasoning"), kwargs.get("tool_outputs")
    is_item = isinstance(thought, Mapping) and "summary" in thought
    if not (is_item or isinstance(tools, list)):
        return []
    items: list[Json] = [{"type": "reasoning", **without_index(dict(thought or {}))}] if is_item else []
    items += [without_index(item) for item in _list(tools) if isinstance(item, dict)]
    texts = blocks or ([{"type": "text", "text": message.content}] if isinstance(message.content, str) else [])
    return items + [
        item for item in _items_of(texts) if item.get("type") != "message" or text_of([item]) or item["content"]
    ]
