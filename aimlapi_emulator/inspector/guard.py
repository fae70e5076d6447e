"""Who may ask the inspector, and send requests through it: pages of its own address alone."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request

INSPECTOR = "/_inspect"
REPLAY = "x-inspector"  # header of a change, and of a request that the page sends again


def refused(request: Request) -> str | None:
    """Why a request is refused; None where it is not."""
    host = request.headers.get("host", "")
    name = urlsplit(f"//{host}").hostname or ""
    server = request.scope.get("server") or ("", 0)
    if name != "localhost" and name != str(server[0]) and name not in ("127.0.0.1", "::1"):
        return f"The inspector is not to be had under the name {name[:100]!r}: use 127.0.0.1 or localhost."
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return "The inspector is for pages of its own address."
    is_link = request.headers.get("sec-fetch-mode") == "navigate" and request.url.path == INSPECTOR
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not is_link:
        return "The inspector is for pages of its own address."
    if request.method != "GET" and origin is None and request.headers.get(REPLAY) is None:
        return "A change needs the header x-inspector, which a page of another address cannot send."
    return None
