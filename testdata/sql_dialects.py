"""Runs every query of the store in SQLite and in another engine over the same made-up rows,
and compares what they give: the text of a query must mean the same in all of them.

Usage: sql_dialects.py QUERIES_FOLDER duckdb|spark
Exit codes: 0 they agree; 1 they do not; 77 the other engine is not installed.
"""

import pathlib
import random
import re
import shutil
import sqlite3
import sys
import tempfile

folder = pathlib.Path(sys.argv[1]).resolve()
sys.path.insert(0, str(folder.parent / "spark"))
from snapsift_spark import sql


class DuckDB:
    """In memory."""

    def __init__(self):
        import duckdb

        self.name = f"DuckDB {duckdb.__version__}"
        self.connection = duckdb.connect(":memory:")
        self.connection.execute("SET threads = 2")
        for statement in sql.definitions(folder):
            self.connection.execute(statement)

    def load(self, table, rows):
        places = ", ".join("?" for _ in rows[0])
        self.connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)

    def execute(self, text):
        self.connection.execute(text)

    def rows(self, text):
        return self.connection.execute(text).fetchall()

    def param(self, given):
        self.connection.execute("DELETE FROM param")
        self.load("param", given)


class Spark:
    """In this process, with the session and the tables of the application in `spark/`."""

    def __init__(self):
        if shutil.which("java") is None:
            raise ImportError("no java")
        from snapsift_spark.session import session
        from snapsift_spark.tables import tables, views

        self.folder = tempfile.TemporaryDirectory(prefix="snapsift-dialects-")
        # Few rows and many statements: what takes time is to compile them.
        few = {"spark.sql.shuffle.partitions": "1", "spark.ui.enabled": "false", "spark.driver.memory": "1g",
               "spark.sql.adaptive.enabled": "false", "spark.sql.codegen.wholeStage": "false",
               "spark.sql.codegen.factoryMode": "NO_CODEGEN",
               "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
        self.spark = session("dialects", f"{self.folder.name}/warehouse", "local[2]", few)
        self.name = f"Spark {self.spark.version}"
        self.tables = {table.name: table for table in tables(folder)}
        for table in self.tables.values():
            place = pathlib.Path(self.folder.name, "tables", table.name)
            place.mkdir(parents=True)
            self.execute(f"CREATE TABLE {table.name} ({table.ddl}) USING parquet LOCATION '{place}'")
        for view in views(folder):
            self.execute(view)

    def load(self, table, rows):
        import pyarrow
        import pyarrow.parquet

        schema = self.tables[table].arrow
        columns = [[row[place] for row in rows] for place in range(len(schema))]
        place = f"{self.folder.name}/tables/{table}/rows.parquet"
        pyarrow.parquet.write_table(pyarrow.table(columns, schema=schema), place)
        self.execute(f"REFRESH TABLE {table}")

    def execute(self, text):
        self.spark.sql(text)

    def rows(self, text):
        return [tuple(row) for row in self.spark.sql(text).collect()]

    def param(self, given):
        self.load("param", given)


try:
    other = {"duckdb": DuckDB, "spark": Spark}[sys.argv[2]]()
except ImportError as error:
    print(f"{sys.argv[2]} is not installed: {error}")
    sys.exit(77)

# What the engines do not share.
REFUSED = [
    r"\bGLOB\b", r"\bIIF\s*\(", r"\bGROUP_CONCAT\b", r"\bQUALIFY\b", r"\bRECURSIVE\b", r"\bstrftime\b",
    r"\bjulianday\b", r"\bunixepoch\b", r"\bjson_", r"\bINSERT OR\b", r"\bMATERIALIZED\b", r'"', r"\\",
    r"\bLIKE\b(?!.*LOWER)", r"\browid\b", r"\bCURRENT_TIMESTAMP\b", r"\bVARCHAR\b(?!\()",
]

chance = random.Random(20261132)


def some(kind, null=0.0):
    """A value of a small set, so that joins meet."""
    if chance.random() < null:
        return None
    if kind == "text":
        return chance.choice(["a", "b", "B", "a b", "é", "", "10", "9", "[h]:2222"])
    return chance.randint(1, 9)


# What has a meaning in the statements, so that their joins and conditions meet.
YES = ["yes", "no", "unknown"]
LEVELS = ["very_high", "high", "medium", "low", "unknown"]
KINDS = {
    ("entry", "state"): ["accepted", "restricted", "refused"],
    ("entry", "account"): ["root", "a", "b"],
    ("account", "name"): ["root", "a", "b"],
    ("account", "root"): [0, 0, 1],
    ("held", "owner"): ["root", "a", "b", None],
    ("held", "mode"): ["0600", "0644", None],
    ("held", "encrypted"): [0, 0, 0, 1],
    ("held", "damage"): [None, None, "cut", "public_half"],
    ("identity", "kind"): ["instance_id", "vm_id", "machine_id", "hostname", "address", "target"],
    ("identity", "name"): [f"other-{number}" for number in range(90)],
    ("asset_name", "kind"): ["endpoint", "name", "private_ip"],
    ("asset_name", "name"): [f"target-{number}" for number in range(20)],
    ("asset", "kind"): ["machine", "machine", "storage", "database", "vault", "identity"],
    ("asset", "exposed"): YES,
    ("asset", "usable"): YES,
    ("asset", "criticality"): LEVELS,
    ("asset", "sensitivity"): LEVELS,
    ("asset_edge", "edge"): ["has_permission_to", "can_authenticate_as", "contains"],
    ("asset_grant", "form"): ["sha256", "md5"],
    ("vulnerable", "vulnerable"): [0, 1, 1],
    ("finding", "target"): [f"Target-{number}" for number in range(20)] + [None],
    ("finding", "credential"): [f"Target-{number}" for number in range(4)] + [None] * 8 + ["nobody's"],
    ("finding", "credential_account"): ["one", "two"],
    ("finding", "target_kind"): ["aws_account", "gcp_service_account", "s3_bucket", None],
    ("inventory", "shape"): ["aws_access_keys", "gcp_asset_inventory"],
    ("scan", "rules"): ["digest-1", "digest-2", "digest-3"],
    ("disk", "root"): [0, 1],
    ("disk", "named"): [None, None, "one name"],
    ("vulnerability", "not_counted"): ["", "", "VEX: fixed"],
    ("vulnerability", "severity"): ["critical", "high", "medium"],
    ("finding", "known"): [None, None, "a sample"],
    ("finding", "ignored"): [0, 0, 0, 1],
    ("finding", "expired"): [0, None, 1],
    ("finding", "expires"): [None, None, "2025-01-01T00:00:00Z", "2030-01-01T00:00:00Z"],
    ("finding", "key_fingerprint"): [None] + [f"fingerprint-{number}" for number in range(40)],
    ("finding", "readable"): [0, 1],
    ("finding", "rule"): [f"rule-{number}" for number in range(12)],
    ("finding", "severity"): ["critical", "high", "medium", "low", "info"],
    ("finding", "path"): [f"/srv/{number}" for number in range(8)],
    ("finding", "secret"): [f"secret-{number}" for number in range(60)],
    ("held", "path"): [f"/srv/{number}" for number in range(8)],
    ("inventory", "scope"): ["all", "one"],
    ("asset_tag", "tag"): ["Owner", "env"],
    ("asset_tag", "value"): ["prod", "one@example.com", "two@example.com"],
    ("owner_rule", "severities"): ["", "|high|critical|", "|low|"],
    ("owner_rule", "risks"): ["", "|critical|high|medium|", "|low|not evaluated|"],
    ("owner_rule", "secret_type"): ["", "", "a"],
    ("owner_rule", "account"): ["", "", "a"],
    ("owner_rule", "owner"): ["", "fixed@example.com"],
    ("owner_rule", "due_days"): [7, 30],
    ("owner_rule", "grace_days"): [0, 7],
    ("scan", "whole"): [0, 1, 1, 1],
    ("scan", "left_out"): [0, 0, 0, 1],
}

DAY = 86400000
FIRST_DAY = 1767225600000  # 2026-01-01
# An exemption for each kind of condition: finding, secret, rule, type, path, machine, tag.
EXEMPTIONS = [
    {"finding_id": "finding-7"}, {"finding_id": "finding-8", "expires": "2026-01-01"}, {"secret": "secret-3"},
    {"secret": "fingerprint-5", "category": "mitigated"}, {"secret": "fingerprint-11"},
    {"rule": "rule-4", "path": "/srv/1"}, {"path": "/srv/[23]", "machine": "machine-1*"}, {"rule": "rule-9", "tag": "env", "tag_value": "prod"},
    {"secret_type": "a b", "machine": "machine-2", "category": "mitigated"}, {"rule": "no such rule"},
]
GLOBS = [("path", "/srv/1", "/srv/1"), ("path", "/srv/[23]", "/srv/2"), ("path", "/srv/[23]", "/srv/3"),
         ("machine", "machine-2", "machine-2")] + [("machine", "machine-1*", f"machine-1{n}") for n in range(10)]


def decided(table, name, row):
    """What people decided."""
    if table == "exemption":
        given = EXEMPTIONS[row]
        known = {"name": f"exemption-{row}", "place": row, "category": "waiver", "reason": f"reason {row}", "author": "me"}
        return given.get(name, known.get(name, ""))
    if table == "glob_match":
        return GLOBS[row][("kind", "pattern", "name").index(name)]
    if table == "owner_rule":
        known = {"name": f"rule-{row}", "priority": row % 4, "place": row, "tag": "" if row % 2 else "env", "tag_value": "prod"}
        return known.get(name)
    if table == "owner_tag":
        return {"name": f"rule-{row}", "place": 1, "tag": "owner"}.get(name)
    if table == "calendar":
        return FIRST_DAY + row * DAY if name == "day_ms" else f"2026-{1 + row // 28:02}-{1 + row % 28:02}"
    if (table, name) == ("scan", "started"):
        return f"{FIRST_DAY + row * 25 * DAY + 12345:016}"
    return None


def planned(table, name, row):
    """Some machines are resources: the first disk of each has the name of one."""
    if (value := decided(table, name, row)) is not None:
        return value
    if table == "disk" and name == "machine":
        return "machine:one name" if row == 29 else f"machine-{row % 20}"
    if table == "disk" and name == "named" and row >= 28:
        return "one name"
    if table == "rule_set":
        return f"digest-{1 + row % 2}" if name == "digest" else f"rule-{row // 2 + row % 2}"
    if table == "detached":
        return {"machine": f"machine-{row}", "target": "b"}.get(name)
    if table == "identity" and row < 20:
        return {"disk_id": row + 1, "kind": "hostname", "name": f"asset-{row}"}.get(name)
    if table == "asset_name" and row < 40:
        return {"asset_id": f"asset-{row}", "kind": "hostname", "name": f"asset-{row}"}.get(name)
    if table == "asset_name" and row < 80:
        return {"asset_id": f"asset-{row - 40}", "kind": "endpoint", "name": f"target-{row % 20}"}.get(name)
    if table == "asset" and row < 20:
        return {"provider": "azure", "kind": "machine", "exposed": YES[row % 3 // 2]}.get(name)
    if table == "asset" and name == "kind":
        return "account" if row > 36 else ["storage", "database", "vault"][row % 3]
    if table == "held" and name == "key_id":
        return chance.randint(1, 30)
    if table == "finding" and name == "finding_id":
        return f"finding-{chance.randint(0, 999)}"
    return None


def column(table, name, kind, row):
    if (value := planned(table, name, row)) is not None:
        return value
    if (table, name) in {("scan", "scan_id"), ("disk", "disk_id"), ("ssh_key", "key_id")}:
        return row + 1
    if (table, name) in {("inventory", "inventory_id")}:
        return row + 1
    if (table, name) in {("scan", "name"), ("ssh_key", "fingerprint"), ("inventory", "digest"), ("remedy", "rule"),
                         ("known_exploited", "vulnerability")}:
        return f"{name}-{row}"
    if name in {"fingerprint", "authority"}:
        return f"fingerprint-{chance.randint(0, 39)}"
    if name == "key_id":
        return chance.randint(1, 40)
    if name == "disk_id":
        return chance.randint(1, 30)
    if name == "scan_id":
        return chance.randint(1, 12)
    if (table, name) in KINDS:
        return chance.choice(KINDS[table, name])
    if name in {"asset_id", "from_asset", "to_asset", "subject"}:
        return f"asset-{row if table == 'asset' else chance.randint(0, 39)}"
    if name == "deleted" and table == "asset":
        return None if chance.random() < 0.9 else "2026-01-01T00:00:00Z"
    if name in {"provider"}:
        return chance.choice(["azure", "aws", "gcp", ""])
    if name == "role":
        roles = ["private", "host_public", "host_private"]
        return chance.choice(roles if table == "held" else ["authorized", "cert_authority", "provisioned"])
    return some("text" if kind == "VARCHAR" else "number", null=0.2)


sqlite = sqlite3.connect(":memory:")
for statement in sql.definitions(folder):
    sqlite.execute(statement)
names = [name for (name,) in sqlite.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
for table in names:
    columns = sqlite.execute(f"PRAGMA table_info({table})").fetchall()
    number = {"scan": 12, "disk": 30, "ssh_key": 40, "asset": 40, "param": 0, "inventory": 3, "finding": 3000, "asset_name": 120,
              "exemption": len(EXEMPTIONS), "glob_match": len(GLOBS), "owner_rule": 6, "detached": 2, "rule_set": 12, "owner_tag": 3, "calendar": 336}.get(table, 300)
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
    if rows:
        sqlite.executemany(f"INSERT INTO {table} VALUES ({places})", rows)
        other.load(table, rows)


def param(given):
    sqlite.execute("DELETE FROM param")
    sqlite.executemany("INSERT INTO param VALUES (?, ?)", given)
    other.param(given)


NOW = ("now", "2026-11-29T00:00:00Z")
param([NOW, ("machine", "a")])


def key(row):
    return [(value is not None, type(value).__name__, value) for value in row]


wrong = False


def check(name, text, ordered=True):
    global wrong
    code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    unquoted = re.sub(r"'[^']*'", "''", code)
    for refused in REFUSED:
        if re.search(refused, unquoted if refused == '"' else code):
            print(f"{name}: {refused} is not in the shared dialect")
            wrong = True
    if ordered and "ORDER BY" not in code:
        print(f"{name}: the order of its rows is not said")
        wrong = True


def compare(name, text, may_be_empty=False):
    global wrong
    one = sorted(map(list, sqlite.execute(text).fetchall()), key=key)
    two = sorted(map(list, other.rows(text)), key=key)
    if one != two:
        only = [row for row in one if row not in two][:3], [row for row in two if row not in one][:3]
        print(f"{name}: {len(one)} rows in SQLite, {len(two)} in {other.name}; only in one: {only}")
        wrong = True
    elif not one and not may_be_empty:
        print(f"{name}: no rows: the comparison shows nothing")
        wrong = True


# The statements that join, in their order, then what they made.
for path in sorted((folder / "correlate").glob("*.sql")):
    text = path.read_text()
    check(path.name, text, ordered=False)
    sqlite.executescript(text)
    for statement in sql.statements(text):
        other.execute(statement)
    for table in re.findall(r"^CREATE (?:TABLE|VIEW) (\w+)", text, re.MULTILINE):
        compare(table, f"SELECT * FROM {table}", may_be_empty=table in {"fleet_hop3", "fleet_hop4"})
path_ids = [row[0] for row in sqlite.execute("SELECT path_id FROM fleet_path WHERE hops = 1 ORDER BY path_id")]
keys = [row[0] for row in sqlite.execute(
    "SELECT k.fingerprint FROM fleet_grant g JOIN ssh_key k ON k.key_id = g.key_id ORDER BY k.fingerprint")]
hosts = [row[0] for row in sqlite.execute(
    "SELECT m.machine FROM fleet_machine m JOIN fleet_risk r ON r.node = m.node ORDER BY m.machine")]
param([NOW, ("path", path_ids[0]), ("key", keys[0]), ("machine", hosts[0])])

queries = sorted(path for path in folder.glob("*.sql") if path.name.startswith("keys"))
queries += sorted((folder / "report").glob("*.sql"))
queries += sorted((folder / "fleet").glob("*.sql")) + sorted((folder / "export").glob("*.sql"))
# What the comparison of two states stands on.
states = (folder / "diff" / "states.sql").read_text()
for engine in (sqlite, other):
    engine.execute(f"CREATE TABLE diff_state AS {states}")
    engine.execute("CREATE TABLE diff_path_after AS SELECT * FROM v1_attack_path")
    engine.execute("CREATE TABLE diff_path_before AS SELECT * FROM v1_attack_path WHERE hops > 1")
queries += sorted((folder / "diff").glob("*.sql"))
for path in queries:
    text = path.read_text()
    check(path.name, text)
    compare(path.name, text)
print(f"{len(queries)} queries, SQLite {sqlite3.sqlite_version}, {other.name}")
sys.exit(1 if wrong or not queries else 0)
