"""Looking for a word in everything a database stores."""

from sqlalchemy import Engine, MetaData, select


def places_of(engine: Engine, word: str) -> set[str]:
    """Return the `table.column`s in which a word stands: every column of every table there is, bytes included."""
    found = MetaData()
    found.reflect(engine)
    assert len(found.tables) > 15, "the scan sees the tables"
    with engine.connect() as connection:
        return {
            f"{table.name}.{column.name}"
            for table in found.tables.values()
            for column in table.columns
            for (value,) in connection.execute(select(column))
            if word.casefold() in _text(value).casefold()
        }


def rows_without(engine: Engine, *changing: str) -> dict[str, list[str]]:
    """Return every row of every table but some, to be compared later."""
    found = MetaData()
    found.reflect(engine)
    with engine.connect() as connection:
        return {
            table.name: sorted(repr(tuple(row)) for row in connection.execute(select(table)))
            for table in found.tables.values()
            if table.name not in changing
        }


def _text(value: object) -> str:
    return bytes(value).decode(errors="replace") if isinstance(value, bytes | memoryview) else str(value)
