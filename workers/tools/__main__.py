"""`python -m workers.tools`: the tools a worker would offer, as JSON on stdout. For `watchkeeper tools ls`."""

import json
import sys
from contextlib import redirect_stdout

from shared.errors import ServiceError
from shared.settings import load_settings
from workers.tools.loading import load_tools


def main() -> int:
    """Print them; 1 with the reason on stderr when they cannot be loaded."""
    try:
        with redirect_stdout(sys.stderr):  # a module that prints as it is imported must not spoil the JSON
            tools = load_tools(load_settings().tools)
    except ServiceError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    json.dump(
        [
            {
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
                "repeatable": tool.repeatable,
                "timeout_seconds": tool.timeout_seconds,
                "module": tool.module,
            }
            for _, tool in sorted(tools.items())
        ],
        sys.stdout,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
