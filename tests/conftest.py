"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("project", deadline=None)  # no test depends on speed
settings.load_profile("project")
