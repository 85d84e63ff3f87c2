"""A story is told whole, whatever its workers and its stream go through, and however often its reader comes back."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.client.stories import KINDS, World, read
from watchkeeper import Event, EventKind, StoryText
from watchkeeper.story_place import place_id, place_of

LEAVES = st.lists(st.integers(1, 12), max_size=4)


def net(events: list[Event]) -> dict[int, list[EventKind]]:
    """What stands of each step, after all that was taken back."""
    standing: dict[int, list[EventKind]] = {}
    for event in events:
        if event.kind is EventKind.STEP_RESET and event.step is None:
            standing.clear()
        elif event.kind is EventKind.STEP_RESET and event.step is not None:
            standing.pop(event.step, None)
        elif event.step is not None:
            standing.setdefault(event.step, []).append(event.kind)
    return standing


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 2**32), leaves=LEAVES)
def test_joined_tokens_are_exactly_the_journal(seed: int, leaves: list[int]) -> None:
    world = World(Random(seed))
    told: list[Event] = []
    for count in leaves:
        told += read(world, told[-1].id if told else None, count)
    told += read(world, told[-1].id if told else None)

    story = StoryText()
    for event in told:
        if event.kind is not EventKind.ENDED:
            story.feed(event)
    assert story.replies == {n: world.journal[n].text for n in range(1, 7) if KINDS[n - 1] == "llm"}
    assert story.text == world.journal[6].text
    for number, kinds in net(told).items():
        assert kinds[0] is EventKind.STEP_STARTED, (number, told)
        assert kinds[-1] is EventKind.STEP_FINISHED
        assert kinds.count(EventKind.STEP_STARTED) == kinds.count(EventKind.STEP_FINISHED) == 1
    assert sorted(net(told)) == [1, 2, 3, 4, 5, 6]
    assert told[-1].kind is EventKind.ENDED
    assert told[-1].data["text"] == world.journal[6].text


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_it_ends_once_and_any_id_of_it_is_taken(seed: int) -> None:
    world = World(Random(seed))
    told = read(world, None)

    assert [event.kind for event in told].count(EventKind.ENDED) == 1
    for event in told:
        rest = read(world, event.id)
        assert [one.kind for one in rest].count(EventKind.ENDED) == 1
        assert rest[-1].kind is EventKind.ENDED


def test_an_id_nobody_gave_takes_back_everything() -> None:
    story = StoryText()
    story.feed(Event("9-1", EventKind.TOKEN, 1, {"text": "of another life"}))
    for event in read(World(Random(1)), "9-1"):
        story.feed(event)

    assert "of another life" not in str(story.replies)
    first = read(World(Random(1)), "nonsense")[0]
    assert (first.kind, first.step) == (EventKind.STEP_RESET, None)


@given(finished=st.sets(st.integers(1, 30)), begun=st.sets(st.integers(1, 30)))
def test_a_place_reads_back(finished: set[int], begun: set[int]) -> None:
    assert place_of(place_id(finished, begun)) == (finished, begun)


def test_places_are_short() -> None:
    assert place_id({1, 2, 3, 4, 6}, {5}) == "sql-4.6-5"
    assert place_id((), ()) == "sql-0-"
    assert place_of("3-12") is None
