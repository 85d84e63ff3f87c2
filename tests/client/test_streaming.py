"""Reading a story from real stores: live, late, interrupted, and when Redis lost it."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.db.tables import steps
from tests.client.conftest import Stores
from tests.client.telling import Claim, Journal, kinds
from tests.waiting import wait_until
from watchkeeper import AsyncClient, Client, Event, EventKind, JobNotFound, JobTimeout, StoryText
from watchkeeper.contract import STREAM
from watchkeeper.story_rows import journal

STARTED, TOKEN, RESET, FINISHED = (
    EventKind.STEP_STARTED,
    EventKind.TOKEN,
    EventKind.STEP_RESET,
    EventKind.STEP_FINISHED,
)
ENDED = (EventKind.ENDED, None)
REPLY = [(STARTED, 1), (TOKEN, 1), (FINISHED, 1), ENDED]


@pytest.fixture
def job_id(client: Client) -> str:
    """A job that asks for a stream."""
    return client.enqueue("default", "x", stream=True).id


def answered(stores: Stores, job_id: str, text: str = "hello") -> Journal:
    """A job with one reply, in SQL only."""
    done = Journal(stores, job_id)
    done.begin()
    done.reply(1, text)
    done.end(text)
    return done


def test_only_a_job_that_asks_for_it_streams(client: Client, stores: Stores, job_id: str) -> None:
    assert stores.row(job_id)["stream"]
    assert not stores.row(client.enqueue("default", "x").id)["stream"]


def test_tokens_arrive_as_they_are_told(client: Client, stores: Stores, job_id: str) -> None:
    worker, told = Claim(stores, job_id), Journal(stores, job_id)
    seen: list[Event] = []

    def follow() -> None:
        seen.extend(iter_into(client, job_id, seen))

    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(follow)
        told.begin()
        worker.say("step_started", 1, kind="llm")
        worker.say("token", 1, text="hel")
        wait_until(lambda: len(seen) == 2)
        worker.say("token", 1, text="lo")
        wait_until(lambda: len(seen) == 3)
        told.reply(1, "hello")
        worker.say("step_finished", 1, kind="llm", text="hello")
        told.end("hello")
        last = worker.say("ended", state="completed", text="hello")
        following.result(10)

    assert kinds(seen) == [(STARTED, 1), (TOKEN, 1), (TOKEN, 1), (FINISHED, 1), ENDED]
    assert seen[-1].id == last
    assert seen[-1].data["result"] == {"text": "hello"}


def iter_into(client: Client, job_id: str, seen: list[Event]) -> list[Event]:
    """Follow a story, showing how far it has come."""
    for event in client.stream(job_id, timeout=30):
        seen.append(event)
    return []


def test_a_late_reader_goes_on_behind_what_it_got(client: Client, stores: Stores, job_id: str) -> None:
    answered(stores, job_id)
    worker = Claim(stores, job_id)
    worker.reply(1, "hel", "lo")
    worker.say("ended", state="completed")

    whole = list(client.stream(job_id, timeout=0))

    assert [event.id for event in whole] == ["1-1", "1-2", "1-3", "1-4", "1-5"]
    for number, event in enumerate(whole[:-1], start=1):
        assert list(client.stream(job_id, after=event.id, timeout=0)) == whole[number:]
    assert list(client.stream(job_id, after="1-5", timeout=0)) == whole[-1:]


def test_a_lost_end_is_found_in_sql(client: Client, stores: Stores, job_id: str) -> None:
    answered(stores, job_id)
    Claim(stores, job_id).reply(1, "hello")

    assert kinds(client.stream(job_id, timeout=0)) == REPLY


def test_a_zombies_words_are_skipped(client: Client, stores: Stores, job_id: str) -> None:
    answered(stores, job_id)
    worker = Claim(stores, job_id, claim=2)
    worker.say("step_started", 1, kind="llm")
    worker.say("token", 1, text="hello")
    Claim(stores, job_id, claim=3).say("token", 1, claim=1, text="from the grave")
    stores.redis.xadd(STREAM + job_id, {"k": "step_finished", "s": 1, "c": 2, "d": '{"kind": "llm"}'}, id="3-2")

    events = list(client.stream(job_id, timeout=0))

    assert "from the grave" not in str(events)
    assert events[-1].data["text"] == "hello"


def test_a_vanished_stream_goes_on_from_sql(client: Client, stores: Stores, job_id: str) -> None:
    worker, told = Claim(stores, job_id), Journal(stores, job_id)
    told.begin()
    worker.say("step_started", 1, kind="llm")
    worker.say("token", 1, text="hel")
    events = client.stream(job_id, timeout=30)
    seen = [next(events), next(events)]

    stores.redis.flushall()
    told.reply(1, "hello", calls=("a",))
    told.tool(2, "a", "found")
    told.reply(3, "the answer")
    told.end("the answer")
    seen += events

    assert kinds(seen) == [
        (STARTED, 1), (TOKEN, 1), (RESET, 1), (STARTED, 1), (TOKEN, 1), (FINISHED, 1),
        (STARTED, 2), (FINISHED, 2), (STARTED, 3), (TOKEN, 3), (FINISHED, 3), ENDED,
    ]  # fmt: skip
    story = StoryText()
    for event in seen[:-1]:
        story.feed(event)
    assert story.replies == {1: "hello", 3: "the answer"}
    assert seen[6].data == {"kind": "tool", "name": "look_up", "arguments": "{}", "tool_call_id": "a"}
    assert seen[-2].data["model"] == "m"


def test_ids_of_either_source_are_taken_by_either(client: Client, stores: Stores, job_id: str) -> None:
    answered(stores, job_id)
    from_sql = list(client.stream(job_id, timeout=0))
    assert kinds(from_sql) == REPLY
    assert kinds(client.stream(job_id, after=from_sql[2].id, timeout=0)) == [ENDED]
    assert kinds(client.stream(job_id, after=from_sql[1].id, timeout=0)) == [(RESET, 1), *REPLY]

    anew = list(client.stream(job_id, after="1-3", timeout=0))  # of a stream that is gone
    assert kinds(anew) == [(RESET, None), *REPLY]

    worker = Claim(stores, job_id)
    worker.reply(1, "hel", "lo")
    assert kinds(client.stream(job_id, after=from_sql[2].id, timeout=0)) == [ENDED]
    assert [event.id for event in client.stream(job_id, after=from_sql[1].id, timeout=0)][1:5] == [
        "1-1", "1-2", "1-3", "1-4",
    ]  # fmt: skip


def test_a_job_without_a_stream_tells_whole_steps(client: Client, stores: Stores) -> None:
    job_id = client.enqueue("default", "x").id
    answered(stores, job_id)

    assert kinds(client.stream(job_id, timeout=0)) == REPLY


def test_without_redis_the_story_comes_from_sql(deaf_client: Client, stores: Stores) -> None:
    job_id = deaf_client.enqueue("default", "x", stream=True).id
    answered(stores, job_id)

    assert kinds(deaf_client.stream(job_id, timeout=5)) == REPLY


def test_an_announcement_wakes_a_reader_of_sql(client: Client, stores: Stores) -> None:
    job_id = client.enqueue("default", "x").id
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(lambda: list(client.stream(job_id, timeout=30)))
        wait_until(lambda: stores.redis.pubsub_numsub(f"watchkeeper:done:{job_id}")[0][1] == 1)
        answered(stores, job_id)
        start = time.monotonic()
        stores.announce(job_id)
        assert kinds(following.result(10)) == REPLY
    assert time.monotonic() - start < 1


def test_a_failed_job_ends_its_story_with_the_reason(client: Client, stores: Stores, job_id: str) -> None:
    Journal(stores, job_id).end("", state="failed", result=None, error_cause="billing", error_message="no credit")

    [ended] = client.stream(job_id, timeout=0)

    assert ended.data == {
        "state": "failed", "text": "", "error_cause": "billing", "error_message": "no credit", "steps": 0,
        "result": None,
    }  # fmt: skip


def test_a_parked_job_says_that_it_waits(client: Client, stores: Stores) -> None:
    job_id = client.enqueue("default", "x").id
    Journal(stores, job_id).change(state="parked")
    events = client.stream(job_id, timeout=0.2)

    waiting = next(events)

    assert (waiting.kind, waiting.data["state"]) == (EventKind.WAITING, "parked")
    with pytest.raises(JobTimeout, match="is still parked"):
        next(events)


def test_a_story_that_takes_too_long_says_that_the_job_goes_on(client: Client, job_id: str) -> None:
    with pytest.raises(JobTimeout, match="it goes on"):
        list(client.stream(job_id, timeout=0.1))
    with pytest.raises(JobNotFound):
        list(client.stream("nope"))


def test_the_clients_idea_of_a_step_is_the_services() -> None:
    for column in journal.columns:
        ours = steps.c[column.name]
        assert str(column.type) == str(ours.type), column.name
        assert (column.primary_key, column.nullable) == (ours.primary_key, ours.nullable), column.name


async def test_the_same_as_coroutines(database_url: str, redis_url: str, stores: Stores) -> None:
    async with AsyncClient(database_url, redis_url) as client:
        job_id = (await client.enqueue("default", "x", stream=True)).id
        worker, told = Claim(stores, job_id), Journal(stores, job_id)
        told.begin()
        worker.reply(1, "hello")
        seen = []
        async for event in client.stream(job_id, timeout=30):
            seen.append(event)
            if event.kind is FINISHED:
                told.reply(1, "hello")
                told.end("hello")
                worker.say("ended")
        assert kinds(seen) == REPLY

        stores.redis.flushall()
        assert kinds([event async for event in client.stream(job_id, after="1-2", timeout=5)]) == [
            (RESET, None),
            *REPLY,
        ]
        with pytest.raises(JobTimeout):
            other = await client.enqueue("default", "x", stream=True)
            async for _ in client.stream(other.id, timeout=0.1):
                pass
