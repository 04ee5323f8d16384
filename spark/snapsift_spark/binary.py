"""Runs the program. What it means to add a scan or to read an inventory is written there, once."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# What it says of a stream that is no use (see `fleet add`).
_KEPT_OUT = re.compile(r"^snapsift: (?P<stream>.*?): kept out: (?P<reason>.*)$", re.MULTILINE)
# 0 all well, 1 findings of `--fail-on`, 3 not all could be read: in all of these there is a result.
COMPLETE, PARTIAL = 0, 3


class BinaryError(Exception):
    """The program failed."""


@dataclass(frozen=True)
class Binary:
    """The program, by its path on the machine where it runs."""

    path: str

    def found(self) -> str:
        """The path, of a program that is there and can be run."""
        path = self.path
        if not os.path.isfile(path):
            # `spark-submit --files` puts it into the folder of the task.
            from pyspark import SparkFiles

            path = shutil.which(path) or SparkFiles.get(os.path.basename(path))
        if not os.path.isfile(path):
            raise BinaryError(f"{self.path}: the program snapsift is not there; give --binary or --files")
        if not os.access(path, os.X_OK):
            os.chmod(path, 0o755)
        # A bare name would be looked for on the PATH.
        return str(Path(path).absolute())

    def digest(self) -> str:
        """What program it is: its bytes, since rules are built in."""
        with open(self.found(), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def run(
        self, arguments: Sequence[str | Path], timeout: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs it and says how it ended. Nothing that it prints goes to a log."""
        return subprocess.run(
            [self.found(), *map(str, arguments)],
            capture_output=True,
            check=False,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=timeout,
        )

    def add(self, store: Path, folder: Path) -> dict[str, str]:
        """Adds the streams of a folder to a store. Those that are kept out, each with the reason."""
        done = self.run(["fleet", "add", "--quiet", store, folder])
        if done.returncode not in (COMPLETE, PARTIAL):
            raise BinaryError(f"fleet add: {done.stderr.strip()[-500:]}")
        return {Path(one["stream"]).name: one["reason"] for one in _KEPT_OUT.finditer(done.stderr)}

    def assets(self, store: Path, files: Sequence[Path], arguments: Sequence[str]) -> int:
        """Takes inventories into a store; the exit code."""
        done = self.run(["fleet", "assets", *arguments, store, *files])
        if done.returncode not in (COMPLETE, PARTIAL):
            raise BinaryError(f"fleet assets: {done.stderr.strip()[-2000:]}")
        return done.returncode

    def govern(self, store: Path, file: Path) -> None:
        """Takes what people decided into a store."""
        done = self.run(["fleet", "govern", store, file])
        if done.returncode not in (COMPLETE, PARTIAL):
            raise BinaryError(f"fleet govern: {done.stderr.strip()[-2000:]}")
