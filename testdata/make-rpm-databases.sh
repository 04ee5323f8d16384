#!/bin/sh
# Makes the databases in testdata/rpm: one synthetic package, built and installed by
# rpm itself into a database of SQLite, of which the tables other than Packages are
# dropped; and its header in the two older forms, ndb and a hash of Berkeley DB
# (written by libdb through perl's DB_File). Needs rpm, rpmbuild, sqlite3, perl,
# python3.
set -eu
out=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)/rpm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > acme.spec <<'SPEC'
Name: acme-tools
Version: 1.2
Release: 3
Summary: Tools of Acme
License: MIT
BuildArch: noarch
%description
Synthetic.
%install
mkdir -p %{buildroot}/opt/acme %{buildroot}/etc/acme %{buildroot}/bin
printf 'sift_planted_00000001\n' > %{buildroot}/opt/acme/unchanged.conf
printf 'first\n' > %{buildroot}/etc/acme/changed.conf
printf 'sift_planted_00000002\n' > %{buildroot}/bin/acme
for i in $(seq 1 60); do printf "$i" > %{buildroot}/opt/acme/file-number-$i.txt; done
%files
/opt/acme
/etc/acme/changed.conf
/bin/acme
SPEC
rpmbuild --define "_topdir $work/top" --define "_binary_filedigest_algorithm 8" \
  --define "_dbpath $work/none" --nodeps -bb acme.spec > build.log 2>&1
mkdir root
rpm --define "_db_backend sqlite" --root "$work/root" --dbpath /db --nodeps --noscripts --nosignature \
  --force-debian -i top/RPMS/noarch/acme-tools-1.2-3.noarch.rpm
cp root/db/rpmdb.sqlite small.sqlite
sqlite3 small.sqlite "select name from sqlite_master where type = 'table' and name not in ('Packages', 'sqlite_sequence')" |
  while read -r table; do sqlite3 small.sqlite "drop table \"$table\""; done
sqlite3 small.sqlite "pragma journal_mode = delete; pragma page_size = 1024; vacuum" > /dev/null
cp small.sqlite "$out/rpmdb.sqlite"
sqlite3 small.sqlite "select writefile('header', blob) from Packages limit 1" > /dev/null
rm -f bdb
perl -MDB_File -e '
  local $/; open my $in, "<", "header" or die; binmode $in; my $header = <$in>;
  $DB_HASH->{bsize} = 1024;
  tie my %db, "DB_File", "bdb", O_RDWR|O_CREAT, 0644, $DB_HASH or die;
  $db{pack "V", 0} = pack "V", 1;
  $db{pack "V", 1} = $header;
'
cp bdb "$out/Packages"
python3 - "$out/Packages.db" <<'PYTHON'
import struct, sys, zlib
header = open("header", "rb").read()
pad = -(16 + len(header) + 12) % 16
blob = b"BlbS" + struct.pack("<III", 1, 1, len(header)) + header + b"\0" * pad
blob += struct.pack("<I", zlib.adler32(blob)) + struct.pack("<I", len(header)) + b"BlbE"
slots = b"RpmP" + struct.pack("<IIII", 0, 1, 1, 2) + b"\0" * 12
slots += b"Slot" + struct.pack("<III", 1, 4096 // 16, len(blob) // 16)
slots += (b"Slot" + b"\0" * 12) * ((4096 - len(slots)) // 16)
open(sys.argv[1], "wb").write(slots + blob)
PYTHON
ls -l "$out"
