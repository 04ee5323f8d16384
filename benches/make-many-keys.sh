#!/usr/bin/env bash
# Makes the root of a machine in DIR with ACCOUNTS accounts and KEYS authorized keys
# for each, the same on every machine: what `snapsift scan DIR` costs for it is what
# the facts of a machine cost. The keys are random points, which nobody can use.
#
# usage: benches/make-many-keys.sh DIR [ACCOUNTS] [KEYS]
set -euo pipefail
dir=${1:?usage: benches/make-many-keys.sh DIR [ACCOUNTS] [KEYS]}
accounts=${2:-1000}
keys=${3:-100}
if [ -e "$dir" ]; then
    echo "$dir exists; name a directory that does not" >&2
    exit 2
fi
mkdir -p "$dir/etc/ssh" "$dir/usr/sbin" "$dir/bin"
printf '#!/bin/sh\n' >"$dir/bin/sh" && chmod 755 "$dir/bin/sh"
printf 'OpenSSH_9.2p1\0' >"$dir/usr/sbin/sshd"
printf 'Match Group wheel\nX11Forwarding no\nMatch Address 10.0.0.0/8\nPermitTTY no\n' >"$dir/etc/ssh/sshd_config"
LC_ALL=C awk -v dir="$dir" -v accounts="$accounts" -v keys="$keys" '
function next_number(below) {
    state = (state * 69069 + 1) % 4294967296
    return int(state / 65536) % below
}
BEGIN {
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    print "root:x:0:" >(dir "/etc/group")
    for (a = 0; a < accounts; a++) {
        home = "/home/u" a
        print "u" a ":x:" 1000 + a ":" 1000 + a "::" home ":/bin/sh" >(dir "/etc/passwd")
        print "u" a ":*:19000:0:99999:7:::" >(dir "/etc/shadow")
        print "u" a ":x:" 1000 + a ":" >(dir "/etc/group")
        system("mkdir -p " dir home "/.ssh")
        path = dir home "/.ssh/authorized_keys"
        for (k = 0; k < keys; k++) {
            # What is the same in all ends within a digit: two bits of the next are 0.
            key = "AAAAC3NzaC1lZDI1NTE5AAAAI" substr(digits, 1 + next_number(16), 1)
            for (d = 0; d < 42; d++) key = key substr(digits, 1 + next_number(64), 1)
            options = k % 4 ? "" : "from=\"10.0.0.0/8\",no-pty "
            print options "ssh-ed25519 " key " user" a "@host" k >path
        }
        close(path)
    }
}'
