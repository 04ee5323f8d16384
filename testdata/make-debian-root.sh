#!/bin/sh
# Builds the root of a small Debian server with debootstrap: daemons with their
# real configuration, libraries, an interpreter. It is reused when it is there and
# was made from the same list.
#
# The mirror and the proxy are those of this machine's apt, deb.debian.org where
# apt names none for the release.
#
# Usage: make-debian-root.sh DIRECTORY
# Exit codes: 0 it is there; 77 it cannot be built here, the last line says why.
set -eu
suite=${SNAPSIFT_DEBIAN_SUITE:-bookworm}
packages=openssh-server,nginx-light,postgresql-common,redis-server,exim4-daemon-light,rsyslog,openssl
packages=$packages,python3-minimal,ca-certificates

root=$1
stamp=$root.made-of
wanted="$suite $packages"
if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then exit 0; fi

cannot() { echo "$*" >&2; exit 77; }
PATH=$PATH:/usr/sbin:/sbin
command -v debootstrap >/dev/null || cannot "debootstrap is not installed"
[ "$(id -u)" -eq 0 ] || cannot "debootstrap must be run by root"

# shellcheck disable=SC2016 # the names are apt's, not the shell's
mirror=$(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    sed -n "s/^Debian $suite main //p" | head -n 1)
eval "$(apt-config shell proxy Acquire::http::Proxy 2>/dev/null)"
if [ -n "${proxy:-}" ] && [ "$proxy" != DIRECT ]; then export http_proxy="$proxy"; fi

# What an earlier run that was stopped has left, and nothing that is mounted in it.
rm -rf --one-file-system "$root.partial"
mkdir -p "$root.partial"
# The chroot has no locale but C.
if ! LC_ALL=C debootstrap --variant=minbase --include="$packages" \
    "$suite" "$root.partial" "${mirror:-http://deb.debian.org/debian}" >"$root.log" 2>&1; then
    umount "$root.partial/proc" 2>/dev/null || true
    cannot "debootstrap failed, see $root.log: $(grep '^[EW]:' "$root.log" | tail -n 1)"
fi
rm -rf --one-file-system "$stamp" "$root"
mv "$root.partial" "$root"
printf '%s\n' "$wanted" >"$stamp"
