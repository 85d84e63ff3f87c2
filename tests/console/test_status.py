"""`watchkeeper status` and `doctor`: what they find, and the exit code it amounts to."""

from pathlib import Path

import pytest
from sqlalchemy import insert

from shared.db.tables import leases
from tests.console.command_line import KEY, CommandLine
from tests.console.fleet import DEAD_REDIS, add, now_ms, set_aside
from watchkeeper.clock import db_now


def start(wk: CommandLine) -> None:
    """A scheduler that leads and a worker on generation 1, as SQL shows them."""
    wk.rows.incarnation("w1", generation=1, running=2)
    with wk.engine.begin() as connection:
        connection.execute(
            insert(leases).values(name="scheduler", holder="s1", token=1, expires_at=db_now() + 60_000)
        )


def findings(wk: CommandLine) -> dict[str, str]:
    return {finding["check"]: finding["level"] for finding in wk("doctor", "--json").data}


def test_all_is_well(wk: CommandLine) -> None:
    add(wk)
    start(wk)
    wk.rows.enqueue(state="completed")

    status = wk.json("status")

    assert (status["leader"], status["jobs"], status["keys"]) == (
        "s1",
        {"completed": 1},
        {"groq": {"ready": 1, "of": 1, "unknown": 0}},
    )
    assert (status["generation"], status["generation_in_redis"]) == (1, 1)
    assert "1 alive, 2 jobs in their hands" in wk.ok("status").out
    assert wk.json("workers", "ls")["workers"][0]["running"] == 2
    doctor = wk("doctor", "--json")
    assert doctor.code == 0, doctor.out
    assert set(findings(wk).values()) <= {"ok", "warn"}


def test_no_worker_and_no_scheduler_is_degraded(wk: CommandLine) -> None:
    add(wk)

    ran = wk("status")

    assert ran.code == 4
    assert "no scheduler leads" in ran.err and "no worker is running" in ran.err
    assert wk("doctor").code == 4
    assert (findings(wk)["scheduler"], findings(wk)["workers"]) == ("fail", "fail")


def test_nobody_to_ask_is_an_emergency(wk: CommandLine) -> None:
    start(wk)
    assert wk("status").code == 5

    add(wk)
    set_aside(wk, wk.json("keys", "ls")[0]["fingerprint"], until_ms=now_ms(wk.redis) + 60_000)

    ran = wk("status", "--json")
    assert ran.code == ran.data["exit_code"] == 5
    assert ran.data["keys"]["groq"] == {"ready": 0, "of": 1, "unknown": 0}
    doctor = wk("doctor")
    assert doctor.code == 4
    assert "FAIL  agent default" in doctor.out and "quarantined for" in doctor.out


def test_some_keys_aside_is_degraded(wk: CommandLine) -> None:
    add(wk)
    add(wk, key=KEY + "2")
    start(wk)
    set_aside(wk, wk.json("keys", "ls")[0]["fingerprint"], until_ms=now_ms(wk.redis) + 60_000)

    ran = wk("status")

    assert ran.code == 4
    assert "1 of 2 keys of groq are aside" in ran.err


def test_stores_away_are_told_by_name(wk: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REDIS_URL", DEAD_REDIS)
    ran = wk("status", "--json")
    assert (ran.code, ran.data["sql"]) == (3, "ok")
    assert "127.0.0.1:1" in ran.data["redis"]
    assert "Redis -, workers -" in wk("status").out and "None" not in wk("status").out
    assert wk("doctor").code == 3

    monkeypatch.setenv("DATABASE_URL", "postgresql://user:geheim@127.0.0.1:1/none")
    ran = wk("status", "--json")
    assert ran.code == 3
    assert "127.0.0.1" in ran.data["sql"] and "geheim" not in ran.out
    assert findings(wk)["sql"] == "fail"


@pytest.mark.parametrize("url", ["foo://:geheim@host", "redis://:ge/heim@host:6379", "redis://host:port"])
def test_a_redis_url_that_cannot_be_read_is_told_without_its_words(
    wk: CommandLine, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    for command in (["status"], ["doctor"], ["run", "default", "hello"]):
        ran = wk(*command)
        assert ran.code != 0
        assert "REDIS_URL cannot be read" in ran.err and "heim" not in ran.out + ran.err


def test_an_environment_key_that_the_fleet_does_not_know_is_named(
    wk: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(wk)
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    assert findings(wk)["environment keys"] == "ok"

    monkeypatch.setenv("GROQ_API_KEY_2", KEY + "2")
    told = wk("doctor").out
    assert "GROQ_API_KEY_2 of this host are unknown" in told and KEY not in told


def test_the_doctor_finds_what_is_broken_on_this_host(
    wk: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    add(wk)
    (tmp_path / ".env").write_text("FINE=1\nthis is no line\n")
    (tmp_path / "home").mkdir(mode=0o755)
    monkeypatch.setenv("WATCHKEEPER_MASTER_KEY", "B" * 43 + "=")

    found = findings(wk)

    assert (found[".env"], found["home"], found["master key"]) == ("fail", "fail", "fail")
    monkeypatch.setenv("WATCHKEEPER_DRAIN_SECONDS", "soon")
    assert findings(wk)["settings"] == "fail"
