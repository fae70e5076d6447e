"""What is measured, and what it should be: one row per figure. To measure another thing, add a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.benchmarks.payloads import BATCH

NEAR = 1.8
"""Times the floor that a row may cost."""


@dataclass(frozen=True)
class Row:
    """A figure.

    Attributes:
        measure: the function of `measures`, or of `cold`, that takes it.
        arguments, quick: its arguments, and those that differ in a quick run.
        figure: sample -> the figure; less is better.
        ratio: at most so many times the floor; None where there is no such target.
        bound: at most so much; None where there is no such target.
        fresh: whether each sample needs a process of its own.
        repeats: samples of each subject; of the floors and of ours more, where they cost no process.
        heavy: whether a quick run leaves it out, because it takes long.
        peers: whether peers are measured at all.
    """

    key: str
    title: str
    unit: str
    measure: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    figure: Callable[[Mapping[str, Any]], float] = lambda sample: sample["cpu"] / sample["n"] * 1e6
    ratio: float | None = None
    bound: float | None = None
    quick: Mapping[str, Any] = field(default_factory=dict)
    fresh: bool = False
    repeats: int = 5
    heavy: bool = False
    peers: bool = True
    is_embedding: bool = False

    @property
    def is_responses(self) -> bool:
        """Whether it is of /v1/responses."""
        return str(self.arguments.get("scene", "")).startswith("responses")

    @property
    def checked_scene(self) -> str | None:
        """The stream whose completeness is checked before it is measured."""
        return self.arguments["scene"] if self.measure in ("stream", "astream") else None


def _ms(sample: Mapping[str, Any]) -> float:
    return float(sample["cpu"]) * 1e3


def _seconds(sample: Mapping[str, Any]) -> float:
    return float(sample["cpu"])


def _megabytes(sample: Mapping[str, Any]) -> float:
    return float(sample["memory"]) / 2**20


_WAYS = (("stream", "sync"), ("astream", "async"))


def _streams() -> list[Row]:
    kinds = {
        "text": ("text", "text-1000"),
        "reasoning": ("reasoning", "reasoning-1000"),
        "arguments": ("tool arguments", "arguments-500"),
        "burst": ("text in one burst", "text-1000-burst"),
        "arguments-burst": ("tool arguments in one burst", "arguments-500-burst"),
        "responses": ("text of /v1/responses", "responses-1000"),
        "responses-reasoning": ("reasoning of /v1/responses", "responses_reasoning-1000"),
        "responses-arguments": ("tool arguments of /v1/responses", "responses_arguments-500"),
    }
    return [
        Row(
            f"{measure}-{key}",
            f"stream, {title}, {how}",
            "us/chunk",
            measure,
            {"scene": scene, "n": _size(scene)},
            ratio=NEAR,
        )
        for key, (title, scene) in kinds.items()
        for measure, how in _WAYS
    ]


def _size(scene: str) -> int:
    return int(scene.split("-")[1])


_COLD = Row(
    "cold",
    "cold start to first token",
    "ms",
    "cold_start",
    {"scene": "text-10"},
    figure=_ms,
    ratio=NEAR,
    fresh=True,
    repeats=5,
)
_CONSTRUCT = Row(
    "construct",
    "construction, 2nd to 500th",
    "us",
    "construct",
    {"n": 500},
    bound=60,
    quick={"n": 50},
    fresh=True,
    repeats=2,
)
_MANY = Row(
    "many",
    "500 async streams of 60 chunks",
    "s",
    "many_streams",
    {"scene": "text-60", "n": 500},
    figure=_seconds,
    ratio=NEAR,
    fresh=True,
    repeats=2,
    heavy=True,
)
# Here all of them are under way at once, whoever reads them: who opens one after the other holds few at a time.
_PACED = replace(
    _MANY,
    key="paced",
    title="500 async streams, a chunk every 30 ms",
    arguments={"scene": "text-60-30ms", "n": 500},
)

ROWS = (
    Row("import", "import beyond the framework", "ms", "cold_import", figure=_ms, bound=30, fresh=True, repeats=4),
    _COLD,
    replace(
        _COLD,
        key="cold-responses",
        title="cold start to first token of /v1/responses",
        arguments={"scene": "responses-10"},
        heavy=True,
        repeats=3,
    ),
    replace(
        _COLD,
        key="cold-embedding",
        title="cold start to first vector",
        measure="cold_embedding",
        arguments={"scene": "vectors-1"},
        heavy=True,
        repeats=3,
        is_embedding=True,
    ),
    _CONSTRUCT,
    replace(
        _CONSTRUCT,
        key="construct-memory",
        title="memory of an instance",
        unit="kB",
        figure=lambda sample: sample["memory"] / 1024,
        bound=8,
    ),
    Row(
        "first-call",
        "first call of a fresh instance",
        "us",
        "first_call",
        {"scene": "reply-100", "n": 50},
        ratio=NEAR,
        quick={"n": 10},
    ),
    Row("call", "call, small", "us", "call", {"scene": "reply-100", "n": 200}, ratio=NEAR),
    Row("acall", "call, small, async", "us", "acall", {"scene": "reply-100", "n": 200}, ratio=NEAR),
    Row(
        "history",
        "call, 201 messages",
        "us",
        "call",
        {"scene": "reply-100", "n": 50, "messages": "history"},
        ratio=NEAR,
        quick={"n": 20},
    ),
    Row("reply", "call, 1 MB reply", "us", "call", {"scene": "reply-1000000", "n": 20}, ratio=NEAR, quick={"n": 10}),
    Row(
        "image",
        "call, 4 MB image",
        "us",
        "call",
        {"scene": "reply-100", "n": 10, "messages": "image"},
        ratio=NEAR,
        quick={"n": 5},
    ),
    Row("calls", "call, reply with four tool calls", "us", "call", {"scene": "calls-4", "n": 200}, ratio=NEAR),
    *_streams(),
    Row(
        "first-token",
        "first token of a paced stream, wall",
        "us",
        "first_token",
        {"scene": "text-2-5ms", "n": 20},
        figure=lambda sample: sample["wall"] / sample["n"] * 1e6,
        ratio=NEAR,
        quick={"n": 8},
    ),
    Row(
        "reconnects",
        "new connections per stream",
        "",
        "reconnects",
        {"scene": "text-10", "n": 20},
        figure=lambda sample: sample["connections"],
        bound=0,
        repeats=2,
    ),
    Row(
        "dropped",
        "2,000 models made, asked and dropped: connections each",
        "",
        "dropped",
        {"scene": "reply-100", "n": 2000},
        figure=lambda sample: sample["connections"],
        bound=0,
        quick={"n": 100},
        repeats=1,
    ),
    Row(
        "cancelled",
        "cancelled stream: until its connection is free, wall",
        "ms",
        "cancelled",
        {"scene": "text-60-30ms", "n": 10},
        figure=lambda sample: sample["wall"] / sample["n"] * 1e3,
        bound=5,
        repeats=2,
        quick={"n": 3},
    ),
    _MANY,
    _PACED,
    replace(
        _PACED,
        key="paced-memory",
        title="the same, peak memory over the start",
        unit="MB",
        figure=_megabytes,
        bound=61,
    ),
    Row(
        "crowd",
        "200 calls of 200 ms, 50 at a time, wall",
        "s",
        "crowd",
        {"scene": "reply-100-200ms", "n": 200, "at_once": 50},
        figure=lambda sample: sample["wall"],
        heavy=True,
        ratio=NEAR,
        repeats=5,
    ),
    Row(
        "embed",
        "embeddings of 10,240 texts",
        "us/vector",
        "embed",
        {"scene": f"vectors-{BATCH}", "n": 10_240},
        ratio=NEAR,
        quick={"n": BATCH * 2},
        repeats=5,
        is_embedding=True,
    ),
    *(
        Row(
            f"grow-{size}",
            f"growth: stream of {size:,} chunks",
            "us/chunk",
            "stream",
            {"scene": f"text-{size}", "n": size},
            ratio=NEAR,
            repeats=5 if size < 20_000 else 3,
            peers=size < 20_000,
            heavy=size >= 2_000,
        )
        for size in (200, 2_000, 20_000)
    ),
    *(
        Row(
            f"grow-arguments-{size}",
            f"growth: tool arguments of {size // 1000:,} kB",
            "us/kB",
            "stream",
            {"scene": f"spelled-{size}", "n": size // 1000},
            ratio=NEAR,
            repeats=5 if size < 1_000_000 else 3,
            peers=size < 100_000,
            heavy=size >= 1_000_000,
        )
        for size in (10_000, 100_000, 1_000_000)
    ),
)
