"""When workers of `up` load the demo's tools: on the sandbox, and as long as an agent names one of them."""

import json
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Engine, select

from shared.db.reading import reading
from shared.db.tables import agents

MODULE: Final = "sandbox.demo_tools"
TOOLS: Final = ("find_pages", "read_page")
"""Their names; `tests/console/test_demo_tools.py` holds them equal to the module's."""


def named_by_an_agent(engine: Engine) -> bool:
    """Does an agent name one of them? Then they stay loaded when a real key has taken the sandbox's place."""
    with reading(engine) as connection:
        named = connection.execute(select(agents.c.tools)).scalars().all()
    return any(tool in TOOLS for tools in named for tool in json.loads(tools))


def with_demo_tools(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` with the module among those that WATCHKEEPER_TOOLS names."""
    named = environ.get("WATCHKEEPER_TOOLS", "").strip()
    return {**environ, "WATCHKEEPER_TOOLS": f"{named},{MODULE}" if named else MODULE}
