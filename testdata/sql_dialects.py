"""Runs every query of the store in SQLite and in DuckDB over the same made-up rows, and
compares what they give: the text of a query must mean the same in both.

Usage: sql_dialects.py QUERIES_FOLDER
Exit codes: 0 they agree; 1 they do not; 77 DuckDB's module is not installed.
"""

import pathlib
import random
import re
import sqlite3
import sys

try:
    import duckdb
except ImportError:
    print("the Python module duckdb is not installed")
    sys.exit(77)

# What the engines do not share. Spark reads the same texts, and has none of these.
REFUSED = [
    r"\bGLOB\b", r"\bIIF\s*\(", r"\bGROUP_CONCAT\b", r"\bQUALIFY\b", r"\bRECURSIVE\b", r"\bstrftime\b",
    r"\bjulianday\b", r"\bunixepoch\b", r"\bjson_", r"\bINSERT OR\b", r"\bMATERIALIZED\b", r'"', r"\\",
    r"\bLIKE\b(?!.*LOWER)", r"\browid\b", r"\bCURRENT_TIMESTAMP\b",
]

folder = pathlib.Path(sys.argv[1])
tables = (folder / "store.sql").read_text()
chance = random.Random(20261129)


def some(kind, null=0.0):
    """A value of a small set, so that joins meet."""
    if chance.random() < null:
        return None
    if kind == "text":
        return chance.choice(["a", "b", "B", "a b", "é", "", "10", "9", "[h]:2222"])
    return chance.randint(1, 9)


def column(table, name, kind, row):
    if (table, name) in {("scan", "scan_id"), ("disk", "disk_id"), ("ssh_key", "key_id")}:
        return row + 1
    if (table, name) in {("scan", "name"), ("ssh_key", "fingerprint")}:
        return f"{name}-{row}"
    if name in {"fingerprint", "authority"}:
        return f"fingerprint-{chance.randint(0, 39)}"
    if name == "key_id":
        return chance.randint(1, 40)
    if name == "disk_id":
        return chance.randint(1, 30)
    if name == "scan_id":
        return chance.randint(1, 12)
    if name == "role":
        roles = ["private", "host_public", "host_private"]
        return chance.choice(roles if table == "held" else ["authorized", "cert_authority", "provisioned"])
    if name == "machine":
        return f"machine-{chance.randint(1, 8)}"
    return some("text" if kind == "VARCHAR" else "number", null=0.2)


sqlite = sqlite3.connect(":memory:")
sqlite.executescript(tables)
duck = duckdb.connect(":memory:")
duck.execute(tables)
duck.execute("SET threads = 2")
names = [name for (name,) in sqlite.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
for table in names:
    columns = sqlite.execute(f"PRAGMA table_info({table})").fetchall()
    number = {"scan": 12, "disk": 30, "ssh_key": 40}.get(table, 300)
    rows = []
    for row in range(number):
        values = []
        for _, name, kind, required, _, _ in columns:
            value = column(table, name, kind, row)
            while required and value is None:
                value = column(table, name, kind, row)
            values.append(value)
        rows.append(values)
    places = ", ".join("?" for _ in columns)
    sqlite.executemany(f"INSERT INTO {table} VALUES ({places})", rows)
    duck.executemany(f"INSERT INTO {table} VALUES ({places})", rows)


def key(row):
    return [(value is not None, type(value).__name__, value) for value in row]


wrong = False
queries = sorted(path for path in folder.glob("*.sql") if not path.name.startswith("store"))
for path in queries:
    text = path.read_text()
    code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    for refused in REFUSED:
        if re.search(refused, code):
            print(f"{path.name}: {refused} is not in the shared dialect")
            wrong = True
    if "ORDER BY" not in code:
        print(f"{path.name}: the order of its rows is not said")
        wrong = True
    one = sorted(map(list, sqlite.execute(text).fetchall()), key=key)
    other = sorted(map(list, duck.execute(text).fetchall()), key=key)
    if one != other:
        only = [row for row in one if row not in other][:3], [row for row in other if row not in one][:3]
        print(f"{path.name}: {len(one)} rows in SQLite, {len(other)} in DuckDB; only in one: {only}")
        wrong = True
    elif not one:
        print(f"{path.name}: no rows: the comparison shows nothing")
        wrong = True
print(f"{len(queries)} queries, SQLite {sqlite3.sqlite_version}, DuckDB {duckdb.__version__}")
sys.exit(1 if wrong or not queries else 0)
