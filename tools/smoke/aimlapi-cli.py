"""The command answers a question, and names what `aimlapi batch` needs where that is not installed."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from aimlapi_emulator import emulator

command = str(next(Path(sys.executable).parent.glob("aimlapi*")))
with emulator() as server:
    host = {"AIMLAPI_API_BASE": server.base_url, "AIMLAPI_API_KEY": "k"}
    asked = [command, "ask", "--model", "openai/gpt-4o", "What is 6 * 7?"]
    done = subprocess.run(asked, env={**os.environ, **host}, capture_output=True, text=True, encoding="utf-8")
    assert done.stdout.strip() == "6 * 7 equals 42.", done
if find_spec("aimlapi_batch") is None:
    done = subprocess.run([command, "batch", "--help"], capture_output=True, text=True, encoding="utf-8")
    assert done.returncode and "pip install 'aimlapi-integrations[batch]'" in done.stderr, done
