"""From the seed of a run to the streams of its cells: one rule, see `checks.measurements.streams`."""

import hashlib
import json


def stream_of(seed: int, label: str, part: str, config: dict) -> list[int]:
    """[run seed, claim, part, case]: the stream of the cells with this configuration."""
    return [seed, _number(label), _number(part), _number(json.dumps(config, sort_keys=True))]


def _number(name: str) -> int:
    """A stable 62-bit number of a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 2
