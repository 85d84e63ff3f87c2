"""The HTTP clients of a secret are closed once the configuration has another one and no call is open on them."""

import asyncio
from typing import Any

import pytest

from shared.secret import Secret
from tests.sandbox_fixture import Sandbox
from tests.waiting import wait_until
from workers.llm.clients import Clients

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    # litellm's own types, seen by pydantic at the first answer of a process.
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

OLD, NEW = Secret("sk-client-of-the-old-secret"), Secret("sk-client-of-the-new-secret")


async def ask(litellm: Any, clients: Clients, sandbox: Sandbox, secret: Secret, text: str = "hello") -> str:
    """One call as the worker makes it."""
    with clients.using():
        answer = await litellm.acompletion(
            model="openai/gpt-4o-mini",
            messages=[{"role": "user", "content": text}],
            api_key=secret.reveal(),
            api_base=sandbox.url + "/openai/v1",
            max_retries=0,
        )
    content: str = answer.choices[0].message.content
    return content


def of(litellm: Any, secret: Secret) -> list[Any]:
    """The cached clients that carry `secret`."""
    cached = litellm.in_memory_llm_clients_cache.cache_dict.values()
    return [client for client in cached if getattr(client, "api_key", None) == secret.reveal()]


async def closed(client: Any) -> None:
    """Return once it is."""
    async with asyncio.timeout(5):
        while not client.is_closed():
            await asyncio.sleep(0)


async def test_a_client_goes_with_its_secret_and_the_others_stay(litellm: Any, sandbox: Sandbox) -> None:
    clients = Clients(litellm)
    await ask(litellm, clients, sandbox, OLD)
    await ask(litellm, clients, sandbox, NEW)
    (old,), (new,) = of(litellm, OLD), of(litellm, NEW)

    clients.keep([NEW])

    await closed(old)
    assert of(litellm, OLD) == []
    assert of(litellm, NEW) == [new]
    assert not new.is_closed()
    clients.keep([])
    await closed(new)


async def test_a_call_that_is_open_on_a_retired_client_ends_well_before_it_is_closed(
    litellm: Any, sandbox: Sandbox
) -> None:
    clients = Clients(litellm)
    slow = asyncio.get_running_loop().create_task(ask(litellm, clients, sandbox, OLD, "[[slow=0.5]] hello"))
    await asyncio.to_thread(wait_until, lambda: sandbox.control.key_total(OLD.reveal()) == 1)
    (old,) = of(litellm, OLD)

    clients.keep([NEW])
    await ask(litellm, clients, sandbox, NEW)
    assert not old.is_closed()

    assert "hello" in await slow
    await closed(old)
    clients.keep([])
