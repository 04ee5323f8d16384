"""A fleet of small disk images, made anew for a test: every machine has a server of SSH, accepts
some of a few keys, and now and then holds one, or a connection string."""

import hashlib
import os
import random
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HEADER = (
    "id,kind,type,provider,name,instance_id,region,exposed,open_ports,criticality,sensitivity,owner,endpoint"
)
GOVERNANCE = """\
[[exempt]]
name = "spare"
path = "/srv/spare/**"
machine = "node-00*"
category = "waiver"
reason = "never used"
author = "ann@example.com"

[[owner]]
name = "all"
priority = 1
owner = "security@example.com"
due_days = 7
grace_days = 0
"""


def run(*command: str | Path) -> None:
    """Runs a command that has to work."""
    done = subprocess.run([str(word) for word in command], capture_output=True, check=False, text=True)
    assert done.returncode == 0, f"{command[0]}: {done.stderr}"


def root(folder: Path, number: int, keys: list[tuple[str, str]], chance: random.Random) -> None:
    """The files of one machine."""
    name = f"node-{number:03}"
    files = {
        "etc/hostname": f"{name}\n",
        "etc/machine-id": hashlib.sha256(name.encode()).hexdigest()[:32] + "\n",
        "etc/passwd": f"root:x:0:0::/root:/bin/sh\nbackup:x:{os.getuid()}:{os.getgid()}::/home/backup:/bin/sh\n",
        "etc/group": "root:x:0:\n",
        "etc/shadow": "root:*:20000:0:99999:7:::\nbackup:*:20000:0:99999:7:::\n",
        "etc/ssh/sshd_config": "UsePAM no\nPermitRootLogin yes\n",
        "bin/sh": "#!/bin/sh\n",
        "usr/sbin/sshd": "OpenSSH_9.2p1\0",
        "etc/systemd/system/multi-user.target.wants/ssh.service": "[Service]\n",
        "var/lib/cloud/data/instance-id": f"i-{number:016x}\n",
        "home/backup/.ssh/authorized_keys": "".join(public for _, public in chance.sample(keys, 3)),
    }
    if number % 4 == 0:
        files["root/.ssh/id_ed25519"] = chance.choice(keys)[0]
    if number % 3 == 0:
        word = hashlib.sha256(f"word {number // 6}".encode()).hexdigest()[:20]
        folder_name = "spare" if number % 2 else "shop"
        files[f"srv/{folder_name}/settings.env"] = (
            f"DATABASE_URL=postgres://app:{word}@store-{number % 5}.example.com:5432/shop\n"
        )
    for path, text in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(
            0o755 if path == "bin/sh" else 0o600 if "/.ssh/" in path or path.startswith("root/") else 0o644
        )
        os.utime(place, (1_740_000_000, 1_740_000_000))


def images(folder: Path, machines: int) -> list[Path]:
    """Makes that many images, `assets.csv`, `vulnerabilities.csv` and `governance.toml`."""
    chance = random.Random(20261129)
    keys = []
    for number in range(24):
        path = folder / f"key{number}"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"user{number}", "-f", path)
        keys.append((path.read_text(), path.with_suffix(".pub").read_text()))
    assets, vulnerabilities = [HEADER], ["subject,vulnerability,severity,package,installed,fixed"]
    for number in range(machines):
        exposed = "yes,443" if number % 10 == 0 else "no,"
        critical = "very_high" if number % 20 == 7 else "low"
        assets.append(
            f"vm-{number},machine,vm,{('azure', 'aws', 'gcp')[number % 3]},node-{number:03},i-{number:016x},one,{exposed},{critical},,,"
        )
        if number % 5 == 0:
            vulnerabilities.append(f"vm-{number},CVE-2025-00001,high,a,1,2")
    for number in range(5):
        assets.append(
            f"store-{number},database,database,azure,store-{number},,one,no,,,high,,store-{number}.example.com"
        )
    (folder / "assets.csv").write_text("\n".join(assets) + "\n")
    (folder / "vulnerabilities.csv").write_text("\n".join(vulnerabilities) + "\n")
    (folder / "governance.toml").write_text(GOVERNANCE)

    for number in range(machines):
        root(folder / f"root-{number}", number, keys, chance)

    def image(number: int) -> Path:
        path = folder / f"node-{number:03}.img"
        # Some are larger, so that there is something to put first.
        size = "6M" if number % 50 == 49 else "2M"
        run(
            "mkfs.ext4",
            "-q",
            "-F",
            "-O",
            "^has_journal",
            "-b",
            "1024",
            "-d",
            folder / f"root-{number}",
            path,
            size,
        )
        return path

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(image, range(machines)))
