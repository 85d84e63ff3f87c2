"""A wrong call says which part is wrong and how to mend it, and stores nothing."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from watchkeeper import Client, InvalidJob
from watchkeeper.contract import MAX_METADATA_BYTES, MAX_NAME_LENGTH, jobs
from watchkeeper.engine import build_engine

NOW = datetime.now(UTC)
ITSELF: list[Any] = []
ITSELF.append(ITSELF)


def user(content: Any) -> dict[str, Any]:
    """One user message."""
    return {"role": "user", "content": content}


MESSAGES: list[tuple[Any, str, str]] = [
    ("", "messages", "is empty"),
    ("  \n", "messages", "is empty"),
    ([], "messages", "is empty"),
    (None, "messages", "is a NoneType"),
    (b"x", "messages[0]", "is a int"),
    (user("x"), "messages", "is a dict: give a string or a list"),
    ([user("x"), "y"], "messages[1]", "is a str"),
    ([user("x"), {"content": "y"}], "messages[1].role", "is missing: give one of system, user"),
    ([{"role": "human", "content": "y"}], "messages[0].role", "is 'human'"),
    ([{"role": ["user"], "content": "y"}], "messages[0].role", "is ['user']"),
    ([{"role": "user"}], "messages[0].content", "is missing"),
    ([user(" ")], "messages[0].content", "is empty"),
    ([user(None)], "messages[0].content", "is None"),
    ([user([])], "messages[0].content", "is an empty list"),
    ([user(["text"])], "messages[0].content[0]", "is no part"),
    ([user([{"text": "no type"}])], "messages[0].content[0]", "is no part"),
    ([{"role": "assistant", "content": None}], "messages[0].content", "is None"),
    ([{"role": "tool", "content": "4"}], "messages[0].tool_call_id", "is missing: name the call"),
    ([user([{"type": "x", "at": NOW}])], "messages[0].content[0].at", "a datetime is no JSON: use .isoformat()"),
    (["x"], "messages[0]", "is a str"),
    ("lone \ud800 half", "messages[0].content", "character 5 is half of a surrogate pair"),
    ("x" * 10 * 1024 * 1024, "messages", "bytes as JSON, at most 4194304"),
]

OPTIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"metadata": {"user": {"created": NOW}}}, "metadata.user.created", "use .isoformat()"),
    ({"metadata": {"a": [1, {"b": {1, 2}}]}}, "metadata.a[1].b", "a set is no JSON"),
    ({"metadata": {"a": math.nan}}, "metadata.a", "nan is no JSON number"),
    ({"metadata": {"a": [-math.inf]}}, "metadata.a[0]", "-inf is no JSON number"),
    ({"metadata": {"a": {7: "x"}}}, "metadata.a", "key 7 is a int"),
    ({"metadata": {"a": "\udfff"}}, "metadata.a", "half of a surrogate pair"),
    ({"metadata": {"\udfff": 1}}, "key of metadata", "half of a surrogate pair"),
    ({"metadata": {"a": ITSELF}}, "metadata.a" + "[0]" * 64, "or contains itself"),
    ({"metadata": ["x"]}, "metadata", "is a list: give a dict"),
    ({"metadata": "x"}, "metadata", "is a str: give a dict"),
    ({"metadata": {"a": "x" * MAX_METADATA_BYTES}}, "metadata", "at most 65536"),
    ({"conversation_id": ""}, "conversation_id", "is empty"),
    ({"conversation_id": "a\nb"}, "conversation_id", "character 1 is '\\n'"),
    ({"conversation_id": 7}, "conversation_id", "is a int: give a string"),
    ({"idempotency_key": "x" * (MAX_NAME_LENGTH + 1)}, "idempotency_key", "has 201 characters, at most 200"),
    ({"idempotency_key": "a\x00"}, "idempotency_key", "character 1 is '\\x00'"),
    ({"idempotency_key": "\ud800"}, "idempotency_key", "character 0"),
    ({"agent": " "}, "agent", "is empty"),
    ({"agent": None}, "agent", "is a NoneType"),
    ({"priority": "urgent"}, "priority", "'urgent' is not known: give one of 'high', 'normal', 'low'"),
    ({"priority": True}, "priority", "True is not known"),
    ({"priority": None}, "priority", "None is not known"),
    ({"deadline": NOW - timedelta(seconds=1)}, "deadline", "has passed"),
    ({"deadline": NOW.replace(tzinfo=None)}, "deadline", "has no time zone"),
    ({"deadline": 1700000000}, "deadline", "is a int: give a datetime"),
    ({"run_after": NOW.replace(tzinfo=None)}, "run_after", "has no time zone"),
    (
        {"run_after": NOW + timedelta(hours=2), "deadline": NOW + timedelta(hours=1)},
        "deadline",
        "is not after run_after",
    ),
    ({"connection": "postgresql://"}, "connection", "Client takes a SQLAlchemy Connection or Session"),
]


def refused(database_url: str, redis_url: str, **options: Any) -> InvalidJob:
    """What a call with these arguments raises; nothing is stored."""
    with Client(database_url, redis_url) as client, pytest.raises(InvalidJob) as raised:
        client.enqueue(**({"agent": "default", "messages": "x"} | options))
    engine = build_engine(database_url)
    with engine.begin() as connection:
        assert connection.execute(select(func.count()).select_from(jobs)).scalar_one() == 0
    engine.dispose()
    return raised.value


@pytest.mark.parametrize(("messages", "field", "problem"), MESSAGES, ids=range(len(MESSAGES)))
def test_wrong_messages_are_named_by_index_and_key(
    messages: Any, field: str, problem: str, sqlite_url: str, redis_url: str
) -> None:
    error = refused(sqlite_url, redis_url, messages=messages)

    assert error.field == field
    assert problem in str(error)
    assert len(str(error)) < 300


@pytest.mark.parametrize(("options", "field", "problem"), OPTIONS, ids=range(len(OPTIONS)))
def test_wrong_options_are_named(
    options: dict[str, Any], field: str, problem: str, sqlite_url: str, redis_url: str
) -> None:
    error = refused(sqlite_url, redis_url, **options)

    assert error.field == field
    assert problem in str(error)
    assert isinstance(error, ValueError)


def test_a_whole_tool_conversation_with_parts_and_extra_keys_is_accepted(client: Client) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    job = client.enqueue(
        "default",
        [
            {"role": "system", "content": "be short", "cache_control": {"type": "ephemeral"}},
            {"role": "user", "content": [{"type": "text", "text": "2+2?"}]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "4"},
            {"role": "assistant", "content": ""},
        ],
    )

    assert client.get(job.id).id == job.id
