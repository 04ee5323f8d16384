#!/bin/sh
# Makes one private key for each container that snapsift reads, with the programs
# whose formats they are, and prints one line for each:
#
#   file | format | algorithm | encrypted | cipher | kdf | comment | public key file
#
# `-` stands for nothing. The public key file is what `ssh-keygen -lf` is asked
# about; it is `-` where the public half cannot be read without the passphrase.
#
# Usage: make-keys.sh DIRECTORY    (needs ssh-keygen, openssl and puttygen)
set -eu
for program in ssh-keygen openssl puttygen; do
    command -v "$program" >/dev/null || { echo "$program is missing" >&2; exit 1; }
done
cd "$1"
umask 077
printf 'secret' >pass

row() { printf '%s|%s|%s|%s|%s|%s|%s|%s\n' "$@"; }

# OpenSSH: every type, plain and encrypted, and every kind of cipher.
for type in ed25519 rsa:2048 ecdsa:256 ecdsa:384 ecdsa:521; do
    name=${type%:*}
    bits=${type#*:}
    case $type in *:*) size="-b $bits" ;; *) size= bits= ;; esac
    # shellcheck disable=SC2086
    ssh-keygen -q -t "$name" $size -N '' -C "plain $name$bits" -f "ossh-$name$bits"
    row "ossh-$name$bits" openssh "$name" no - - "plain $name$bits" "ossh-$name$bits.pub"
done
# A comment that is not UTF-8; it is shown with U+FFFD.
for type in ed25519 rsa; do
    ssh-keygen -q -t "$type" -N '' -C "$(printf 'M\374ller')" -f "latin-$type"
    row "latin-$type" openssh "$type" no - - "$(printf 'M\357\277\275ller')" "latin-$type.pub"
done
for cipher in aes256-ctr aes128-cbc aes256-gcm@openssh.com chacha20-poly1305@openssh.com 3des-cbc; do
    ssh-keygen -q -t ed25519 -Z "$cipher" -a 1 -N secret -C hidden -f "enc-$cipher"
    row "enc-$cipher" openssh ed25519 yes "$cipher" bcrypt - "enc-$cipher.pub"
done

# The forms of OpenSSL.
pem() { cp "$1" "$2"; ssh-keygen -q -p -N "$4" -P '' -m "$3" -f "$2" >/dev/null; }
pem ossh-rsa2048 rsa.pem PEM ''
row rsa.pem pkcs1 rsa no - - - ossh-rsa2048.pub
pem ossh-rsa2048 rsa-enc.pem PEM secret
row rsa-enc.pem pkcs1 rsa yes aes-128-cbc md5 - -
pem ossh-rsa2048 rsa.p8 PKCS8 ''
row rsa.p8 pkcs8 rsa no - - - ossh-rsa2048.pub
for bits in 256 384 521; do
    pem "ossh-ecdsa$bits" "ec$bits.pem" PEM ''
    row "ec$bits.pem" sec1 ecdsa no - - - "ossh-ecdsa$bits.pub"
    pem "ossh-ecdsa$bits" "ec$bits.p8" PKCS8 ''
    row "ec$bits.p8" pkcs8 ecdsa no - - - "ossh-ecdsa$bits.pub"
done
# Without the public half, which is optional.
for bits in 256 384 521; do
    openssl ec -in "ec$bits.pem" -no_public -out "ec$bits-alone.pem" 2>/dev/null
    row "ec$bits-alone.pem" sec1 ecdsa no - - - "ossh-ecdsa$bits.pub"
    openssl pkcs8 -topk8 -nocrypt -in "ec$bits-alone.pem" -out "ec$bits-alone.p8"
    row "ec$bits-alone.p8" pkcs8 ecdsa no - - - "ossh-ecdsa$bits.pub"
done
# With the curve's parameters in a block before, and in CRLF.
openssl ecparam -name prime256v1 -genkey -out ec-params.pem
ssh-keygen -y -f ec-params.pem >ec-params.pub
sed 's/$/\r/' ec-params.pem >ec-crlf.pem
row ec-params.pem sec1 ecdsa no - - - ec-params.pub
row ec-crlf.pem sec1 ecdsa no - - - ec-params.pub
openssl genpkey -algorithm ed25519 -out ed.p8
{
    printf 'ssh-ed25519 '
    {
        printf '\000\000\000\013ssh-ed25519\000\000\000\040'
        openssl pkey -in ed.p8 -pubout -outform DER | tail -c 32
    } | base64 -w0
    echo
} >ed.pub
row ed.p8 pkcs8 ed25519 no - - - ed.pub
for algorithm in x25519 x448 ed448; do
    openssl genpkey -algorithm "$algorithm" -out "$algorithm.p8"
    row "$algorithm.p8" pkcs8 "$algorithm" no - - - -
done
openssl ecparam -name secp256k1 -genkey -noout -out k256.pem
row k256.pem sec1 ecdsa no - - - -
for scheme in "aes-256-cbc hmacWithSHA256 aes-256-cbc pbkdf2-sha256" \
    "aes-128-cbc hmacWithSHA512 aes-128-cbc pbkdf2-sha512" "des3 hmacWithSHA1 des-ede3-cbc pbkdf2-sha1"; do
    # shellcheck disable=SC2086
    set -- $scheme
    openssl pkcs8 -topk8 -in ec256.pem -out "enc-$1.p8" -passout file:pass -v2 "$1" -v2prf "$2"
    row "enc-$1.p8" pkcs8 - yes "$3" "$4" - -
done
openssl pkcs8 -topk8 -in ec256.pem -out enc-scrypt.p8 -passout file:pass -v2 aes-256-cbc -scrypt
row enc-scrypt.p8 pkcs8 - yes aes-256-cbc scrypt - -
openssl pkcs8 -topk8 -in ec256.pem -out enc-v1.p8 -passout file:pass -v1 PBE-SHA1-3DES
row enc-v1.p8 pkcs8 - yes des-ede3-cbc pkcs12-sha1 - -
openssl ec -in ec256.pem -out enc-ec.pem -aes256 -passout file:pass 2>/dev/null
row enc-ec.pem sec1 ecdsa yes aes-256-cbc md5 - -

# DSA: OpenSSH 10 no longer knows it, PuTTY does.
openssl dsaparam -genkey -noout -out dsa.pem 1024 2>/dev/null
openssl pkey -in dsa.pem -traditional -out dsa-traditional.pem
puttygen dsa-traditional.pem -O public-openssh -o dsa.pub
row dsa.pem pkcs8 dsa no - - - dsa.pub
row dsa-traditional.pem dsa dsa no - - - dsa.pub

# PuTTY, both versions, plain and encrypted.
for name in ed25519 rsa2048 ecdsa256 ecdsa384 ecdsa521; do
    algorithm=$(echo "$name" | sed 's/^\(rsa\|ecdsa\).*/\1/')
    for version in 2 3; do
        puttygen "ossh-$name" -O private --ppk-param "version=$version" -o "$name-$version.ppk"
        row "$name-$version.ppk" "ppk$version" "$algorithm" no - - "plain $name" "ossh-$name.pub"
    done
done
puttygen ossh-ed25519 -O private --ppk-param version=2 --new-passphrase pass -o enc-2.ppk
row enc-2.ppk ppk2 ed25519 yes aes256-cbc sha1 "plain ed25519" ossh-ed25519.pub
puttygen ossh-ed25519 -O private --ppk-param version=3,memory=64,passes=1 --new-passphrase pass -o enc-3.ppk
row enc-3.ppk ppk3 ed25519 yes aes256-cbc argon2id "plain ed25519" ossh-ed25519.pub
puttygen dsa-traditional.pem -O private -o dsa-3.ppk -C dsa
row dsa-3.ppk ppk3 dsa no - - dsa dsa.pub

# SSH2 of SSH Communications Security, which says ENCRYPTED of all of them.
puttygen ossh-rsa2048 -O private-sshcom -o rsa.ssh2
row rsa.ssh2 ssh2 rsa no - - "plain rsa2048" ossh-rsa2048.pub
puttygen dsa-traditional.pem -O private-sshcom -o dsa.ssh2 -C dsa
row dsa.ssh2 ssh2 dsa no - - dsa dsa.pub
puttygen ossh-rsa2048 -O private-sshcom --new-passphrase pass -o enc.ssh2
row enc.ssh2 ssh2 rsa yes 3des-cbc md5 "plain rsa2048" -

# A certificate, which has the fingerprint of the key in it.
ssh-keygen -q -s ossh-rsa2048 -I id -n alice -V +1d ossh-ed25519.pub
