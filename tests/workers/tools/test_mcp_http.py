"""Tools of MCP servers over streamable HTTP: with headers, through restarts, and honest when refused."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.waiting import wait_until
from tests.workers.tools.calling import a_context
from tests.workers.tools.mcp_house import SERVER, opened

SECRET = "correct-horse-battery"


@pytest.fixture
def port() -> int:
    """One that was free just now."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        number: int = bound.getsockname()[1]
        return number


@contextmanager
def served(folder: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """The test server on `port`, once it listens."""
    process = subprocess.Popen([sys.executable, str(SERVER), str(folder), str(port)], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _listens(port), 30)
        yield process
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
async def forbidding() -> AsyncIterator[tuple[str, list[bytes]]]:
    """The address of a server that refuses everybody, and what it was asked."""
    asked: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        number = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{number}/mcp", asked


async def test_tools_over_http_are_called(tmp_path: Path, port: int) -> None:
    with served(tmp_path, port):
        async with opened(tmp_path, test={"url": f"http://127.0.0.1:{port}/mcp"}) as house:
            assert house.away == {}
            assert await house.call("test__add", a=2, b=3) == "5"


async def test_a_server_that_comes_late_and_is_restarted_knows_no_session_and_is_called_all_the_same(
    tmp_path: Path, port: int
) -> None:
    with capture_logs() as logs:
        async with opened(tmp_path, test={"url": f"http://127.0.0.1:{port}/mcp"}) as house:
            assert "ConnectError" in house.away["test"]
            served_now = served(tmp_path, port)
            await asyncio.to_thread(served_now.__enter__)
            try:
                await asyncio.to_thread(wait_until, lambda: "test__pay_out" in house.tools, 30)
                assert await house.call("test__pay_out", amount=1) == "paid 1"
                kept = house.tools["test__pay_out"]  # as an agent in the midst of a turn does
            finally:
                served_now.__exit__(None, None, None)
            with served(tmp_path, port):
                async with asyncio.timeout(30):
                    # Where the restart takes long, the server has been given up meanwhile, in words.
                    answer = "is away"
                    while "is away" in answer:
                        await asyncio.to_thread(wait_until, lambda: "test__pay_out" in house.tools, 30)
                        answer = await house.calls.call(kept, {"amount": 2}, a_context())
                assert answer == "paid 2"
    assert (tmp_path / "paid").read_text() == "1\n2\n"
    assert "mcp.server_away" in {entry["event"] for entry in logs}


async def test_a_server_killed_in_a_call_ends_it_with_words(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.tools.mcp.server.WAIT_SECONDS", 0.5)
    with served(tmp_path, port) as process:
        async with opened(tmp_path, test={"url": f"http://127.0.0.1:{port}/mcp", "timeout_seconds": 20}) as house:
            hanging = asyncio.ensure_future(house.call("test__hang"))
            await asyncio.to_thread(wait_until, (tmp_path / "hanging").exists)
            process.kill()
            assert (await hanging).startswith("error: ")
            assert (await house.call("test__add", a=1, b=1)).startswith("error: the MCP server 'test' is away")


async def test_a_refusal_is_told_with_its_status_and_without_the_secret(
    tmp_path: Path, forbidding: tuple[str, list[bytes]]
) -> None:
    url, asked = forbidding
    there = {"url": f"{url}?code=${{KEY}}", "headers": {"Authorization": "Bearer ${KEY}"}}
    with capture_logs() as logs:
        async with opened(tmp_path, {"KEY": SECRET}, test=there) as house:
            assert set(house.away) == {"test"}
    assert f"authorization: bearer {SECRET}" in asked[0].decode().lower()
    (away,) = [entry for entry in logs if entry["event"] == "mcp.server_away"]
    assert away["said"] == "HTTP 401"
    assert SECRET not in str(logs) + str(house.away)


async def test_an_address_that_never_answers_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.tools.mcp.server.CONNECT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/mcp"
        async with opened(tmp_path, test={"url": url}) as house:
            assert house.away == {"test": "it did not answer within 0.5 seconds"}
