"""What Windows lacks or does otherwise, for a process on Linux: `pretend()` in a process of its own.

It cannot be Windows: paths and `os.name` stay. But a module or a function that is only on Unix is missing for our code, an open
file can neither be replaced nor removed, event loops take no signal handlers, and text files without an encoding are an error,
for there it would be the code page.
"""

from __future__ import annotations

import asyncio
import builtins
import concurrent.futures.thread  # noqa: F401 - the standard library's own users of what goes
import contextlib
import errno  # noqa: F401 - as above
import hashlib  # noqa: F401 - as above
import importlib
import logging  # noqa: F401 - as above
import multiprocessing  # noqa: F401 - as above
import os
import random  # noqa: F401 - as above
import shutil  # noqa: F401 - as above
import signal
import subprocess  # noqa: F401 - as above
import sys
import tempfile  # noqa: F401 - as above
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import platformdirs.unix  # noqa: F401 - what it takes of `os` for the folders of this system

MODULES = frozenset(("fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"))
OS_NAMES = (
    *(
        "fork",
        "forkpty",
        "register_at_fork",
        "getuid",
        "geteuid",
        "getgid",
        "getpgrp",
        "setsid",
        "tcgetpgrp",
        "ttyname",
    ),
    *(
        "mkfifo",
        "chown",
        "killpg",
        "getpriority",
        "sync",
        "O_NONBLOCK",
        "O_NOCTTY",
        "O_CLOEXEC",
        "O_DIRECTORY",
    ),
)
SIGNALS = ("SIGALRM", "SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGQUIT", "SIGPIPE", "SIGCHLD", "SIGWINCH")
OURS = ("aimlapi_", "langchain_aimlapi", "llama_index_aimlapi")


def pretend() -> None:
    """From here on, for the whole process. Python has to run with `-X warn_default_encoding`."""
    _without_modules()
    _lock_as_there()
    for name in OS_NAMES:
        if hasattr(os, name):
            delattr(os, name)
    for name in SIGNALS:
        if hasattr(signal, name):
            delattr(signal, name)
    for function in ("replace", "rename", "unlink", "remove"):
        setattr(os, function, _not_of_open_files(getattr(os, function)))
    asyncio.BaseEventLoop.add_signal_handler = _no_signal_handler  # type: ignore[method-assign]
    with contextlib.suppress(AttributeError):
        asyncio.SelectorEventLoop.add_signal_handler = _no_signal_handler  # type: ignore[method-assign,assignment]
    assert sys.flags.warn_default_encoding
    warnings.filterwarnings("error", category=EncodingWarning, module=rf"({'|'.join(OURS)})")


def _lock_as_there() -> None:
    """Downloads lock and move their files as on Windows; what they take of `msvcrt` is `flock` here."""
    import fcntl

    importlib.import_module("aimlapi_transport.media")  # before the system has another name
    there = ModuleType("msvcrt")
    vars(there).update(LK_NBLCK=fcntl.LOCK_EX | fcntl.LOCK_NB, locking=lambda file, mode, _: fcntl.flock(file, mode))
    sys.modules["msvcrt"] = there
    here, sys.platform = sys.platform, "win32"
    part_files = importlib.import_module("aimlapi_transport.media.part_files")
    sys.platform = here
    for module in (part_files, importlib.import_module("aimlapi_transport.media.downloads")):
        vars(module)["sys"] = SimpleNamespace(platform="win32")


def _no_signal_handler(*_: Any) -> None:
    raise NotImplementedError


def _without_modules() -> None:
    known = builtins.__import__

    def find(name: str, globals: Any = None, *rest: Any, **named: Any) -> Any:
        if name.partition(".")[0] in MODULES and str((globals or {}).get("__name__")).startswith(OURS):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return known(name, globals, *rest, **named)

    builtins.__import__ = find


def _not_of_open_files(function: Callable[..., None]) -> Callable[..., None]:
    def checked(*paths: Any, **named: Any) -> None:
        opened = set(_open_files()) if "dir_fd" not in named else set()
        for path in paths:
            if isinstance(path, (str, os.PathLike)) and os.path.realpath(path) in opened:
                raise PermissionError(13, "It is used by a process", str(path))
        return function(*paths, **named)

    return checked


def _open_files() -> list[str]:
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(os.readlink(entry))
    return found
