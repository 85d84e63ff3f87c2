"""`run --stream` and `jobs tail`: the reply on stdout, tools and interruptions on stderr."""

import json
from threading import Thread

from tests.client.conftest import Stores
from tests.client.telling import Claim, Journal
from tests.console.command_line import CommandLine
from tests.waiting import wait_until


def tell(wk: CommandLine, job_id: str) -> None:
    """A job that asks for a tool, is interrupted, and answers."""
    stores = Stores(wk.engine, wk.redis)
    told, worker = Journal(stores, job_id), Claim(stores, job_id)
    told.begin()
    worker.say("step_started", 1, kind="llm")
    worker.say("token", 1, text="a first ")
    again = Claim(stores, job_id, claim=2)
    again.say("step_reset", 1, why="its worker died")
    told.reply(1, "", calls=("a",), claim=2)
    told.tool(2, "a", "noon\x1b[2J", claim=2)
    again.say("step_started", 3, kind="llm")
    told.reply(3, "it is noon", claim=2)
    again.say("token", 3, text="it is noon")
    again.say("step_finished", 3, kind="llm", text="it is noon")
    told.end("it is noon")
    again.say("ended")


def test_a_story_is_followed_to_its_end(wk: CommandLine) -> None:
    [job] = wk.rows.enqueue(stream=True)
    tell(wk, job)

    ran = wk.ok("jobs", "tail", job[-8:], "--timeout", "5")

    assert ran.out == "a first \nit is noon\n"
    assert "(this step begins anew: its worker died)" in ran.err
    assert "\x1b" not in ran.err


def test_json_is_one_event_a_line_and_goes_on_after_any(wk: CommandLine) -> None:
    [job] = wk.rows.enqueue(stream=True)
    tell(wk, job)

    events = [json.loads(line) for line in wk.ok("jobs", "tail", job, "--json").out.splitlines()]

    assert events[0] == {"id": "1-1", "kind": "step_started", "step": 1, "data": {"kind": "llm"}}
    assert events[-1]["kind"] == "ended"
    after = wk.ok("jobs", "tail", job, "--json", "--after", events[-2]["id"])
    assert [json.loads(line)["kind"] for line in after.out.splitlines()] == ["ended"]


def test_run_shows_what_is_told(wk: CommandLine) -> None:
    def worker() -> None:
        [job] = wait_until(wk.rows.all_jobs)
        assert job["stream"]
        tell(wk, job["id"])

    thread = Thread(target=worker)
    thread.start()
    ran = wk("run", "default", "hello", "--stream")
    thread.join()

    assert (ran.code, ran.out.splitlines()[-1]) == (0, "it is noon")


def test_a_failed_job_ends_with_1_and_its_reason(wk: CommandLine) -> None:
    [job] = wk.rows.enqueue(state="failed", error_cause="billing", error_message="no credit")

    ran = wk("jobs", "tail", job)

    assert (ran.code, ran.out) == (1, "")
    assert f"job {job} failed: billing: no credit" in ran.err


def test_an_answer_told_in_no_reply_is_printed(wk: CommandLine) -> None:
    [job] = wk.rows.enqueue(state="completed", result=json.dumps({"text": "from nowhere"}))

    assert wk.ok("jobs", "tail", job).out == "from nowhere\n"


def test_a_job_that_takes_too_long_goes_on(wk: CommandLine) -> None:
    [job] = wk.rows.enqueue()

    assert "it goes on" in wk.refused("jobs", "tail", job, "--timeout", "0.05", code=6)
    assert wk("run", "default", "hello", "--stream", "--timeout", "0.05").code == 6
