"""Time as the contract stores it: whole milliseconds since 1970-01-01 UTC, on the database's clock."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class db_now(FunctionElement[int]):
    """The database's clock in milliseconds, read when the statement runs (not when its transaction began)."""

    type = BigInteger()
    inherit_cache = True


@compiles(db_now, "postgresql")
def _postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return "(extract(epoch from clock_timestamp()) * 1000)::bigint"


@compiles(db_now, "sqlite")
def _sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return "CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER)"


def to_ms(moment: datetime) -> int:
    """Milliseconds of an aware `moment`.

    Raises:
        ValueError: the moment carries no time zone, so it names no point in time.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone: use datetime.now(UTC) or attach one")
    return round(moment.timestamp() * 1000)


def from_ms(milliseconds: int | None) -> datetime | None:
    """The UTC moment of stored `milliseconds`; None stays None."""
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
