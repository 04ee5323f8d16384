"""Scans and correlation of snapsift on Apache Spark: the same binary, the same SQL.

The modules, each knowing only those before it:

- `sql` finds the shared SQL files and cuts them into statements.
- `tables` are the tables of the embedded store, typed, as its own definition has them.
- `wire` is the schema of the records of a scan, from the JSON Schema that is made of the Rust types.
- `lake` says what lies where in the folder, or the bucket, that all this is about.
- `session` starts Spark with what the SQL needs.
- `scan`, `load`, `correlate`, `export` are the commands; `__main__` is the command line.
"""
