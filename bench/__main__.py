"""`make bench`, or `python -m bench NAME [options]`."""

import argparse

from bench import backlog, conversation, dead_key, generations, latency, routing_overhead, throughput

NAMES = ("throughput", "latency", "routing", "dead-key", "generations", "conversation", "backlog")


def main() -> None:
    """Run one measurement or all of them."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("name", nargs="?", choices=[*NAMES, "all"], default="all")
    parser.add_argument("--jobs", type=int, default=3000, help="throughput: jobs per variant")
    parser.add_argument("--delays", default="0.02,1.0", help="throughput: seconds the provider takes")
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--samples", type=int, default=300, help="latency: jobs")
    parser.add_argument("--rounds", type=int, default=7, help="routing: interleaved rounds of 1000 calls")
    parser.add_argument("--changes", type=int, default=300, help="generations: changes of the configuration")
    parser.add_argument("--answers", type=int, default=250, help="conversation: how many")
    parser.add_argument("--backlog-seconds", type=float, default=600.0, help="backlog: wait before the worker comes")
    options = parser.parse_args()
    databases = tuple(options.databases.split(","))
    names = NAMES if options.name == "all" else (options.name,)
    if "throughput" in names:
        throughput.run(options.jobs, tuple(map(float, options.delays.split(","))), databases)
    if "latency" in names:
        latency.run(options.samples, databases)
    if "routing" in names:
        routing_overhead.run(options.rounds, 1000)
    for database in databases:
        if "dead-key" in names:
            dead_key.run(2400, 60, database)
        if "generations" in names:
            generations.run(options.changes, database)
        if "conversation" in names:
            conversation.run(options.answers, database)
    if "backlog" in names:
        backlog.run(10_000, options.backlog_seconds)


main()
