"""What a call sends, and what to know when its answer comes: the one place where settings meet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from llama_index.core.base.llms.types import ChatMessage

from aimlapi_transport.chat.wire_types import Json
from llama_index_aimlapi._schemas import to_response_format
from llama_index_aimlapi._settings import AIMLAPISettings
from llama_index_aimlapi._tools import forced_tool, to_tool_choice, to_tools
from llama_index_aimlapi.usage import Reservation, budgeted, counter

if TYPE_CHECKING:  # imported at the first call
    from aimlapi_transport.chat.request import Request
    from aimlapi_transport.chat.response import Completion
    from aimlapi_transport.client import AsyncClient, Client
    from aimlapi_transport.responses.background import Progress
    from llama_index_aimlapi._responses import Reading


class Call(NamedTuple):
    """A request, the seconds of silence it may take, what to know when its answer is read, who counts it, and who is
    called while it is made in the background."""

    request: Request
    timeout: Any
    reading: Reading
    answered: Callable[[Completion], None]
    on_progress: Progress | None = None
    reservation: Reservation | None = None

    def counted(self, completion: Completion) -> None:
        """Counts the answer, and gives back what a budget had set aside."""
        self.answered(completion)
        if self.reservation is not None:
            self.reservation.release()


def to_call(
    llm: AIMLAPISettings, client: Client | AsyncClient, messages: Sequence[ChatMessage], kwargs: Json, *, stream: bool
) -> Call:
    """What to send for these messages: the LLM's settings, over them the call's; what the framework adds, apart.

    Raises:
        InvalidRequestError: an argument that is not what it must be.
    """
    from llama_index_aimlapi._messages import cached_up_to, to_wire
    from llama_index_aimlapi._responses import Reading

    kwargs = dict(kwargs)
    is_prepared = "allow_parallel_tool_calls" in kwargs
    parallel = kwargs.pop("allow_parallel_tool_calls", None)
    if parallel is not None:  # the framework's, below `additional_kwargs`
        parallel = kwargs.pop("parallel_tool_calls", parallel)
    call = llm._get_model_kwargs(**kwargs)
    added: Json = {}
    forced: Json | None = None
    strict = call.pop("strict", None)
    tools = [*(llm.tools or ()), *(llm.built_in_tools or ()), *(call.pop("built_in_tools", None) or ())]
    tools += call.get("tools") or ()
    if tools or call.get("tool_choice") is not None:
        definitions = to_tools(tools, strict=llm.strict if strict is None else strict)
        if tools:
            call["tools"] = definitions
        call["tool_choice"] = to_tool_choice(call.get("tool_choice"), definitions)
        forced = forced_tool(call["tool_choice"], definitions)
    if call.get("response_format") is not None:
        call["response_format"] = to_response_format(call["response_format"])
    if "tool_required" in call:  # the choice is the framework's, not the user's
        call.pop("tool_required")
        added["tool_choice"] = call.pop("tool_choice", None)
    if call.get("tools"):
        added["parallel_tool_calls"] = parallel
    if stream and llm.stream_usage:
        added["stream_options"] = {"include_usage": True}
    if not stream:
        call.pop("stream_options", None)
    timeout = call.pop("timeout", None)
    on_progress = call.pop("on_progress", None)
    replay = call.pop("replay_reasoning", None)
    parse_think = call.pop("parse_think", None)
    uses_responses = call.pop("use_responses_api", None)
    if llm.track_previous_responses and llm._last_response_id and call.get("use_previous_response_id") is True:
        call["use_previous_response_id"] = llm._last_response_id
    sent = to_wire(messages, is_continued=bool(call.get("previous_response_id")))
    request = client.request(
        call.pop("model", None) or llm.model,
        sent if llm.cache_idx is None else cached_up_to(sent, llm.cache_idx),
        extra_body=call.pop("extra_body", None),
        extra_headers=call.pop("extra_headers", None),
        extra_query=call.pop("extra_query", None),
        client_request_id=call.pop("client_request_id", None),
        parameters=call,
        added=added,
        stream=stream,
        replay_reasoning=llm.replay_reasoning if replay is None else replay,
        parse_think=llm.parse_think if parse_think is None else bool(parse_think),
        use_responses_api=llm.use_responses_api if uses_responses is None else uses_responses,
    )
    yours = call.get("parallel_tool_calls")
    single = is_prepared and (parallel if yours is None else yours) is False
    reading = Reading(single, forced, "tools" in kwargs, request.tools)
    return Call(request, timeout, reading, _answered(llm, request), on_progress)


def reserved(call: Call, client: Client) -> Call:
    """The call, with what it will cost set aside where there is a budget.

    Raises:
        BudgetExceededError: the budget would be passed.
    """
    usage = budgeted()
    if usage is None:
        return call
    cost = client.estimate_cost(call.request)
    return call._replace(reservation=Reservation(usage, call.request.model, cost))


async def areserved(call: Call, client: AsyncClient) -> Call:
    """As `reserved`."""
    usage = budgeted()
    if usage is None:
        return call
    cost = await client.estimate_cost(call.request)
    return call._replace(reservation=Reservation(usage, call.request.model, cost))


def _answered(llm: AIMLAPISettings, request: Request) -> Callable[[Completion], None]:
    """Counts an answer, and notes its id where the next call is to continue it."""
    count = counter(request.model)
    if not llm.track_previous_responses:
        return count

    def note(completion: Completion) -> None:
        if completion.choices[0].items or completion.native_finish_reason == "completed":
            llm._last_response_id = completion.id
        count(completion)

    return note
