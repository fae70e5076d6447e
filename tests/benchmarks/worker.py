"""One subject in a process of its own: reads orders from stdin, a JSON object a line, and answers each with a sample."""

from __future__ import annotations

import json
import os
import sys
import warnings
from contextlib import suppress
from typing import Any


def main() -> None:
    name, origin = sys.argv[1:3]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    warnings.simplefilter("ignore")
    driver: Any = None
    for line in sys.stdin:
        order = json.loads(line)
        arguments = order["arguments"]
        from tests.benchmarks import cold, measures
        from tests.benchmarks.subjects import BY_NAME

        if order["measure"].startswith("cold_"):
            answer = getattr(cold, order["measure"])(name, origin, **arguments)
        else:
            driver = driver or measures.Driver(BY_NAME[name], origin)
            try:
                if order.get("check"):
                    answer = {"whole": driver.is_whole(arguments["scene"])}
                else:
                    answer = getattr(measures, order["measure"])(driver, **arguments)
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
