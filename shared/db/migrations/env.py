"""Alembic's entry: runs the migrations on the connection it is handed (shared.db.migrate)."""

from alembic import context

from shared.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes tables by copying them
    compare_server_default=False,
)
with context.begin_transaction():
    context.run_migrations()
