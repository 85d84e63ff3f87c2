"""`python relay.py HOST PORT SOCKET ...`: offers Unix sockets under TCP addresses, as a stores' host does."""

import asyncio
import sys
from contextlib import suppress


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    target.close()


async def _serve(host: str, port: int, path: str) -> asyncio.Server:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_unix_connection(path)
        await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))

    return await asyncio.start_server(connected, host, port)


async def _main(arguments: list[str]) -> None:
    servers = [
        await _serve(arguments[at], int(arguments[at + 1]), arguments[at + 2]) for at in range(0, len(arguments), 3)
    ]
    sys.stdout.write("relaying\n")
    sys.stdout.flush()
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))
