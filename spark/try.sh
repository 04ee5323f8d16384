#!/bin/sh
# Scans two made-up machines with Spark on this one, joins them, and asks what was found: each
# command of the application once.
#
# Usage: try.sh DIRECTORY    (which must not exist)
# Needs `snapsift` on the PATH, ssh-keygen, Java, and a Python (SNAPSIFT_PYTHON) that has what
# requirements.txt names.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=${SNAPSIFT_PYTHON:-python3}
export PYTHONPATH="$here"
mkdir "$1" && cd "$1"

app() {
    echo "\$ python3 -m snapsift_spark $*" >&2
    "$python" -m snapsift_spark "$@"
}

sh "$here/../testdata/make-fleet.sh" fleet
printf 'uri,machine,account,date\n%s,web,one,2026-01-01\n%s,db,two,2026-01-01\n' \
    "$PWD/fleet/web" "$PWD/fleet/db" >snapshots.csv
printf 'id,kind,provider,hostname,exposed,vulnerable\nvm-web,machine,azure,web,yes,critical\nvm-db,machine,azure,db,no,no\n' \
    >assets.csv

app scan --lake lake --snapshots snapshots.csv --master 'local[2]' 2>spark.log
app load --lake lake --master 'local[2]' 2>>spark.log
app assets --lake lake assets.csv
app correlate --lake lake --engine duckdb
app query --lake lake --engine duckdb attack-paths
app export --lake lake --engine duckdb --to answers
app export --lake lake --streams --to streams --master 'local[2]' 2>>spark.log
# What came out goes in again.
snapsift fleet add fleet.db streams
