#!/bin/sh
# Makes key-pool.txt: keys that the corpus is written with, made for it by
# ssh-keygen, openssl, puttygen and gpg. They open nothing. One a line: the kind
# and the base64 of its bytes, reversed, so that no scanner takes the file for
# what it is.
set -eu
out=$PWD/key-pool.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
: > "$out"

put() { printf '%s %s\n' "$1" "$(base64 -w0 "$2" | rev)" >> "$out"; }
# The bytes between the labels of a PEM file.
body() { grep -v -e '-----' "$1" | base64 -d > "$2"; }

for i in 1 2 3 4 5 6; do
    openssl genrsa -traditional -out k.pem 2048 2>/dev/null
    openssl rsa -in k.pem -traditional -outform DER -out k.der 2>/dev/null
    put rsa-pkcs1 k.der
    openssl req -x509 -new -key k.pem -sha256 -days 825 -subj "/CN=node$i.kaldera.net" -out c.pem
    openssl x509 -in c.pem -outform DER -out c.der
    put certificate c.der
    openssl pkcs12 -export -inkey k.pem -in c.pem -passout pass: -out k.pfx
    put pfx k.pfx
    openssl rsa -in k.pem -pubout -outform DER -out p.der 2>/dev/null
    put rsa-public p.der
done
for curve in prime256v1 secp384r1 secp521r1 prime256v1; do
    openssl ecparam -name $curve -genkey -noout -outform DER -out k.der
    put ec-sec1 k.der
    openssl ec -inform DER -in k.der -pubout -outform DER -out p.der 2>/dev/null
    put ec-public p.der
    openssl pkcs8 -topk8 -nocrypt -inform DER -in k.der -outform DER -out k8.der
    put ec-pkcs8 k8.der
done
openssl dsaparam -genkey -noout -outform DER -out k.der 1024 2>/dev/null
put dsa k.der
for spec in ed25519: ed25519: ed25519: ed25519: rsa:3072 rsa:2048 ecdsa:256 ecdsa:384 ecdsa:521; do
    rm -f id id.pub
    ssh-keygen -q -t "${spec%:*}" ${spec#*:} -N '' -C "deploy@build${spec#*:}" -f id 2>/dev/null ||
        ssh-keygen -q -t "${spec%:*}" -b "${spec#*:}" -N '' -C "deploy@build${spec#*:}" -f id
    body id k.bin
    put openssh k.bin
    put openssh-public id.pub
    puttygen id -O private --ppk-param version=3 -o k.ppk
    put ppk k.ppk
    puttygen id -O private --ppk-param version=2 -o k.ppk
    put ppk k.ppk
done
export GNUPGHOME="$work/gpg"
mkdir -m 700 "$GNUPGHOME"
for name in release backup; do
    gpg --batch --quiet --passphrase '' --quick-generate-key "$name <$name@kaldera.net>" ed25519 sign never 2>/dev/null
    gpg --batch --quiet --passphrase '' --export-secret-keys --armor "$name" > k.asc
    put pgp-private k.asc
    gpg --batch --quiet --export --armor "$name" > k.asc
    put pgp-public k.asc
done
