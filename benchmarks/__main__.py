"""``python -m benchmarks gram``: ratios, never bare times."""

import argparse

from benchmarks import gram


def main() -> None:
    """Parse the command line and run one benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("gram", help="layer_grams against the matrix products it needs")
    add.add_argument("-n", type=int, default=64, help="samples (default 64)")
    add.add_argument("-d", type=int, default=64, help="input dimension (default 64)")
    add.add_argument("-m", type=int, default=2048, help="width (default 2048)")
    add.add_argument("-L", type=int, default=3, help="hidden layers (default 3)")
    add.add_argument("--repeats", type=int, default=15, help="interleaved pairs (default 15)")
    add.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="BLAS threads (default 1 2)")
    options = parser.parse_args()
    sizes = {key: getattr(options, key) for key in ("n", "d", "m", "L", "repeats")}
    gram.report(gram.run(**sizes, threads=tuple(options.threads)), **sizes)


if __name__ == "__main__":
    main()
