"""An empty configuration on either database, and what seals keys for it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select

from shared.config.environment_sync import Sealer
from shared.db.reading import reading
from shared.db.tables import installation
from shared.vault import Vault
from tests.configured import MASTER_KEY
from watchkeeper.engine import build_engine


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Either database with the schema."""
    engine = build_engine(database_url, application_name="test")
    yield engine
    engine.dispose()


@pytest.fixture
def sealer(engine: Engine) -> Sealer:
    """Makes storable keys."""
    with reading(engine) as connection:
        return Sealer(Vault([MASTER_KEY]), connection.execute(select(installation.c.fingerprint_salt)).scalar_one())
