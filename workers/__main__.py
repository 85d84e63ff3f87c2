"""`python -m workers`: the supervisor of this host's workers (`watchkeeper worker`); --single: one worker alone."""

import argparse
import sys

from shared.process import Process, run_process
from shared.settings import Settings
from shared.supervision.orders import MAX_PROCESSES


def _count(text: str) -> int:
    if not (text.isdigit() and int(text) <= MAX_PROCESSES):
        raise argparse.ArgumentTypeError(f"a number from 0 to {MAX_PROCESSES}")
    return int(text)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--single", action="store_true", help="one worker in this process, with no supervisor")
    parser.add_argument("--incarnation", help="with --single: the id it is known by; made up when not given")
    parser.add_argument("--supervisor", help="the id the supervisor is known by; made up when not given")
    parser.add_argument("--processes", type=_count, help="how many workers; default WATCHKEEPER_WORKER_PROCESSES")


def _build(settings: Settings, options: argparse.Namespace) -> Process:
    # Imported here: a supervisor neither needs what a worker consists of, nor should it hold it in memory.
    if options.single:
        from workers.worker import Worker

        return Worker(settings, incarnation=options.incarnation)
    from workers.supervisor.controller import Controller

    return Controller(settings, supervisor=options.supervisor, processes=options.processes)


if __name__ == "__main__":
    sys.exit(run_process("worker", _build, arguments=_arguments))
