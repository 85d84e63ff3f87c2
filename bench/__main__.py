"""`make bench`, or `python -m bench NAME [options]`."""

import argparse

from bench import backlog, latency, throughput


def main() -> None:
    """Run one measurement or all of them."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("name", nargs="?", choices=["throughput", "latency", "backlog", "all"], default="all")
    parser.add_argument("--jobs", type=int, default=3000, help="throughput: jobs per variant")
    parser.add_argument("--delays", default="0.02,1.0", help="throughput: seconds the provider takes")
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--samples", type=int, default=300, help="latency: jobs")
    parser.add_argument("--backlog-seconds", type=float, default=600.0, help="backlog: wait before the worker comes")
    options = parser.parse_args()
    databases = tuple(options.databases.split(","))
    if options.name in ("throughput", "all"):
        throughput.run(options.jobs, tuple(map(float, options.delays.split(","))), databases)
    if options.name in ("latency", "all"):
        latency.run(options.samples, databases)
    if options.name in ("backlog", "all"):
        backlog.run(10_000, options.backlog_seconds)


main()
