"""`make bench`, or `python -m bench NAME [options]`."""

import argparse

from bench import throughput


def main() -> None:
    """Run one measurement or all of them."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("names", nargs="*", choices=["throughput", []], help="which; all when none is given")
    parser.add_argument("--jobs", type=int, default=3000)
    parser.add_argument("--delays", default="0.02,1.0", help="seconds the provider takes, comma-separated")
    parser.add_argument("--databases", default="sqlite,postgresql")
    options = parser.parse_args()
    throughput.run(options.jobs, tuple(map(float, options.delays.split(","))), tuple(options.databases.split(",")))


main()
