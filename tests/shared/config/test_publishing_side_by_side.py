"""Two people publish at the same moment: both edits count, each generation is numbered once."""

from threading import Barrier, Thread

from sqlalchemy import Engine, select

from shared.config.editing_providers import add_provider
from shared.config.publishing import load_newest, publish
from shared.db.reading import reading
from shared.db.tables import snapshots


def test_edits_at_the_same_moment_both_end_in_the_newest_snapshot(engine: Engine) -> None:
    names = ["groq", "openai", "mistral", "cohere"]
    start = Barrier(len(names))

    def edit(name: str) -> None:
        start.wait(10)
        with engine.begin() as connection:
            add_provider(connection, name, {})
            publish(connection, author=name, comment="")

    threads = [Thread(target=edit, args=[name]) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    with reading(engine) as connection:
        assert set(load_newest(connection).providers) == set(names)
        assert sorted(connection.execute(select(snapshots.c.generation)).scalars()) == [1, 2, 3, 4]
