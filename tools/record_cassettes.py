"""Records cassettes: `python tools/record_cassettes.py` asks the live API what every published cassette asked.

It needs AIMLAPI_API_KEY and spends money: `--only` and `--limit` choose. Recordings go to `cassettes/live`, where
the replay tests find them beside the published ones; the summary says in what their shape differs from those.
`--emulated` records `cassettes/emulated` from the emulator on this machine instead: no key, no cost, and running it
twice changes no file.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "cassettes"))

import httpx
import yaml
from cassette_files import CASSETTES, HOST, Cassette, cassettes
from cassette_recorder import record

KEY = "AIMLAPI_API_KEY"
TIMEOUT = httpx.Timeout(600, connect=5)  # seconds


def main() -> int:
    """Records what the arguments ask for; 0 if all of it was recorded, 1 if some was not, 2 without a key."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="PATTERN", default="*", help="names to record, such as 'claude-*'")
    parser.add_argument("--limit", type=int, metavar="N", help="at most so many requests")
    parser.add_argument("--base-url", default=f"{HOST}/v1", help="the server to ask, up to /v1 (default: %(default)s)")
    parser.add_argument("--into", type=Path, help="the folder to write to (default: cassettes/live or .../emulated)")
    parser.add_argument("--emulated", action="store_true", help="record from the emulator instead")
    arguments = parser.parse_args()
    if arguments.emulated:
        from emulated_programs import record_programs

        return record_programs(arguments.into or CASSETTES / "emulated", arguments.only)
    key = os.environ.get(KEY, "").strip()
    if not key:
        print(f"Nothing was sent: set {KEY} to a key of AI/ML API to record live cassettes.", file=sys.stderr)
        return 2
    chosen = [cassette for cassette in cassettes("published") if fnmatch(cassette.path.stem, arguments.only)]
    chosen = chosen[: arguments.limit]
    print(f"Recording {len(chosen)} of the published requests at {arguments.base_url}.")
    into = arguments.into or CASSETTES / "live"
    recorded = sum(_record_one(one, into, arguments.base_url.rstrip("/"), key) for one in chosen)
    print(f"{recorded} recorded, {len(chosen) - recorded} not.")
    return 0 if recorded == len(chosen) else 1


def _record_one(published: Cassette, into: Path, base_url: str, key: str) -> bool:
    """Sends one published request and keeps its answer, unless it is an error."""
    name = published.path.stem
    path = into / f"{name}.yaml"
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    source = {"kind": "live", "date": today, "recorded_from": "api.aimlapi.com", "request": f"published/{name}"}
    headers = {
        "authorization": f"Bearer {key}",
        "content-type": "application/json",
        "accept": "text/event-stream" if published.is_stream else "application/json",
    }
    body = published.data["interactions"][0]["request"]["body"]
    try:
        with (
            record(path, source, base_url=base_url, secrets=[key], keep_errors=False),
            httpx.Client(timeout=TIMEOUT, trust_env=False) as client,
        ):
            response = client.post(f"{base_url}/chat/completions", content=body.encode(), headers=headers)
    except httpx.HTTPError as error:
        print(f"{name}: not recorded: {type(error).__name__}")
        return False
    if response.status_code >= 400:
        print(f"{name}: not recorded: status {response.status_code}: {response.text[:200].replace(key, '[key]')}")
        return False
    live = yaml.safe_load(path.read_text(encoding="utf-8"))["interactions"][0]["response"]["body"]["string"]
    gone, new = _differences(shape_of(published.reply), shape_of(live))
    print(f"{name}: recorded" + (f"; no longer {', '.join(gone)}" if gone else "") + _new(new))
    return True


def _new(new: list[str]) -> str:
    return f"; new {', '.join(new)}" if new else ""


def _differences(before: set[str], after: set[str]) -> tuple[list[str], list[str]]:
    return sorted(before - after), sorted(after - before)


def shape_of(reply: str) -> set[str]:
    """The paths of a reply and the types at them, without its values: `choices[].message.content str`.

    Of a stream, those of all its events together; `[DONE]` is a path of its own.
    """
    found: set[str] = set()
    if reply.lstrip().startswith("{"):
        _walk(json.loads(reply), "", found)
        return found
    for line in reply.splitlines():
        if line.startswith("data:"):
            data = line[5:].strip()
            if data == "[DONE]":
                found.add(data)
            else:
                _walk(json.loads(data), "", found)
    return found


def _walk(value: Any, path: str, found: set[str]) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            _walk(item, f"{path}.{name}" if path else name, found)
    elif isinstance(value, list):
        for item in value:
            _walk(item, f"{path}[]", found)
    else:
        found.add(f"{path} {type(value).__name__}")


if __name__ == "__main__":
    sys.exit(main())
