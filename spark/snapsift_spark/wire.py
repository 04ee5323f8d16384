"""The records of a scan as typed columns: Rust types, JSON Schema, Spark schema.

`docs/wire-schema.json` is made of the Rust types; what is here is made of that, and nothing is
written down a second time. A field that the schema of this version does not have is passed over,
as docs/wire.md says of every reader.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "wire-schema.json"
# The one field that is not taken: a scan with `--reveal` has the secret itself there, and a lake
# has many readers.
LEFT_OUT = ("secret", "raw")


@dataclass(frozen=True)
class Struct:
    """An object with known fields."""

    fields: tuple[tuple[str, "Type"], ...]


@dataclass(frozen=True)
class List:
    """An array."""

    item: "Type"


@dataclass(frozen=True)
class Map:
    """An object whose names are data."""

    value: "Type"


# The rest are names of Spark's types. Times stay texts: Spark's have microseconds, ours
# nanoseconds. Numbers of 64 bits without a sign have no other type that holds them all.
Type = str | Struct | List | Map
_NUMBERS = {
    "uint64": "DECIMAL(20,0)",
    "uint32": "BIGINT",
    "uint16": "INT",
    "uint8": "INT",
    "double": "DOUBLE",
    "float": "FLOAT",
}
# DuckDB writes numbers without a sign to Parquet as such, which Spark reads as this decimal.
_DUCKDB = {"STRING": "VARCHAR", "DECIMAL(20,0)": "UBIGINT", "INT": "INTEGER"}


class Unknown(Exception):
    """The JSON Schema has a form that no column is known for."""


def _type(node: dict[str, Any], definitions: dict[str, Any], path: tuple[str, ...]) -> Type:
    if "$ref" in node:
        return _type(definitions[node["$ref"].removeprefix("#/$defs/")], definitions, path)
    variants = [one for one in node.get("anyOf") or node.get("oneOf") or [] if one.get("type") != "null"]
    if variants:
        types = [_type(one, definitions, path) for one in variants]
        merged = types[0]
        for one in types[1:]:
            merged = _both(merged, one, path)
        return merged
    kinds = node.get("type")
    kind = next((one for one in kinds if one != "null"), None) if isinstance(kinds, list) else kinds
    if kind == "string":
        return "STRING"
    if kind == "boolean":
        return "BOOLEAN"
    if kind in ("integer", "number") and node.get("format") in _NUMBERS:
        return _NUMBERS[node["format"]]
    if kind == "array":
        return List(_type(node["items"], definitions, path))
    if kind == "object" and "properties" in node:
        return Struct(
            tuple(
                (name, _type(inner, definitions, (*path, name)))
                for name, inner in sorted(node["properties"].items())
                if (*path, name) != LEFT_OUT
            )
        )
    if kind == "object" and isinstance(node.get("additionalProperties"), dict):
        return Map(_type(node["additionalProperties"], definitions, path))
    raise Unknown(f"no column is known for {'.'.join(path)}: {json.dumps(node)[:200]}")


def _both(one: Type, other: Type, path: tuple[str, ...]) -> Type:
    """The type of either: objects of several forms have the fields of all."""
    if isinstance(one, Struct) and isinstance(other, Struct):
        fields = dict(one.fields)
        for name, kind in other.fields:
            fields[name] = _both(fields[name], kind, (*path, name)) if name in fields else kind
        return Struct(tuple(sorted(fields.items())))
    if one == other:
        return one
    raise Unknown(f"{'.'.join(path)} has values of two types")


@cache
def records(schema: Path = SCHEMA) -> dict[str, Struct]:
    """The columns of each type of record."""
    document = json.loads(schema.read_text(encoding="utf-8"))
    found = {}
    for variant in document["oneOf"]:
        name = variant["properties"]["type"]["const"]
        kind = _type({"$ref": variant["$ref"]}, document["$defs"], ())
        if not isinstance(kind, Struct):
            raise Unknown(f"a record {name} is no object")
        found[name] = kind
    return found


def spark(kind: Type) -> str:
    """A type as Spark's DDL writes it."""
    match kind:
        case str():
            return kind
        case List(item):
            return f"ARRAY<{spark(item)}>"
        case Map(value):
            return f"MAP<STRING, {spark(value)}>"
        case Struct(fields):
            return "STRUCT<" + ", ".join(f"`{name}`: {spark(inner)}" for name, inner in fields) + ">"


def ddl(name: str) -> str:
    """The columns of a table of records: which scan, which line of its stream, and the fields."""
    fields = ", ".join(f"`{field}` {spark(kind)}" for field, kind in records()[name].fields)
    return f"`in_scan` STRING, `in_line` BIGINT, {fields}"


def structure(kind: Type) -> Any:
    """A type as DuckDB's `json_transform` takes it."""
    match kind:
        case str():
            return _DUCKDB.get(kind, kind)
        case List(item):
            return [structure(item)]
        case Map(value):
            return f"MAP(VARCHAR, {duckdb(value)})"
        case Struct(fields):
            return {name: structure(inner) for name, inner in fields}


def duckdb(kind: Type) -> str:
    """A type as DuckDB's SQL writes it."""
    match kind:
        case str():
            return _DUCKDB.get(kind, kind)
        case List(item):
            return f"{duckdb(item)}[]"
        case Map(value):
            return f"MAP(VARCHAR, {duckdb(value)})"
        case Struct(fields):
            return "STRUCT(" + ", ".join(f'"{name}" {duckdb(inner)}' for name, inner in fields) + ")"


def plain(value: Any, kind: Type) -> Any:
    """A value that was read of Parquet as its record had it: what is null was not there."""
    match kind:
        case Struct(fields):
            inner = {name: plain(value[name], of) for name, of in fields if value.get(name) is not None}
            return inner
        case List(item):
            return [plain(one, item) for one in value]
        case Map(of):
            return {
                name: plain(one, of) for name, one in (value.items() if isinstance(value, dict) else value)
            }
        case "DECIMAL(20,0)":
            return int(value)
        case _:
            return value


if __name__ == "__main__":
    for record in records():
        print(f"{record}: {ddl(record)}")
