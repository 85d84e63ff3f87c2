"""`python -m workers`: one worker process. Started by `watchkeeper worker` and `watchkeeper up`."""

import sys

from shared.process import run_process
from workers.worker import Worker

if __name__ == "__main__":
    sys.exit(run_process("worker", lambda settings, options: Worker(settings, incarnation=options.incarnation)))
