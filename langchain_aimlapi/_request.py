"""What a call sends and how long it may take: the one place where settings meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import BaseMessage

from aimlapi_transport.client import AsyncClient, Client
from aimlapi_transport.request import Request
from aimlapi_transport.request_builder import build_request
from aimlapi_transport.request_options import RequestOptions
from aimlapi_transport.responses.routing import uses_responses
from langchain_aimlapi._messages import instructed, to_wire
from langchain_aimlapi._profile import parts_taken
from langchain_aimlapi._schemas import to_response_format
from langchain_aimlapi._settings import ChatSettings
from langchain_aimlapi._tools import to_tool_choice, to_tools
from langchain_aimlapi.errors import InvalidRequestError


def to_request(
    model: ChatSettings,
    client: Client | AsyncClient,
    messages: list[BaseMessage],
    stop: list[str] | None,
    call: dict[str, Any],
    *,
    stream: bool,
) -> Request:
    """The request of a call: the model's fields, over them what was bound, over that what the call says.

    Raises:
        InvalidRequestError: an argument of the call that is none, or not what it must be.
    """
    for name in ("extra_headers", "extra_query", "extra_body"):
        if call.get(name) is not None and not isinstance(call[name], Mapping):
            raise InvalidRequestError(f"`{name}` is of type {type(call[name]).__name__}: pass a dict.")
    if stop is not None:
        call = {**call, "stop": stop}
    parameters, added = _parameters(model, call, stream=stream)
    call = {**model.model_kwargs, **call}
    model_id = call.get("model") or model.model_name
    choice, wants_items = call.get("use_responses_api", model.use_responses_api), model.output_version == "responses/v1"
    to_responses = uses_responses(
        choice, model_id, parameters, client.preset, is_provider=client.is_provider, wants_items=wants_items
    )
    sent = to_wire(messages, for_responses=to_responses)
    if "added_instruction" in call:
        sent = instructed(sent, call["added_instruction"])
    has_parts = any(isinstance(message.get("content"), list) for message in sent)
    options = RequestOptions.for_host(
        client,
        parameters=parameters,
        added=added,
        extra_body={**(model.extra_body or {}), **(call.get("extra_body") or {})},
        extra_headers=call.get("extra_headers"),
        extra_query=call.get("extra_query"),
        client_request_id=call.get("client_request_id"),
        stream=stream,
        replay_reasoning=call.get("replay_reasoning", model.replay_reasoning),
        repair_history=bool(call.get("repair_history", model.repair_history)),
        part_support=parts_taken(model._profile_of(model_id)) if has_parts else None,
        parse_think=model.parse_think if call.get("parse_think") is None else call["parse_think"],
        use_responses_api=choice,
    )
    return build_request(model_id, sent, options, to_responses=to_responses)


def _parameters(model: ChatSettings, call: Mapping[str, Any], *, stream: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """The body parameters that the user set, in the API's format, and those that LangChain or we added."""
    parameters = model._body_parameters(call)
    call = {**model.model_kwargs, **call}
    added: dict[str, Any] = {}
    for name in ("tool_choice", "response_format"):
        if f"added_{name}" in call:
            added[name] = call[f"added_{name}"]
    stream_options = parameters.pop("stream_options", None)
    if stream:
        if call.get("stream_usage") is not None:
            stream_options = {**(stream_options or {}), "include_usage": bool(call["stream_usage"])}
        if stream_options is None and model.stream_usage is not False:
            added["stream_options"] = {"include_usage": True}
        elif stream_options and stream_options != {"include_usage": False}:
            parameters["stream_options"] = stream_options
    if parameters.get("tools") is not None:
        parameters["tools"] = to_tools(parameters["tools"])
    if parameters.get("tool_choice") not in (None, "any"):  # not from `bind_tools`: Mistral's own word for "required"
        parameters["tool_choice"] = to_tool_choice(parameters["tool_choice"], parameters.get("tools") or ())
    if parameters.get("response_format") is not None:
        parameters["response_format"] = to_response_format(parameters["response_format"])
    for name, values in (model.disabled_params or {}).items():
        for group in (parameters, added):
            if name in group and (values is None or group[name] in values):
                del group[name]
    return parameters, added
