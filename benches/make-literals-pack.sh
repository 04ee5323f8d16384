#!/usr/bin/env bash
# Writes a rule pack to standard output: one rule for each of the first COUNT
# lines of literals.txt, the literal followed by 20 to 64 characters of a token.
#
# usage: benches/make-literals-pack.sh [COUNT] > benches/literals-300.toml
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
count=${1:-300}

printf '# Written by make-literals-pack.sh from literals.txt, for benchmarks.\n\n'
printf '[pack]\nname = "literals-%d"\nversion = "1"\n' "$count"
head -n "$count" literals.txt | LC_ALL=C awk '
{
    pattern = $0
    gsub(/[][\\.^$|?*+(){}]/, "\\\\&", pattern)
    printf "\n[[rule]]\nid = \"literal-%03d\"\nname = \"Literal %d\"\n", NR, NR
    print "type = \"Literal of a benchmark\"\nprovider = \"None\"\ncategory = \"benchmark\""
    print "severity = \"info\"\nconfidence = \"low\""
    print "description = \"A literal that real rules look for, and a token after it.\""
    print "remediation = \"None: this rule is for benchmarks.\""
    printf "pattern = \047\047\047%s(?P<secret>[A-Za-z0-9_-]{20,64})\047\047\047\n", pattern
    print "not_before = \"A-Za-z0-9\"\nnot_after = \"A-Za-z0-9\""
    print "checks = [{ check = \"characters\", mixed_case = true, digit = true }, { check = \"entropy\", min = 3.5 }, { check = \"not-placeholder\" }]"
}'
