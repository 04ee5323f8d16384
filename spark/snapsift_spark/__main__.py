"""The command line.

    spark-submit --py-files … snapsift_spark scan --lake LAKE --snapshots TABLE --binary PATH
    python -m snapsift_spark correlate --lake LAKE --engine duckdb

Exit codes are those of the program: 0 all was done, 2 wrong usage or a fatal error, 3 something
was left out, which is named.
"""

import argparse
import datetime
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from snapsift_spark import assets, correlate, export, load, scan, sql
from snapsift_spark.binary import Binary, BinaryError
from snapsift_spark.engine import DuckDB, Engine, Spark
from snapsift_spark.lake import Lake, LakeError, scratch
from snapsift_spark.session import session

COMPLETE, FATAL, INCOMPLETE = 0, 2, 3


def arguments() -> argparse.ArgumentParser:
    """What may be given."""
    parser = argparse.ArgumentParser(
        prog="snapsift_spark", description="Scans and correlation of snapsift on Apache Spark."
    )
    parser.add_argument(
        "--queries",
        type=Path,
        default=sql.QUERIES,
        help="the folder of SQL files [default: that of the checkout]",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(
        name: str, about: str, *, spark: bool = True, binary: bool = False, engine: bool = False
    ) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=about, description=about)
        one.add_argument(
            "--lake", required=True, metavar="ADDRESS", help="a folder, or a URI such as s3://bucket/folder"
        )
        if binary:
            one.add_argument(
                "--binary", default="snapsift", metavar="PATH", help="the program [default: snapsift]"
            )
        if spark:
            one.add_argument(
                "--master",
                metavar="URL",
                help="Spark's master, such as local[2] [default: what spark-submit says]",
            )
            one.add_argument(
                "--conf",
                action="append",
                default=[],
                metavar="KEY=VALUE",
                help="a setting of Spark (may be given many times)",
            )
        if engine:
            one.add_argument(
                "--engine",
                choices=("spark", "duckdb"),
                default="spark",
                help="duckdb: on this machine alone [default: spark]",
            )
            one.add_argument(
                "--memory",
                default="4GB",
                help="DuckDB's memory; what does not fit goes to $TMPDIR [default: 4GB]",
            )
        return one

    one = command("scan", "Scan snapshots, a task for each, and keep the streams in the lake.", binary=True)
    one.add_argument(
        "--snapshots",
        type=Path,
        required=True,
        metavar="TABLE",
        help="CSV, JSON Lines or Parquet with uri and, if known, machine, size, account, date, version",
    )
    one.add_argument(
        "--date",
        default=datetime.date.today().isoformat(),
        help="the partition of snapshots without a date [default: today]",
    )
    one.add_argument(
        "--attempts", type=int, default=3, metavar="NUM", help="how often a snapshot is tried [default: 3]"
    )
    one.add_argument("--timeout", type=float, metavar="SECONDS", help="for one attempt [default: none]")
    one.add_argument("options", nargs="*", metavar="-- OPTION", help="options of `snapsift scan`")

    one = command("load", "Make tables of the streams in the lake that are not in them yet.", binary=True)
    one.add_argument("--no-records", action="store_true", help="only the tables, not the typed records")
    one.add_argument(
        "--batch-bytes",
        type=int,
        default=64 << 20,
        metavar="NUM",
        help="bytes of streams in a task [default: 64 MiB]",
    )

    one = command(
        "assets", "Take inventories, reports of vulnerabilities and decisions.", spark=False, binary=True
    )
    one.add_argument("files", nargs="*", type=Path, metavar="FILE")
    one.add_argument("--governance", type=Path, metavar="FILE", help="what `snapsift fleet govern` takes")
    one.add_argument("--whole", action="store_true", help="as of `snapsift fleet assets`")
    one.add_argument("--scope", metavar="NAME", help="as of `snapsift fleet assets`")

    one = command("correlate", "Join what the lake has.", binary=True, engine=True)
    one.add_argument("--now", help="the time that decides what has expired, RFC 3339 [default: now]")
    one.add_argument("--verbose", action="store_true", help="say how long each statement took")

    one = command("query", "Ask a question that comes with the program, or one in a file.", engine=True)
    one.add_argument("question", metavar="QUERY")
    one.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what the question is asked with (may be given many times)",
    )
    one.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="CSV, or Parquet where it ends so [default: CSV to standard output]",
    )

    one = command(
        "export",
        "Write recommendations, attack paths and inventory as Parquet, or scans as streams.",
        engine=True,
    )
    one.add_argument("--to", required=True, metavar="ADDRESS")
    one.add_argument(
        "--streams", action="store_true", help="the records of every scan, as `snapsift fleet add` takes them"
    )
    return parser


def _pairs(given: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise LakeError(f"{one}: NAME=VALUE is wanted")
        pairs[name] = value
    return pairs


@contextmanager
def _engine(given: argparse.Namespace, lake: Lake, run: str) -> Iterator[Engine]:
    if given.engine == "duckdb":
        with scratch() as folder:
            yield DuckDB(lake, folder, given.memory)
        return
    spark = session(given.command, lake.uri("joined"), given.master, _pairs(given.conf))
    try:
        yield Spark(spark, lake, run)
    finally:
        spark.stop()


def run(given: argparse.Namespace) -> int:
    """Runs a command; the exit code."""
    lake = Lake(given.lake)
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if given.command == "assets":
        options = [*(["--whole"] if given.whole else []), *(["--scope", given.scope] if given.scope else [])]
        return assets.take(lake, Binary(given.binary), given.queries, given.files, given.governance, options)
    if given.command == "correlate":
        name = correlate.new_run(now)
        told = (lambda text: print(text, file=sys.stderr, flush=True)) if given.verbose else (lambda _: None)
        with _engine(given, lake, name) as engine:
            correlate.correlate(
                engine, lake, Binary(given.binary), given.queries, name, given.now or now, told
            )
            counts = engine.rows(
                "SELECT (SELECT COUNT(*) FROM fleet_machine), (SELECT COUNT(*) FROM fleet_risk), (SELECT COUNT(*) FROM fleet_path)"
            )[0]
        print(f"{counts[0]} machines, {counts[1]} findings, {counts[2]} attack paths")
        return COMPLETE
    if given.command == "query":
        with _engine(given, lake, correlate.new_run(now)) as engine:
            correlate.reopen(engine, lake, given.queries, _pairs(given.set))
            _print(engine, correlate.question(given.queries, given.question), given.output)
        return COMPLETE
    if given.command == "export" and not given.streams:
        with _engine(given, lake, correlate.new_run(now)) as engine:
            correlate.reopen(engine, lake, given.queries, {})
            export.answers(engine, given.queries, Lake(given.to))
        return COMPLETE
    spark = session(given.command, lake.uri("joined"), given.master, _pairs(given.conf))
    try:
        return _distributed(given, lake, spark)
    finally:
        spark.stop()


def _distributed(given: argparse.Namespace, lake: Lake, spark: SparkSession) -> int:
    if given.command == "scan":
        how = scan.How(tuple(given.options), given.attempts, timeout=given.timeout)
        results = scan.scan(
            spark, lake, Binary(given.binary), scan.snapshots(given.snapshots, given.date), how
        )
        print(", ".join(f"{count} {status}" for status, count in scan.statuses(results)))
        bad = [row for row in results.to_pylist() if row["status"] in ("failed", "partial")]
        for row in bad:
            print(f"error: {row['uri']!a}: {row['status']}: {row['reason']!a}", file=sys.stderr)
        return INCOMPLETE if bad else COMPLETE
    if given.command == "load":
        counts = load.load(
            spark, lake, Binary(given.binary), given.queries, not given.no_records, given.batch_bytes
        )
        print(", ".join(f"{count} {status}" for status, count in counts.items()))
        rows = lake.rows("loads")
        for row in rows.to_pylist() if rows is not None and counts["kept out"] else []:
            if row["status"] == "kept out":
                print(f"error: {row['stream']!a}: kept out: {row['reason']!a}", file=sys.stderr)
        return INCOMPLETE if counts["kept out"] else COMPLETE
    print(f"{export.streams(spark, lake, Lake(given.to))} scans")
    return COMPLETE


def _print(engine: Engine, question: str, output: Path | None) -> None:
    with scratch() as folder:
        engine.save(question, Lake(str(folder)), "answer")
        # In the order that the question says: each engine writes its files in it.
        files = sorted((folder / "answer").glob("*.parquet"))
        rows = pa.concat_tables([pq.read_table(file) for file in files])
    if output is None:
        pa.csv.write_csv(rows, sys.stdout.buffer)
    elif output.suffix == ".parquet":
        pq.write_table(rows, output)
    else:
        pa.csv.write_csv(rows, output)


def main() -> int:
    """Errors that are somebody's to mend are a line, not a trace."""
    given = arguments().parse_args()
    try:
        return run(given)
    except (LakeError, BinaryError, scan.TableError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
    except PySparkException as error:
        print(f"error: Spark: {str(error)[:2000]}", file=sys.stderr)
    return FATAL


if __name__ == "__main__":
    sys.exit(main())
