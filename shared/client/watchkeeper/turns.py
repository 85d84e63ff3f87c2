"""Jobs of one conversation run in order: whose turn it is."""

from sqlalchemy import ColumnElement, and_, literal_column, or_, select, text

from watchkeeper.contract import jobs
from watchkeeper.states import UNFINISHED

_EARLIER = jobs.alias("earlier")
_UNFINISHED = text("earlier.state IN (" + ", ".join(f"'{state}'" for state in sorted(UNFINISHED)) + ")")


def turn_has_come() -> ColumnElement[bool]:
    """True for a row of `jobs` with no earlier unfinished job in its conversation (or with no conversation)."""
    return or_(
        jobs.c.conversation_id.is_(None),
        ~select(literal_column("1"))
        .select_from(_EARLIER)
        .where(
            _EARLIER.c.conversation_id == jobs.c.conversation_id,
            _UNFINISHED,
            or_(
                _EARLIER.c.enqueued_at < jobs.c.enqueued_at,
                and_(_EARLIER.c.enqueued_at == jobs.c.enqueued_at, _EARLIER.c.id < jobs.c.id),
            ),
        )
        .exists(),
    )
