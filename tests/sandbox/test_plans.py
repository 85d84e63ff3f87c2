"""Scripts at run time: who meets what, how often, and what is counted."""

import httpx
import pytest

from sandbox.control import SandboxError
from sandbox.plan import PlanError, read_plan
from tests.sandbox.speakers import Speaker
from tests.sandbox_fixture import Sandbox


@pytest.fixture
def asker(speaking: dict[str, Speaker]) -> Speaker:
    return speaking["openai"]


def statuses(asker: Speaker, count: int, **given: str) -> list[int]:
    return [asker.ask("hi", **given).status_code for _ in range(count)]  # type: ignore[arg-type]


def test_a_behaviour_lasts_for_its_times_and_then_comes_the_next(sandbox: Sandbox, asker: Speaker) -> None:
    sandbox.control.set_key("key-1", "invalid", times=2, then="server_error")
    assert statuses(asker, 4) == [401, 401, 500, 500]


def test_a_sequence_is_followed_in_order(sandbox: Sandbox, asker: Speaker) -> None:
    sandbox.control.set_key("key-1", ["overloaded", {"behaviour": "invalid", "times": 2}, "ok", "rate_limit"])
    assert statuses(asker, 6) == [503, 401, 401, 200, 429, 200]


def test_the_nearest_plan_counts(sandbox: Sandbox, asker: Speaker) -> None:
    control = sandbox.control
    control.set_default("server_error")
    control.set_default("overloaded", model="big")
    control.set_key("mine", "ok")
    control.set_key("mine", "invalid", model="big")
    assert statuses(asker, 1) == [500]
    assert statuses(asker, 1, model="big") == [503]
    assert statuses(asker, 1, key="mine") == [200]
    assert statuses(asker, 1, key="mine", model="big") == [401]
    control.forget_key("mine")
    control.forget_default()
    assert statuses(asker, 1, key="mine", model="big") == [200]


def test_the_default_delay_holds_for_every_right_answer(sandbox: Sandbox, asker: Speaker) -> None:
    sandbox.control.set_key("key-1", "invalid", times=1)
    sandbox.control.set_default(delay_seconds=0.2)
    asker.ask("hi")
    assert asker.ask("hi").elapsed.total_seconds() >= 0.2
    assert asker.ask("hi", key="key-2").elapsed.total_seconds() >= 0.2


def test_calls_are_counted_per_key_path_and_behaviour(sandbox: Sandbox, speaking: dict[str, Speaker]) -> None:
    sandbox.control.set_key("a", "invalid", times=1)
    speaking["openai"].ask("hi", key="a")
    speaking["openai"].ask("hi", key="a")
    speaking["anthropic"].ask("hi", key="b")
    counts = sandbox.control.calls()
    assert (counts["total"], counts["failed"]) == (3, 1)
    assert counts["wires"] == {"openai": 2, "anthropic": 1}
    assert counts["keys"]["a"] == {
        "total": 2,
        "paths": {"/openai/v1/chat/completions": 2},
        "behaviours": {"invalid": 1, "ok": 1},
    }


def test_the_log_tells_each_request_once_and_in_order(sandbox: Sandbox, speaking: dict[str, Speaker]) -> None:
    response = speaking["anthropic"].ask("one", ("assistant", "two"), "three", key="sk-ant-sandbox-0001")
    speaking["gemini"].ask("hi", stream=True)
    first, second = sandbox.control.log()
    assert (first.wire, first.path, first.key) == ("anthropic", "/anthropic/v1/messages", "sk-ant-sandbox-0001")
    assert (first.messages, first.stream, first.behaviour) == (3, False, "ok")
    assert first.request_id == response.headers["request-id"]
    assert (second.wire, second.stream, second.model) == ("gemini", True, "gemini-2.5-flash")
    assert second.n == first.n + 1
    assert second.monotonic_ms >= first.monotonic_ms
    assert sandbox.control.log(after=first.n) == [second]


def test_reset_forgets_everything_but_never_reuses_a_number(sandbox: Sandbox, asker: Speaker) -> None:
    sandbox.control.set_key("key-1", "invalid")
    asker.ask("hi")
    before = sandbox.control.log()[-1].n
    sandbox.control.reset()
    assert sandbox.control.calls()["total"] == 0
    assert statuses(asker, 1) == [200]
    assert [entry.n for entry in sandbox.control.log()] == [before + 1]


def test_a_key_with_odd_characters_can_be_scripted(sandbox: Sandbox, asker: Speaker) -> None:
    sandbox.control.set_key("a/b%2F?c", "invalid")
    assert statuses(asker, 1, key="a/b%2F?c") == [401]


def test_a_wrong_plan_is_refused_and_changes_nothing(sandbox: Sandbox, asker: Speaker) -> None:
    with pytest.raises(SandboxError, match=r"plan\.behaviour: 'broken' is no behaviour"):
        sandbox.control.set_key("key-1", "broken")
    response = httpx.put(f"{sandbox.url}/_sandbox/default", content=b"{")
    assert response.status_code == 400
    assert statuses(asker, 1) == [200]


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ([], "plan"),
        ({"behavior": "ok"}, "plan.behavior"),
        ({"behaviour": 1}, "plan.behaviour"),
        ({"then": "soon"}, "plan.then"),
        ({"times": 0}, "plan.times"),
        ({"times": True}, "plan.times"),
        ({"delay_seconds": -1}, "plan.delay_seconds"),
        ({"delay_seconds": float("nan")}, "plan.delay_seconds"),
        ({"retry_after_seconds": "1"}, "plan.retry_after_seconds"),
        ({"model": ""}, "plan.model"),
        ({"sequence": []}, "plan.sequence"),
        ({"sequence": ["ok"], "times": 1}, "plan.times"),
        ({"sequence": ["ok", {"times": -1}]}, "plan.sequence[1].times"),
        ({"sequence": [["ok"]]}, "plan.sequence[0]"),
    ],
)
def test_a_plan_error_names_the_field(data: object, field: str) -> None:
    with pytest.raises(PlanError) as caught:
        read_plan(data)
    assert caught.value.field == field
