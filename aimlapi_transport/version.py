"""The version of the distribution; nothing else states it."""

__version__ = "0.1.0"
