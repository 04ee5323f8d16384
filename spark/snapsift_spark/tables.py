"""The tables of the embedded store, with types, for Spark and for Arrow.

There is one definition, the `CREATE TABLE` statements that the store itself is made with. SQLite
reads them here, so that nothing is parsed by hand and no column is written down twice.
"""

import sqlite3
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow as pa

from snapsift_spark import sql

# Spark's names. The number of a key is INTEGER in SQLite, where that has 64 bits.
_TYPES = {"VARCHAR": "STRING", "BIGINT": "BIGINT", "INTEGER": "BIGINT", "INT": "INT"}
_ARROW = {"STRING": pa.string(), "BIGINT": pa.int64(), "INT": pa.int32()}


@dataclass(frozen=True)
class Table:
    """A table: its name, and names of columns with Spark's types."""

    name: str
    columns: tuple[tuple[str, str], ...]

    @property
    def ddl(self) -> str:
        """Its columns as Spark's `CREATE TABLE` takes them."""
        return ", ".join(f"`{name}` {kind}" for name, kind in self.columns)

    @property
    def arrow(self) -> pa.Schema:
        """Its columns as a file of Parquet has them."""
        return pa.schema([(name, _ARROW[kind]) for name, kind in self.columns])


@cache
def tables(queries: Path = sql.QUERIES) -> tuple[Table, ...]:
    """All tables of the store, in the order of their names."""
    store = sqlite3.connect(":memory:")
    try:
        for statement in sql.definitions(queries):
            store.execute(statement)
        names = [
            name
            for (name,) in store.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        ]
        return tuple(
            Table(
                name,
                tuple(
                    (column, _TYPES[kind])
                    for column, kind in store.execute(
                        "SELECT name, type FROM pragma_table_info(?) ORDER BY cid", [name]
                    )
                ),
            )
            for name in names
        )
    finally:
        store.close()


def views(queries: Path = sql.QUERIES) -> tuple[str, ...]:
    """The statements that make the views over the tables."""
    made = ((sql.created(statement), statement) for statement in sql.definitions(queries))
    return tuple(statement for what, statement in made if what is not None and what[0] == "VIEW")
