"""Alembic's way in: runs on the connection it is given, in one transaction a migration."""

from alembic import context
from sqlalchemy import text

from app.storage.schema import metadata

connection = context.config.attributes["connection"]
# A migration that would wait long for a lock gives up instead of stopping every citizen's turn.
connection.execute(text("SET lock_timeout = '4s'"))
context.configure(
    connection=connection,
    target_metadata=metadata,
    transaction_per_migration=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
