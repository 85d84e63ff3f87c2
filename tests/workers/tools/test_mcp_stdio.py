"""Tools of MCP servers on stdio: named, called, followed; a server that dies is started again, and none is left."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

from structlog.testing import capture_logs

from tests.waiting import wait_until
from tests.workers.tools.mcp_house import here, left_of, opened

SECRET = "correct-horse-battery"


async def eventually(predicate: Callable[[], object]) -> None:
    """Return once it is true; the event loop runs meanwhile."""
    await asyncio.to_thread(wait_until, predicate, 20.0)


async def test_the_tools_of_a_server_are_there_under_its_name_and_can_be_called(tmp_path: Path) -> None:
    async with opened(tmp_path, test=here(tmp_path)) as house:
        assert house.away == {}
        assert {"current_time", "test__add", "test__pay_out"} <= set(house.tools)
        add = house.tools["test__add"]
        assert (add.description, add.module, add.timeout_seconds) == ("Add two numbers.", "MCP server test", 60)
        assert set(add.parameters["properties"]) == {"a", "b"}
        assert await house.call("test__add", a=2, b=3) == "5"
        assert await house.call("test__pay_out", amount=3) == "paid 3"
        assert (await house.call("test__add", a="two", b=3)).startswith("error: ")


async def test_only_what_says_so_may_be_repeated_unless_a_person_does(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    async with opened(tmp_path, a=here(tmp_path), b=here(other, repeatable=["pay.out"], timeout_seconds=5)) as house:
        may = {name for name, tool in house.tools.items() if tool.repeatable} - {"current_time"}
        assert may == {"a__add", "a__die_once", "b__pay_out"}
        assert house.tools["b__add"].timeout_seconds == 5


async def test_what_is_no_text_is_named_and_what_is_too_long_is_cut(tmp_path: Path) -> None:
    async with opened(tmp_path, test=here(tmp_path)) as house:
        assert await house.call("test__picture") == "look:\n[image, image/png, 5 bytes: not shown]"
        text = await house.call("test__large", size=3_000_000)
        assert len(text) <= 256 * 1024
        assert text.endswith("[cut: the result is 3000000 bytes long, this is its beginning]")
        assert "broke during the call" in await house.call("test__large", size=17_000_000)


async def test_a_server_gets_what_the_configuration_gives_it_and_nothing_else(tmp_path: Path) -> None:
    environ = {"THE_TOKEN": SECRET, "OPENAI_API_KEY": "never"}
    async with opened(tmp_path, environ, test=here(tmp_path, env={"TOKEN": "${THE_TOKEN}"})) as house:
        names = await house.call("test__environment")
        assert "TOKEN" in names
        assert "OPENAI_API_KEY" not in names


async def test_a_call_that_hangs_ends_at_its_time_limit_and_the_server_hears_of_it(tmp_path: Path) -> None:
    async with opened(tmp_path, test=here(tmp_path, timeout_seconds=0.5)) as house:
        text = await house.call("test__hang")
        assert text.startswith("error: the tool did not finish within 0.5 seconds; whether it took effect is unknown")
        await eventually((tmp_path / "hung up").exists)
        assert await house.call("test__add", a=2, b=3) == "5"


async def test_a_server_that_dies_in_a_call_is_started_again_and_the_model_is_told(tmp_path: Path) -> None:
    async with opened(tmp_path, test=here(tmp_path, timeout_seconds=10)) as house:
        hanging = asyncio.ensure_future(house.call("test__hang"))
        await eventually((tmp_path / "hanging").exists)
        told = await asyncio.gather(house.call("test__die"), hanging)
        assert [text.startswith("error: the connection to the MCP server 'test' broke") for text in told] == [
            True
        ] * 2
        assert "do not simply call it again" in told[0]
        assert (tmp_path / "deaths").read_text() == "x"  # not repeated
        assert await house.call("test__add", a=2, b=3) == "5"


async def test_what_may_be_repeated_is_repeated_once_when_the_server_dies_in_it(tmp_path: Path) -> None:
    async with opened(tmp_path, test=here(tmp_path)) as house:
        assert await house.call("test__die_once") == "done"


async def test_a_server_that_dies_while_nobody_calls_is_started_again(tmp_path: Path) -> None:
    async with opened(tmp_path, test=here(tmp_path)) as house:
        pid = (tmp_path / "pid").read_text()
        os.kill(int(pid), signal.SIGKILL)
        await eventually(lambda: (tmp_path / "pid").read_text() not in ("", pid))
        assert await house.call("test__pay_out", amount=1) == "paid 1"


async def test_a_server_missing_at_the_start_comes_later_and_its_words_are_told(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    with capture_logs() as logs:
        async with opened(
            tmp_path,
            {"T": SECRET},
            test=here(tmp_path, env={"TOKEN": "${T}"}),
            nowhere={"command": "/no/such/server"},
        ) as house:
            assert set(house.away) == {"test", "nowhere"}
            assert "not found" in house.away["nowhere"]
            assert set(house.tools) == {"current_time"}
            (tmp_path / "broken").unlink()
            await eventually(lambda: "test__add" in house.tools)
            assert await house.call("test__add", a=2, b=3) == "5"
    away = {entry["server"]: entry for entry in reversed(logs) if entry["event"] == "mcp.server_away"}
    assert away["test"]["said"] == "the server is broken today, [redacted]"
    assert "/no/such/server" in away["nowhere"]["said"]
    assert SECRET not in str(logs)


async def test_a_secret_that_a_server_repeats_does_not_come_back(tmp_path: Path) -> None:
    async with opened(tmp_path, {"T": SECRET}, test=here(tmp_path, env={"TOKEN": "${T}"})) as house:
        text = await house.call("test__secret")
        assert text.startswith("error: ")
        assert SECRET not in text


async def test_a_list_of_tools_that_changes_is_followed(tmp_path: Path) -> None:
    async with opened(tmp_path, test=here(tmp_path)) as house:
        assert await house.call("test__learn") == "learnt"
        await eventually(lambda: "test__newest" in house.tools)
        assert await house.call("test__newest") == "new"


async def test_a_list_of_tools_is_followed_in_the_older_protocol_too(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    with capture_logs() as logs:
        async with opened(tmp_path, test=here(tmp_path)) as house:  # every other attempt speaks the older one
            (tmp_path / "broken").unlink()
            await eventually(lambda: "test__learn" in house.tools)
            assert await house.call("test__learn") == "learnt"
            await eventually(lambda: "test__newest" in house.tools)
    (connected,) = [entry for entry in logs if entry["event"] == "mcp.connected"]
    assert connected["protocol"] < "2026"


async def test_a_frozen_server_is_ended_with_what_it_started(tmp_path: Path) -> None:
    async with opened(tmp_path, test=here(tmp_path, timeout_seconds=0.5)) as house:
        calling = asyncio.ensure_future(house.call("test__freeze"))
        await eventually(lambda: (tmp_path / "frozen").exists() and (tmp_path / "frozen").read_text())
        await calling
        assert len(left_of(tmp_path)) == 2
    child = Path("/proc") / (tmp_path / "frozen").read_text()
    await eventually(lambda: not child.exists() or " Z " in (child / "stat").read_text())
