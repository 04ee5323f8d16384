"""`assets`: inventories and what people decided, which come to the lake through the program.

They are read by `fleet assets` and `fleet govern` into an embedded store that stays in the lake:
also of a million machines that is one file, and the next inventory is compared with it. Its
tables are copied to Parquet.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import duckdb

from snapsift_spark import sql
from snapsift_spark.binary import Binary, BinaryError
from snapsift_spark.lake import INVENTORY, Lake, scratch
from snapsift_spark.load import copy
from snapsift_spark.tables import Table, tables

STORE = "inventory/store.db"
# Worked out of exemptions, owners and what the lake has: see `decide`.
WORKED_OUT = ("glob_match", "calendar")


def of_inventories(queries: Path) -> tuple[Table, ...]:
    """The tables that no scan fills."""
    made = set()
    for name in ("inventory.sql", "governance.sql"):
        for statement in sql.statements((queries / name).read_text(encoding="utf-8")):
            if (what := sql.created(statement)) is not None:
                made.add(what[1])
    return tuple(table for table in tables(queries) if table.name in made)


def take(
    lake: Lake,
    binary: Binary,
    queries: Path,
    files: Sequence[Path],
    governance: Path | None,
    arguments: Sequence[str] = (),
) -> int:
    """Takes inventories, then decisions. The exit code: 3 where records were left out."""
    code = 0
    with scratch() as folder:
        store = folder / "store.db"
        if lake.exists(STORE):
            lake.get(STORE, folder / "before.db")
            store.write_bytes((folder / "before.db").read_bytes())
        if files:
            code = binary.assets(store, files, arguments)
        if governance is not None:
            binary.govern(store, governance)
        if not store.exists():
            raise BinaryError("no inventory and no decisions were given")
        connection = sqlite3.connect(store)
        try:
            for table in of_inventories(queries):
                path = folder / f"{table.name}.parquet"
                name = f"tables/{table.name}/{INVENTORY}"
                if table.name not in WORKED_OUT and copy(connection, table, path):
                    lake.put(path, name)
                elif lake.exists(name):
                    lake.delete(name)
        finally:
            connection.close()
        lake.put(store, STORE)
    return code


def decide(lake: Lake, binary: Binary, queries: Path) -> None:
    """Works out what the globs of exemptions mean, and the days that owners' rules lead to.

    The program knows both. It is given a store with the names that globs are held against and
    the days on which scans began, and nothing else of the lake.
    """
    wanted = [table for table in tables(queries) if table.name in WORKED_OUT]
    with scratch() as folder:
        store = folder / "store.db"
        if lake.exists(STORE):
            lake.get(STORE, folder / "before.db")
            store.write_bytes((folder / "before.db").read_bytes())
            connection = sqlite3.connect(store)
            try:
                _tell(lake, connection, queries)
                connection.commit()
            finally:
                connection.close()
            # Whatever is added, the store is worked out anew. This adds nothing.
            (folder / "nothing.jsonl").write_text("", encoding="utf-8")
            binary.add(store, folder / "nothing.jsonl")
        else:
            store.touch()
        connection = sqlite3.connect(store)
        try:
            for table in wanted:
                path = folder / f"{table.name}.parquet"
                name = f"tables/{table.name}/{INVENTORY}"
                if store.stat().st_size > 0 and copy(connection, table, path):
                    lake.put(path, name)
                elif lake.exists(name):
                    lake.delete(name)
        finally:
            connection.close()


def _tell(lake: Lake, store: sqlite3.Connection, queries: Path) -> None:
    """Puts into a store what decisions are held against."""
    columns = {table.name: table for table in tables(queries)}

    def distinct(table: str, column: str) -> list[tuple[str]]:
        if not lake.files(f"tables/{table}", ".parquet"):
            return []
        engine = duckdb.connect()
        try:
            engine.register("given", lake.dataset(f"tables/{table}", columns[table].arrow))
            return engine.execute(f"SELECT DISTINCT {column} FROM given ORDER BY 1").fetchall()
        finally:
            engine.close()

    if store.execute("SELECT 1 FROM owner_rule").fetchone():
        store.executemany(
            "INSERT INTO scan (scan_id, name, started, begun, whole, left_out, rules) VALUES (?, ?, ?, '', 1, 0, '')",
            [(place, str(place), day) for place, (day,) in enumerate(distinct("scan", "started"))],
        )
    if store.execute("SELECT 1 FROM exemption WHERE path <> ''").fetchone():
        _fill(store, "finding", "path", distinct("finding", "path"))
    if store.execute("SELECT 1 FROM exemption WHERE machine <> ''").fetchone():
        for column in ("machine", "hostname"):
            _fill(store, "disk", column, distinct("disk", column))


def _fill(store: sqlite3.Connection, table: str, column: str, rows: Sequence[tuple[str]]) -> None:
    """Rows of which one column matters: the others only have to be something."""
    kinds = store.execute(
        'SELECT name, type, "notnull", pk FROM pragma_table_info(?) ORDER BY cid', [table]
    ).fetchall()
    begin = store.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
    filled = ((name == column, bool(key), kind == "VARCHAR", needed) for name, kind, needed, key in kinds)
    values = [
        "?1" if own else "?2" if key else "''" if text and needed else "-1" if needed else "NULL"
        for own, key, text, needed in filled
    ]
    store.executemany(
        f"INSERT INTO {table} VALUES ({', '.join(values)})",
        [(value, begin + place)[: 2 if "?2" in values else 1] for place, (value,) in enumerate(rows)],
    )
