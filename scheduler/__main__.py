"""`python -m scheduler`: one scheduler process. Started by `watchkeeper scheduler` and `watchkeeper up`."""

import sys

from scheduler.scheduler import Scheduler
from shared.process import run_process

if __name__ == "__main__":
    sys.exit(run_process("scheduler", lambda settings, _options: Scheduler(settings)))
