"""`scan`: one task for each snapshot, the largest first.

Spark starts tasks in the order of their partitions, so that the longest are not the last. A
snapshot has one key, made of what it is and of what program scans it with which options; the
stream lies under that key, so it is scanned once however often and wherever the job runs. What
fails is tried again and then named: one bad disk ends no job.
"""

import csv
import hashlib
import json
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from pyarrow import fs
from pyspark.sql import SparkSession

from snapsift_spark.binary import Binary
from snapsift_spark.lake import Lake, partition, scratch

MOST_TASKS = 20_000
# How a stream ends that came to its end.
LAST = '{"type":"summary"'
RESULTS = pa.schema(
    [
        ("key", pa.string()),
        ("uri", pa.string()),
        ("machine", pa.string()),
        ("status", pa.string()),
        ("attempts", pa.int32()),
        ("exit_code", pa.int32()),
        ("bytes", pa.int64()),
        ("seconds", pa.float64()),
        ("stream", pa.string()),
        ("reason", pa.string()),
    ]
)


@dataclass(frozen=True)
class Snapshot:
    """A row of the table of snapshots. `version` tells two states of one URI apart."""

    uri: str
    machine: str = ""
    size: int = 0
    account: str = "unknown"
    date: str = ""
    version: str = ""


@dataclass(frozen=True)
class How:
    """How to scan: the same for all snapshots of a run."""

    options: tuple[str, ...] = ()
    attempts: int = 3
    pause: float = 5.0
    timeout: float | None = None


class TableError(Exception):
    """The table of snapshots is not one."""


def snapshots(path: Path, date: str) -> list[Snapshot]:
    """Reads the table: CSV with a header, JSON Lines or Parquet, by its name."""
    if path.suffix == ".parquet":
        rows = pq.read_table(path).to_pylist()
    elif path.suffix in (".jsonl", ".ndjson"):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    else:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    found: dict[tuple[str, str], Snapshot] = {}
    for place, row in enumerate(rows, start=1):
        if not row.get("uri"):
            raise TableError(f"{path}: row {place} has no uri")
        try:
            size = int(row.get("size") or 0)
        except ValueError as error:
            raise TableError(f"{path}: row {place}: the size {row['size']!r} is no number") from error
        one = Snapshot(
            str(row["uri"]),
            str(row.get("machine") or ""),
            size,
            str(row.get("account") or "unknown"),
            str(row.get("date") or date),
            str(row.get("version") or ""),
        )
        if found.setdefault((one.uri, one.version), one) != one:
            raise TableError(f"{path}: row {place}: {one.uri} is there twice, and differs")
    return list(found.values())


def key(snapshot: Snapshot, program: str, how: How) -> str:
    """The name of a scan: equal for what would give an equal stream."""
    parts = [
        snapshot.uri,
        snapshot.version,
        snapshot.machine,
        snapshot.account,
        snapshot.date,
        program,
        *how.options,
    ]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def bins(given: Sequence[Snapshot], most: int) -> list[list[Snapshot]]:
    """Tasks, the largest first; where there are too many, several snapshots in one, of equal bytes."""
    ordered = sorted(given, key=lambda one: (-one.size, one.uri, one.version))
    if len(ordered) <= most:
        return [[one] for one in ordered]
    import heapq

    heap = [(0, place) for place in range(most)]
    made: list[list[Snapshot]] = [[] for _ in range(most)]
    for one in ordered:
        size, place = heapq.heappop(heap)
        made[place].append(one)
        heapq.heappush(heap, (size + max(one.size, 1), place))
    return sorted(made, key=lambda group: -sum(one.size for one in group))


def scan(
    spark: SparkSession,
    lake: Lake,
    binary: Binary,
    given: Sequence[Snapshot],
    how: How,
    most: int = MOST_TASKS,
) -> pa.Table:
    """Scans what has not been scanned; what became of each snapshot."""
    if not given:
        return RESULTS.empty_table()
    program = binary.digest()
    tasks = bins(given, most)
    work = lambda part: (one(lake, binary, program, snapshot, how) for group in part for snapshot in group)
    rows = spark.sparkContext.parallelize(tasks, len(tasks)).mapPartitions(work).collect()
    results = pa.Table.from_pylist(sorted(rows, key=lambda row: (str(row["uri"]), str(row["key"]))), RESULTS)
    run = hashlib.sha256("".join(results["key"].to_pylist()).encode()).hexdigest()[:16]
    lake.put_table(results, f"scans/{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{run}.parquet")
    return results


def one(
    lake: Lake, binary: Binary, program: str, snapshot: Snapshot, how: How
) -> dict[str, str | int | float]:
    """One snapshot, wherever this runs."""
    name = key(snapshot, program, how)
    stream = f"raw/{partition(snapshot.date, snapshot.account)}/{name}.jsonl.zst"
    begun = time.monotonic()

    def became(
        status: str, attempts: int, code: int, reason: str = "", size: int = 0
    ) -> dict[str, str | int | float]:
        return {
            "key": name,
            "uri": snapshot.uri,
            "machine": snapshot.machine,
            "status": status,
            "attempts": attempts,
            "exit_code": code,
            "bytes": size,
            "seconds": round(time.monotonic() - begun, 3),
            "stream": stream if status in ("done", "partial", "there") else "",
            "reason": reason,
        }

    if lake.exists(stream):
        return became("there", 0, 0)
    code, reason = -1, ""
    for attempt in range(1, how.attempts + 1):
        if attempt > 1:
            time.sleep(how.pause * (attempt - 1))
        with scratch() as folder:
            output = folder / "scan.jsonl"
            try:
                image = _fetched(snapshot.uri, folder)
                arguments: list[str | Path] = [
                    "scan",
                    "--quiet",
                    "--format",
                    "jsonl",
                    "--output",
                    output,
                    *how.options,
                ]
                # Disks are told whose they are; a mounted directory says so itself.
                if snapshot.machine and not Path(image).is_dir():
                    arguments += ["--machine", snapshot.machine]
                done = binary.run([*arguments, "--", image], how.timeout)
                code, reason = done.returncode, done.stderr.strip()[-500:]
            except subprocess.TimeoutExpired:
                code, reason = -1, f"not done after {how.timeout} s"
            except OSError as error:
                code, reason = -1, str(error)
            if code in (0, 1, 3) and output.exists() and _ended(output):
                size = output.stat().st_size
                lake.put(_packed(output), stream)
                return became(
                    "partial" if code == 3 else "done", attempt, code, reason if code == 3 else "", size
                )
            for left in [output, *folder.glob("scan.jsonl.*.partial")]:
                if left.exists() and left.stat().st_size > 0:
                    lake.put(
                        _packed(left),
                        f"incomplete/{partition(snapshot.date, snapshot.account)}/{name}.{attempt}.jsonl.zst",
                    )
    return became("failed", how.attempts, code, reason or "it ended without a summary")


def _fetched(uri: str, folder: Path) -> str:
    """What the program is to open: a path as it is, an object of a bucket as a copy."""
    if "://" not in uri:
        return uri
    system, path = fs.FileSystem.from_uri(uri)
    if isinstance(system, fs.LocalFileSystem):
        return str(path)
    local = folder / Path(path).name
    with system.open_input_stream(path, compression=None) as source, open(local, "wb") as sink:
        while block := source.read(1 << 20):
            # Holes stay holes: most of a disk is empty.
            if block.count(0) == len(block):
                sink.seek(len(block), 1)
            else:
                sink.write(block)
        sink.truncate()
    return str(local)


def _ended(path: Path) -> bool:
    """Whether the last line of a stream is its summary."""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - (1 << 20)))
        lines = file.read().splitlines()
    return bool(lines) and lines[-1].decode("utf-8", "replace").startswith(LAST)


def _packed(path: Path) -> Path:
    """A file in zstd, beside it."""
    packed = path.with_suffix(path.suffix + ".zst")
    with open(path, "rb") as source, open(packed, "wb") as sink:
        zstandard.ZstdCompressor(level=3).copy_stream(source, sink)
    return packed


def statuses(results: pa.Table) -> Iterable[tuple[str, int]]:
    """How many snapshots became what."""
    counted: Iterator[dict[str, str | int]] = iter(
        results.group_by("status").aggregate([("key", "count")]).to_pylist()
    )
    return sorted((str(row["status"]), int(row["key_count"])) for row in counted)
