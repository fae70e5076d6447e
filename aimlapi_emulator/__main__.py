"""`python -m aimlapi_emulator`: prints the base URL, then serves until it is stopped."""

from __future__ import annotations

import argparse
import sys


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text[:40]} is not a port: pass 0 to 65535")
    return int(text)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="aimlapi_emulator", description="A local stand-in for AI/ML API.")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default: loopback only)")
    parser.add_argument("--port", type=_port, default=0, help="port to bind (default: a free one)")
    parser.add_argument("--inspect", action="store_true", help="show what passes on a page, under /_inspect")
    parser.add_argument("--upstream", metavar="URL", help="pass requests on to a provider: https://api.aimlapi.com/v1")
    parser.add_argument("--record", metavar="FOLDER", help="write a cassette of each exchange")
    parser.add_argument("--keep", metavar="FILE", help="keep what passes in a SQLite file, and show it on the page")
    parser.add_argument("--list-faults", action="store_true", help="explain every fault, then exit")
    options = parser.parse_args(arguments)
    try:
        from aimlapi_emulator.faults.table import explained
        from aimlapi_emulator.server.run import run
    except ModuleNotFoundError as error:
        print(f"{error}: run `pip install 'aimlapi-integrations[emulator]'`.", file=sys.stderr)
        return 1
    if options.list_faults:
        print(explained())
        return 0
    try:
        run(
            options.host,
            options.port,
            inspect=options.inspect,
            upstream=options.upstream,
            record_to=options.record,
            keep=options.keep,
        )
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"Cannot listen on {options.host}:{options.port}: {error.strerror}. Try --port 0.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
