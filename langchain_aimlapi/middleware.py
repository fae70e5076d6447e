"""Middleware for LangChain's `create_agent`. Needs the package `langchain`.

from langchain_aimlapi.middleware import InvalidToolCallRetry
create_agent(model, tools, middleware=[InvalidToolCallRetry()])
"""

from __future__ import annotations

from typing import Any

import langchain_aimlapi._framework  # noqa: F401  # says what to install where it is missing

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, InvalidToolCall, ToolCall, ToolMessage

from aimlapi_transport.chat.tool_call_retry import broken_call_result
from langchain_aimlapi.errors import InvalidRequestError, InvalidToolCallError

try:
    from langchain.agents.middleware import AgentMiddleware, AgentState, hook_config
except ModuleNotFoundError as error:
    if error.name != "langchain":
        raise
    needed = "langchain_aimlapi.middleware needs LangChain's agents: run `pip install langchain`."
    raise ModuleNotFoundError(needed, name=error.name) from error

__all__ = ["InvalidToolCallRetry"]

_ATTEMPT = "invalid_tool_call_attempt"  # in a ToolMessage's `additional_kwargs`: which attempt it answers


class InvalidToolCallRetry(AgentMiddleware[AgentState[Any], Any, Any]):
    """Lets the model write a tool call again whose arguments are no JSON object.

    Without it an agent ends at such a call, with an empty answer and no error. The call is answered by a ToolMessage
    of status "error" that names the fault and shows what the model wrote; other calls of the same answer run. In the
    history the call stands with empty arguments, because providers refuse a history whose arguments are no JSON.
    All state is in the messages, so one object serves many agents, runs and threads.

    Args:
        max_retries: how often in a row the model may retry.

    Raises:
        InvalidToolCallError: out of the agent, when the model's last try was invalid, too.
    """

    def __init__(self, max_retries: int = 2) -> None:
        super().__init__()
        if isinstance(max_retries, bool) or not isinstance(max_retries, int) or max_retries < 0:
            raise InvalidRequestError(f"`max_retries` is {max_retries!r}: pass a whole number, at least 0.")
        self.max_retries = max_retries

    @hook_config(can_jump_to=["model"])
    def after_model(self, state: AgentState[Any], runtime: Any) -> dict[str, Any] | None:
        """Answers the invalid calls of the last answer."""
        messages: list[AnyMessage] = state["messages"]
        place = next((i for i in reversed(range(len(messages))) if isinstance(messages[i], AIMessage)), None)
        if place is None:
            return None
        message = messages[place]
        if not isinstance(message, AIMessage) or not message.invalid_tool_calls:
            return None
        attempt = 1 + _attempts_before(messages[:place])
        if attempt > self.max_retries:
            call = message.invalid_tool_calls[0]
            raise InvalidToolCallError(
                f"The model called `{call['name'] or '?'}` with arguments that are not a JSON object, "
                f"{attempt} times in a row: {_fault(call)}.",
                body={"tool_call": dict(call)},
            )
        calls = [_with_name_and_id(call, number) for number, call in enumerate(message.invalid_tool_calls)]
        repaired = message.model_copy(
            update={
                "content": _without_calls(message.content, {call["id"] for call in message.invalid_tool_calls}),
                "invalid_tool_calls": [],
                "tool_calls": [*message.tool_calls, *calls],
            }
        )
        answers: list[BaseMessage] = [
            ToolMessage(
                content=broken_call_result(_fault(invalid), invalid["args"] or ""),
                name=call["name"],
                tool_call_id=call["id"],
                status="error",
                additional_kwargs={_ATTEMPT: attempt},
            )
            for invalid, call in zip(message.invalid_tool_calls, calls, strict=True)
        ]
        update: dict[str, Any] = {"messages": [repaired, *answers]}
        return update if message.tool_calls else {**update, "jump_to": "model"}

    @hook_config(can_jump_to=["model"])
    async def aafter_model(self, state: AgentState[Any], runtime: Any) -> dict[str, Any] | None:
        """As `after_model`."""
        return self.after_model(state, runtime)


def _attempts_before(messages: list[AnyMessage]) -> int:
    """How many attempts in a row led up to the message after these."""
    attempts = 0
    for message in reversed(messages):
        if not isinstance(message, ToolMessage):
            break
        attempts = max(attempts, int(message.additional_kwargs.get(_ATTEMPT, 0)))
    return attempts


def _fault(call: InvalidToolCall) -> str:
    return call["error"] or "its arguments are not valid JSON"


def _with_name_and_id(call: InvalidToolCall, number: int) -> ToolCall:
    name, call_id = call["name"] or "unknown_tool", call["id"] or f"call_invalid_{number}"
    return ToolCall(name=name, args={}, id=call_id, type="tool_call")


def _without_calls(content: Any, ids: set[str | None]) -> Any:
    """The content without the blocks of invalid calls, which `tool_calls` now holds."""
    if not isinstance(content, list):
        return content
    return [
        block
        for block in content
        if not (isinstance(block, dict) and block.get("type") == "invalid_tool_call" and block.get("id") in ids)
    ]
