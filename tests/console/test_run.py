"""`watchkeeper run`: the answer on stdout, the reason on stderr, the exit code for scripts."""

import json
from threading import Thread

import pytest

from tests.console.command_line import CommandLine, Ran
from tests.console.fleet import DEAD_REDIS
from tests.waiting import wait_until
from watchkeeper.contract import DONE_CHANNEL


def run_while(wk: CommandLine, *arguments: str, **ending: object) -> Ran:
    """Run a job that another thread ends as a worker would."""

    def worker() -> None:
        [job] = wait_until(wk.rows.all_jobs)
        wk.rows.change_job(job["id"], finished_at=1, **ending)
        wk.redis.publish(DONE_CHANNEL + job["id"], "done")

    thread = Thread(target=worker)
    thread.start()
    try:
        return wk("run", "default", "hello", *arguments)
    finally:
        thread.join()


def test_the_answer_is_printed(wk: CommandLine) -> None:
    ran = run_while(wk, state="completed", result=json.dumps({"text": "an answer"}))

    assert (ran.code, ran.out, ran.err) == (0, "an answer\n", "")


def test_a_failed_job_ends_with_1_and_its_reason(wk: CommandLine) -> None:
    ran = run_while(wk, state="failed", error_cause="billing", error_message="no credit left")

    assert (ran.code, ran.out) == (1, "")
    assert "failed: billing: no credit left" in ran.err


def test_a_job_that_takes_too_long_goes_on(wk: CommandLine) -> None:
    ran = wk("run", "default", "hello", "--timeout", "0.01")

    [job] = wk.rows.all_jobs()
    assert ran.code == 6
    assert f"watchkeeper jobs show {job['id']}" in ran.err
    assert job["state"] == "queued"


def test_text_comes_from_stdin_and_options_reach_the_row(wk: CommandLine) -> None:
    options = [
        "--no-wait", "--json", "--conversation", "c", "--priority", "high", "--deadline", "10m", "--run-after", "5m",
        "--idempotency-key", "k", "--metadata", '{"a": 1}',
    ]  # fmt: skip
    shown = wk.ok("run", "default", "-", *options, stdin="from stdin").data

    [job] = wk.rows.all_jobs()
    assert (shown["id"], shown["priority"], shown["state"]) == (job["id"], "high", "waiting")
    assert json.loads(job["messages"]) == [{"role": "user", "content": "from stdin"}]
    assert (job["conversation_id"], job["idempotency_key"], job["metadata"]) == ("c", "k", '{"a":1}')
    assert job["deadline"] - job["run_after"] == pytest.approx(300_000, abs=1_000)

    again = wk.ok("run", "default", "hello", "--no-wait", "--idempotency-key", "k")
    assert again.out.strip() == job["id"]
    assert "nothing was enqueued" in again.err


def test_wrong_calls_store_nothing(wk: CommandLine) -> None:
    assert "there is no agent 'defualt' (did you mean 'default'?)" in wk.refused("run", "defualt", "hello")
    assert "has passed" in wk.refused("run", "default", "hello", "--deadline", "2020-01-01T00:00:00Z")
    assert "neither a span" in wk.refused("run", "default", "hello", "--deadline", "soon", code=2)
    assert "is no JSON" in wk.refused("run", "default", "hello", "--metadata", "{", code=2)
    assert "metadata" in wk.refused("run", "default", "hello", "--metadata", "[1]")
    assert "no JSON number" in wk.refused("run", "default", "hello", "--metadata", '{"a": NaN}')
    assert "is empty" in wk.refused("run", "default", " ")
    assert "--priority" in wk.refused("run", "default", "hello", "--priority", "urgent", code=2)


def test_a_job_is_accepted_while_redis_is_away(wk: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", DEAD_REDIS)

    job_id = wk.ok("run", "default", "hello", "--no-wait").out.strip()

    assert wk.rows.job(job_id)["state"] == "queued"
