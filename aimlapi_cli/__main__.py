"""`python -m aimlapi_cli`: the same as `aimlapi`."""

from __future__ import annotations

from aimlapi_cli.app import main

if __name__ == "__main__":
    main()
