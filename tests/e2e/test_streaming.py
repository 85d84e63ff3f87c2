"""Stories of real jobs: live, whole though their worker is killed or Redis is wiped, continued by a late reader."""

import json
import os
import signal
from collections.abc import Iterator

import pytest

from tests.e2e.house import House
from tests.waiting import wait_until
from watchkeeper import Event, EventKind, StoryText

TALK = "go [[tools=2]] [[tokens=60]] [[rate=20]]"


@pytest.fixture
def busy(house: House) -> Iterator[House]:
    """Two workers under `up`, which mourns a dead one at once; the answer takes 3 s."""
    house.change_agent(tools='["current_time"]')
    up = house.processes.watchkeeper("up", "--workers", "2")
    wait_until(lambda: len([row for row in house.rows.alive() if row["heartbeat"] > 0]) == 2, 60)
    yield house
    assert up.stop() == 0


def assert_whole(house: House, job_id: str, told: list[Event]) -> None:
    """Its tokens are the journal's replies, and it ended once with the job's text."""
    story = StoryText()
    for event in told:
        if event.kind is not EventKind.ENDED:
            story.feed(event)
    steps = [row for row in house.rows.steps(job_id) if row["kind"] == "llm"]
    replies = {row["number"]: json.loads(row["result"])["message"]["content"] for row in steps}
    assert {number: text for number, text in replies.items() if text} == story.replies
    assert [event.kind for event in told].count(EventKind.ENDED) == 1
    assert story.text == told[-1].data["text"] == house.client.get(job_id).text


@pytest.mark.timeout(120)
def test_a_kill_in_the_middle_of_a_reply_is_taken_back_and_told_anew(busy: House) -> None:
    job = busy.client.enqueue("default", TALK, stream=True)
    told: list[Event] = []
    for event in busy.client.stream(job.id, timeout=90):
        told.append(event)
        if event.kind is EventKind.TOKEN and not any(one.kind is EventKind.TOKEN for one in told[:-1]):
            holder = busy.holder(job.id)
            assert holder is not None
            os.kill(holder, signal.SIGKILL)

    assert EventKind.STEP_RESET in [event.kind for event in told]
    assert_whole(busy, job.id, told)
    assert [event.data.get("name") for event in told if event.data.get("arguments")] == ["current_time"] * 2


@pytest.mark.timeout(120)
def test_a_wiped_redis_and_a_late_reader_get_the_whole_story(busy: House) -> None:
    job = busy.client.enqueue("default", TALK, stream=True)
    told: list[Event] = []
    for event in busy.client.stream(job.id, timeout=90):
        told.append(event)
        if event.kind is EventKind.TOKEN:
            break
    busy.redis.flushall()
    told += busy.client.stream(job.id, after=told[-1].id, timeout=90)
    assert_whole(busy, job.id, told)

    other = busy.client.enqueue("default", TALK, stream=True)
    live = list(busy.client.stream(other.id, timeout=90))
    assert_whole(busy, other.id, live)
    assert len([event for event in live if event.kind is EventKind.TOKEN]) > 3
    for number in range(0, len(live) - 1, 5):
        late = list(busy.client.stream(other.id, after=live[number].id, timeout=30))
        assert late == live[number + 1 :]
