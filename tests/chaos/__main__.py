"""`make chaos`: kills processes for as long as asked, and prints what came of it. `--seed` repeats a run."""

import argparse
import secrets
import sys

from tests.chaos.blows import blows, evenly
from tests.chaos.running import run_chaos


def main() -> int:
    """0 = every promise was kept."""
    parser = argparse.ArgumentParser(prog="make chaos ARGS=")
    parser.add_argument("--kills", type=int, default=200, help="kills of workers")
    parser.add_argument("--each-point", type=int, default=0, help="before them, every named point so many times")
    parser.add_argument("--others", type=float, default=0.1, help="kills of other processes on one of a worker")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    failed = False
    for database in ("sqlite", "postgresql") if options.database == "both" else (options.database,):
        sys.stderr.write(f"chaos on {database}, seed {seed}\n")
        sequence = [*evenly(seed, options.each_point), *blows(seed, options.kills, options.others)]
        result = run_chaos(sequence, seed=seed, database=database)
        sys.stdout.write("\n".join(result.lines()) + "\n\n")
        sys.stdout.flush()
        failed = failed or result.failed
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
