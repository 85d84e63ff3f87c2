"""A checked call of `enqueue`: pure, so that a wrong call fails before anything is stored."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from watchkeeper.clock import to_ms
from watchkeeper.contract import MAX_METADATA_BYTES, MAX_NAME_LENGTH
from watchkeeper.errors import InvalidJob
from watchkeeper.json_text import encode
from watchkeeper.messages import Messages, encode_messages
from watchkeeper.states import Priority


@dataclass(frozen=True, slots=True)
class Submission:
    """The values of one new row, as the table stores them."""

    id: str
    agent: str
    messages: str
    priority: Priority
    conversation_id: str | None
    idempotency_key: str | None
    metadata: str | None
    run_after: int | None
    deadline: int | None
    stream: bool = False


class Options(TypedDict):
    """The optional arguments of `enqueue`."""

    conversation_id: str | None
    idempotency_key: str | None
    priority: Priority | str
    run_after: datetime | None
    deadline: datetime | None
    metadata: Mapping[str, Any] | None
    stream: bool


def check(
    agent: str,
    messages: Messages,
    *,
    job_id: str,
    now: datetime,
    conversation_id: str | None,
    idempotency_key: str | None,
    priority: Priority | str,
    run_after: datetime | None,
    deadline: datetime | None,
    metadata: Mapping[str, Any] | None,
    stream: bool = False,
) -> Submission:
    """What to store; `now` is the caller's clock.

    Raises:
        InvalidJob: names the field and the mend.
    """
    start = _moment("run_after", run_after)
    end = _moment("deadline", deadline)
    if end is not None and end <= to_ms(now):
        raise InvalidJob("deadline", f"{deadline} has passed (it is {now}): the job could never finish in time")
    if start is not None and end is not None and end <= start:
        raise InvalidJob("deadline", f"{deadline} is not after run_after {run_after}")
    return Submission(
        id=job_id,
        agent=_name("agent", agent),
        messages=encode_messages(messages),
        priority=_priority(priority),
        conversation_id=None if conversation_id is None else _name("conversation_id", conversation_id),
        idempotency_key=None if idempotency_key is None else _name("idempotency_key", idempotency_key),
        metadata=None if metadata is None else _metadata(metadata),
        run_after=start,
        deadline=end,
        stream=bool(stream),
    )


def _name(field: str, name: str) -> str:
    if not isinstance(name, str):
        raise InvalidJob(field, f"is a {type(name).__name__}: give a string")
    if not name.strip():
        raise InvalidJob(field, "is empty: give a name, or leave it out where it is optional")
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidJob(field, f"has {len(name)} characters, at most {MAX_NAME_LENGTH}: use a hash of it")
    for position, character in enumerate(name):
        if unicodedata.category(character) in ("Cc", "Cs"):
            raise InvalidJob(field, f"character {position} is {character!r}: use printable characters")
    return name


def _priority(priority: Priority | str) -> Priority:
    if isinstance(priority, Priority):
        return priority
    if isinstance(priority, str) and priority.upper() in Priority.__members__:
        return Priority[priority.upper()]
    known = ", ".join(repr(name.lower()) for name in Priority.__members__)
    raise InvalidJob("priority", f"{priority!r} is not known: give one of {known}, or a Priority")


def _moment(field: str, moment: datetime | None) -> int | None:
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        raise InvalidJob(field, f"is a {type(moment).__name__}: give a datetime with a time zone")
    try:
        return to_ms(moment)
    except ValueError as error:
        raise InvalidJob(field, str(error)) from None


def _metadata(metadata: Mapping[str, Any]) -> str:
    if not isinstance(metadata, Mapping):
        raise InvalidJob("metadata", f"is a {type(metadata).__name__}: give a dict")
    return encode(dict(metadata), "metadata", MAX_METADATA_BYTES)
