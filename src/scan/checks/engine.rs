//! Which kind of server a login is for, by whatever the text says of it.

/// Names by which schemes, drivers, programs and settings call a kind of server;
/// the longer ones first where one holds the other.
const NAMES: [(&str, &str); 30] = [
    ("sqlserver", "sqlserver"),
    ("sqlcmd", "sqlserver"),
    ("sqlsrv", "sqlserver"),
    ("mssql", "sqlserver"),
    ("sql server", "sqlserver"),
    ("bcp", "sqlserver"),
    ("mariadb", "mariadb"),
    ("mysql", "mysql"),
    ("postgis", "postgresql"),
    ("postgres", "postgresql"),
    ("psql", "postgresql"),
    ("pgsql", "postgresql"),
    ("pg_", "postgresql"),
    ("npgsql", "postgresql"),
    ("redshift", "redshift"),
    ("oracle", "oracle"),
    ("mongo", "mongodb"),
    ("rediss", "redis"),
    ("redis", "redis"),
    ("valkey", "redis"),
    ("amqp", "amqp"),
    ("db2", "db2"),
    ("clickhouse", "clickhouse"),
    ("cassandra", "cassandra"),
    ("snowflake", "snowflake"),
    ("couchdb", "couchdb"),
    ("neo4j", "neo4j"),
    ("influxdb", "influxdb"),
    ("cockroach", "cockroachdb"),
    ("sqlite", "sqlite"),
];

const PORTS: [(u16, &str); 10] = [
    (5432, "postgresql"),
    (6432, "postgresql"),
    (3306, "mysql"),
    (1433, "sqlserver"),
    (1521, "oracle"),
    (50000, "db2"),
    (5439, "redshift"),
    (27017, "mongodb"),
    (6379, "redis"),
    (5672, "amqp"),
];

/// The kind that a scheme, driver or program names.
pub(super) fn by_name(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    NAMES.iter().find(|(known, _)| name.contains(known)).map(|(_, engine)| *engine)
}

/// The kind that usually listens on a port.
pub(super) fn by_port(port: u16) -> Option<&'static str> {
    PORTS.iter().find(|(known, _)| *known == port).map(|(_, engine)| *engine)
}
