"""Scans a fleet of disk images on a cluster of Spark, on this machine, and kills a worker half way.

What comes out must be what one machine says: the same rows as an embedded store of the same
images has, and the same answers, by Spark and by DuckDB.

Usage: cluster.py SNAPSIFT QUERIES_FOLDER [MACHINES]
Exit codes: 0 all is equal; 77 Spark, Java or mkfs.ext4 is not installed.
"""

import contextlib
import csv
import ctypes
import io
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

try:
    import duckdb
    import pyarrow.parquet as pq
    import pyspark

    from snapsift_spark import assets, correlate, export, load, scan, sql
    from snapsift_spark.binary import Binary
    from snapsift_spark.engine import DuckDB, Spark
    from snapsift_spark.lake import Lake
    from snapsift_spark.session import session
    from snapsift_spark.tables import tables
except ImportError as error:
    print(f"Spark is not installed: {error}")
    sys.exit(77)
for program in ("java", "mkfs.ext4", "ssh-keygen"):
    if shutil.which(program) is None and not Path("/usr/sbin", program).exists():
        print(f"{program} is not installed")
        sys.exit(77)
os.environ["PATH"] += ":/usr/sbin:/sbin"

import fixture

SNAPSIFT, QUERIES = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
MACHINES = int(sys.argv[3]) if len(sys.argv) > 3 else 210
NOW = "2026-11-29T00:00:00Z"
ACCOUNTS = 3
# Small JVMs for short work: what takes time is to compile statements.
CONF = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.driver.memory": "1g",
    "spark.executor.memory": "512m",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
BEGUN = time.monotonic()


def told(text: str) -> None:
    """What the test is at, for whoever waits."""
    print(f"{time.monotonic() - BEGUN:6.1f} s  {text}", flush=True)


def until(what: str, true: Callable[[], bool], seconds: float = 120) -> None:
    """Waits for something that has to come."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"waited {seconds} s for: {what}"
        time.sleep(0.1)


def with_parent() -> None:
    """A process that does not outlive the test, however that ends (prctl, PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Cluster:
    """A master and two workers of one core, each a group of processes of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        home = Path(pyspark.__file__).parent
        self.spark_class = home / "bin" / "spark-class"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"spark://127.0.0.1:{port}"
        package = "org.apache.spark.deploy"
        self.processes = [
            self._start("master", f"{package}.master.Master", "--host", "127.0.0.1", "--port", str(port))
        ]
        until("a master", lambda: "New state: ALIVE" in self.log("master"))
        for name in ("one", "two"):
            self.processes.append(
                self._start(
                    name,
                    f"{package}.worker.Worker",
                    "--host",
                    "127.0.0.1",
                    "--cores",
                    "1",
                    "--memory",
                    "1g",
                    "--work-dir",
                    str(folder / f"work-{name}"),
                    self.url,
                )
            )
        until("two workers", lambda: self.log("master").count("Registering worker") == 2)

    def _start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_DAEMON_JAVA_OPTS": "-XX:TieredStopAtLevel=1",
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_MASTER_WEBUI_PORT": "0",
            "SPARK_WORKER_WEBUI_PORT": "0",
        }
        with open(self.folder / f"{name}.log", "wb") as log:
            return subprocess.Popen(
                [self.spark_class, *command],
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
                preexec_fn=with_parent,
            )

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def kill(self, place: int) -> None:
        """As when the power goes: the worker and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.processes[place].pid, signal.SIGKILL)
        self.processes[place].wait()

    def stop(self) -> None:
        for place in range(len(self.processes)):
            self.kill(place)


def unreliable(folder: Path) -> Path:
    """The program as it is on a bad day: some scans are killed at first, once in the middle of
    what they write, and one always."""
    path = folder / "snapsift-unreliable"
    path.write_text(f"""#!/bin/sh
case "$*" in
*node-003.img*|*node-033.img*)
    if [ ! -e {folder}/killed-"$(basename "$0")"-33 ] || [ "$(ls {folder} | grep -c ^killed-)" -lt 2 ]; then
        touch {folder}/killed-"$(basename "$0")"-33 {folder}/killed-$$
        for word; do case "$word" in */scan.jsonl) echo '{{"type":"scan","scan_id":"half"}}' >"$word.$$.partial";; esac; done
        kill -9 $$
    fi;;
*node-011.img*) echo 'the disk is gone' >&2; exit 2;;
esac
exec {SNAPSIFT} "$@"
""")
    path.chmod(0o755)
    return path


def named(store: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    """The rows of a table with names in place of numbers, which each store gives as it likes."""
    columns = [
        name for (name,) in store.execute("SELECT name FROM pragma_table_info(?) ORDER BY cid", [table])
    ]
    own = {
        "disk": {"disk_id": "'-'", "scan_id": "'-'"},
        "ssh_key": {"key_id": "'-'"},
    }.get(
        table,
        {
            "disk_id": "(SELECT d.machine || ' ' || d.target FROM disk d WHERE d.disk_id = t.disk_id)",
            "key_id": "(SELECT k.fingerprint FROM ssh_key k WHERE k.key_id = t.key_id)",
        },
    )
    return sorted(
        store.execute(f"SELECT {', '.join(own.get(name, f't.{name}') for name in columns)} FROM {table} t"),
        key=lambda row: [(value is not None, str(value)) for value in row],
    )


def embedded(lake: Lake, folder: Path) -> sqlite3.Connection:
    """The tables of a lake in SQLite."""
    store = sqlite3.connect(":memory:")
    for statement in sql.definitions(QUERIES):
        store.execute(statement)
    for table in tables(QUERIES):
        for name, _ in lake.files(f"tables/{table.name}", ".parquet"):
            rows = pq.read_table(folder / name).to_pylist()
            ignoring = "OR IGNORE " if table.name in correlate.MERGED else ""
            places = ", ".join("?" for _ in table.columns)
            store.executemany(
                f"INSERT {ignoring}INTO {table.name} VALUES ({places})", [tuple(row.values()) for row in rows]
            )
    return store


def cells(rows: list[tuple[object, ...]]) -> Counter[tuple[str, ...]]:
    return Counter(tuple("" if value is None else str(value) for value in row) for row in rows)


def single(folder: Path, images: list[Path]) -> Path:
    """What one process on one machine makes of the same images, without any of this."""
    stream = folder / "single.jsonl"
    fixture.run(SNAPSIFT, "scan", "--quiet", "--format", "jsonl", "--output", stream, "--", *images)
    store = folder / "single.db"
    fixture.run(SNAPSIFT, "fleet", "add", "--quiet", store, stream)
    fixture.run(SNAPSIFT, "fleet", "assets", store, folder / "assets.csv", folder / "vulnerabilities.csv")
    fixture.run(SNAPSIFT, "fleet", "govern", store, folder / "governance.toml")
    return store


def asked(store: Path, question: str) -> tuple[list[str], Counter[tuple[str, ...]]]:
    """An answer of the program."""
    done = subprocess.run(
        [SNAPSIFT, "fleet", "query", store, question, "--format", "csv"],
        capture_output=True,
        check=True,
        text=True,
    )
    rows = list(csv.reader(io.StringIO(done.stdout)))
    return rows[0], Counter(map(tuple, rows[1:]))


def scanned(folder: Path, lake: Lake, images: list[Path], cluster: Cluster) -> None:
    """Scans on the cluster; a worker dies when a third is done."""
    table = folder / "snapshots.csv"
    with open(table, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["uri", "machine", "size", "account"])
        for place, image in enumerate(images):
            rows.writerow([image, "", image.stat().st_size, f"account-{place % ACCOUNTS}"])
        rows.writerow([folder / "not-there.img", "nobody", 1 << 40, "account-0"])
    given = scan.snapshots(table, "2026-11-29")
    how = scan.How(("--jobs", "1"), attempts=3, pause=0)
    spark = session("scan", lake.uri("joined"), cluster.url, CONF)
    try:
        result: list[object] = []
        binary = Binary(str(unreliable(folder)))
        thread = threading.Thread(target=lambda: result.append(scan.scan(spark, lake, binary, given, how)))
        thread.start()
        until(
            "a third of the streams", lambda: len(lake.files("raw")) > MACHINES // 3 or not thread.is_alive()
        )
        assert thread.is_alive(), "the scan was over before a worker could be killed"
        told("a worker is killed")
        cluster.kill(1)
        thread.join()
        assert result, "the scan failed"
        rows = {Path(row["uri"]).stem: row for row in result[0].to_pylist()}  # type: ignore[attr-defined]
        counts = Counter(row["status"] for row in rows.values())
        told(f"scanned: {dict(counts)}")
        assert rows["node-011"]["status"] == rows["not-there"]["status"] == "failed", rows
        assert rows["node-011"]["reason"] == "the disk is gone" and rows["node-011"]["attempts"] == 3, rows[
            "node-011"
        ]
        assert counts["failed"] == 2 and sum(counts.values()) == MACHINES + 1, counts
        assert len(lake.files("raw", ".jsonl.zst")) == MACHINES - 1
        assert 1 <= len(lake.files("incomplete")) <= 3, "half a stream is kept apart"
        assert not list(folder.glob("lake/raw/**/.*")), "half a file is left"
        # What was scanned is not scanned again.
        again = Counter(
            scan.scan(spark, lake, Binary(str(unreliable(folder))), given, how)["status"].to_pylist()
        )
        assert again == {"there": MACHINES - 1, "failed": 2}, again
        # The disk is back.
        mended = Counter(
            scan.scan(spark, lake, Binary(str(SNAPSIFT)), given[11:12], how)["status"].to_pylist()
        )
        assert mended == {"done": 1}, mended
        told("scanned again: nothing is done twice")
        loaded(folder, lake, spark)
    finally:
        spark.stop()


def loaded(folder: Path, lake: Lake, spark: pyspark.sql.SparkSession) -> None:
    """Loads on the one worker that is left, with streams that are no use among them."""
    stream, _ = lake.files("raw")[0]
    copy = folder / "lake" / "raw" / "date=2026-11-29" / "account=a"
    copy.mkdir(parents=True)
    text = load.opened(folder / "lake" / stream).read()
    (copy / "b-same.jsonl").write_bytes(text)
    (copy / "a-half.jsonl").write_bytes(b"".join(text.splitlines(keepends=True)[:-1]))
    (copy / "c-nothing.jsonl").write_bytes(b"")
    (copy / "d-broken.jsonl.gz").write_bytes(b"\x1f\x8b broken")
    # What is left of a batch that did not come to its end.
    (folder / "lake" / "tables" / "finding").mkdir(parents=True)
    shutil.copy(folder / "lake" / stream, folder / "lake" / "tables" / "finding" / f"{'0' * 32}.parquet")
    counts = load.load(spark, lake, Binary(str(SNAPSIFT)), QUERIES, largest=64 << 10)
    assert counts == {"loaded": MACHINES, "again": 1, "kept out": 3, "there": 0}, counts
    counts = load.load(spark, lake, Binary(str(SNAPSIFT)), QUERIES)
    assert counts == {"loaded": 0, "again": 0, "kept out": 0, "there": MACHINES + 4}, counts
    told(f"loaded, in {len(lake.files('loads'))} batches")
    # The records, back as streams, are the records that there were.
    assert export.streams(spark, lake, Lake(str(folder / "streams"))) == MACHINES
    before = Counter(_records(folder / "lake" / name for name, _ in lake.files("raw", ".jsonl.zst")))
    after = Counter(_records(sorted((folder / "streams").glob("*.jsonl.zst"))))
    assert before == after, [*(before - after), *(after - before)][:2]
    told("the records are what they were")


def _records(paths: Iterator[Path] | list[Path]) -> Iterator[str]:
    for path in paths:
        for line in load.opened(path):
            yield json.dumps(json.loads(line), sort_keys=True)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="snapsift-cluster-") as name:
        folder = Path(name)
        images = fixture.images(folder, MACHINES)
        told(f"{len(images)} images")
        store = single(folder, images)
        told("scanned on one machine")
        lake = Lake(str(folder / "lake"))
        cluster = Cluster(folder)
        try:
            scanned(folder, lake, images, cluster)
        finally:
            cluster.stop()
        files = [folder / "assets.csv", folder / "vulnerabilities.csv"]
        assert assets.take(lake, Binary(str(SNAPSIFT)), QUERIES, files, folder / "governance.toml") == 0

        one, other = sqlite3.connect(store), embedded(lake, folder / "lake")
        for table in tables(QUERIES):
            # Of inventories there is the time when they were taken. There, all is one scan.
            if table.name in ("param", "inventory", "scan", *assets.WORKED_OUT):
                continue
            left, right = Counter(named(one, table.name)), Counter(named(other, table.name))
            assert left == right, f"{table.name}: {[*(left - right)][:2]} {[*(right - left)][:2]}"
        told("the tables are those of one machine")

        spark = session("correlate", lake.uri("joined"), "local[2]", CONF)
        try:
            for kind in ("duckdb", "spark"):
                place = folder / kind
                place.mkdir()
                run = correlate.new_run(NOW)
                engine = DuckDB(lake, place) if kind == "duckdb" else Spark(spark, lake, run)
                correlate.correlate(engine, lake, Binary(str(SNAPSIFT)), QUERIES, run, NOW)
                told(f"joined by {engine.name}")
                run = correlate.new_run(NOW)
                (folder / f"{kind}-asks").mkdir()
                engine = (
                    DuckDB(lake, folder / f"{kind}-asks") if kind == "duckdb" else Spark(spark, lake, run)
                )
                correlate.reopen(engine, lake, QUERIES, {})
                export.answers(engine, QUERIES, Lake(str(folder / f"answers-{kind}")))
                told(f"asked by {engine.name}")
        finally:
            spark.stop()
        compare = duckdb.connect()
        for question in export.ANSWERS:
            header, expected = asked(store, question)
            assert expected, f"{question}: no rows: the comparison shows nothing"
            for kind in ("duckdb", "spark"):
                relation = compare.execute(f"SELECT * FROM '{folder}/answers-{kind}/{question}/*.parquet'")
                assert [column[0] for column in relation.description or []] == header
                rows = cells(relation.fetchall())
                assert rows == expected, (
                    f"{question} by {kind}: {[*(rows - expected)][:2]} {[*(expected - rows)][:2]}"
                )
            told(f"{question}: {sum(expected.values())} rows, the same by all")


main()
