"""`make chaos`: kills processes for as long as asked, and prints what came of it. `--seed` repeats a run."""

import argparse
import secrets
import sys
from pathlib import Path

from tests.chaos.blows import OTHERS, POINTS, blows, evenly, only
from tests.chaos.outages import planned, run_outages
from tests.chaos.outages_measuring import Outages
from tests.chaos.poison import Poisoned, run_poison
from tests.chaos.running import Result, run_chaos


def main() -> int:
    """0 = every promise was kept."""
    parser = argparse.ArgumentParser(prog="make chaos ARGS=")
    parser.add_argument("--kills", type=int, default=200, help="kills of workers")
    parser.add_argument("--each-point", type=int, default=0, help="before them, every named point so many times")
    parser.add_argument("--others", type=float, default=0.1, help="kills of other processes on one of a worker")
    parser.add_argument(
        "--only", choices=(*POINTS, *OTHERS), help="instead: kill there, or this process, --kills times"
    )
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--outages", action="store_true", help="instead: take Redis and SQL away, and give them back")
    parser.add_argument("--seconds", default="1,8,20,70", help="how long each outage lasts")
    parser.add_argument("--keep", type=Path, default=None, help="a folder for the logs of the services")
    parser.add_argument("--poison", action="store_true", help="instead: a job that breaks workers, beside 50 others")
    options = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    failed = False
    for database in ("sqlite", "postgresql") if options.database == "both" else (options.database,):
        sys.stderr.write(f"chaos on {database}, seed {seed}\n")
        result: Outages | Poisoned | Result
        if options.poison:
            result = run_poison(database)
        elif options.outages:
            result = run_outages(
                planned(database, map(float, options.seconds.split(","))), database=database, keep=options.keep
            )
        else:
            sequence = [*evenly(seed, options.each_point), *blows(seed, options.kills, options.others)]
            if options.only:
                sequence = list(only(seed, options.only, options.kills))
            result = run_chaos(sequence, seed=seed, database=database, keep=options.keep)
        sys.stdout.write("\n".join(result.lines()) + "\n\n")
        sys.stdout.flush()
        failed = failed or result.failed
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
