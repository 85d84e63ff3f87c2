"""What our routing costs on top of `litellm.acompletion`, and beside `litellm.Router`."""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

import uvloop

from bench.figures import judged, percentile, spread
from bench.house import KEYS, installation, logs_written_to_nobody, router
from bench.systems import start_sandbox
from shared.classification import Failure
from shared.config.snapshot import Key, Model, Provider
from shared.keystate.standing import KeyState, Standing, key_model_subject, key_subject, model_subject
from shared.redis.names import KEY_STATES
from shared.secret import Secret
from workers.llm.call import CallFailed
from workers.llm.reply import Reply
from workers.router.calls import Answered, Call
from workers.router.pick import Picked, pick
from workers.router.router import Router
from workers.router.routes import Candidate

_SEQUENTIAL = 3000
_CONCURRENT = 200
_PAIRS = 500
_REPLY = Reply({"role": "assistant", "content": "at once"}, "stop", 10, 5)
_DEAD = (
    '{"error": {"message": "Incorrect API key provided", "type": "invalid_request_error", "code": "invalid_api_key"}}'
)


def run(rounds: int, calls: int) -> None:
    """Measure and print: the layer, the choice, the CPU of real calls in `rounds` rounds of `calls`."""
    with logs_written_to_nobody():
        uvloop.run(_layer())
    _choice()
    _cpu(rounds, calls)


class AtOnce:
    """Takes the place of the provider and litellm: answers without waiting, or refuses the first key."""

    def __init__(self) -> None:
        self.first_key_is_dead = False

    async def call(self, *, secret: Secret | None, kind: str, remote_name: str, **_: Any) -> Reply:
        """The answer."""
        if self.first_key_is_dead and secret is not None and secret.reveal() == KEYS[0]:
            raise CallFailed(Failure(kind, remote_name, "http", 401, {}, _DEAD, "", False))
        return _REPLY


async def _layer() -> None:
    at_once = AtOnce()
    with installation("http://127.0.0.1:9") as place:
        async with router(place, at_once) as (ours, client):
            await _timed(ours, 500)  # warm
            single = [await _once(ours) for _ in range(_SEQUENTIAL)]
            cpu = time.process_time()
            crowd = [ms for part in await _side_by_side(ours) for ms in part]
            cpu_each = 1000 * (time.process_time() - cpu) / len(crowd)
            at_once.first_key_is_dead = True
            pairs = []
            for _ in range(_PAIRS):
                pairs.append(await _once(ours))
                await client.delete(KEY_STATES)
    print("\nthe routing layer on a real Redis, provider and litellm left out; ms for one call")
    p50, p99 = percentile(single, 50), percentile(single, 99)
    reached = judged(p50 <= 0.5 and p99 <= 2.0)
    print(f"  one call at a time               {_both(single)}  (goal p50 <= 0.5, p99 <= 2: {reached})")
    print(f"  {_CONCURRENT} calls at a time             {_both(crowd)}  (on one CPU: {cpu_each:.3f} ms of it each)")
    print(f"  a dead key first, then the next  {_both(pairs)}  (two attempts, classified, set aside for the fleet)")


def _both(values: list[float]) -> str:
    return f"p50 {percentile(values, 50):6.3f}  p99 {percentile(values, 99):6.3f}"


async def _once(ours: Router) -> float:
    begun = time.perf_counter()
    outcome = await ours.serve(Call("default", 1, [], [], None))
    taken = 1000 * (time.perf_counter() - begun)
    assert isinstance(outcome, Answered), outcome
    return taken


async def _timed(ours: Router, count: int) -> list[float]:
    return [await _once(ours) for _ in range(count)]


def _side_by_side(ours: Router) -> Awaitable[list[list[float]]]:
    return asyncio.gather(*(_timed(ours, 50) for _ in range(_CONCURRENT)))


def _choice() -> None:
    model, provider = Model("m", "p", "m", "chat"), Provider("p", "openai", None, "key", 1)
    candidates = tuple(_candidate(provider, model, f"{number:064x}") for number in range(100))
    print("\nthe pure choice among 100 keys")
    for aside in (0, 50, 99):
        standings = {
            candidate.subjects[0]: Standing(KeyState.QUARANTINED, 10**15, 0, 1, "auth_invalid", "")
            for candidate in candidates[:aside]
        }

        def choose() -> None:
            chosen = pick(candidates, standings, tried=frozenset(), now_ms=1_800_000_000_000)  # noqa: B023
            assert isinstance(chosen, Picked)

        each = _microseconds(choose)
        print(f"  {aside:3} set aside  {each:6.1f} us  (goal <= 50: {judged(each <= 50)})")


def _candidate(provider: Provider, model: Model, print_: str) -> Candidate:
    key = Key(print_[-4:], provider.name, "", print_, "", 1, "database")
    subjects = (key_subject(print_), model_subject(model.id), key_model_subject(print_, model.id))
    return Candidate(provider, model, key, Secret("x"), subjects)


def _microseconds(work: Callable[[], None], times: int = 2000) -> float:
    """Of one run; the median of seven tries, because the machine is shared."""
    tries = []
    for _ in range(7):
        begun = time.perf_counter()
        for _ in range(times):
            work()
        tries.append(1e6 * (time.perf_counter() - begun) / times)
    return statistics.median(tries)


def _cpu(rounds: int, calls: int) -> None:
    names = ("bare", "router", "ours", "ours-full-logging")
    found: dict[str, list[float]] = {name: [] for name in names}
    with start_sandbox() as url, ExitStack() as stack:
        processes = {name: stack.enter_context(_variant(name, url)) for name in names}
        for process in processes.values():
            _ask(process, 300)  # warm
        for number in range(rounds):
            for name in names[number % 4 :] + names[: number % 4]:
                found[name].append(calls / _ask(processes[name], calls))
        for process in processes.values():
            assert process.stdin is not None
            process.stdin.close()
    print(f"\ncalls per CPU second, real HTTP to the sandbox, 100 at a time, {rounds} interleaved rounds of {calls}")
    titles = ("litellm.acompletion, bare", "litellm.Router", "Router.serve", "Router.serve, litellm's logging on")
    for name, title in zip(names, titles, strict=True):
        print(f"  {title:<36} {spread(found[name])}")
    ours, bare, peer, full = (
        statistics.median(found[name]) for name in ("ours", "bare", "router", "ours-full-logging")
    )
    print(f"  Router.serve: {ours / bare:.2f} x bare (goal 0.9: {judged(ours / bare >= 0.9)}), ", end="")
    print(f"{ours / peer:.2f} x litellm.Router (goal 1.5: {judged(ours / peer >= 1.5)})")
    print(f"  with litellm's logging on it would be {full / bare:.2f} x bare")


def _variant(name: str, url: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "bench.calling", name, url]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _ask(process: "subprocess.Popen[str]", calls: int) -> float:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(f"{calls}\n")
    process.stdin.flush()
    return float(process.stdout.readline())
