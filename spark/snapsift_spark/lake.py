"""What lies where in a lake: one folder, on a disk or in a bucket.

    raw/date=…/account=…/<scan key>.jsonl.zst   streams of scans that came to their end
    incomplete/date=…/account=…/…               what is left of those that did not
    scans/<run>.parquet                         what became of each snapshot of a run of `scan`
    loads/<batch>.parquet                       which streams are in the tables; kept out, and why
    records/<type>/date=…/account=…/<batch>.parquet   records, typed (see `wire`)
    tables/<table>/<batch>.parquet              the tables of the embedded store (see `tables`)
    inventory/store.db                          inventories and decisions, in an embedded store
    joined/<run>/<table>/                       what follows from the tables; `joined/CURRENT` names the run

Every file is named by what is in it and is written whole or not at all, so that whoever does the
same work again writes the same file. The file in `loads/` is written last: without it the other
files of its batch do not count and are swept away. One program at a time writes to a lake.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
from pyarrow import fs

COMPRESSION = "zstd"


class LakeError(Exception):
    """Something in the lake is not as it has to be."""


@dataclass(frozen=True)
class Lake:
    """A lake by its address: a path, or a URI as Arrow knows them (s3, gs, abfss, hdfs)."""

    address: str

    def _open(self) -> tuple[fs.FileSystem, str]:
        # Anew in each process: what is connected does not travel from the driver to a task.
        if "://" not in self.address:
            return fs.LocalFileSystem(), str(Path(self.address).absolute())
        system, root = fs.FileSystem.from_uri(self.address)
        return system, root.rstrip("/")

    def uri(self, name: str) -> str:
        """The address of something in the lake, for Spark and DuckDB."""
        if "://" in self.address:
            return f"{self.address.rstrip('/')}/{name}"
        return f"{Path(self.address).absolute()}/{name}"

    def files(self, folder: str, end: str = "") -> list[tuple[str, int]]:
        """Names below a folder, with sizes, sorted. What begins with a dot is half written."""
        system, root = self._open()
        found = system.get_file_info(
            fs.FileSelector(f"{root}/{folder}", recursive=True, allow_not_found=True)
        )
        return sorted(
            (one.path[len(root) + 1 :], one.size)
            for one in found
            if one.type == fs.FileType.File and one.path.endswith(end) and not one.base_name.startswith(".")
        )

    def exists(self, name: str) -> bool:
        """Whether the file is there."""
        system, root = self._open()
        return bool(system.get_file_info(f"{root}/{name}").type == fs.FileType.File)

    def put(self, local: Path, name: str) -> None:
        """Puts a file there: whole under its name, or not at all.

        On a disk it is written beside and renamed. An object of a bucket is there once it is
        closed. Two that write the same name write the same thing, and one of them stays.
        """
        system, root = self._open()
        target = f"{root}/{name}"
        folder, _, last = target.rpartition("/")
        if isinstance(system, fs.LocalFileSystem):
            Path(folder).mkdir(parents=True, exist_ok=True)
            beside = Path(folder, f".{last}.{uuid.uuid4().hex}")
            try:
                shutil.copyfile(local, beside)
                beside.chmod(0o600)
                beside.replace(target)
            finally:
                beside.unlink(missing_ok=True)
            return
        with open(local, "rb") as source, system.open_output_stream(target) as sink:
            shutil.copyfileobj(source, sink, 1 << 20)

    def put_table(self, rows: pa.Table, name: str) -> None:
        """Puts rows there, as Parquet."""
        with scratch() as folder:
            path = folder / "rows.parquet"
            pq.write_table(rows, path, compression=COMPRESSION)
            self.put(path, name)

    def put_text(self, text: str, name: str) -> None:
        """Puts a text there."""
        with scratch() as folder:
            path = folder / "text"
            path.write_text(text, encoding="utf-8")
            self.put(path, name)

    def get(self, name: str, local: Path) -> None:
        """Fetches a file, or on a disk links to it."""
        system, root = self._open()
        if isinstance(system, fs.LocalFileSystem):
            os.symlink(f"{root}/{name}", local)
            return
        with (
            system.open_input_stream(f"{root}/{name}", compression=None) as source,
            open(local, "wb") as sink,
        ):
            shutil.copyfileobj(source, sink, 1 << 20)

    def text(self, name: str) -> str:
        """A text that is there."""
        system, root = self._open()
        with system.open_input_stream(f"{root}/{name}") as source:
            return bytes(source.read()).decode("utf-8")

    def rows(self, folder: str) -> pa.Table | None:
        """All rows of the files in a folder of small files of Parquet, or nothing."""
        system, root = self._open()
        names = [name for name, _ in self.files(folder, ".parquet")]
        if not names:
            return None
        return pa.concat_tables(pq.read_table(f"{root}/{name}", filesystem=system) for name in names)

    def dataset(self, folder: str, schema: pa.Schema | None = None) -> pyarrow.dataset.Dataset:
        """The files of Parquet in a folder, for an engine in this process."""
        system, root = self._open()
        names = [f"{root}/{name}" for name, _ in self.files(folder, ".parquet")]
        return pyarrow.dataset.dataset(names, schema=schema, filesystem=system, format="parquet")

    def delete(self, name: str) -> None:
        """Deletes a file."""
        system, root = self._open()
        system.delete_file(f"{root}/{name}")

    def sweep(self) -> int:
        """Deletes files of batches that did not come to their end; says how many."""
        whole = {name.rpartition("/")[2] for name, _ in self.files("loads", ".parquet")}
        swept = 0
        for folder in ("records", "tables"):
            for name, _ in self.files(folder, ".parquet"):
                batch = name.rpartition("/")[2]
                if batch not in whole and batch != INVENTORY:
                    self.delete(name)
                    swept += 1
        return swept

    def run(self) -> str:
        """The folder of what was joined last."""
        if not self.exists("joined/CURRENT"):
            raise LakeError(f"{self.address}: nothing was joined yet: run `correlate` first")
        return f"joined/{self.text('joined/CURRENT').strip()}"


# What `assets` writes to the tables that no scan fills.
INVENTORY = "inventory.parquet"


def partition(date: str, account: str) -> str:
    """The folder of a day and an account. An account may be named as its cloud likes."""
    return f"date={quote(date, safe='')}/account={quote(account, safe='') or 'unknown'}"


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on this machine's own disk, for a while."""
    with tempfile.TemporaryDirectory(prefix="snapsift-") as folder:
        yield Path(folder)
