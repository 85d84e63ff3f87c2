"""`make bench`, or `python -m bench NAME [options]`."""

import argparse

from bench import (
    backlog,
    callbacks,
    cancel,
    conversation,
    dead_key,
    generations,
    in_flight,
    latency,
    recycling,
    routing_overhead,
    streaming,
    supervision,
    throughput,
)

NAMES = (
    "throughput",
    "latency",
    "routing",
    "dead-key",
    "generations",
    "conversation",
    "cancel",
    "backlog",
    "streaming",
    "supervision",
    "recycling",
    "in-flight",
)


def main() -> None:
    """Run one measurement or all of them."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("name", nargs="?", choices=[*NAMES, "all"], default="all")
    parser.add_argument("--jobs", type=int, default=3000, help="throughput: jobs per variant")
    parser.add_argument("--delays", default="0.02,1.0", help="throughput: seconds the provider takes")
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--samples", type=int, default=300, help="latency: jobs")
    parser.add_argument("--rounds", type=int, default=7, help="routing: interleaved rounds of 1000 calls")
    parser.add_argument("--watch-seconds", type=float, default=60.0, help="dead-key: load while the key is aside")
    parser.add_argument("--changes", type=int, default=300, help="generations: changes of the configuration")
    parser.add_argument("--answers", type=int, default=250, help="conversation: how many")
    parser.add_argument("--backlog-seconds", type=float, default=600.0, help="backlog: wait before the worker comes")
    parser.add_argument("--streams", type=int, default=200, help="streaming: jobs side by side")
    parser.add_argument("--stream-seconds", type=float, default=10.0, help="streaming: how long each is")
    parser.add_argument("--recycles", type=int, default=500, help="recycling: how many")
    parser.add_argument("--hold-seconds", type=float, default=60.0, help="in-flight: how long they are held")
    options = parser.parse_args()
    databases = tuple(options.databases.split(","))
    names = NAMES if options.name == "all" else (options.name,)
    if "throughput" in names:
        throughput.run(options.jobs, tuple(map(float, options.delays.split(","))), databases)
    if "latency" in names:
        latency.run(options.samples, databases)
    if "routing" in names:
        routing_overhead.run(options.rounds, 1000)
    if "generations" in names:
        callbacks.run(options.changes)
    for database in databases:
        if "dead-key" in names:
            dead_key.run(2400, 60, options.watch_seconds, database)
        if "generations" in names:
            generations.run(options.changes, database)
        if "conversation" in names:
            conversation.run(options.answers, database)
        if "cancel" in names:
            cancel.run(200, database)
        if "supervision" in names:
            supervision.run(1000, database)
        if "recycling" in names:
            recycling.run(options.recycles, database)
    if "in-flight" in names:
        in_flight.run(options.hold_seconds, databases)
    if "streaming" in names:
        streaming.run(options.streams, options.stream_seconds)
    if "backlog" in names:
        backlog.run(10_000, options.backlog_seconds)


main()
