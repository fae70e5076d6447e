"""What all media commands have in common: their options."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from aimlapi_cli.session import ApiKey, AsJson, BaseUrl
from aimlapi_transport.errors import InvalidRequestError


@dataclass(frozen=True)
class Common:
    """The options of every media command.

    Attributes:
        save: a folder, or the path of one file; None where addresses are enough.
    """

    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", help="Another field of the model: quality=low; may be repeated."),
    ] = None
    save: Annotated[Path | None, typer.Option("--save", "-o", help="A folder, or the path of one file.")] = None
    opens: Annotated[bool, typer.Option("--open", help="Show the result by the system's own program.")] = False
    as_json: AsJson = False
    base_url: BaseUrl = None
    api_key: ApiKey = None

    def check(self) -> None:
        """Raises InvalidRequestError for what would fail only after it is paid for."""
        if self.save is None:
            return
        folder = self.save.expanduser().absolute()
        try:
            folder.stat()
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):  # such as links that lead to each other
                reason = f"`--save` {self.save} cannot be written: {error.strerror or error}."
                raise InvalidRequestError(reason) from None
        if folder.exists() and not folder.is_dir() and not folder.suffix:  # it would be a folder
            raise InvalidRequestError(
                f"`--save` {self.save} is neither a folder nor a file name with an ending: pass one."
            )
        folder = next(one for one in (folder, *folder.parents) if one.is_dir() or (one != folder and one.exists()))
        if not folder.is_dir():
            raise InvalidRequestError(f"`--save` {self.save} cannot be written: {folder} is not a folder for it.")
        if not os.access(folder, os.W_OK):
            raise InvalidRequestError(f"`--save` {self.save} cannot be written: you may not write into {folder}.")


@dataclass(frozen=True)
class Waited(Common):
    """The options of the commands whose result takes minutes.

    Attributes:
        wait_timeout: seconds to wait in all; None for the operation's own.
        ordered: the model, where only the id of a generation is known.
    """

    waits: Annotated[
        bool,
        typer.Option("--wait/--no-wait", help="--no-wait prints the generation as JSON, for `status` and `wait`."),
    ] = True
    wait_timeout: Annotated[float | None, typer.Option(help="Seconds to wait in all.", min=0)] = None
    ordered: Annotated[
        str | None, typer.Option("--model", "-m", help="Beside a bare id: the model that was ordered.")
    ] = None

    def check(self) -> None:
        if not self.waits and (self.save is not None or self.opens):
            raise InvalidRequestError("With --no-wait there is no file yet: leave --save and --open to `wait`.")
        if not self.waits and self.wait_timeout is not None:
            raise InvalidRequestError("Pass --no-wait or --wait-timeout, not both.")
        super().check()
