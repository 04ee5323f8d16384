#!/bin/sh
# Makes the roots of two machines: a key of `web` opens an account of `db`. The example
# of the README. Needs ssh-keygen.
#
# Usage: make-fleet.sh DIRECTORY    (which must not exist)
set -eu
umask 022
mkdir "$1" && cd "$1"
for host in web db; do
    mkdir -p $host/etc/ssh $host/bin $host/usr/sbin $host/root $host/home/backup $host/var/log
    echo $host >$host/etc/hostname
    printf '%s\n' $host | sha256sum | cut -c 1-32 >$host/etc/machine-id
    printf 'root:x:0:0::/root:/bin/sh\n' >$host/etc/passwd
    printf 'root:x:0:\n' >$host/etc/group
    printf 'root:*:20000:0:99999:7:::\nbackup:*:20000:0:99999:7:::\n' >$host/etc/shadow
    printf 'UsePAM no\nPermitRootLogin yes\nDenyUsers root\n' >$host/etc/ssh/sshd_config
    # What stands for a shell, a server, and what starts it.
    printf '#!/bin/sh\n' >$host/bin/sh && chmod 755 $host/bin/sh
    printf 'OpenSSH_9.2p1\0' >$host/usr/sbin/sshd
    mkdir -p $host/etc/systemd/system/multi-user.target.wants
    printf '[Service]\n' >$host/etc/systemd/system/multi-user.target.wants/ssh.service
done
# Whoever makes the example is its user `backup`.
printf 'backup:x:%s:%s::/home/backup:/bin/sh\n' "$(id -u)" "$(id -g)" >>db/etc/passwd
printf '192.0.2.20 db.example.org db\n' >db/etc/hosts
printf '192.0.2.10 web.example.org web\n' >web/etc/hosts

umask 077
mkdir web/root/.ssh db/root/.ssh db/home/backup/.ssh
ssh-keygen -q -t ed25519 -N '' -C 'backup@web' -f web/root/.ssh/id_ed25519
printf 'Host db.example.org\n\tUser backup\n\tIdentityFile ~/.ssh/id_ed25519\n' >web/root/.ssh/config
{ printf 'from="192.0.2.0/24",restrict '; cat web/root/.ssh/id_ed25519.pub; } >db/home/backup/.ssh/authorized_keys
cat web/root/.ssh/id_ed25519.pub >db/root/.ssh/authorized_keys
umask 022
print=$(ssh-keygen -lf web/root/.ssh/id_ed25519.pub | cut -d ' ' -f 2)
for day in 01 02 03; do
    echo "2025-03-${day}T02:00:01+00:00 db sshd[811]: Accepted publickey for backup from 192.0.2.10 port 50122 ssh2: ED25519 $print"
done >db/var/log/auth.log
touch -d 2025-03-01T10:00:00Z web/root/.ssh/id_ed25519
