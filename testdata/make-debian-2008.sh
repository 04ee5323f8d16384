#!/bin/sh
# Makes the lists in src/formats/debian_2008: digests of the keys that the broken
# generator of Debian made (CVE-2008-0166), out of the packages with which Debian and
# Ubuntu warned of them. What the lists look like: src/formats/debian_2008.rs.
# Needs curl, dpkg-deb and python3.
set -eu
cd "$(dirname "$0")/../src/formats/debian_2008"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mirror=http://archive.ubuntu.com/ubuntu/pool
while read -r sum path; do
    package=$work/${path##*/}
    curl --fail --silent --show-error --output "$package" "$mirror/$path"
    echo "$sum  $package" | sha256sum --check --quiet
    dpkg-deb --extract "$package" "$work"
done <<'END'
3799298e06a2b9b97352cafc5673b2fc786772e384c22365c66e96420e415b12 main/o/openssh-blacklist/openssh-blacklist_0.4.1+nmu1_all.deb
8fd005bd2bc5a8d90977e55e3baabefa48172518a7554d94985a25a5f824858a main/o/openssh-blacklist/openssh-blacklist-extra_0.4.1+nmu1_all.deb
bad2a36f3510d42f65a8adfd1bf8d3654b95913e72153e12fcacc39a7547c0c2 universe/o/openssl-blacklist/openssl-blacklist_0.5-3_all.deb
d67924fd9e342ab7a35af432d93b1253c986bec6f00b7a7d26dc3fad615cd2ba universe/o/openssl-blacklist/openssl-blacklist-extra_0.5-3_all.deb
END
python3 - "$work/usr/share" <<'END'
import sys

def write(name, paths):
    digests = set()
    for path in paths:
        with open(f"{sys.argv[1]}/{path}") as lines:
            digests.update(bytes.fromhex(line.strip())[:7] for line in lines if line[0] not in "#\n")
    counts = bytearray(1 << 16)
    for digest in digests:
        counts[int.from_bytes(digest[:2], "big")] += 1
    with open(name, "wb") as out:
        out.write(counts)
        out.writelines(digest[2:] for digest in sorted(digests))
    print(name, len(digests))

write("fingerprints.bin", ["ssh/blacklist." + kind for kind in ("DSA-1024", "RSA-1024", "RSA-2048", "RSA-4096")])
write("moduli.bin", ["openssl-blacklist/blacklist.RSA-" + bits for bits in ("2048", "4096")])
END
