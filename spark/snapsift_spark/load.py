"""`load`: streams of scans become tables, many at a time.

A task adds its batch of streams to an embedded store in its own scratch folder, with the program
itself, and copies the rows of that store to Parquet. So a stream is read by the same code as
everywhere, wholly or not at all, and nothing here knows what a record means. Numbers are made of
names (see `number`), so that batches need not know of each other.
"""

import gzip
import hashlib
import io
import itertools
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from pyspark.sql import SparkSession

from snapsift_spark import wire
from snapsift_spark.binary import Binary, BinaryError
from snapsift_spark.lake import COMPRESSION, Lake, LakeError, partition, scratch
from snapsift_spark.tables import Table, tables

ENDS = (".jsonl", ".jsonl.gz", ".jsonl.zst")
# Rows that are in memory at a time, and the longest first line that is looked at.
ROWS = 50_000
FIRST_LINE = 1 << 20
# What became of a stream. `again`: another stream has the same scan.
LOADS = pa.schema(
    [
        ("stream", pa.string()),
        ("size", pa.int64()),
        ("scan", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("batch", pa.string()),
    ]
)


@dataclass(frozen=True)
class Stream:
    """A stream in the lake, or a file elsewhere: its name, size and the partition it belongs to."""

    name: str
    size: int
    scan: str = ""
    date: str = ""
    account: str = ""


@dataclass(frozen=True)
class Batch:
    """Streams of one partition that one task takes, with those that are no use."""

    name: str
    streams: tuple[Stream, ...]


def number(*names: str) -> int:
    """A number for a name, the same in every batch and every run.

    63 bits of SHA-256: of eight million keys two are given one number once in 300,000 fleets.
    `correlate` looks whether it happened, so that it is an error and never a wrong answer.
    """
    digest = hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def opened(path: Path) -> IO[bytes]:
    """A stream without its compression, which its first bytes tell."""
    with open(path, "rb") as file:
        start = file.read(4)
    if start[:2] == b"\x1f\x8b":
        return io.BufferedReader(gzip.open(path, "rb"))
    if start == b"\x28\xb5\x2f\xfd":
        return io.BufferedReader(
            zstandard.ZstdDecompressor().stream_reader(
                open(path, "rb"), read_across_frames=True, closefd=True
            )
        )
    return open(path, "rb")


def header(path: Path) -> tuple[str, str]:
    """The scan's id and the day it began, or nothing where the first line is no header."""
    try:
        with opened(path) as stream:
            first = json.loads(stream.readline(FIRST_LINE))
        return str(first["scan_id"]), str(first["started_at"])[:10]
    except (OSError, EOFError, ValueError, KeyError, TypeError, zstandard.ZstdError):
        return "", ""


def _looked_at(lake: Lake, streams: Iterable[Stream]) -> Iterator[Stream]:
    for stream in streams:
        with scratch() as folder:
            lake.get(stream.name, folder / "stream")
            scan, day = header(folder / "stream")
        parts = dict(part.split("=", 1) for part in stream.name.split("/") if "=" in part)
        yield Stream(
            stream.name,
            stream.size,
            scan,
            parts.get("date", day or "unknown"),
            parts.get("account", "unknown"),
        )


def batches(streams: Sequence[Stream], largest: int, most: int) -> list[Batch]:
    """Cuts streams into batches of a partition each, the largest first."""
    made: list[tuple[int, Batch]] = []
    ordered = sorted(streams, key=lambda one: (one.date, one.account, one.name))
    for _, group in itertools.groupby(ordered, key=lambda one: (one.date, one.account)):
        gathered: list[Stream] = []
        size = 0
        for stream in [*group, None]:
            if gathered and (stream is None or size + stream.size > largest or len(gathered) >= most):
                made.append((size, Batch(_name(gathered), tuple(gathered))))
                gathered, size = [], 0
            if stream is not None:
                gathered.append(stream)
                size += stream.size
    return [batch for _, batch in sorted(made, key=lambda one: (-one[0], one[1].name))]


def load(
    spark: SparkSession,
    lake: Lake,
    binary: Binary,
    queries: Path,
    with_records: bool = True,
    largest: int = 256 << 20,
    most: int = 2_000,
) -> dict[str, int]:
    """Takes every stream in `raw/` that the tables do not have. How many of each status."""
    lake.sweep()
    there = lake.rows("loads")
    before = there.to_pylist() if there is not None else []
    # A stream that was kept out may come again whole, under the same name.
    known = {(row["stream"], row["size"]) for row in before}
    scans = {row["scan"] for row in before if row["status"] == "loaded"}
    new = [
        Stream(name, size)
        for name, size in lake.files("raw")
        if name.endswith(ENDS) and (name, size) not in known
    ]
    counts = {"loaded": 0, "again": 0, "kept out": 0, "there": len(known)}
    if not new:
        return counts
    context = spark.sparkContext
    slices = min(len(new), max(context.defaultParallelism * 8, len(new) // 5_000))
    looked_at = context.parallelize(new, slices).mapPartitions(lambda part: _looked_at(lake, part)).collect()
    waiting = sorted(looked_at, key=lambda one: one.name)
    columns = tables(queries)
    # Of streams with one scan the first that is whole counts, so they are taken in turn.
    while waiting:
        again = [one for one in waiting if one.scan in scans]
        _note(lake, again)
        counts["again"] += len(again)
        fresh: dict[str, Stream] = {}
        later: list[Stream] = []
        for stream in waiting:
            if stream.scan in scans:
                continue
            # Without a header there is no scan: the program says what is wrong with it.
            name = stream.scan or f"stream {stream.name}"
            if name in fresh:
                later.append(stream)
            else:
                fresh[name] = stream
        work = batches(list(fresh.values()), largest, most)
        task: Callable[[Iterable[Batch]], Iterator[tuple[list[str], int]]] = lambda part: (
            take(lake, binary, columns, batch, with_records) for batch in part
        )
        for loaded, kept_out in context.parallelize(work, max(len(work), 1)).mapPartitions(task).collect():
            scans.update(loaded)
            counts["loaded"] += len(loaded)
            counts["kept out"] += kept_out
        waiting = later
    return counts


def _name(streams: Iterable[Stream]) -> str:
    """What some streams are called together."""
    parts = "".join(f"{one.name}\n{one.size}\n" for one in streams)
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _note(lake: Lake, again: Sequence[Stream]) -> None:
    """Keeps in mind which streams have a scan that another had."""
    if not again:
        return
    rows = [
        {"stream": one.name, "size": one.size, "scan": one.scan, "status": "again", "reason": "", "batch": ""}
        for one in again
    ]
    lake.put_table(pa.Table.from_pylist(rows, LOADS), f"loads/{_name(again)}.parquet")


def take(
    lake: Lake, binary: Binary, columns: Sequence[Table], batch: Batch, with_records: bool
) -> tuple[list[str], int]:
    """One task: the streams of a batch become files. What became of them is written last.

    The scans that were loaded, and how many streams were kept out.
    """
    with scratch() as folder:
        given = folder / "streams"
        given.mkdir()
        names: dict[str, Stream] = {}
        for place, stream in enumerate(batch.streams):
            local = f"{place:06}{next(end for end in reversed(ENDS) if stream.name.endswith(end))}"
            lake.get(stream.name, given / local)
            names[local] = stream
        kept_out = binary.add(folder / "store.db", given)
        store = sqlite3.connect(folder / "store.db")
        added = store.execute("SELECT COUNT(*) FROM scan").fetchone()[0]
        loaded = {local: stream for local, stream in names.items() if local not in kept_out}
        if added != len(loaded):
            raise BinaryError(
                f"batch {batch.name}: {len(names)} streams, {len(kept_out)} kept out, {added} added"
            )
        for table in columns:
            path = folder / f"{table.name}.parquet"
            if copy(store, table, path):
                lake.put(path, f"tables/{table.name}/{batch.name}.parquet")
                path.unlink()
        store.close()
        if with_records and loaded:
            folder_of_day = partition(batch.streams[0].date, batch.streams[0].account)
            for name, path in typed(((one.scan, given / local) for local, one in loaded.items()), folder):
                lake.put(path, f"records/{name}/{folder_of_day}/{batch.name}.parquet")
        rows = [
            {
                "stream": stream.name,
                "size": stream.size,
                "scan": stream.scan,
                "status": "kept out" if local in kept_out else "loaded",
                "reason": kept_out.get(local, ""),
                "batch": batch.name,
            }
            for local, stream in names.items()
        ]
        lake.put_table(pa.Table.from_pylist(rows, LOADS), f"loads/{batch.name}.parquet")
    return [stream.scan for stream in loaded.values()], len(kept_out)


def copy(store: sqlite3.Connection, table: Table, path: Path) -> bool:
    """Copies a table of a batch's store to Parquet; whether it had rows."""
    own = {"disk_id", "scan_id", "key_id"} & {name for name, _ in table.columns}
    numbers: dict[str, dict[int, int]] = {}
    if "scan_id" in own:
        numbers["scan_id"] = {
            one: number(name) for one, name in store.execute("SELECT scan_id, name FROM scan")
        }
    if "key_id" in own:
        numbers["key_id"] = {
            one: number(name) for one, name in store.execute("SELECT key_id, fingerprint FROM ssh_key")
        }
    if "disk_id" in own:
        disks = store.execute(
            "SELECT d.disk_id, s.name, ROW_NUMBER() OVER (PARTITION BY d.scan_id ORDER BY d.disk_id)"
            " FROM disk d JOIN scan s ON s.scan_id = d.scan_id"
        )
        numbers["disk_id"] = {one: number(name, str(place)) for one, name, place in disks}
    if table.name == "param":
        return False
    cursor = store.execute(f"SELECT {', '.join(name for name, _ in table.columns)} FROM {table.name}")
    schema = table.arrow
    rows = cursor.fetchmany(ROWS)
    if not rows:
        return False
    with pq.ParquetWriter(path, schema, compression=COMPRESSION) as writer:
        while rows:
            arrays = []
            for field, values in zip(schema, zip(*rows, strict=True), strict=True):
                known = numbers.get(field.name)
                arrays.append(pa.array(map(known.__getitem__, values) if known else values, field.type))
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            rows = cursor.fetchmany(ROWS)
    return True


def typed(streams: Iterable[tuple[str, Path]], folder: Path) -> Iterator[tuple[str, Path]]:
    """The records of streams as files of Parquet, one for each type of record."""
    engine = duckdb.connect(str(folder / "records.duckdb"))
    try:
        engine.execute("SET threads = 1")
        engine.execute("SET memory_limit = '512MB'")
        engine.execute("CREATE TABLE line (in_scan VARCHAR, in_line BIGINT, text VARCHAR)")
        for scan, path in streams:
            with opened(path) as stream:
                numbered = enumerate(stream, start=1)
                while part := list(itertools.islice(numbered, ROWS)):
                    rows = pa.table(
                        {
                            "in_scan": [scan] * len(part),
                            "in_line": [place for place, _ in part],
                            "text": [text.decode("utf-8", "replace") for _, text in part],
                        }
                    )
                    engine.register("part", rows)
                    engine.execute(
                        "INSERT INTO line SELECT in_scan, in_line, text FROM part WHERE trim(text, ' \t\r\n') <> ''"
                    )
                    engine.unregister("part")
        for name, struct in wire.records().items():
            path = folder / f"records-{name}.parquet"
            fields = ", ".join(f'record."{field}"' for field, _ in struct.fields)
            counted = engine.execute(
                f"COPY (SELECT in_scan, in_line, {fields} FROM (SELECT in_scan, in_line, json_transform(text::JSON, ?) AS record"
                f" FROM line WHERE json_extract_string(text, '$.type') = ?) ORDER BY in_scan, in_line)"
                f" TO '{path}' (FORMAT parquet, COMPRESSION {COMPRESSION})",
                [json.dumps(wire.structure(struct)), name],
            ).fetchone()
            if counted and counted[0]:
                yield name, path
    finally:
        engine.close()


def check_numbers(rows: Callable[[str], list[tuple[Any, ...]]]) -> None:
    """Two keys or scans must not have one number."""
    for table, name, given in (("ssh_key", "fingerprint", "key_id"), ("scan", "name", "scan_id")):
        names, numbers = rows(f"SELECT COUNT(DISTINCT {name}), COUNT(DISTINCT {given}) FROM {table}")[0]
        if names != numbers:
            raise LakeError(f"two rows of {table} were given one number: {names} names, {numbers} numbers")
