"""The same job with PostgreSQL, an external Redis and every process by itself, as the Procfile starts them."""

import signal

import pytest
from sqlalchemy import update

from shared.db.tables import installation
from shared.vault import Vault
from tests.e2e.house import House
from tests.stores import PostgresServer
from tests.waiting import wait_until

OTHER_KEY = "b3RoZXItbWFzdGVyLWtleS1vZi1hbm90aGVyLWhvdXM="


def test_an_empty_database_is_refused_with_the_command_that_mends_it_and_then_serves(
    house: House, postgres_server: PostgresServer
) -> None:
    empty = house.database_url.rpartition("/")[2].partition("?")[0] + "_empty"
    postgres_server.execute("CREATE DATABASE {} TEMPLATE template0", empty)
    url = postgres_server.url_of(empty)
    for room in ("scheduler", "workers"):
        refused = house.processes.room(room, DATABASE_URL=url)
        assert refused.ended() == 3
        assert "`watchkeeper migrate`" in refused.stderr.read_text()
        assert "Traceback" not in refused.output()

    migrated = house.processes.watchkeeper("migrate", DATABASE_URL=url)
    assert migrated.ended() == 0, migrated.output()
    again = house.processes.watchkeeper("migrate", DATABASE_URL=url)
    assert again.ended() == 0
    assert "already at" in again.output()

    scheduler = house.processes.room("scheduler", DATABASE_URL=url)
    scheduler.says("scheduler.ready")
    assert scheduler.stop() == 0
    postgres_server.execute("DROP DATABASE {} WITH (FORCE)", empty)


def test_store_scheduler_and_worker_serve_a_job_and_end_when_told(house: House) -> None:
    store = house.processes.room("console.local")
    store.says("store.idle")
    scheduler, worker = house.scheduler(), house.worker()

    job = house.done(house.client.enqueue("default", "hello").id)

    assert job.text is not None
    assert 'You said: "hello"' in job.text
    assert [running.stop() for running in (worker, scheduler, store)] == [0, 0, 0]
    assert house.rows.alive() == []


@pytest.mark.parametrize("room", ["scheduler", "workers"])
def test_what_hinders_the_start_is_told_in_words_with_its_exit_code(room: str, house: House) -> None:
    def told(code: int, *words: str, **environ: str) -> None:
        running = house.processes.room(room, **environ)
        assert running.ended() == code, running.output()
        for word in words:
            assert word in running.stderr.read_text()
        assert "Traceback" not in running.output()
        assert "hunter2" not in running.output()

    told(3, "does not answer", "REDIS_URL", REDIS_URL="redis://:hunter2@127.0.0.1:1/0")
    told(3, "DATABASE_URL", DATABASE_URL="postgresql://me:hunter2@127.0.0.1:1/x")
    told(1, "WATCHKEEPER_MASTER_KEY", WATCHKEEPER_MASTER_KEY="")
    told(1, "32 bytes", WATCHKEEPER_MASTER_KEY="short")
    told(1, "WATCHKEEPER_WORKER_THREADS", WATCHKEEPER_WORKER_THREADS="many")

    (house.processes.folder / ".env").write_text('GROQ_API_KEY_1=x\nWATCHKEEPER_SAYS "hunter2\n')
    told(1, ".env, line 2")
    (house.processes.folder / ".env").unlink()

    def seal_with(check: str | None) -> None:
        with house.rows.engine.begin() as connection:
            connection.execute(update(installation).values(master_key_check=check))

    seal_with(Vault([OTHER_KEY]).seal_check())
    told(1, "master key does not open the stored secrets")
    seal_with(None)

    house.redis.config_set("requirepass", "right")
    told(3, "refuses the user or password", "REDIS_URL", REDIS_URL=f"{house.redis_url}?password=hunter2")
    told(3, "refuses the user or password")


def test_a_new_env_line_is_used_without_a_restart_and_a_broken_one_changes_nothing(house: House) -> None:
    env_file = house.processes.folder / ".env"
    nothing = {name: "" for name in ("GROQ_API_KEY_1", "GROQ_API_KEY_2")}
    scheduler = house.scheduler(**nothing)
    house.worker(**nothing)
    job = house.client.enqueue("default", "hello")
    wait_until(lambda: house.rows.job(job.id)["state"] == "parked", 30)
    env_file.write_text(f"OPENAI_API_KEY=sk-from-the-file-0001\nOPENAI_API_BASE={house.sandbox_url}/v1\n")

    assert house.done(job.id).result is not None
    assert list(house.sandbox.calls()["keys"]) == ["sk-from-the-file-0001"]

    env_file.write_text('OPENAI_API_KEY="sk-broken\n')
    scheduler.says("environment.unusable")
    house.done(house.client.enqueue("default", "hello again").id)
    scheduler.signal(signal.SIGTERM)
    assert scheduler.ended() == 0
