"""The offline metadata law: `metadata` never raises and does no I/O, for any string; what the user says wins."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .integration import Integration, needs

WATCHED = ("open", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "subprocess.Popen")
IDS = st.one_of(
    st.text(min_size=1),
    st.builds("{}/{}".format, st.sampled_from(["openai", "anthropic", "x", ""]), st.text(min_size=1)),
    st.sampled_from(
        ["gpt-4o", "GPT-4O", "openai/gpt-4o:free", "o1", "claude", "../../etc/passwd", "a\x00b", "模型", "x" * 5000]
    ),
).filter(lambda text: bool(text.strip()))

_seen: list[str] | None = None


def _note(event: str, _: tuple[Any, ...]) -> None:
    if _seen is not None and event in WATCHED:
        _seen.append(event)


@contextmanager
def watched() -> Iterator[list[str]]:
    """The I/O that Python reports while it lasts. The hook stays, as hooks do, and is deaf afterwards."""
    global _seen
    if not hasattr(watched, "installed"):
        sys.addaudithook(_note)
        watched.installed = True  # type: ignore[attr-defined]  # a mark on the function
    _seen = found = []
    try:
        yield found
    finally:
        _seen = None


class MetadataLaw(Integration):
    """Read at every prompt and every call."""

    URL = "http://127.0.0.1:9/v1"  # nobody answers there

    @needs("context_windows", "chat_by_default")
    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(IDS)
    def test_row_63_64_65_any_string_has_metadata_and_nothing_is_asked(self, model: str) -> None:
        llm = self.make_llm(self.URL, model=model, api_key="k")
        _ = llm.metadata  # a packaged table may be read once
        with watched() as seen:
            again = self.make_llm(self.URL, model=model, api_key="k")
            told, payload = again.metadata, again.to_payload()
        assert seen == []
        assert told.model_name == model
        assert told.context_window > 0
        assert told.num_output == -1
        assert isinstance(payload, dict)

    @needs("context_windows")
    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.uuids())
    def test_row_63_what_nobody_knows_gets_the_documented_default(self, number: Any) -> None:
        told = self.make_llm(self.URL, model=f"nobody-{number}/none-{number}", api_key="k").metadata
        assert told.context_window == self.default_context_window

    @needs("context_windows")
    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(IDS, st.integers(1, 10_000_000), st.integers(1, 100_000))
    def test_row_63_what_the_user_says_wins(self, model: str, window: int, output: int) -> None:
        llm = self.make_llm(self.URL, model=model, api_key="k", context_window=window, max_tokens=output)
        assert (llm.metadata.context_window, llm.metadata.num_output) == (window, output)
        if self.known_model is not None:
            known = self.make_llm(self.URL, model=self.known_model[0], api_key="k", context_window=window)
            assert known.metadata.context_window == window
