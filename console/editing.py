"""One edit of the configuration: changed and published in one transaction, then rung."""

from collections.abc import Callable
from dataclasses import dataclass

import redis
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from shared.config.publishing import publish, ring
from shared.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Applied:
    """What an edit did, in words; `generation` None = what runs is as before; `rung` False = Redis was away."""

    done: list[str]
    generation: int | None
    rung: bool


def apply_edit(
    engine: Engine, client: "redis.Redis", edit: Callable[[Connection], list[str]], *, author: str
) -> Applied:
    """Run `edit`, publish, commit, ring.

    Raises:
        ServiceError: the edit's own; nothing was stored.
    """
    try:
        with engine.begin() as connection:
            done = edit(connection)
            snapshot = publish(connection, author=author, comment="; ".join(done))
    except IntegrityError as error:
        raise ConfigurationError(
            "somebody changed the same thing at the same moment; nothing was stored: look and try again"
        ) from error
    if snapshot is None:
        return Applied(done, None, True)
    return Applied(done, snapshot.generation, ring(client, snapshot.generation))
