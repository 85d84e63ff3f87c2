"""`python -m console.local`: the bundled store's process. Started by `watchkeeper store` and `watchkeeper up`."""

import sys

from console.local.store import Store
from shared.process import run_process

if __name__ == "__main__":
    sys.exit(run_process("store", lambda settings, _options: Store(settings)))
