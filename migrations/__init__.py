"""The database's history, run by alembic."""
