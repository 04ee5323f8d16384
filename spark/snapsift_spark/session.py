"""Starts Spark with what the shared SQL and the tasks need."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pyspark.sql import SparkSession

# What holds wherever it runs. A cluster's own settings, given to `spark-submit` or by `--conf`,
# come on top of these.
DEFAULTS = {
    # Types are checked, and a number too large is an error and not another number.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    # A table made by CREATE TABLE AS is Parquet, as the lake is.
    "spark.sql.legacy.createHiveTableByDefault": "false",
    "spark.sql.sources.default": "parquet",
    "spark.sql.parquet.compression.codec": "zstd",
    # A second reader of the same disk costs as much as the first.
    "spark.speculation": "false",
    "spark.ui.showConsoleProgress": "false",
}


def session(
    name: str, warehouse: str, master: str | None = None, conf: Mapping[str, str] | None = None
) -> SparkSession:
    """A session whose tables lie in `warehouse`. Without a master `spark-submit` says which."""
    # The workers run this very interpreter where it is there; a cluster sets its own.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    # A task imports this package too. `--py-files` gives it to a cluster that has it not.
    package = str(Path(__file__).resolve().parents[1])
    builder = SparkSession.builder.appName(f"snapsift {name}")
    if master is not None:
        builder = builder.master(master)
    for key, value in {**DEFAULTS, "spark.sql.warehouse.dir": warehouse, **(conf or {})}.items():
        builder = builder.config(key, value)
    builder = builder.config("spark.executorEnv.PYTHONPATH", package)
    if (spark := builder.getOrCreate()) is None:  # the stubs allow it
        raise RuntimeError("Spark did not start")
    spark.sparkContext.setLogLevel("ERROR")
    return spark
