"""Writes a made-up fleet as a lake, for measuring `correlate` at sizes that no folder of streams has.

Usage: fleet.py LAKE MACHINES [FINDINGS_EACH] [STALE_KEYS_EACH]

The shape is that of `cargo bench --bench fleet`: few keys are accepted by very many machines.
Twenty deploy keys by 60 to 10 machines in a hundred, held by one in five hundred; one key for each
fifty machines by 1 to some hundred of them; and stale lines of keys that lie nowhere. One machine in
twenty is exposed, one in five vulnerable, one in a hundred critical. With the default of 39 stale
lines a machine has 50 records of keys. The same numbers give the same rows.

Inventories are files beside it, for `assets`: LAKE.assets.csv and LAKE.vulnerabilities.csv.
"""

import sys
from pathlib import Path

import duckdb
import pyarrow as pa

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]
from snapsift_spark.lake import COMPRESSION, Lake, scratch
from snapsift_spark.load import LOADS

# Machines of one batch, and so of one file of each table.
BATCH = 50_000
NOW = "2026-01-01T00:00:00Z"
STARTED = "0001767225600000"
KEY = "'SHA256:' || lpad(key_id::VARCHAR, 43, '0')"
# A number below a bound for a machine and what it is wanted for.
CHANCE = "(hash(machine, {salt}, {place}) % {bound})::BIGINT"


def chance(salt: int, bound: int | str, place: str = "0") -> str:
    """SQL for a number below a bound."""
    return CHANCE.format(salt=salt, bound=bound, place=place)


def statements(machines: int, findings: int, stale: int) -> dict[str, str]:
    """The rows of each table, over `m(machine)`, the machines of a batch."""
    teams, resources = machines // 50 + 1, machines // 20 + 1
    accepted = f"""
        SELECT machine, deploy AS key_id, deploy AS line FROM m, range(20) d(deploy)
        WHERE {chance(1, 1000, "deploy")} < 600 - deploy * 26
        UNION ALL
        SELECT machine, 100 + {chance(2, teams, "n")} * {chance(3, teams, "n")} // {teams} AS key_id, 20 + n AS line
        FROM m, range(4) t(n)
        UNION ALL
        SELECT machine, 1000000000 + {chance(4, machines * 40, "n")} AS key_id, 30 + n AS line FROM m, range({stale}) t(n)"""
    held = f"""
        SELECT machine, deploy AS key_id, '/home/app/.ssh/deploy' || deploy AS path FROM m, range(20) d(deploy)
        WHERE {chance(5, 1000, "deploy")} < 2
        UNION ALL
        SELECT machine, 100 + {chance(7, teams)} AS key_id, '/home/app/.ssh/id_ed25519' AS path FROM m
        WHERE {chance(6, 1000)} < 40"""
    encrypted = f"CASE WHEN {chance(8, 1000, 'key_id')} < 330 THEN 1 ELSE 0 END"
    empty = "NULL::VARCHAR"
    secret_type = f"'type ' || {chance(10, 10, 'n')}"
    target = f"CASE WHEN {chance(11, 1000, 'n')} < 333 THEN 'store-' || {chance(12, resources, 'n')} || '.example' END"
    return {
        "scan": f"SELECT machine, lpad(machine::VARCHAR, 32, '0'), '{STARTED}', '{NOW}', 1::INT, 0::BIGINT FROM m",
        "disk": "SELECT machine, machine, '/mnt', 'instance:i-' || lpad(machine::VARCHAR, 16, '0'),"
        " 'node-' || machine FROM m",
        "identity": "SELECT machine, 'instance_id', 'i-' || lpad(machine::VARCHAR, 16, '0') FROM m"
        " UNION ALL SELECT machine, 'hostname', 'node-' || machine FROM m"
        " UNION ALL SELECT machine, 'target', '/mnt' FROM m",
        "account": "SELECT machine, 'root', '/bin/sh', 1::INT FROM m UNION ALL SELECT machine, 'app', '/bin/sh', 0::INT FROM m",
        "ssh_key": f"SELECT DISTINCT key_id, {KEY}, 'ed25519', 256::INT, {empty}, {empty}, {empty}, {empty}"
        f" FROM (SELECT key_id FROM ({accepted}) UNION ALL SELECT key_id FROM ({held}))",
        "entry": f"SELECT machine, key_id, 'authorized', 'app', 'accepted', '{{\"state\":\"accepted\"}}',"
        f" '/home/app/.ssh/authorized_keys', line, '' FROM ({accepted})",
        "held": f"SELECT machine, key_id, 'private', path, 1::BIGINT, '0600', 'app', '{NOW}', {encrypted}::INT,"
        f" {empty}, 'user' || key_id, '' FROM ({held})",
        "finding": f"""
            SELECT machine, machine || '-key-' || key_id, 'ssh-private-key', 'insecure SSH private key', '', 'high', 'high',
                   'blake3:key' || key_id, '…', path, 1::BIGINT, 0::INT, '0600', 'app', 0::INT, '{NOW}', '{NOW}', {empty},
                   NULL::INT, {empty}, {empty}, {KEY}, {empty}, 0::INT, 0::INT, '{{}}' FROM ({held})
            UNION ALL
            SELECT machine, machine || '-' || n, 'rule-' || {chance(10, 10, "n")}, {secret_type}, '', 'high', 'high',
                   'blake3:' || {chance(13, max(machines * findings // 2, 1), "n")}, '…', '/srv/app' || n || '/settings.env',
                   3::BIGINT, 0::INT, '0600', 'app', 0::INT, '{NOW}', '{NOW}', {empty}, NULL::INT, 'host', {target},
                   {empty}, {empty}, 0::INT, 0::INT, '{{}}' FROM m, range({findings}) t(n)""",
        "remedy": "SELECT 'rule-' || n, 'Replace it, and look where it was used.' FROM range(10) t(n)"
        " UNION ALL SELECT 'ssh-private-key', 'Replace it.'",
    }


def write(lake: Lake, machines: int, findings: int, stale: int) -> int:
    """Writes the lake; how many records of keys it has."""
    from snapsift_spark.tables import tables

    columns = {table.name: table.arrow.names for table in tables()}
    engine = duckdb.connect()
    engine.execute("SET memory_limit = '2GB'; SET threads = 2; SET preserve_insertion_order = false")
    records = 0
    with scratch() as folder:
        for place, begin in enumerate(range(0, machines, BATCH)):
            end = min(begin + BATCH, machines)
            batch = f"{place:032}"
            engine.execute(
                f"CREATE OR REPLACE TEMP TABLE m AS SELECT range AS machine FROM range({begin}, {end})"
            )
            for table, query in statements(machines, findings, stale).items():
                names = ", ".join(columns[table])
                path = folder / f"{table}.parquet"
                counted = engine.execute(
                    f"COPY (SELECT * FROM ({query}) x({names})) TO '{path}' (FORMAT parquet, COMPRESSION {COMPRESSION})"
                ).fetchone()
                records += counted[0] if counted and table in ("entry", "held") else 0
                lake.put(path, f"tables/{table}/{batch}.parquet")
            row = {
                "stream": batch,
                "size": 0,
                "scan": batch,
                "status": "loaded",
                "reason": "",
                "batch": batch,
            }
            lake.put_table(pa.Table.from_pylist([row], LOADS), f"loads/{batch}.parquet")
    return records


def inventories(base: str, machines: int) -> None:
    """The inventory and the vulnerabilities, as CSV."""
    engine = duckdb.connect()
    machine = f"""
        SELECT 'vm-' || machine AS id, 'machine' AS kind, 'vm' AS type, ['azure', 'aws', 'gcp'][machine % 3 + 1] AS provider,
               'node-' || machine AS name, 'i-' || lpad(machine::VARCHAR, 16, '0') AS instance_id,
               'region-' || machine % 7 AS region, CASE WHEN {chance(20, 1000)} < 50 THEN 'yes' ELSE 'no' END AS exposed,
               CASE WHEN {chance(20, 1000)} < 50 THEN '443' END AS open_ports,
               CASE WHEN {chance(21, 1000)} < 10 THEN 'very_high' ELSE 'low' END AS criticality, NULL AS sensitivity,
               'team-' || machine % 40 AS owner, NULL AS endpoint
        FROM (SELECT range AS machine FROM range({machines}))"""
    resource = f"""
        SELECT 'store-' || n, ['storage', 'database'][n % 2 + 1], 'store', ['azure', 'aws', 'gcp'][n % 3 + 1], 'store-' || n,
               NULL, 'region-1', 'no', NULL, NULL, CASE WHEN n % 5 = 0 THEN 'high' ELSE 'low' END, NULL,
               'store-' || n || '.example'
        FROM (SELECT range AS n FROM range({machines // 20 + 1}))"""
    engine.execute(f"COPY ({machine} UNION ALL {resource}) TO '{base}.assets.csv' (FORMAT csv, HEADER)")
    engine.execute(f"""
        COPY (SELECT 'vm-' || machine AS subject, 'CVE-2025-00001' AS vulnerability, 'high' AS severity, 'a' AS package,
                     '1' AS installed, '2' AS fixed
              FROM (SELECT range AS machine FROM range({machines})) WHERE {chance(22, 1000)} < 200)
        TO '{base}.vulnerabilities.csv' (FORMAT csv, HEADER)""")


def main() -> None:
    """Says what it wrote."""
    address, machines, *rest = sys.argv[1:]
    findings, stale = (int(rest[0]) if rest else 2), (int(rest[1]) if len(rest) > 1 else 39)
    Path(address).parent.mkdir(parents=True, exist_ok=True)
    records = write(Lake(address), int(machines), findings, stale)
    inventories(address.rstrip("/"), int(machines))
    print(f"{machines} machines, {records} records of keys")


if __name__ == "__main__":
    main()
