"""The schemas of Spark, of Arrow and of DuckDB hold against what they are made of.

Usage: schema.py SNAPSIFT QUERIES_FOLDER
Exit codes: 0 they hold; 77 a module is not installed.
"""

import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]
try:
    import duckdb
    import pyarrow.parquet as pq
    from pyspark.sql.types import ArrayType, DataType, DecimalType, MapType, StructType

    from snapsift_spark import load, sql, wire
    from snapsift_spark.session import session
    from snapsift_spark.tables import tables
except ImportError as error:
    print(f"not installed: {error}")
    sys.exit(77)
if shutil.which("java") is None:
    print("java is not installed")
    sys.exit(77)

SNAPSIFT, QUERIES = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
# Values that JSON Schema knows and that are hard to keep.
LARGEST = (1 << 64) - 1


def example(kind: wire.Type) -> Any:
    """A value of a type with everything in it, and the largest of everything."""
    match kind:
        case wire.Struct(fields):
            return {name: example(inner) for name, inner in fields}
        case wire.List(item):
            return [example(item), example(item)]
        case wire.Map(value):
            return {"one": example(value), "a.b 'c'": example(value)}
        case "DECIMAL(20,0)":
            return LARGEST
        case "BIGINT":
            return (1 << 32) - 1
        case "INT":
            return (1 << 16) - 1
        case "BOOLEAN":
            return True
        case "DOUBLE":
            return 0.1
        case _:
            return "é\U0001f511\n'\"\\"


def of_json(node: dict[str, Any], definitions: dict[str, Any], kind: DataType, path: str) -> None:
    """The JSON Schema against Spark's own reading of the DDL, not by the code that made it."""
    if "$ref" in node:
        return of_json(definitions[node["$ref"].removeprefix("#/$defs/")], definitions, kind, path)
    for variant in node.get("anyOf", []) + node.get("oneOf", []):
        if variant.get("type") != "null":
            of_json(variant, definitions, kind, path)
    types = node.get("type", [])
    for name in [types] if isinstance(types, str) else types:
        if name == "object" and "properties" in node:
            assert isinstance(kind, StructType), path
            for field, inner in node["properties"].items():
                if f"{path}.{field}" == "finding.secret.raw":
                    assert field not in kind.names, "a secret has no column"
                    continue
                of_json(inner, definitions, kind[field].dataType, f"{path}.{field}")
        elif name == "object":
            assert isinstance(kind, MapType), path
            of_json(node["additionalProperties"], definitions, kind.valueType, f"{path}.*")
        elif name == "array":
            assert isinstance(kind, ArrayType), path
            of_json(node["items"], definitions, kind.elementType, f"{path}[]")
        elif name == "integer":
            wanted = {"uint64": DecimalType(20, 0).simpleString(), "uint32": "bigint", "uint16": "int"}[
                node["format"]
            ]
            assert kind.simpleString() == wanted, f"{path}: {kind.simpleString()}"
        elif name != "null":
            wanted = {"string": "string", "boolean": "boolean", "number": "double"}[name]
            assert kind.simpleString() == wanted, f"{path}: {kind.simpleString()}"


def kinds(schema: StructType) -> list[tuple[str, str]]:
    return [(field.name, field.dataType.simpleString()) for field in schema.fields]


def main() -> None:
    spark = session(
        "schema", "/nonexistent", "local[1]", {"spark.ui.enabled": "false", "spark.driver.memory": "512m"}
    )
    document = json.loads(wire.SCHEMA.read_text(encoding="utf-8"))
    records = wire.records()
    assert set(records) == {"scan", "machine", "finding", "key", "problem", "summary"}
    for variant in document["oneOf"]:
        name = variant["properties"]["type"]["const"]
        schema = StructType.fromDDL(wire.ddl(name))
        assert schema.names[:2] == ["in_scan", "in_line"], schema.names
        of_json(
            document["$defs"][variant["$ref"].removeprefix("#/$defs/")],
            document["$defs"],
            StructType(schema.fields[2:]),
            name,
        )
        assert len(schema.names) - 2 == len(records[name].fields)

    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        # Everything at once, and nothing but what is required: both come back as they were.
        lines = []
        for name, struct in records.items():
            lines += [{"type": name, **example(struct)}, {"type": name}]
        secret = next(line for line in lines if line["type"] == "finding" and "secret" in line)
        revealed = {
            **secret,
            "secret": {**secret["secret"], "raw": {"text": "never kept"}},
            "of_a_later_version": [1],
        }
        path = folder / "records.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in [revealed, *lines]), encoding="utf-8")
        found = []
        for name, file in load.typed([("scan", path)], folder):
            rows = pq.read_table(file)
            assert "never kept" not in str(rows.to_pylist())
            # Spark, left to itself, reads the very types that were said.
            assert kinds(spark.read.parquet(str(file)).schema) == kinds(StructType.fromDDL(wire.ddl(name))), (
                name
            )
            cursor = duckdb.connect().execute(f"SELECT * FROM '{file}'")
            names = [column[0] for column in cursor.description or []]
            for row in cursor.fetchall():
                values = dict(zip(names, row, strict=True))
                found.append((values["in_line"], {"type": name, **wire.plain(values, records[name])}))
        back = [line for _, line in sorted(found, key=lambda one: one[0])]
        assert back == [secret, *lines], "the records are not what they were"

        # The tables have the columns of the store that the program makes.
        (folder / "empty.jsonl").write_text("")
        subprocess.run(
            [SNAPSIFT, "fleet", "add", "--quiet", folder / "store.db", folder / "empty.jsonl"],
            check=False,
            capture_output=True,
        )
        store = sqlite3.connect(folder / "store.db")
        made = {
            name
            for _, statement in sql.correlation(QUERIES)
            if (what := sql.created(statement))
            for name in what[1:]
        }
        there = {
            name for (name,) in store.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        } - made
        assert there == {table.name for table in tables(QUERIES)}, there
        for table in tables(QUERIES):
            columns = [
                name
                for (name,) in store.execute(
                    "SELECT name FROM pragma_table_info(?) ORDER BY cid", [table.name]
                )
            ]
            assert columns == [name for name, _ in table.columns] == table.arrow.names
            assert StructType.fromDDL(table.ddl).names == columns
            empty = folder / f"{table.name}.parquet"
            pq.write_table(table.arrow.empty_table(), empty)
            assert kinds(spark.read.parquet(str(empty)).schema) == kinds(StructType.fromDDL(table.ddl)), (
                table.name
            )
    spark.stop()
    numbers = [load.number("a", "b"), load.number("ab"), load.number("a", "b")]
    assert numbers[0] == numbers[2] != numbers[1] and all(0 <= one < 1 << 63 for one in numbers)
    assert list(sql.statements("a 'x;y' -- no; 'end\n; b;\n-- nothing\n")) == ["a 'x;y'", "b"]
    print("the schemas hold")


main()
