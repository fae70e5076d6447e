"""For notebooks and examples: the emulator, unless a key is set."""

from __future__ import annotations

import os

from aimlapi_emulator.server.run import EmulatorServer

KEYS = ("AIMLAPI_API_KEY", "AIML_API_KEY")
ADDRESS = "AIMLAPI_API_BASE"
_STAND_IN = "emulator"  # the key that is set for the emulator, which takes any

_running: EmulatorServer | None = None


def emulator_unless_key() -> EmulatorServer | None:
    """Starts the emulator for the rest of the process where no key is set, and has the classes ask it.

    It sets AIMLAPI_API_KEY and AIMLAPI_API_BASE in this process. Called again, it returns the same server.

    Returns:
        The server; None where AIMLAPI_API_KEY (or AIML_API_KEY) is set: then the provider answers.
    """
    global _running
    keys = [key for name in KEYS if (key := os.environ.get(name))]
    ours = _running is not None and os.environ.get(ADDRESS) == _running.base_url
    if ours and keys in ([], [_STAND_IN]):
        os.environ[KEYS[0]] = _STAND_IN
        return _running
    if keys:
        if ours:  # a key was set since: it goes to the provider, not to the emulator
            del os.environ[ADDRESS]
            os.environ.update({name: "" for name in KEYS if os.environ.get(name) == _STAND_IN})
        return None
    _running = _running or EmulatorServer().start()
    os.environ.update({KEYS[0]: _STAND_IN, ADDRESS: _running.base_url})
    return _running
