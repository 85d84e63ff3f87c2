"""The configuration changes 300 times under load: nothing starts on an old one, nothing grows."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import psutil  # type: ignore[import-untyped]  # it ships no types
import redis
from sqlalchemy import Connection, func, select

from bench.figures import judged, percentile
from bench.systems import Ours, ours, start_sandbox, until
from console.editing import apply_edit
from sandbox.control import SandboxControl
from shared.config.editing_keys import add_key, rotate_key
from shared.config.editing_models import add_model
from shared.config.environment_sync import Sealer
from shared.config.publishing import newest_generation
from shared.db.reading import reading
from shared.db.tables import attempts, installation
from shared.errors import ServiceError
from shared.vault import Vault

PROVIDER = "sandbox"
LABEL = "the one key"
IN_FLIGHT = 20
GROWTH = 1.05


@dataclass(frozen=True)
class Held:
    """What the workers hold open."""

    redis_connections: int
    sockets: int
    files: int
    megabytes: float

    def grew_beyond(self, before: "Held", factor: float) -> list[str]:
        """What is more than `factor` times what it was (a count: and more than two above it)."""
        counts = ("redis_connections", "sockets", "files")
        grown = [
            name
            for name in counts
            if getattr(self, name) > max(factor * getattr(before, name), 2 + getattr(before, name))
        ]
        return grown + (["megabytes"] if self.megabytes > factor * before.megabytes else [])

    def words(self) -> str:
        """For people."""
        return (
            f"{self.redis_connections} Redis connections, {self.sockets} sockets, {self.files} open files, "
            f"{self.megabytes:.1f} MB"
        )


@dataclass
class Published:
    """What the changes did: the secret of each generation, and when the publish before it had returned."""

    until_ms: dict[str, float] = field(default_factory=dict)
    generation_until_ms: dict[int, float] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    let_through: int = 0


def run(changes: int, database: str) -> None:
    """Measure and print."""
    with (
        start_sandbox() as url,
        SandboxControl(url) as control,
        ours(url, database, processes=2, threads=50) as system,
        redis.Redis.from_url(system.redis_url, decode_responses=True) as client,
    ):
        control.set_default("ok", delay_seconds=0.1)
        sealer = _sealer(system)
        apply_edit(system.engine, client, lambda c: _only_key(c, sealer, "sandbox-g0"), author="bench")
        with _load(system):
            _rotate(system, client, sealer, 60, "warm")  # also more than 500 calls
            until(lambda: control.calls()["total"] >= 500)
            before = _held(system, client)
            published = _rotate(system, client, sealer, changes, "g")
            after = _held(system, client)
        print(f"\n{changes} changes of the configuration under load, 2 processes, {database}")
        _judge(system, control, published)
        grown = after.grew_beyond(before, GROWTH)
        print(f"  after the warm-up: {before.words()}\n  at the end:        {after.words()}")
        print(f"  (goal no growth beyond 5 %: {judged(not grown)}{' ' + ', '.join(grown) if grown else ''})")


def _judge(system: Ours, control: SandboxControl, published: Published) -> None:
    late = [
        entry.at_ms - published.until_ms[entry.key]
        for entry in control.log()
        if entry.key in published.until_ms and entry.at_ms > published.until_ms[entry.key]
    ]
    with reading(system.engine) as connection:
        rows = connection.execute(select(attempts.c.generation, attempts.c.started_at)).all()
        used = connection.execute(select(func.count(attempts.c.generation.distinct()))).scalar_one()
    ends = published.generation_until_ms
    stale = [row for row in rows if row.generation in ends and row.started_at > ends[row.generation]]
    taken = [1000 * seconds for seconds in published.seconds]
    print(f"  a change returned after p50 {percentile(taken, 50):.0f} ms, p95 {percentile(taken, 95):.0f} ms")
    print(
        f"  attempts started on a configuration after its successor was published: {len(stale)} of {len(rows)} "
        f"on {used} generations (goal 0: {judged(not stale)})"
    )
    print(
        f"  requests with an older key that reached the provider after it had returned: {len(late)}, "
        f"the latest {max(late, default=0):.0f} ms after"
    )
    none = judged(published.let_through == 0)
    print(f"  invalid changes: {published.refused} refused, {published.let_through} published (goal 0: {none})")


def _rotate(system: Ours, client: "redis.Redis", sealer: Sealer, changes: int, prefix: str) -> Published:
    """Every tenth change is invalid."""
    published = Published()
    secret, generation = "", 0
    for number in range(changes):
        if number % 10 == 9:
            _refused(system, client, sealer, published)
            continue
        new = f"sandbox-{prefix}{number}"
        begun = time.monotonic()
        applied = apply_edit(system.engine, client, partial(_rotated, sealer, new), author="bench")
        returned = time.time() * 1000
        published.seconds.append(time.monotonic() - begun)
        if secret:
            published.until_ms[secret] = returned
            published.generation_until_ms[generation] = returned
        assert applied.generation is not None
        secret, generation = new, applied.generation
        time.sleep(0.05)
    return published


def _rotated(sealer: Sealer, secret: str, connection: Connection) -> list[str]:
    return rotate_key(connection, sealer, LABEL, secret)


def _refused(system: Ours, client: "redis.Redis", sealer: Sealer, published: Published) -> None:
    """A key that is no key, a model of a provider that is not there."""

    def edit(connection: Connection) -> list[str]:
        if published.refused % 2:
            return rotate_key(connection, sealer, LABEL, "two words")
        return add_model(connection, "nobody/model", {})

    before = _generation(system)
    try:
        apply_edit(system.engine, client, edit, author="bench")
    except ServiceError:
        published.refused += 1
    published.let_through += _generation(system) != before


def _generation(system: Ours) -> int:
    with reading(system.engine) as connection:
        return newest_generation(connection)


def _sealer(system: Ours) -> Sealer:
    with reading(system.engine) as connection:
        salt = connection.execute(select(installation.c.fingerprint_salt)).scalar_one()
    return Sealer(Vault([system.environ["WATCHKEEPER_MASTER_KEY"]]), salt)


def _only_key(connection: Connection, sealer: Sealer, secret: str) -> list[str]:
    return add_key(connection, sealer, PROVIDER, secret, label=LABEL)


@contextmanager
def _load(system: Ours) -> Iterator[None]:
    """IN_FLIGHT jobs at any time."""
    ended = threading.Event()

    def feed() -> None:
        put = 0
        while not ended.wait(0.02):
            missing = IN_FLIGHT - (put - system.completed())
            if missing > 0:
                system.put(missing)
                put += missing

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _held(system: Ours, client: "redis.Redis") -> Held:
    workers = [psutil.Process(pid) for pid in system.pids]
    return Held(
        redis_connections=len(client.client_list()),
        sockets=sum(len(worker.net_connections("all")) for worker in workers),
        files=sum(worker.num_fds() for worker in workers),
        megabytes=sum(worker.memory_info().rss for worker in workers) / 1e6,
    )
