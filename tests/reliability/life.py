"""The 39 life-cycle checks of the reliability contract, by name. To find one, search for `def` and its name.

Each takes a framework and the base URL of an emulator, and asserts. What is about the end of a process, warnings on
stderr or the environment runs in a process of its own (`script`).
"""

from __future__ import annotations

from tests.reliability import life_calls, life_keys, life_resources
from tests.reliability.checks import CHECKS

__all__ = ["CHECKS", "life_calls", "life_keys", "life_resources"]
