"""A request that is ready to be sent: the value between the modules that shape it and those that send it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from aimlapi_transport.config.model_families import Profile


class Request(NamedTuple):
    """One request, ready to be sent.

    Attributes:
        model: the id asked for, and the profile that reads its reply.
        path: appended to the host's base URL.
        body: JSON, the same bytes for the same arguments.
        headers: beyond those the client adds.
        query: appended to the URL.
        stream: whether the answer is asked for as an event stream.
        unlisted: parameters the user set that the model's schema does not name; sent all the same.
        unlisted_parts: types of content parts that the model's documents do not list; sent all the same.
        tool_choice_downgrade: the tool choice the user set and the one sent in its place, where the host cannot be
            asked for the first, with the reason; None where it is sent as it is.
        tools: the tools' definitions, as chat completions have them: their schemas say how to read the arguments of
            calls.
        tool_names: pairs of a tool's name as it is sent and the user's, for those that are not the same.
        method: of HTTP.
        at_root: whether the path begins at the root of the host: beside the `/v1` of the base URL, not below it.
        needs_key: whether the key is sent.
        fallback: what to send where the provider does not know the response this one continues.
        stop: texts at which the answer ends, where the endpoint knows none.
        is_background: whether the answer may be asked for again and again until it is there.
        choices: how many answers are asked for.
        wants_json: whether the text is to be JSON, by a schema or without: comments are then no part of it.
    """

    model: str
    profile: Profile
    body: bytes
    stream: bool = False
    path: str = "/chat/completions"
    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    unlisted: tuple[str, ...] = ()
    unlisted_parts: tuple[str, ...] = ()
    tool_choice_downgrade: tuple[str, str, str] | None = None
    tools: tuple[Any, ...] = ()
    tool_names: tuple[tuple[str, str], ...] = ()
    method: str = "POST"
    at_root: bool = False
    needs_key: bool = True
    fallback: Request | None = None
    is_background: bool = False
    stop: tuple[str, ...] = ()
    choices: int = 1
    wants_json: bool = False
