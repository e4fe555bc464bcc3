"""What every peer's script does: read a case, run it once, and time it on demand. It runs without this project installed."""

import json
import sys
import time
from collections.abc import Callable

import numpy as np


def serve(tasks: dict[str, Callable[[dict, dict[str, np.ndarray]], Callable[[], np.ndarray]]]) -> None:
    """Answer lines of JSON until the input ends; a task makes of a request and its arrays a call that returns its result."""
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries print
    call = None
    for line in sys.stdin:
        request = json.loads(line)
        if request["task"] == "time":
            start = time.perf_counter()
            call()
            answer = {"seconds": time.perf_counter() - start}
        else:
            call = tasks[request["task"]](request, dict(np.load(request["given"])))
            np.save(request["found"], np.asarray(call()))
            answer = {}
        print(json.dumps(answer), file=answers, flush=True)
