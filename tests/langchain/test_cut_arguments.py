"""Arguments of a tool call that end too early, in whatever place."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.langchain.host import Host, added, call, chunks, whole

VALUES = st.integers() | st.text(max_size=4) | st.booleans() | st.none()
ARGUMENTS = st.dictionaries(
    st.text(max_size=4), VALUES | st.lists(VALUES | st.lists(VALUES, max_size=2), max_size=3), max_size=3
)


@settings(max_examples=400)
@given(arguments=ARGUMENTS, place=st.integers(0, 60))
def test_cut_arguments_are_never_a_call(arguments: dict[str, Any], place: int) -> None:
    """However well LangChain's lenient parser could complete them, streamed or whole."""
    text = json.dumps(arguments)
    cut = text[: 1 + place % (len(text) - 1)] if len(text) > 2 else "{"
    streamed = added(Host(chunks([{"tool_calls": [call(0, "a", "write", cut)]}], "length")).model().stream("Hi"))
    invoked = Host(whole({"tool_calls": [call(None, "a", "write", cut)]}, "length")).model().invoke("Hi")
    for message in (streamed, invoked):
        assert message.tool_calls == []
        (invalid,) = message.invalid_tool_calls
        assert (invalid["name"], invalid["id"]) == ("write", "a")
        assert (invalid["args"] or "").startswith(cut)
