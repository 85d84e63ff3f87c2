"""One edit of the configuration: changed and published in one transaction, rung, and acknowledged by the workers."""

from collections.abc import Callable
from dataclasses import dataclass

import redis
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from shared.config.acknowledgement import PATIENCE_SECONDS, Acknowledgement, await_acknowledgement
from shared.config.document import difference, snapshot_document
from shared.config.publishing import hold, load_generation, load_newest, publish, ring
from shared.config.servable import unserved
from shared.config.snapshot import Snapshot
from shared.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Applied:
    """What an edit did, in words; `generation` None = what runs is as before; `rung` False = Redis was away.

    `unserved` names agents that lost everybody they could ask; `acknowledged` None = there was nothing to wait for.
    """

    done: list[str]
    generation: int | None
    rung: bool
    unserved: tuple[str, ...] = ()
    acknowledged: Acknowledgement | None = None


def apply_edit(
    engine: Engine,
    client: "redis.Redis",
    edit: Callable[[Connection], list[str]],
    *,
    author: str,
    force: bool = False,
    expected: int | None = None,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Applied:
    """Run `edit`, publish, commit, ring, and wait until the live workers acknowledged.

    Args:
        force: publish although agents lose everybody they could ask.
        expected: the generation the edit was made for; another newest one refuses it.
        patience_seconds: how long workers are waited for; who is late then is named.

    Raises:
        ServiceError: the edit's own, or Unservable; nothing was stored.
    """
    done, before, after = _transact(engine, edit, author=author, force=force, expected=expected, keep=True)
    if after is None:
        return Applied(done, None, True)
    lost = tuple(name for name in unserved(after) if before.generation and name not in unserved(before))
    rung = ring(client, after.generation)
    acknowledged = await_acknowledgement(engine, after.generation, seconds=patience_seconds)
    return Applied(done, after.generation, rung, lost, acknowledged)


def rehearse_edit(
    engine: Engine, edit: Callable[[Connection], list[str]], *, force: bool = False, expected: int | None = None
) -> list[str]:
    """What `edit` would do, with every check of the real thing; nothing is stored.

    Raises:
        ServiceError: it would be refused.
    """
    done, _, after = _transact(engine, edit, author="", force=force, expected=expected, keep=False)
    return done if after is not None else [*done, "what the workers run on would not change"]


def _transact(
    engine: Engine,
    edit: Callable[[Connection], list[str]],
    *,
    author: str,
    force: bool,
    expected: int | None,
    keep: bool,
) -> tuple[list[str], Snapshot, Snapshot | None]:
    done: list[str] = []
    before, after = Snapshot(0), None
    try:
        with engine.begin() as connection:
            hold(connection)
            before = load_newest(connection)
            if expected is not None and before.generation != expected:
                raise ConfigurationError(_overtaken(connection, expected, before))
            done = edit(connection)
            after = publish(connection, author=author, comment="; ".join(done), force=force)
            if not keep:
                connection.rollback()
    except IntegrityError as error:
        raise ConfigurationError(
            "somebody changed the same thing at the same moment; nothing was stored: look and try again"
        ) from error
    return done, before, after


def _overtaken(connection: Connection, expected: int, newest: Snapshot) -> str:
    words = f"refused: this was made for generation {expected}, the newest is {newest.generation}"
    if expected > newest.generation:
        return f"{words}; nothing was stored"
    changes = difference(snapshot_document(load_generation(connection, expected)), snapshot_document(newest))
    return "\n".join([f"{words}; nothing was stored. What changed meanwhile:", *(f"  {line}" for line in changes)])
