"""One media call of the command: what goes in, progress while it is made, and how to go on where that ends early."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aimlapi_cli import streams
from aimlapi_cli.exits import WAITING, Failure, reword
from aimlapi_cli.files import is_file, read
from aimlapi_cli.media_models import OPERATIONS, check_model
from aimlapi_cli.media_options import Common, Waited
from aimlapi_cli.media_output import dollars, show
from aimlapi_cli.nearest import suggestions
from aimlapi_cli.options import parameter
from aimlapi_cli.session import client, console
from aimlapi_transport.errors import AIMLAPIError, APITimeoutError, InvalidRequestError
from aimlapi_transport.media.generations import Generation, GenerationStatus
from aimlapi_transport.request_options import REQUEST_OPTIONS

if TYPE_CHECKING:
    from rich.progress import Progress

_ADDRESS = re.compile(r"\s*(?:[a-z][a-z0-9+.-]+://|data:)", re.IGNORECASE)
# Arguments of the methods that are no fields of a request.
_NO_FIELDS = ("self", "operation", "timeout", "wait_timeout", "on_progress", *REQUEST_OPTIONS)


def run(command: str, common: Common, model: str, arguments: Mapping[str, Any]) -> None:
    """Makes what is wanted, or orders it, and shows what came.

    Raises:
        InvalidRequestError: an argument is wrong; nothing was sent.
        Failure: it is not there yet.
    """
    if isinstance(common, Waited) and common.ordered is not None:
        raise InvalidRequestError("`--model` is for `status` and `wait`: here the model is the first argument.")
    fields = {name: value for name, value in arguments.items() if value not in (None, [])}
    fields |= dict(map(_field, common.param or ()))
    common.check()
    if common.save is not None and common.save.suffix and not common.save.is_dir() and _count(fields) > 1:
        raise InvalidRequestError(f"`--save` {common.save} is one file, and several are asked for: pass a folder.")
    check_model(command, model)
    operation = OPERATIONS[command]
    ours = client(common.base_url, common.api_key)
    with suggestions(ours, model, operation), _Progress(command, model, common.as_json) as progress:
        if not isinstance(common, Waited):
            result = getattr(ours, operation)(model, **fields)
        else:
            order = ours.submit(operation, model, **fields)
            if not common.waits:
                progress.end()
                _show_order(command, order)
                return
            progress.order = order
            result = ours.wait(order, timeout=common.wait_timeout, on_progress=progress.update)
    show(ours, common, result)


def follow(command: str, common: Waited, word: str, text: str | None, settings: Mapping[str, Any]) -> None:
    """`status` and `wait` of what was ordered before.

    Args:
        text: the generation's JSON, its reference or its id; None where the JSON is piped in.
        settings: of an order, of which none is for this.

    Raises:
        Failure: it is not there yet.
    """
    common.check()
    given = [name for name, value in {**settings, "param": common.param}.items() if value not in (None, [])]
    if given or not common.waits:
        name = given[0].replace("_", "-") if given else "no-wait"
        raise InvalidRequestError(f"`--{name}` is for a new order: `{word}` asks for one that was made.")
    order = _generation(command, text if text not in (None, "-") else streams.piped(), common.ordered)
    ours = client(common.base_url, common.api_key)
    if order.base_url and order.base_url != ours.base_url:
        streams.say(f"It was ordered at {order.base_url}, and {ours.base_url} is asked.", "33")
    if word == "wait":
        with _Progress(command, order.model, common.as_json) as progress:
            progress.order = order
            result = ours.wait(order, timeout=common.wait_timeout, on_progress=progress.update)
        show(ours, common, result)
        return
    status = ours.status(order)
    if status.result is not None:
        show(ours, common, status.result)
        return
    if common.as_json:
        state = {"state": status.state, "provider_state": status.provider_state, "seconds": status.seconds}
        streams.write_json({**state, "generation": order.to_dict()})
    raise Failure(f"Not done yet: {status.provider_state or status.state}, {status.seconds:.0f} s.", WAITING)


def _show_order(command: str, order: Generation) -> None:
    """The order as a line of JSON; what a model answered at once is in it."""
    streams.write_result(f"{order.to_json()}\n")
    if order.is_done:
        streams.say(f"It is there already: `aimlapi {command} wait` shows it, from this line.")


def text_of(typed: str | None) -> str | None:
    """A prompt: what was typed, and below it what was piped in, unless `file_of` took that before."""
    piped = streams.piped()
    return "\n\n".join(part for part in (typed, piped) if part) or None


def file_of(name: str | None) -> str | bytes | Path | None:
    """A file that goes in: an address or a path; `-` is what is piped in.

    Raises:
        InvalidRequestError: it is no address, and no file that can be read.
    """
    if name is None or _ADDRESS.match(name):
        return name
    if name == "-":
        return streams.piped_bytes()
    path = Path(streams.file_name(name))
    return path.expanduser() if is_file(path) else read(path)


def files_of(names: Sequence[str] | None) -> str | bytes | Path | list[str | bytes | Path] | None:
    """One file that goes in, or several."""
    found = [one for name in names or () if (one := file_of(name)) is not None]
    return found[0] if len(found) == 1 else found or None


# -- before the call ---------------------------------------------------------------------------------------------------


def _field(text: str) -> tuple[str, Any]:
    name, value = parameter(text)
    if name in _NO_FIELDS:
        raise InvalidRequestError(f"`--param` cannot set `{name}`, which is not a field of a request.")
    return name, value


def _count(fields: Mapping[str, Any]) -> int:
    """How many files are asked for, as far as that is known."""
    return fields["n"] if isinstance(fields.get("n"), int) else 1


def _generation(command: str, text: str, model: str | None) -> Generation:
    operation = OPERATIONS[command]
    text = text.strip()
    if text.startswith("{"):
        try:
            found = Generation.from_json(text)
        except InvalidRequestError:
            raise InvalidRequestError(
                "This is not a generation: pass its id, or the JSON that --no-wait printed."
            ) from None
    elif text.startswith(f"{operation}:") and text.count(":") > 1:
        found = Generation.from_reference(text)
    elif text and len(text.split()) == 1:
        found = Generation.from_reference(f"{operation}:{model or 'unknown'}:{text}")
    else:
        raise InvalidRequestError("There is no generation: pass its id, or the JSON that --no-wait printed.")
    if found.operation != operation:
        other = next((name for name, one in OPERATIONS.items() if one == found.operation), found.operation)
        raise InvalidRequestError(f"It is a generation of `aimlapi {other}`.")
    return found


# -- meanwhile ---------------------------------------------------------------------------------------------------------


class _Progress:
    """State, seconds and cost on a terminal's stderr; how to go on where a wait for what was ordered ends early."""

    def __init__(self, command: str, model: str, as_json: bool) -> None:
        self.order: Generation | None = None
        self._command, self._model, self._as_json = command, model, as_json
        self._start = time.monotonic()
        out = console(error=True)
        self._bar = _bar(out) if out.is_terminal else None
        self._task = self._bar.add_task(model, total=None) if self._bar is not None else None

    def update(self, status: GenerationStatus) -> None:
        """Another status."""
        if self._bar is not None and self._task is not None:
            parts = (self._model, status.provider_state, dollars(status.generation.cost_usd))
            self._bar.update(self._task, description=", ".join(part for part in parts if part))

    def end(self) -> None:
        """Takes the progress away: what comes next is a result."""
        if self._bar is not None:
            self._bar.stop()

    def __enter__(self) -> _Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.end()
        seconds = time.monotonic() - self._start
        if isinstance(error, APITimeoutError) and isinstance(error.generation, Generation):
            raise Failure(f"Not done after {seconds:.0f} s. {self._way_on(error.generation)}", WAITING) from error
        if isinstance(error, AIMLAPIError) and error.cost_usd:
            reword(error, f"{error.message.rstrip('.')}. It cost {dollars(error.cost_usd)}.")
        elif self.order is not None and _is_interrupt(error):
            streams.say(self._way_on(self.order))
        elif error is None and self._bar is not None and not self._as_json:
            streams.say(f"{self._model}: {seconds:.1f} s.")

    def _way_on(self, order: Generation) -> str:
        return f"It goes on at the provider: aimlapi {self._command} wait {shlex.quote(order.reference)}"


def _is_interrupt(error: BaseException | None) -> bool:
    return isinstance(error, KeyboardInterrupt) or isinstance(getattr(error, "__cause__", None), KeyboardInterrupt)


def _bar(out: Any) -> Progress:
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    return Progress(*columns, console=out, transient=True)
