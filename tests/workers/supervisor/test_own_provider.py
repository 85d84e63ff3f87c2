"""The forker's own provider answers as OpenAI does, and leaves nothing behind."""

import asyncio

import httpx
import psutil

from shared.secret import Secret
from workers.llm.call import LlmCalls
from workers.llm.setup import import_litellm
from workers.supervisor.own_provider import own_provider


async def test_it_answers_whole_and_as_a_stream() -> None:
    calls = LlmCalls(import_litellm(), lean=True)
    words: list[str] = []
    async with own_provider() as base:
        whole, streamed = [
            await calls.call(
                kind="openai",
                remote_name="warm-up",
                api_base=base,
                secret=Secret("a-secret"),
                messages=[{"role": "user", "content": "?"}],
                parameters={},
                timeout_seconds=20.0,
                on_text=on_text,
            )
            for on_text in (None, words.append)
        ]
    calls.keep([])
    await asyncio.sleep(0)

    assert whole.message["content"] == streamed.message["content"] == "warm"
    assert (streamed.input_tokens, streamed.output_tokens) == (1, 1)
    assert words == ["warm"]


async def test_afterwards_nobody_listens_and_no_socket_is_open() -> None:
    before = len(psutil.Process().net_connections("tcp"))
    async with own_provider() as base, httpx.AsyncClient(timeout=5.0) as client:
        assert (await client.post(f"{base}/chat/completions", json={})).status_code == 200
    await asyncio.sleep(0)

    assert len(psutil.Process().net_connections("tcp")) == before


async def test_a_client_that_stays_does_not_hold_it_up() -> None:
    async with own_provider() as base:
        url = httpx.URL(base)
        _reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.close()
    await writer.wait_closed()
