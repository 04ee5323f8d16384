"""The two engines that run the shared SQL over a lake: Spark, and DuckDB on one large machine.

DuckDB needs a tenth of the CPU where one machine is enough; Spark is for what is not. Both read
the same files and leave the same files.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import duckdb
from pyspark.sql import SparkSession

from snapsift_spark.lake import COMPRESSION, Lake, LakeError
from snapsift_spark.tables import Table


class Engine(Protocol):
    """What runs SQL over a lake."""

    name: str

    def base(self, table: Table, name: str, filled: bool) -> None:
        """Makes the files of a table known under a name; without files an empty table."""

    def joined(self, name: str, run: str) -> None:
        """Makes a table known that an earlier run left."""

    def execute(self, statement: str) -> None:
        """Runs a statement that makes something."""

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query, all in memory."""

    def save(self, query: str, target: Lake, folder: str) -> None:
        """Writes the rows of a query as Parquet into a folder."""

    def keep(self, names: Sequence[str], run: str) -> None:
        """Leaves tables in the lake under a run."""


class Spark:
    """On Spark. A database of its own, whose folder is that of the run."""

    def __init__(self, spark: SparkSession, lake: Lake, run: str) -> None:
        self.spark = spark
        self.lake = lake
        self.name = f"Spark {spark.version}"
        database = "run_" + "".join(letter if letter.isalnum() else "_" for letter in run.rpartition("/")[2])
        spark.sql(f"CREATE DATABASE IF NOT EXISTS {database} LOCATION '{_text(lake.uri(run))}'")
        spark.sql(f"USE {database}")

    def base(self, table: Table, name: str, filled: bool) -> None:
        place = f" LOCATION '{_text(self.lake.uri(f'tables/{table.name}'))}'" if filled else ""
        self.spark.sql(f"CREATE TABLE {name} ({table.ddl}) USING parquet{place}")

    def joined(self, name: str, run: str) -> None:
        self.spark.sql(
            f"CREATE TABLE {name} USING parquet LOCATION '{_text(self.lake.uri(f'{run}/{name}'))}'"
        )

    def execute(self, statement: str) -> None:
        self.spark.sql(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.spark.sql(query).collect()]

    def save(self, query: str, target: Lake, folder: str) -> None:
        self.spark.sql(query).write.mode("overwrite").parquet(target.uri(folder))

    def keep(self, names: Sequence[str], run: str) -> None:
        # CREATE TABLE has written them where they belong.
        pass


class DuckDB:
    """In this process. What does not fit into its memory goes to a scratch folder."""

    def __init__(self, lake: Lake, folder: Path, memory: str = "4GB", threads: int | None = None) -> None:
        self.lake = lake
        self.folder = folder
        self.name = f"DuckDB {duckdb.__version__}"
        self.connection = duckdb.connect(str(folder / "joined.duckdb"))
        self.connection.execute("SET memory_limit = ?", [memory])
        self.connection.execute("SET temp_directory = ?", [str(folder / "spilled")])
        if threads is not None:
            self.connection.execute("SET threads = ?", [threads])

    def _view(self, name: str, folder: str) -> None:
        if "://" not in self.lake.address:
            files = _text(self.lake.uri(f"{folder}/*.parquet"))
            self.connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{files}')")
            return
        self.connection.register(name, self.lake.dataset(folder))

    def base(self, table: Table, name: str, filled: bool) -> None:
        if filled:
            self._view(name, f"tables/{table.name}")
            return
        columns = ", ".join(
            f'"{column}" {"VARCHAR" if kind == "STRING" else kind}' for column, kind in table.columns
        )
        self.connection.execute(f"CREATE TABLE {name} ({columns})")

    def joined(self, name: str, run: str) -> None:
        self._view(name, f"{run}/{name}")

    def execute(self, statement: str) -> None:
        self.connection.execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()

    def save(self, query: str, target: Lake, folder: str) -> None:
        path = self.folder / "saved.parquet"
        # A sum is of 128 bits here, for which Parquet has no type: it would be written as a
        # floating number. One too large for 64 bits is an error.
        described = self.connection.execute(f"DESCRIBE {query}").fetchall()
        if any(kind == "HUGEINT" for _, kind, *_ in described):
            columns = ", ".join(
                f'"{name}"::BIGINT AS "{name}"' if kind == "HUGEINT" else f'"{name}"'
                for name, kind, *_ in described
            )
            query = f"SELECT {columns} FROM ({query})"
        self.connection.execute(
            f"COPY ({query}) TO '{_text(str(path))}' (FORMAT parquet, COMPRESSION {COMPRESSION})"
        )
        target.put(path, f"{folder}/rows.parquet")
        path.unlink()

    def keep(self, names: Sequence[str], run: str) -> None:
        for name in names:
            self.save(f"SELECT * FROM {name}", self.lake, f"{run}/{name}")


def _text(value: str) -> str:
    """For between quotes. Spark would take a backslash for more than it is."""
    if "\\" in value:
        raise LakeError(f"{value}: a backslash in the address of a lake is not supported")
    return value.replace("'", "''")
