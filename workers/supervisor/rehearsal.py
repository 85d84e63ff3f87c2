"""A worker's first steps, made once by the forker, with a database and a key that are thrown away.

What the libraries make at first use is then shared by all workers: 2.5 MB less for each.
"""

import base64
import os

from sqlalchemy import create_engine, insert, select

from shared.db.reading import reading
from shared.db.tables import incarnations, installation
from shared.redis.connect import connect_redis
from shared.vault import Vault
from watchkeeper.clock import db_now


def rehearse() -> None:
    """Nothing of it stays open."""
    vault = Vault([base64.urlsafe_b64encode(os.urandom(32)).decode()])
    vault.verify(vault.seal_check())
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        installation.create(connection)
        incarnations.create(connection)
        for name in ("first", "second"):  # the second finds what the first has compiled
            times = {"started_at": db_now(), "heartbeat": 0, "heartbeat_at": db_now()}
            connection.execute(insert(incarnations).values(id=name, host="", pid=0, threads=0, **times))
    with reading(engine) as connection:
        connection.execute(select(installation)).all()
    engine.dispose()
    connect_redis("redis://127.0.0.1", connections=1).close()  # not connected: redis-py looks up its own version
