"""`watchkeeper jobs`: what is told of jobs, and what people may do with them."""

import pytest

from tests.console.command_line import CommandLine
from tests.console.fleet import DEAD_REDIS
from watchkeeper.contract import DONE_CHANNEL, WAKE_QUEUE


def test_the_list_is_filtered_and_newest_first(wk: CommandLine) -> None:
    first, second = wk.rows.enqueue(2)
    [third] = wk.rows.enqueue(agent="other", state="failed", error_cause="deadline")

    assert [job["id"] for job in wk.json("jobs", "ls")] == [third, second, first]
    assert [job["id"] for job in wk.json("jobs", "ls", "--agent", "other", "--state", "failed", "--since", "1h")] == [
        third
    ]
    assert [job["id"] for job in wk.json("jobs", "ls", "--limit", "1")] == [third]
    assert "deadline" in wk.ok("jobs", "ls").out
    assert "no such jobs" in wk.ok("jobs", "ls", "--state", "dead").err
    assert "no span of time" in wk.refused("jobs", "ls", "--since", "yesterday", code=2)


def test_a_job_is_shown_by_any_end_of_its_id(wk: CommandLine) -> None:
    [job] = wk.rows.enqueue(text="what now? [not markup]")

    assert wk.json("jobs", "show", job[-6:])["job"]["id"] == job
    assert "what now? [not markup]" in wk.ok("jobs", "show", job).out
    assert "there is no job 'ffffffff'" in wk.refused("jobs", "show", "ffffffff")
    assert "no job id" in wk.refused("jobs", "show", "%")


def test_a_part_that_fits_two_jobs_is_refused(wk: CommandLine) -> None:
    first, second = wk.rows.enqueue(2)

    said = wk.refused("jobs", "cancel", first[:8])

    assert first in said and second in said


@pytest.mark.parametrize("state", ["queued", "waiting", "parked"])
def test_a_job_at_rest_is_cancelled_at_once_and_announced(wk: CommandLine, state: str) -> None:
    [job] = wk.rows.enqueue(state=state)
    wk.redis.zadd(WAKE_QUEUE, {job: 1})
    with wk.redis.pubsub() as ear:  # type: ignore[no-untyped-call]  # redis-py's own gap
        ear.subscribe(DONE_CHANNEL + job)
        ear.get_message(timeout=5)

        assert wk.ok("jobs", "cancel", job, "--json").data == [{"id": job, "outcome": "cancelled"}]

        assert ear.get_message(ignore_subscribe_messages=True, timeout=5) is not None
    stored = wk.rows.job(job)
    assert (stored["state"], stored["error_cause"]) == ("cancelled", "cancelled")
    assert stored["finished_at"] is not None
    assert wk.redis.zcard(WAKE_QUEUE) == 0


def test_a_running_job_is_asked_to_stop_and_an_ended_one_is_left(wk: CommandLine) -> None:
    [running] = wk.rows.enqueue(state="running", claimed_by="someone", claim_token=1)
    [ended] = wk.rows.enqueue(state="completed")

    ran = wk("jobs", "cancel", running, ended)

    assert ran.code == 1
    assert "its worker was told to stop it" in ran.err and "had ended before" in ran.err
    assert (wk.rows.job(running)["state"], wk.rows.job(running)["cancel_requested"]) == ("running", True)
    assert wk.rows.job(ended)["state"] == "completed"


def test_cancelling_wakes_the_next_job_of_the_conversation(wk: CommandLine) -> None:
    first, second, third = wk.rows.enqueue(3, conversation_id="c")

    wk.ok("jobs", "cancel", first)
    assert wk.redis.zrange(WAKE_QUEUE, 0, -1) == [second]

    wk.redis.delete(WAKE_QUEUE)
    wk.ok("jobs", "cancel", second, third)
    assert wk.redis.zrange(WAKE_QUEUE, 0, -1) == []


def test_one_unknown_id_cancels_none(wk: CommandLine) -> None:
    [job] = wk.rows.enqueue()

    wk.refused("jobs", "cancel", job, "ffffffff")


@pytest.mark.parametrize("state", ["failed", "cancelled", "dead"])
def test_an_ended_job_is_queued_again_with_its_journal(wk: CommandLine, state: str) -> None:
    [job] = wk.rows.enqueue(
        state=state, steps=2, claim_token=3, cancel_requested=True, error_cause="internal_error",
        error_message="x", started_at=3, claimed_at=4, finished_at=5, yields=3, deadline=1, woken_at=1,
    )  # fmt: skip

    wk.ok("jobs", "retry", job)

    stored = wk.rows.job(job)
    cleared = ("error_cause", "error_message", "finished_at", "deadline", "woken_at")
    assert {name: stored[name] for name in cleared} == dict.fromkeys(cleared)
    assert (stored["state"], stored["steps"], stored["claim_token"]) == ("queued", 2, 3)
    assert (stored["cancel_requested"], stored["yields"]) == (False, 0)
    assert wk.rows.events(job) == ["retried"]
    told = f"it had ended as {state} (internal_error) with 2 steps finished; its deadline"
    assert told in wk.ok("jobs", "show", job).out
    assert wk.redis.zrange(WAKE_QUEUE, 0, -1) == [job]


@pytest.mark.parametrize("state", ["completed", "queued", "running"])
def test_a_job_with_an_answer_or_without_an_end_is_not_retried(wk: CommandLine, state: str) -> None:
    [job] = wk.rows.enqueue(state=state)

    assert job in wk.refused("jobs", "retry", job)


def test_a_job_is_cancelled_while_redis_is_away(wk: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    [job] = wk.rows.enqueue()
    monkeypatch.setenv("REDIS_URL", DEAD_REDIS)

    assert "Redis is away" in wk.ok("jobs", "cancel", job).err
    assert wk.rows.job(job)["state"] == "cancelled"


def test_control_characters_in_tables_reach_no_terminal(wk: CommandLine) -> None:
    wk.rows.enqueue(agent="bad\x1b[31magent")

    assert "\x1b" not in wk.ok("jobs", "ls").out
