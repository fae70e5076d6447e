"""What httpx reads from the environment when it connects; a pool made under other values is another one."""

from __future__ import annotations

import os

CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_VARIABLES = (*_PROXIES, *(name.upper() for name in _PROXIES), *CERTIFICATES)


def connection_variables() -> tuple[str | None, ...]:
    """The values now."""
    return tuple([os.environ.get(name) for name in _VARIABLES])
