"""`keys test`: each key is asked for once, and what came of it is told without ever showing a key."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

import pytest

from tests.configured import PATHS
from tests.console.command_line import CommandLine
from tests.console.fleet import now_ms, set_aside
from tests.sandbox_fixture import Sandbox

GOOD = "wk-sandbox-good-key-000000000001"
BAD = "wk-sandbox-bad-key-0000000000002"


@pytest.fixture
def tested(wk: CommandLine, sandbox: Sandbox) -> CommandLine:
    """A provider of each wire format with one good key."""
    for kind in ("openai", "anthropic", "gemini"):
        wk.ok("providers", "add", f"my-{kind}", "--kind", kind, "--api-base", sandbox.url + PATHS[kind])
        wk.ok("keys", "add", f"my-{kind}", "--label", f"{kind} one", "--stdin", stdin=f"{GOOD}-{kind}")
    return wk


def test_a_good_key_is_asked_for_once_in_each_wire_format(tested: CommandLine, sandbox: Sandbox) -> None:
    found = tested.json("keys", "test", "--all")

    assert {row["label"]: row["outcome"] for row in found} == dict.fromkeys(
        ["openai one", "anthropic one", "gemini one"], "ok"
    )
    assert all(row["models"] > 0 and row["words"] == f"ok, {row['models']} models" for row in found)
    assert sandbox.control.calls()["total"] == 3
    for kind in ("openai", "anthropic", "gemini"):
        assert sandbox.control.key_total(f"{GOOD}-{kind}") == 1


def test_a_refused_key_ends_with_1_and_says_what_to_do(tested: CommandLine, sandbox: Sandbox) -> None:
    sandbox.control.set_default("invalid")

    ran = tested("keys", "test", "openai one")

    assert ran.code == 1
    assert "auth_invalid" in ran.out and "platform.openai.com" in ran.out
    assert "not the balance" in ran.err
    assert GOOD not in ran.out + ran.err
    assert sandbox.control.calls()["total"] == 1


@pytest.mark.parametrize(
    ("behaviour", "cause"),
    [("server_error", "overloaded"), ("reset", "network"), ("hang", "timeout"), ("html", "network")],
)
def test_a_fault_of_the_provider_is_never_called_one_of_the_key(
    tested: CommandLine, sandbox: Sandbox, behaviour: str, cause: str
) -> None:
    sandbox.control.set_default(behaviour)

    ran = tested("keys", "test", "--all", "--json", "--timeout", "0.5")

    assert ran.code == 1
    assert {row["cause"] for row in ran.data} == {cause}
    assert sandbox.control.calls()["total"] == 3


def test_a_key_that_passes_is_released_when_asked_for(tested: CommandLine, sandbox: Sandbox) -> None:
    _quarantine(tested, "openai one")
    assert tested.json("keys", "test", "openai one")[0]["released"] == 0
    assert _state(tested, "openai one") == "quarantined"

    ran = tested.ok("keys", "test", "openai one", "--release")

    assert "back in use" in ran.err
    assert _state(tested, "openai one") == "ready"


def test_a_key_that_fails_is_not_released(tested: CommandLine, sandbox: Sandbox) -> None:
    _quarantine(tested, "openai one")
    sandbox.control.set_default("invalid")

    assert tested("keys", "test", "openai one", "--release").code == 1

    assert _state(tested, "openai one") == "quarantined"


def test_a_trickle_ends_at_the_deadline(wk: CommandLine) -> None:
    with _trickle() as url:
        wk.ok("providers", "add", "slow", "--kind", "openai", "--api-base", url)
        wk.ok("keys", "add", "slow", "--label", "one", "--stdin", stdin=GOOD)
        ran = wk("keys", "test", "one", "--json", "--timeout", "0.4")

    assert ran.code == 1
    assert ran.data[0]["cause"] == "timeout"


def test_a_kind_that_cannot_be_asked_for_free_is_untested(wk: CommandLine) -> None:
    wk.ok("keys", "add", "perplexity", "--label", "one", "--stdin", stdin=GOOD)

    ran = wk("keys", "test", "--all", "--json")

    assert ran.code == 4
    assert ran.data[0]["outcome"] == "untested"


def test_what_to_test_is_named_once(wk: CommandLine) -> None:
    assert wk("keys", "test").code == 2
    assert wk("keys", "test", "one", "--all").code == 2
    assert "there is no key" in wk.refused("keys", "test", "one")
    assert wk.json("keys", "test", "--all") == []


def _quarantine(wk: CommandLine, label: str) -> None:
    (key,) = [row for row in wk.json("keys", "ls") if row["label"] == label]
    set_aside(wk, key["fingerprint"], until_ms=now_ms(wk.redis) + 3_600_000)


def _state(wk: CommandLine, label: str) -> str:
    return str(next(row["state"] for row in wk.json("keys", "ls") if row["label"] == label))


@contextmanager
def _trickle() -> Iterator[str]:
    """A server whose answer never ends: one byte at a time, faster than any limit per read."""
    over = Event()

    def answer(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, suppress(ConnectionError):
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
            while not over.wait(0.02):
                connection.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=answer, args=(listener,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            thread.join(10)
