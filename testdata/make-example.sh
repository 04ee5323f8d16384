#!/bin/sh
# Makes a small root of a machine with planted, synthetic secrets: the example of
# the README. Needs ssh-keygen.
#
# Usage: make-example.sh DIRECTORY    (which must not exist)
set -eu
umask 022
mkdir "$1" && cd "$1"
mkdir -p etc/ssh srv/shop home/ana/.ssh home/deploy/.ssh bin usr/sbin
# Whoever makes the example is its user `shop`.
printf 'root:x:0:0::/root:/bin/sh\nshop:x:%s:%s::/srv/shop:/bin/sh\n' "$(id -u)" "$(id -g)" | sort -t: -k3,3n -u >etc/passwd
printf 'root:x:0:\nshop:x:%s:\n' "$(id -g)" | sort -t: -k3,3n -u >etc/group

# What stands for a server and a shell, and an account that takes ana's key.
printf '#!/bin/sh\n' >bin/sh && chmod 755 bin/sh
printf 'OpenSSH_9.2p1\0' >usr/sbin/sshd
printf 'deploy:x:%s:%s::/home/deploy:/bin/sh\n' "$(id -u)" "$(id -g)" >>etc/passwd
printf 'root:*:20000:0:99999:7:::\ndeploy:*:20000:0:99999:7:::\n' >etc/shadow
printf 'UsePAM no\nPermitRootLogin yes\n' >etc/ssh/sshd_config
umask 077
ssh-keygen -q -t ed25519 -N '' -C 'ana@build' -f home/ana/.ssh/id_ed25519
{ printf 'command="/usr/bin/rsync --server",restrict '; cat home/ana/.ssh/id_ed25519.pub; } >home/deploy/.ssh/authorized_keys
umask 022
cat >srv/shop/.env <<ENV
MODE=live
DB="Server=tcp:shop-prod.database.windows.net,1433;Database=orders;User ID=shopapp;Password=tR8.vq2Lw-Zd51;Encrypt=True"
BACKUP=https://shopbackups.blob.core.windows.net/daily?sv=2022-11-02&sr=c&sp=rwl&se=2025-06-30T00:00:00Z&sig=qz3hT0v8Jx1mYc5RkN2sWd7pLf9aGb4uEo6iKtPwXnQ%3D
ENV
cat >srv/shop/deploy.sh <<SH
export AWS_ACCESS_KEY_ID=AK""IATCH6YDSYZKLYCEWK
export AWS_SECRET_ACCESS_KEY=pArS8dUSwQxrreJrYQuw""YbvedWQ5bzUQo5Qkr54A
SH
sed -i 's/""//' srv/shop/deploy.sh
cp srv/shop/deploy.sh home/ana/old-deploy.sh
touch -d 2025-03-01T10:00:00Z srv/shop/.env srv/shop/deploy.sh home/ana/old-deploy.sh home/ana/.ssh/id_ed25519
