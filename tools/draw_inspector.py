"""Draws docs/images/inspector-*.png: the inspector's page, in Chromium, on an emulator.

python tools/draw_inspector.py    # needs playwright and Chromium: make test-browser installs both
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
IMAGES = ROOT / "docs" / "images"


def main() -> None:
    from aimlapi_emulator import emulator
    from tests.browser.browser import browsing, chromium
    from tests.browser.traffic import everything

    if chromium() is None:
        sys.exit("There is no Chromium: the inspector's pictures stay as they are.")
    with emulator(inspect=True) as server, browsing() as browser:
        page = browser.new_page(viewport={"width": 1180, "height": 720})
        page.goto(server.inspector_url)
        page.wait_for_selector("#live.on")
        everything(server.base_url)
        page.wait_for_timeout(1000)  # the totals follow
        page.click("text=And tomorrow?")
        page.wait_for_selector(".call")
        page.screenshot(path=IMAGES / "inspector-conversation.png")
        page.emulate_media(color_scheme="dark")
        page.click("text=9.11")
        page.click("role=tab[name='Time line']")
        page.screenshot(path=IMAGES / "inspector-stream.png")


if __name__ == "__main__":
    main()
