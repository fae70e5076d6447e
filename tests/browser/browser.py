"""Chromium of the system, driven by Playwright; no profile and no network but loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.browser.firefox import firefox

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def chromium() -> str | None:
    """Where the browser is: $CHROMIUM, or the first of the names there are."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def browsing() -> Iterator[Any]:
    """A running browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        yield browser
        browser.close()


def main() -> int:
    """Installs browsers that are missing where Debian's packages can be installed; 1 where there is no Chromium then."""
    missing = [name for name, path in (("chromium", chromium()), ("firefox-esr", firefox())) if path is None]
    if missing and shutil.which("apt-get") and os.geteuid() == 0:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(["apt-get", "update", "-q"], check=False, timeout=60, **quiet)
            install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
            subprocess.run(install, check=False, timeout=240, **quiet)
    if chromium() is None:
        print("There is no Chromium: install it (apt-get install chromium), or set CHROMIUM to its path.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
