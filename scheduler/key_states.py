"""Keeps the key states of Redis and SQL equal: no dying worker and no wipe forgets a quarantine."""

from dataclasses import dataclass
from typing import Any, Final

import redis
import structlog
from redis.exceptions import RedisError
from sqlalchemy import Connection, Engine, select

from scheduler.report import Report
from shared.db.reading import reading
from shared.db.tables import key_standings
from shared.keystate import ledger
from shared.keystate.standing import Standing
from shared.redis.names import KEY_STATES, KEY_STATES_KEPT

log = structlog.get_logger()

INTERVAL_SECONDS: Final = 1.0
_TOLD_BY: Final = "scheduler"


@dataclass(frozen=True, slots=True)
class Difference:
    """What one store knows and the other does not, by subject; a pure comparison of two pictures."""

    to_remember: dict[str, str]
    to_forget: dict[str, str]
    to_restore: dict[str, str]


def compare(in_sql: dict[str, str], in_redis: dict[str, str], *, kept: bool) -> Difference:
    """Decide who is right.

    Args:
        in_sql: JSON of the standings by subject, read before `in_redis`.
        kept: Redis still holds our mark: what it lacks was cleared. Without the mark it was wiped.
    """
    since = {subject: Standing.parse(text).since_ms for subject, text in in_sql.items()}
    newer = {
        subject: text
        for subject, text in in_redis.items()
        if subject not in since or Standing.parse(text).since_ms > since[subject]
    }
    gone = {subject: text for subject, text in in_sql.items() if subject not in in_redis}
    return Difference(newer, gone if kept else {}, {} if kept else gone)


class KeyStates:
    """Compares, and carries the difference over."""

    def __init__(self, engine: Engine, client: "redis.Redis") -> None:
        self._engine = engine
        self._client = client
        self._life = ""
        self._away = False

    def run_once(self, now_ms: int) -> Report:
        """Make both equal."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(key_standings.c.subject, key_standings.c.standing)).all()
        in_sql = {subject: text for subject, text in rows if _readable(subject, text)}
        try:
            in_redis, kept = self._read_redis()
        except RedisError as error:
            if not self._away:
                log.warning("key_states.redis_away", error=str(error), advice="compared once it is back")
            self._away = True
            return Report()
        self._away = False
        difference = compare(in_sql, in_redis, kept=kept)
        if difference.to_remember or difference.to_forget:
            with self._engine.begin() as connection:
                _write(connection, difference)
        if not kept:
            self._restore(difference.to_restore)
        return Report(
            {
                "remembered": len(difference.to_remember),
                "forgotten": len(difference.to_forget),
                "restored": len(difference.to_restore),
            }
        )

    def _read_redis(self) -> tuple[dict[str, str], bool]:
        # One picture: a wipe in between must not look like a clear.
        pipeline = self._client.pipeline(transaction=True)
        pipeline.hgetall(KEY_STATES)
        pipeline.get(KEY_STATES_KEPT)
        pipeline.info("server")
        stored, mark, server = pipeline.execute()
        # A server that started anew may have lost its last second with the mark still there.
        self._life = str(server.get("run_id", "unknown"))
        return {subject: text for subject, text in stored.items() if _readable(subject, text)}, mark == self._life

    def _restore(self, lost: dict[str, str]) -> None:
        pipeline = self._client.pipeline(transaction=True)  # the mark never stands without what it vouches for
        for subject, text in lost.items():
            pipeline.hsetnx(KEY_STATES, subject, text)  # what a worker learned since the wipe is newer
        pipeline.set(KEY_STATES_KEPT, self._life)
        pipeline.execute()
        if not lost:
            return
        with self._engine.begin() as connection:
            for subject, text in lost.items():
                _tell(connection, subject, ledger.RESTORED, text)
        log.warning("key_states.restored", subjects=sorted(lost), advice="Redis was wiped; SQL remembered")


def _write(connection: Connection, difference: Difference) -> None:
    dialect = connection.dialect.name
    for subject, text in difference.to_remember.items():
        stored = {"subject": subject, "since_ms": Standing.parse(text).since_ms, "standing": text}
        connection.execute(ledger.remember(dialect), stored)
        _tell(connection, subject, ledger.SET_ASIDE, text)
    for subject, text in difference.to_forget.items():
        gone: dict[str, Any] = {"gone": subject, "gone_since": Standing.parse(text).since_ms}
        connection.execute(ledger.forget(), gone)
        _tell(connection, subject, ledger.CLEARED, text)


def _tell(connection: Connection, subject: str, event: str, text: str) -> None:
    standing = Standing.parse(text)
    connection.execute(
        ledger.tell(connection.dialect.name),
        {
            "subject": subject,
            "event": event,
            "since_ms": standing.since_ms,
            "state": standing.state.value,
            "cause": standing.cause,
            "label": None,
            "standing": text,
            "told_by": _TOLD_BY,
        },
    )


def _readable(subject: str, text: str) -> bool:
    try:
        Standing.parse(text)
    except (ValueError, KeyError, TypeError) as error:
        log.warning("key.standing_unreadable", subject=subject, error=str(error), advice="see `keys release`")
        return False
    return True
