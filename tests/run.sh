#!/usr/bin/env bash
# Everything that must hold before a change is merged. Needs the Rust toolchain
# and, for some tests, ssh-keygen, openssl, puttygen, debootstrap and root (see
# .ci/run).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Everything is built once and thrown away: neither what a debugger needs nor what a next
# build would be quicker by is worth its time.
export CARGO_PROFILE_DEV_DEBUG="${CARGO_PROFILE_DEV_DEBUG:-0}" CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-0}"

step() {
    local begun=$SECONDS
    printf '\n== %s\n' "$*"
    "$@"
    printf -- '-- done in %d s\n' "$((SECONDS - begun))"
}

step cargo fmt --check
step cargo clippy --locked --all-targets --all-features -- -D warnings
# Licences, the README, the imports and the wire schema are tests among these.
step cargo test --locked --all-features
step cargo run --locked --quiet --all-features -- rules check
step env RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --all-features

printf '\nAll checks passed in %d s.\n' "$SECONDS"
