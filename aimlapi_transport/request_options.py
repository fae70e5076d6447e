"""What shapes a request beside its model and messages: one value from the caller to the body. Pure.

To add an option, add a field here and read it in `chat.request` or `responses.request`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from aimlapi_transport.config.hosts import AIMLAPI, Preset
from aimlapi_transport.config.model_families import profile_for
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.json_codec import JsonError, dumps
from aimlapi_transport.request import Request
from aimlapi_transport.surrogates import whole_text

if TYPE_CHECKING:
    from aimlapi_transport.config.settings import Settings

# Source: https://docs.aimlapi.com/capabilities/request-tracing-and-cost
REQUEST_ID_HEADER = "X-Client-Request-Id"
_CLIENT_REQUEST_ID = r"[A-Za-z0-9._:-]{1,128}"
REQUEST_OPTIONS = ("extra_body", "extra_headers", "extra_query", "client_request_id")
"""Options that every call takes beside the parameters of its body."""
CALL_OPTIONS = (*REQUEST_OPTIONS, "replay_reasoning", "repair_history", "parse_think", "use_responses_api")
"""Those that a call for an answer takes."""


class RequestOptions(NamedTuple):
    """How a model is asked, and of which host.

    Attributes:
        parameters: body fields the user set; None values are unset.
        added: body fields a framework set by itself: left out where the host or the model does not list them.
        extra_body: body fields sent as they are, over all others, never checked.
        extra_headers, extra_query: added to the request.
        client_request_id: your own id of this request, 1 to 128 of `A-Za-z0-9._:-`; comes back in the reply.
        stream: whether the answer is asked for as an event stream.
        replay_reasoning: send earlier reasoning back (True), or never (False); None as the family wants it.
        repair_history: leave results of tools without a call out, and answer calls without a result; both are errors
            by default.
        part_support: whether the model takes content parts of a type, over what its documents say.
        parse_think: read `<think>...</think>` at the start of the answer as reasoning; False leaves it in the text.
        use_responses_api: whether it goes to /v1/responses; None for what the packaged facts say of the model, and
            what is asked for.
        preset: whose rules apply.
        is_provider: whether the address is the preset's own, and no proxy that may serve other models.
        strict_parameters: raise, instead of sending, what the model's documents do not list: parameters and content
            parts; and instead of weakening a tool choice that the host does not take.
    """

    parameters: Mapping[str, Any] | None = None
    added: Mapping[str, Any] | None = None
    extra_body: Mapping[str, Any] | None = None
    extra_headers: Mapping[str, str] | None = None
    extra_query: Mapping[str, Any] | None = None
    client_request_id: str | None = None
    stream: bool = False
    replay_reasoning: bool | None = None
    repair_history: bool = False
    part_support: Mapping[str, bool] | None = None
    parse_think: bool = True
    use_responses_api: bool | None = None
    preset: Preset = AIMLAPI
    is_provider: bool = False
    strict_parameters: bool = False

    @classmethod
    def for_host(
        cls,
        settings: Settings,
        *,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        parse_think: bool | None = None,
        **fields: Any,
    ) -> RequestOptions:
        """The options of a call at the host of these settings, or of this client, and what they add to each request.

        Args:
            parse_think: None for what the settings say.
            fields: the other options by their names.
        """
        return cls(
            extra_headers={**settings.headers, **(extra_headers or {})},
            extra_query={**settings.query, **(extra_query or {})},
            parse_think=settings.parse_think if parse_think is None else parse_think,
            preset=settings.preset,
            is_provider=settings.is_provider,
            strict_parameters=settings.strict_parameters,
            **fields,
        )


def _query_texts(value: Any) -> list[str]:
    """A value of a query as it is sent: a list repeats its name, and None leaves it out."""
    if isinstance(value, (list, tuple)):
        return [text for inner in value for text in _query_texts(inner)]
    if value is None:
        return []
    return [str(value).lower() if isinstance(value, bool) else whole_text(str(value))]


def request_of(model: str, body: Mapping[str, Any] | bytes, options: RequestOptions, **fields: Any) -> Request:
    """The request with this body, and with the headers and the query of the options.

    Args:
        fields: those of `Request` that are not their defaults.

    Raises:
        InvalidRequestError: what no header carries, or what JSON has no form for.
    """
    extra = dict(options.extra_headers or {})
    if options.client_request_id is not None:
        extra[REQUEST_ID_HEADER] = options.client_request_id
    headers: list[tuple[str, str]] = []
    for name, value in extra.items():
        name, value = str(name), str(value)
        if name.lower() == REQUEST_ID_HEADER.lower() and not re.fullmatch(_CLIENT_REQUEST_ID, value):
            raise InvalidRequestError(
                f"{REQUEST_ID_HEADER} is {value!r}: the provider takes 1 to 128 characters of A-Za-z0-9._:-"
                " and ignores any other."
            )
        if not (name + value).isascii() or not (name + value).isprintable() or not name.strip():
            raise InvalidRequestError(
                f"The header {name!r} contains a character that no header can have: use printable ASCII."
            )
        headers.append((name, value))
    if not isinstance(body, bytes):
        try:
            body = dumps(body)
        except JsonError as error:
            raise InvalidRequestError(f"The request cannot be written as JSON: {error}.") from None
    query = options.extra_query
    pairs = [(whole_text(name), text) for name, value in (query or {}).items() for text in _query_texts(value)]
    fields.setdefault("profile", profile_for(model))
    return Request(model=model, body=body, headers=tuple(headers), query=tuple(pairs), **fields)
