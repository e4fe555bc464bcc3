"""``python -m benchmarks {gram,streamed,limits,flow,descent}``: ratios, never bare times."""

from command_start import leave, start

if __name__ == "__main__":
    start()

import argparse

from benchmarks import descent, flow, gram, limits, streamed


def main() -> None:
    """Parse the command line and run one benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("gram", help="layer_grams against the matrix products it needs")
    add_sizes(add, n=64, d=64, m=2048)
    add.add_argument("-L", type=int, default=3, help="hidden layers (default 3)")
    add.add_argument("--repeats", type=int, default=15, help="interleaved pairs (default 15)")
    add.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="BLAS threads (default 1 2)")
    add = commands.add_parser(
        "streamed", help="layer_grams of networks never stored against drawing and multiplying apart"
    )
    add_sizes(add, n=32, d=32, m=2**20)
    add.add_argument("-L", type=int, default=1, help="hidden layers (default 1)")
    add.add_argument("--repeats", type=int, default=3, help="rounds (default 3)")
    add = commands.add_parser("limits", help="limit_grams of large norms against unit norms")
    add.add_argument("-n", type=int, default=500, help="samples (default 500)")
    add.add_argument("-d", type=int, default=20, help="input dimension (default 20)")
    add.add_argument("-L", type=int, default=3, help="hidden layers (default 3)")
    add.add_argument("--repeats", type=int, default=9, help="interleaved pairs (default 9)")
    add = commands.add_parser(
        "flow", help="gradient_flow against other integrators at equal error; a quarter of an hour"
    )
    add.add_argument(
        "problems", nargs="*", metavar="PROBLEM", help="of P1, P2 (default: both, laziness and memory too)"
    )
    add.add_argument("--seeds", type=int, nargs="+", default=list(flow.SEEDS), help="default 0 100 200 300")
    add = commands.add_parser("descent", help="gradient_descent against the matrix products it needs")
    add_sizes(add, n=1000, d=100, m=50)
    add.add_argument("--steps", type=int, default=200, help="steps of a run (default 200)")
    add.add_argument("--repeats", type=int, default=15, help="interleaved pairs (default 15)")
    options = parser.parse_args()
    if options.command == "gram":
        sizes = {key: getattr(options, key) for key in ("n", "d", "m", "L", "repeats")}
        gram.report(gram.run(**sizes, threads=tuple(options.threads)), **sizes)
    elif options.command == "streamed":
        streamed.run(**{key: getattr(options, key) for key in ("n", "d", "m", "L", "repeats")})
    elif options.command == "limits":
        sizes = {key: getattr(options, key) for key in ("n", "d", "L", "repeats")}
        limits.report(limits.run(**sizes), **sizes)
    elif options.command == "descent":
        sizes = {key: getattr(options, key) for key in ("n", "d", "m", "steps", "repeats")}
        descent.report(descent.run(**sizes), **sizes)
    else:
        unknown = set(options.problems) - flow.SIZES.keys()
        if unknown:
            parser.error(f"unknown problem {', '.join(sorted(unknown))}; known are {', '.join(flow.SIZES)}")
        rows = flow.run(options.problems or list(flow.SIZES), options.seeds)
        whole = not options.problems
        flow.report(rows, flow.laziness(options.seeds) if whole else None, flow.memory() if whole else None)


def add_sizes(parser: argparse.ArgumentParser, *, n: int, d: int, m: int) -> None:
    """Sizes that all benchmarks of networks have."""
    parser.add_argument("-n", type=int, default=n, help=f"samples (default {n})")
    parser.add_argument("-d", type=int, default=d, help=f"input dimension (default {d})")
    parser.add_argument("-m", type=int, default=m, help=f"width (default {m})")


if __name__ == "__main__":
    leave(main)
