"""`correlate`: runs the SQL of the embedded store over the tables of the lake, as it is.

What it makes lies in a folder of its own; `joined/CURRENT` names it once all of it is there, so
that who asks meanwhile has the answers of before.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from snapsift_spark import assets, sql
from snapsift_spark.binary import Binary
from snapsift_spark.engine import Engine
from snapsift_spark.lake import Lake, LakeError
from snapsift_spark.load import check_numbers
from snapsift_spark.tables import tables, views

# Of these every batch has its own rows of the same thing. Column by column the first in order:
# all that is said of a key follows from the key.
MERGED = {"ssh_key": ("key_id", "fingerprint"), "remedy": ("rule",), "rule_set": ("digest", "rule")}


def new_run(now: str) -> str:
    """The folder of a run that begins."""
    return f"joined/{''.join(letter for letter in now if letter.isdigit())[:14]}-{secrets.token_hex(4)}"


def base(engine: Engine, lake: Lake, queries: Path, param: Mapping[str, str]) -> None:
    """Makes the tables of the lake known, but for those that are merged, and the views over them."""
    filled = _filled(lake)
    if not filled:
        raise LakeError(f"{lake.address}: no tables: run `load` first")
    for table in tables(queries):
        if table.name == "param":
            _ask(engine, param)
        elif table.name not in MERGED:
            engine.base(table, table.name, table.name in filled)
    for statement in views(queries):
        engine.execute(statement)


def _filled(lake: Lake) -> set[str]:
    return {name.split("/")[1] for name, _ in lake.files("tables", ".parquet")}


def _merge(engine: Engine, lake: Lake, queries: Path) -> None:
    filled = _filled(lake)
    for table in tables(queries):
        if (own := MERGED.get(table.name)) is not None:
            engine.base(table, f"{table.name}_all", table.name in filled)
            rest = [f"MIN({name}) AS {name}" for name, _ in table.columns if name not in own]
            engine.execute(
                f"CREATE TABLE {table.name} AS SELECT {', '.join([*own, *rest])}"
                f" FROM {table.name}_all GROUP BY {', '.join(own)}"
            )


def _ask(engine: Engine, param: Mapping[str, str]) -> None:
    rows = " UNION ALL ".join(
        f"SELECT '{_text(name)}' AS name, '{_text(value)}' AS value" for name, value in sorted(param.items())
    )
    engine.execute(f"CREATE TABLE param AS {rows}")


def correlate(
    engine: Engine,
    lake: Lake,
    binary: Binary,
    queries: Path,
    run: str,
    now: str,
    told: Callable[[str], None] = lambda _: None,
) -> None:
    """Joins what the lake has, and makes it what questions are answered from."""
    lake.sweep()
    assets.decide(lake, binary, queries)
    _merge(engine, lake, queries)
    base(engine, lake, queries, {"now": now})
    check_numbers(engine.rows)
    made = list(MERGED)
    for file, statement in sql.correlation(queries):
        begun = time.monotonic()
        engine.execute(statement)
        if (what := sql.created(statement)) is not None and what[0] == "TABLE":
            made.append(what[1])
            told(f"{file} {what[1]}: {time.monotonic() - begun:.1f} s")
    engine.keep(made, run)
    lake.put_text("\n".join([now, *made]) + "\n", f"{run}/made.txt")
    lake.put_text(run.rpartition("/")[2] + "\n", "joined/CURRENT")


def reopen(engine: Engine, lake: Lake, queries: Path, param: Mapping[str, str]) -> None:
    """Makes known what the last run left, for questions."""
    run = lake.run()
    now, *made = lake.text(f"{run}/made.txt").split()
    for name in made:
        engine.joined(name, run)
    base(engine, lake, queries, {"now": now, **param})
    for _, statement in sql.correlation(queries):
        if (what := sql.created(statement)) is not None and what[0] == "VIEW":
            engine.execute(statement)


def question(queries: Path, name: str) -> str:
    """The text of a question: a file, or the name of one that comes with the program."""
    for path in (queries / "fleet" / f"{name}.sql", Path(name)):
        if path.is_file():
            texts = list(sql.statements(path.read_text(encoding="utf-8")))
            if len(texts) != 1:
                raise LakeError(f"{path}: a question is one statement")
            return texts[0]
    raise LakeError(f"{name}: no such question; `snapsift fleet query --list` lists them")


def _text(value: str) -> str:
    if "\\" in value:
        raise LakeError(f"{value}: a backslash is not supported here")
    return value.replace("'", "''")
