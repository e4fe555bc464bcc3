"""``python -m benchmarks [TOPIC …]``: ratios to floors and to other libraries, never bare times."""

from command_start import leave, start

if __name__ == "__main__":
    start()

import argparse
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from benchmarks import descent, flow, gram, growth, limits, peers, streamed, weights
from benchmarks.ratios import KEPT, losses
from benchmarks.table import COMPARISON, RECORD, facts, markdown, print_topic, read, write
from checks.running.files import told, write_whole

TOPICS = {
    "gram": (gram, "Gram matrices of given weights against their matrix products, neural-tangents and torch.func"),
    "limits": (limits, "limit kernels against neural-tangents, and large norms against unit norms"),
    "weights": (weights, "standard normal weights against NumPy"),
    "streamed": (
        streamed,
        "networks that are never stored against drawing their weights and multiplying with them apart",
    ),
    "descent": (descent, "gradient descent against its matrix products"),
    "growth": (growth, "cost against n, m and L"),
    "flow": (flow, "gradient flow against other integrators at equal error"),
}
EPILOG = "topics: " + "; ".join(f"{name}: {text}" for name, (_, text) in TOPICS.items())


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.replace("``", ""), epilog=EPILOG)
    parser.add_argument(
        "topics", nargs="*", metavar="TOPIC", help=f"of {', '.join(TOPICS)}, or peers (default: all topics)"
    )
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks.json"), help="JSON (default %(default)s)")
    parser.add_argument(
        "--check", action="store_true", help=f"status 1 where a ratio is below {KEPT:.0%}% of the recorded"
    )
    parser.add_argument(
        "--write", action="store_true", help="record the ratios of these topics, docs/comparison.md too"
    )
    parser.add_argument("--install", action="store_true", help="with peers: make their environments in .venv-peers/")
    options = parser.parse_args()
    unknown = [name for name in options.topics if name not in TOPICS and options.topics != ["peers"]]
    if unknown:
        parser.error(f"unknown topic {', '.join(unknown)}; known are {', '.join(TOPICS)}")
    if options.install and options.topics != ["peers"]:
        parser.error("--install belongs to: python -m benchmarks peers --install")
    return options


def main() -> int:
    """Measure the topics, print and write their rows."""
    options, console = parse(), Console()
    with told("benchmarks"):
        if options.topics == ["peers"]:
            return show_peers(console, install=options.install)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        rows = []
        for name in options.topics or TOPICS:
            found = []
            with Progress(console=Console(stderr=True), transient=True) as progress:
                task = progress.add_task(name, total=None)
                for row in TOPICS[name][0].run():
                    found.append(row)
                    progress.update(task, description=f"{row.topic}: {row.case}, {row.other}")
            print_topic(console, name, found)
            rows += found
            machines = dict.fromkeys([row.topic for row in rows], facts())
            write(options.out, rows, machines)
        console.print(f"record: {options.out}", soft_wrap=True)
        fallen = losses(rows, read(RECORD)[0]) if options.check else []
        if options.write:
            before, known = read(RECORD)
            kept = [row for row in before if row.topic not in machines]
            recorded = sorted(rows + kept, key=lambda row: list(TOPICS).index(row.topic)), known | machines
            write(RECORD, *recorded)
            write_whole(COMPARISON, markdown(*recorded).encode())
        for sentence in fallen:
            console.print(sentence, style="bold red", soft_wrap=True)
        return int(bool(fallen))


def show_peers(console: Console, *, install: bool) -> int:
    """Say which peers are there, after making their environments where that is asked."""
    done = [peers.install(name, lambda text: console.print(text, soft_wrap=True)) for name in peers.PEERS if install]
    for name in peers.PEERS:
        state = "installed" if peers.python_of(name).exists() else f"not installed: {peers.INSTALL}"
        console.print(f"{name}: {state}", soft_wrap=True)
    return int(not all(done))


if __name__ == "__main__":
    leave(main)
