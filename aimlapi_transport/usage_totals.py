"""Sums of tokens and cost by model, and their table: what both frameworks' usage trackers count with."""

from __future__ import annotations

import html
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from typing_extensions import Self

from aimlapi_transport.chat.usage import Cost
from aimlapi_transport.errors import AIMLAPIError, APITimeoutError, BudgetExceededError, InvalidRequestError

if TYPE_CHECKING:
    from aimlapi_transport.chat.usage import Usage
    from aimlapi_transport.embeddings import Embeddings
    from aimlapi_transport.media.generations import Generation
    from aimlapi_transport.media.values import MediaResult

T_Totals = TypeVar("T_Totals", bound="UsageTotals")

_PLACES = 12  # of a sum of dollars: past them is only what floats add to it
_UNNAMED = "unknown"  # a model whose reply names none
_HEAD = ("model", "calls", "input", "cached", "output", "reasoning", "USD")


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """What calls of a model used: tokens, and US dollars.

    Attributes:
        calls: answered calls, those a cache of your framework's answered included.
        cached_calls: of them, those its cache answered: they used nothing and cost nothing.
        input_tokens, output_tokens, total_tokens: input includes cached, output includes reasoning.
        cache_read_tokens, cache_creation_tokens: of the input, read from and written to the provider's cache.
        reasoning_tokens: of the output.
        cost_usd: None where no reply had a cost, 0.0 where all that had one were free.
        unpriced_calls: calls whose reply had no cost; `cost_usd` does not include theirs.
    """

    calls: int = 0
    cached_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    cache_read_tokens: int = 0
    cache_creation_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float | None = None
    unpriced_calls: int = 0

    def __add__(self, other: ModelUsage) -> ModelUsage:
        sums = {name: getattr(self, name) + getattr(other, name) for name in _COUNTS}
        costs = [cost for cost in (self.cost_usd, other.cost_usd) if cost is not None]
        return ModelUsage(**sums, cost_usd=round(sum(costs), _PLACES) if costs else None)


_COUNTS = tuple(field.name for field in fields(ModelUsage) if field.name != "cost_usd")


def used_by(usage: Usage | None, cost: Cost | None) -> ModelUsage:
    """The usage of one answered call, as its reply has it."""
    return ModelUsage(
        calls=1,
        input_tokens=usage.input if usage else 0,
        output_tokens=usage.output if usage else 0,
        total_tokens=usage.total if usage else 0,
        cache_read_tokens=(usage.cache_read or 0) if usage else 0,
        cache_creation_tokens=(usage.cache_write or 0) if usage else 0,
        reasoning_tokens=(usage.reasoning or 0) if usage else 0,
        cost_usd=cost.usd if cost else None,
        unpriced_calls=0 if cost else 1,
    )


def used_by_embeddings(embeddings: Embeddings) -> ModelUsage:
    """What one answered request for embeddings used: all its tokens were read."""
    used = used_by(embeddings.usage, embeddings.cost)
    return replace(used, input_tokens=used.total_tokens, output_tokens=0)


class _Reserved(NamedTuple):
    """What is set aside for a call.

    Attributes:
        model: the id that was asked.
        cost: US dollars.
    """

    model: str
    cost: float


def used_by_media(result: MediaResult) -> ModelUsage:
    """What one picture, film, sound, transcript or document used."""
    return used_by(result.usage, result.cost)


def used_by_order(order: Generation) -> ModelUsage:
    """What was ordered, at the cost it was quoted at."""
    return used_by(None, None if order.cost_usd is None else Cost(order.cost_usd, order.credits))


def used_by_failure(error: AIMLAPIError) -> ModelUsage | None:
    """What a media call cost that failed, or that was not waited for any longer; None where nobody says."""
    order = error.generation
    if isinstance(error, APITimeoutError) and order is not None:
        return used_by_order(order) if order.cost_usd is not None else None
    return used_by(None, Cost(error.cost_usd, None)) if error.cost_usd else None


class UsageTotals:
    """Sums by model. Printed it is a table, and one in a notebook, too. Threads and event loops may share it.

    Args:
        around: totals that get every call, too.
        budget_usd: US dollars that may be spent; the call that would pass them raises before it is sent. What it will
            surely cost counts, at the catalogue's prices: calls under way may cost more.
    """

    def __init__(self, *, around: UsageTotals | None = None, budget_usd: float | None = None) -> None:
        super().__init__()
        is_number = hasattr(budget_usd, "__float__") and not isinstance(budget_usd, bool)  # Decimals, too
        if budget_usd is not None and not (is_number and budget_usd > 0):
            raise InvalidRequestError(f"`budget_usd` is {budget_usd!r}: pass US dollars, more than 0.")
        self.budget_usd = budget_usd
        self._reserved: dict[Hashable, _Reserved] = {}
        self._lock = threading.Lock()
        self._by_model: dict[str, ModelUsage] = {}
        self._max_cost_by_model: dict[str, float] = {}
        self._unpriced_usd = 0.0
        self._around = around

    @property
    def by_model(self) -> dict[str, ModelUsage]:
        """The sums of each model, by the name its replies give; a copy."""
        with self._lock:
            return dict(self._by_model)

    @property
    def total(self) -> ModelUsage:
        """The sum over all models."""
        return sum(self.by_model.values(), ModelUsage())

    @property
    def calls(self) -> int:
        """Answered calls."""
        return self.total.calls

    @property
    def input_tokens(self) -> int:
        """Tokens read, cached ones included."""
        return self.total.input_tokens

    @property
    def output_tokens(self) -> int:
        """Tokens written, reasoning included."""
        return self.total.output_tokens

    @property
    def total_tokens(self) -> int:
        """Tokens read and written."""
        return self.total.total_tokens

    @property
    def cost_usd(self) -> float | None:
        """US dollars; None where no reply had a cost."""
        return self.total.cost_usd

    @property
    def has_budget(self) -> bool:
        """Whether this or an enclosing total has a budget."""
        return self.budget_usd is not None or (self._around is not None and self._around.has_budget)

    def is_open(self, call: Hashable) -> bool:
        """Whether a call that began has not ended."""
        return call in self._reserved

    def reserve(self, call: Hashable, model: str, cost: float | None) -> None:
        """Sets aside what a call will surely cost, until `release`; the last that is said of a call counts.

        Args:
            call: names it.
            model: the id that is asked.
            cost: US dollars; None for the most that a call of the model has cost so far.

        Raises:
            BudgetExceededError: with what was spent and is under way, it would pass the budget.
        """
        if self._around is not None:
            self._around.reserve(call, model, cost)
        if self.budget_usd is None:
            self._reserved[call] = _Reserved(model, cost or 0.0)
            return
        with self._lock:
            spent = self._unpriced_usd + sum(used.cost_usd or 0.0 for used in self._by_model.values())
            # A copy: the collector may release a call of a stream that was dropped while this adds up.
            reserved = self._reserved.copy()
            under_way = sum(one.cost for other, one in reserved.items() if other != call)
            expected = self._max_cost_by_model.get(model, 0.0) if cost is None else cost
            if spent + under_way + expected <= self.budget_usd and spent + under_way < self.budget_usd:
                self._reserved[call] = _Reserved(model, expected)
                return
        if self._around is not None:
            self._around.release(call)
        raise BudgetExceededError(
            f"The budget of ${self.budget_usd:g} would be exceeded: ${spent:.6f} are spent, ${under_way:.6f} under "
            f"way, and this call of {model} will cost at least ${expected:.6f}. It was not sent: "
            "raise `budget_usd` to go on."
        )

    def release(self, call: Hashable) -> None:
        """Gives back what was set aside for a call. Takes no lock: finalizers call it."""
        if self._around is not None:
            self._around.release(call)
        self._reserved.pop(call, None)

    def add(self, model: str | None, used: ModelUsage, *, call: Hashable = None) -> None:
        """Adds the usage of a call to this and to the enclosing totals.

        Args:
            model: the name that the reply gives.
            call: under which something may be set aside: what was used is in its place now.
        """
        if self._around is not None:
            self._around.add(model, used, call=call)
        self._add_here(model, used, call)

    def _add_here(self, model: str | None, used: ModelUsage, call: Hashable) -> None:
        name = str(model or _UNNAMED)
        with self._lock:
            reserved = self._reserved.pop(call, None)  # now it is spent
            self._by_model[name] = self._by_model.get(name, ModelUsage()) + used
            if used.cost_usd is None:  # a budget takes it at what it was to cost
                self._unpriced_usd += reserved.cost if reserved else 0.0
                return
            for known in {name, reserved.model if reserved else name}:
                self._max_cost_by_model[known] = max(self._max_cost_by_model.get(known, 0.0), used.cost_usd)

    def __str__(self) -> str:
        return "\n".join(_lines(self._rows()))

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        head, *rows = self._rows()
        body = "".join(_html_row("td", row) for row in rows)
        return f"<table><thead>{_html_row('th', head)}</thead><tbody>{body}</tbody></table>"

    def _rows(self) -> list[tuple[str, ...]]:
        sums = sorted(self.by_model.items())
        if len(sums) != 1:
            sums.append(("total", sum((used for _, used in sums), ModelUsage())))
        return [_HEAD, *(_row(*item) for item in sums)]


@contextmanager
def counting(within: ContextVar[T_Totals | None], make: Callable[[T_Totals | None], T_Totals]) -> Iterator[T_Totals]:
    """Totals that a context variable holds inside; `make` gets those it held before."""
    totals = make(within.get())
    token = within.set(totals)
    try:
        yield totals
    finally:
        within.reset(token)


class CountedCall:
    """One call, counted where it began, wherever its answer is read; and what a budget there has set aside for it.

    Args:
        model: the id that is asked.
        totals: what counts it; None for nothing.
    """

    __slots__ = ("_model", "_totals", "has_budget", "is_counted")

    def __init__(self, model: str, totals: UsageTotals | None) -> None:
        self._model = model
        self._totals = totals
        self.is_counted = totals is not None
        self.has_budget = totals is not None and totals.has_budget

    def reserve(self, cost: float | None) -> None:
        """Sets aside what the call will cost, until it was counted or is gone.

        Raises:
            BudgetExceededError: the budget would be passed.
        """
        if self._totals is not None:
            self._totals.reserve(id(self), self._model, cost)

    def count(self, model: str | None, used: ModelUsage) -> None:
        """Adds what it used, under the name its reply gives."""
        if self._totals is not None:
            self._totals.add(model or self._model, used, call=id(self))

    def release(self) -> None:
        """Gives back what is set aside. Harmless to repeat; takes no lock."""
        if self._totals is not None:
            self._totals.release(id(self))

    __del__ = release

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, AIMLAPIError) and (used := used_by_failure(error)) is not None:
            self.count(self._model, used)
        self.release()


def _row(model: str, used: ModelUsage) -> tuple[str, ...]:
    cost = "unknown" if used.cost_usd is None else f"{used.cost_usd:.6f}" + ("+" if used.unpriced_calls else "")
    counts = (used.calls, used.input_tokens, used.cache_read_tokens, used.output_tokens, used.reasoning_tokens)
    return (model, *(f"{count:,}" for count in counts), cost)


def _lines(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *cells in rows:
        numbers = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        yield "  ".join((name.ljust(widths[0]), *numbers))


def _html_row(tag: str, cells: tuple[str, ...]) -> str:
    """Names to the left and on one line, numbers to the right."""
    styles = ("text-align:left;white-space:nowrap", *("text-align:right",) * (len(cells) - 1))
    filled = (f"<{tag} style='{style}'>{html.escape(cell)}</{tag}>" for style, cell in zip(styles, cells, strict=True))
    return f"<tr>{''.join(filled)}</tr>"
