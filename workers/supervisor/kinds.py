"""Which wire formats the forker warms up: those the installation uses."""

from sqlalchemy import Engine, select

from shared.db.reading import reading
from shared.db.tables import providers


def kinds_in_use(engine: Engine) -> list[str]:
    """litellm's names of them; others are loaded by the first call that needs them."""
    with reading(engine) as connection:
        return sorted(connection.execute(select(providers.c.kind).distinct()).scalars())
