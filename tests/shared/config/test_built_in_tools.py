"""The names an agent may list are those of the tools that workers have."""

from shared.config.catalogue import BUILT_IN_TOOLS
from workers.tools.registry import BUILT_IN


def test_the_catalogue_names_the_workers_tools() -> None:
    assert set(BUILT_IN_TOOLS) == set(BUILT_IN)
