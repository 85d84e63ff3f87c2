"""One conversation of many answers in one worker, through a Redis reconnect, a new configuration, a new worker."""

import subprocess
import time

import redis
from sqlalchemy import select, update

from bench.figures import judged
from bench.systems import Ours, our_worker, ours, start_sandbox, until
from console.editing import apply_edit
from sandbox.control import SandboxControl
from shared.db.tables import agents
from watchkeeper.contract import jobs


def run(turns: int, database: str) -> None:
    """Measure and print."""
    with (
        start_sandbox() as url,
        SandboxControl(url) as control,
        ours(url, database, processes=1, threads=20) as system,
    ):
        begun = time.monotonic()
        ids = [system.client.enqueue("default", f"turn {turn}", conversation_id="talk").id for turn in range(turns)]
        until(lambda: system.completed() >= turns // 4)
        cut = _cut_redis(system)
        until(lambda: system.completed() >= turns // 2)
        generation = _change(system)
        until(lambda: system.completed() >= 3 * turns // 4)
        with our_worker(system.environ) as second:
            until(lambda: system.workers_ready(2))
            _replace(system)
            until(lambda: system.completed() == turns, seconds=300)
            seconds = time.monotonic() - begun
            assert second.poll() is None
        texts = _texts(system, ids)
        in_order = sum(
            f'You said: "turn {turn}".' in text and (turn == 0 or f"in this conversation: {2 * turn}." in text)
            for turn, text in enumerate(texts)
        )
        asked = [entry.messages for entry in control.log() if entry.model is not None]
        once = sorted(asked) == [2 * turn + 1 for turn in range(turns)]
        reached = judged(in_order == turns and once and asked == sorted(asked))
        print(f"\none conversation of {turns} answers in one worker, {database}, {seconds:.0f} s")
        print(f"  in the middle: {cut} Redis connections cut, generation {generation} published, the worker replaced")
        print(
            f"  answers in order, each with all before it: {in_order}; requests at the provider: {len(asked)}", end=""
        )
        print(f"  goal {turns} answers, in order, each asked once: {reached}")


def _cut_redis(system: Ours) -> int:
    with redis.Redis.from_url(system.redis_url) as client:
        return int(client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))


def _change(system: Ours) -> int | None:
    with redis.Redis.from_url(system.redis_url, decode_responses=True) as client:
        changed = update(agents).where(agents.c.name == "default").values(temperature=0.5)

        def edit(connection: object) -> list[str]:
            connection.execute(changed)  # type: ignore[attr-defined]
            return ["temperature 0.5"]

        return apply_edit(system.engine, client, edit, author="bench").generation


def _replace(system: Ours) -> None:
    worker = system.workers[0]
    worker.terminate()
    try:
        worker.wait(60)
    except subprocess.TimeoutExpired:
        worker.kill()
        raise


def _texts(system: Ours, ids: list[str]) -> list[str]:
    with system.engine.connect() as connection:
        rows = connection.execute(select(jobs.c.id, jobs.c.result).where(jobs.c.id.in_(ids))).all()
    stored = {row.id: str(row.result) for row in rows}
    return [stored[id].replace('\\"', '"') for id in ids]
