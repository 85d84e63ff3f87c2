"""The demo's tools: the names the console gives its agent, and what the tools answer."""

import asyncio

from console.local.demo_tools import MODULE, TOOLS, with_demo_tools
from sandbox.demo_tools import find_pages, read_page
from workers.tools.loading import load_tools


def test_a_worker_that_loads_the_module_offers_the_tools_of_the_agent() -> None:
    offered = load_tools([MODULE])

    assert set(TOOLS) == {name for name, tool in offered.items() if tool.module == MODULE}


def test_the_module_stands_behind_those_that_a_person_named() -> None:
    assert with_demo_tools({})["WATCHKEEPER_TOOLS"] == MODULE
    assert with_demo_tools({"WATCHKEEPER_TOOLS": "mine"})["WATCHKEEPER_TOOLS"] == f"mine,{MODULE}"


def test_a_page_that_was_found_can_be_read() -> None:
    async def look() -> tuple[str, str]:
        return await find_pages("What does a night watch do?"), await read_page("Night watch")

    found, text = asyncio.run(look())

    assert found.startswith("Night watch;")
    assert "lookout" in text
