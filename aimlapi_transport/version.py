"""The version of all distributions of this tree; nothing else states it."""

__version__ = "0.2.0"
