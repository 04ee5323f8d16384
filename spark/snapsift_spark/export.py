"""`export`: answers as Parquet, and the records of scans as the streams that `fleet add` takes."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote

import duckdb
import zstandard
from pyspark.sql import SparkSession

from snapsift_spark import wire
from snapsift_spark.correlate import question
from snapsift_spark.engine import Engine
from snapsift_spark.lake import Lake, LakeError, scratch

ANSWERS = ("recommendations", "attack-paths", "inventory")


def answers(engine: Engine, queries: Path, target: Lake) -> None:
    """Recommendations, paths and inventory, each a folder of Parquet."""
    for name in ANSWERS:
        engine.save(question(queries, name), target, name)


def streams(spark: SparkSession, lake: Lake, target: Lake) -> int:
    """Every scan of the tables as a stream, in a file of its own. How many."""
    loads = lake.rows("loads")
    if loads is None:
        raise LakeError(f"{lake.address}: no scans: run `load` first")
    scans: dict[str, list[str]] = {}
    for row in loads.to_pylist():
        if row["status"] == "loaded":
            scans.setdefault(row["batch"], []).append(row["scan"])
    files: dict[str, list[tuple[str, str]]] = {batch: [] for batch in scans}
    for name, _ in lake.files("records", ".parquet"):
        batch = name.rpartition("/")[2].removesuffix(".parquet")
        if batch in files:
            files[batch].append((name.split("/")[1], name))
    if without := sum(not found for found in files.values()):
        raise LakeError(
            f"{lake.address}: {without} batches have no records: they were loaded with --no-records"
        )
    work = [(files[batch], sorted(scans[batch])) for batch in sorted(scans)]
    task = lambda part: (_written(lake, target, found, names) for found, names in part)
    return sum(spark.sparkContext.parallelize(work, max(len(work), 1)).mapPartitions(task).collect())


def _written(lake: Lake, target: Lake, files: Iterable[tuple[str, str]], scans: list[str]) -> int:
    with scratch() as folder:
        engine = duckdb.connect()
        engine.execute("SET threads = 1")
        for record, name in files:
            local = folder / f"{record}.parquet"
            lake.get(name, local)
            engine.execute(f"CREATE VIEW {record} AS SELECT * FROM read_parquet('{local}')")
        kinds = [record for record, _ in files]
        for place, scan in enumerate(scans):
            path = folder / f"{place}.jsonl.zst"
            with open(path, "wb") as sink, zstandard.ZstdCompressor(level=3).stream_writer(sink) as packed:
                for line in _lines(engine, kinds, scan):
                    packed.write(line.encode("utf-8") + b"\n")
            target.put(path, f"{_safe(scan)}.jsonl.zst")
            path.unlink()
        engine.close()
    return len(scans)


def _lines(engine: duckdb.DuckDBPyConnection, kinds: Iterable[str], scan: str) -> Iterator[str]:
    """The records of a scan in their order, as they were."""
    found = []
    for kind in kinds:
        struct = wire.records()[kind]
        cursor = engine.execute(f"SELECT * FROM {kind} WHERE in_scan = ?", [scan])
        names = [column[0] for column in cursor.description or []]
        for row in cursor.fetchall():
            values = dict(zip(names, row, strict=True))
            found.append((values["in_line"], {"type": kind, **wire.plain(values, struct)}))
    return (
        json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        for _, record in sorted(found, key=lambda one: one[0])
    )


def _safe(scan: str) -> str:
    """A scan's id as a name of a file: it comes from whoever wrote the stream."""
    if not scan or not all(letter.isalnum() or letter in "-_" for letter in scan):
        return "scan-" + unquote(scan).encode("utf-8", "replace").hex()[:128]
    return scan
