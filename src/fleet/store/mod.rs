//! The embedded store of scans: what their streams say, in SQLite, in memory or in a
//! file. Secrets are never stored, only their fingerprints.

mod rows;
mod stream;

use std::io::BufRead;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use serde::Serialize;

pub(super) use self::rows::text;
use self::rows::{Rows, ScanRows};
use self::stream::Stream;
use crate::output::sarif::encode;

/// The version of the tables, which a file of a store keeps.
const VERSION: i64 = 8;
/// The indexes of the tables.
const INDEXES: &str = include_str!("../../../queries/store_indexes.sql");
/// How long a process waits for another that writes to the store.
const PATIENCE: Duration = Duration::from_secs(600);

/// So long are scans gathered before they are written, while other processes wait.
const BATCH: Duration = Duration::from_secs(2);
/// Memory for pages of the store, in KiB where it is negative (SQLite, `PRAGMA cache_size`).
/// Keys come in no order: with the usual 2 MiB nearly each one is read anew.
const CACHE: i64 = -200_000;

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite says so.
    #[error("the store: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Its tables are those of another version.
    #[error("the store was made by another version: give another file, and all scans again")]
    Version,
    /// The file cannot be made.
    #[error("the store: {0}")]
    File(#[from] std::io::Error),
}

/// What became of the streams that were given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Streams {
    /// Scans that were added.
    pub loaded: u64,
    /// Scans that the store had already.
    pub known: u64,
    /// Streams that were kept out, with the reason.
    pub kept_out: Vec<KeptOut>,
    /// Scans whose own summary says that something could not be read.
    pub partial: u64,
}

/// A stream that was kept out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptOut {
    /// The stream's name.
    pub stream: String,
    /// Why.
    pub reason: String,
}

/// The store.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
}

impl Store {
    /// Opens the store in `path`, or one in memory.
    ///
    /// # Errors
    ///
    /// The file cannot be opened or is none of ours.
    pub fn open(path: Option<&Path>) -> Result<Self, StoreError> {
        let connection = match path {
            Some(path) => {
                private_file(path)?;
                Connection::open(path)?
            }
            None => Connection::open_in_memory()?,
        };
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "cache_size", CACHE)?;
        // Another process may make the same store at the same time.
        let store = Self { connection };
        let making = store.transaction()?;
        let version: i64 = making.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let tables: i64 = making.query_row("SELECT COUNT(*) FROM sqlite_master", [], |row| row.get(0))?;
        if tables > 0 && version != VERSION {
            return Err(StoreError::Version);
        }
        if tables == 0 {
            making.execute_batch(include_str!("../../../queries/store.sql"))?;
            making.execute_batch(include_str!("../../../queries/inventory.sql"))?;
            making.execute_batch(include_str!("../../../queries/governance.sql"))?;
            making.pragma_update(None, "user_version", VERSION)?;
        }
        // One that was interrupted in the middle of adding may lack some.
        making.execute_batch(INDEXES)?;
        making.commit()?;
        Ok(store)
    }

    /// Opens a store that is there, to read it only.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, is none of ours, or nothing was added to it yet.
    pub fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version != VERSION {
            return Err(StoreError::Version);
        }
        Ok(Self { connection })
    }

    /// The store in `path`, which this one has open, as it would be in memory if of the machines
    /// in `states`, a table of this connection, no scan after those in its column `scan` had been
    /// added.
    pub(super) fn state(&self, path: &Path, states: &str, scan: &str) -> Result<Self, StoreError> {
        let state = Self::open(None)?;
        // Read only, and let go before anything else is asked of it: a name that is not in
        // memory would be looked for there.
        let path = std::path::absolute(path)?;
        let uri = format!("file:{}?mode=ro", encode(path.as_os_str().as_encoded_bytes()));
        state.connection.execute("ATTACH ?1 AS kept", [uri])?;
        state.connection.execute_batch("CREATE TEMP TABLE chosen (disk_id INT PRIMARY KEY)")?;
        let mut insert = state.connection.prepare("INSERT INTO temp.chosen VALUES (?1)")?;
        let mut disks = self.connection.prepare(&format!(
            "SELECT d.disk_id FROM v1_disk d JOIN {states} x ON x.machine = d.machine
             JOIN scan s ON s.scan_id = x.{scan}
             WHERE (d.started || d.scan) <= (s.started || s.name)
             UNION SELECT disk_id FROM v1_machine WHERE machine NOT IN (SELECT machine FROM {states})"
        ))?;
        let mut rows = disks.query([])?;
        while let Some(row) = rows.next()? {
            insert.execute([row.get::<_, i64>(0)?])?;
        }
        drop(insert);
        let texts = |sql: &str| -> Result<Vec<String>, rusqlite::Error> {
            state.connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
        };
        let copying = state.transaction()?;
        // Which of the disks counted then is asked as it is today; the others are left out.
        copying.execute_batch(
            "INSERT INTO main.scan SELECT * FROM kept.scan;
             INSERT INTO main.detached SELECT * FROM kept.detached;
             INSERT INTO main.disk SELECT * FROM kept.disk WHERE disk_id IN (SELECT disk_id FROM temp.chosen);
             DELETE FROM temp.chosen WHERE disk_id NOT IN (SELECT disk_id FROM main.v1_newest);
             DELETE FROM main.disk WHERE disk_id NOT IN (SELECT disk_id FROM temp.chosen);",
        )?;
        for table in texts("SELECT name FROM main.sqlite_master WHERE type = 'table'")? {
            if ["scan", "disk", "detached"].contains(&&*table) {
                continue;
            }
            let of_disks =
                texts(&format!("SELECT name FROM pragma_table_info('{table}') WHERE name = 'disk_id'"))?;
            let only =
                if of_disks.is_empty() { "" } else { "WHERE disk_id IN (SELECT disk_id FROM temp.chosen)" };
            copying.execute_batch(&format!("INSERT INTO main.{table} SELECT * FROM kept.{table} {only}"))?;
        }
        copying.commit()?;
        state.connection.execute_batch("DETACH kept")?;
        Ok(state)
    }

    /// The connection, for queries.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// A transaction that no other process writes beside. There is no other in this one.
    pub(super) fn transaction(&self) -> Result<Transaction<'_>, rusqlite::Error> {
        Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
    }

    /// Begins to add scans.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn adding(&mut self) -> Result<Adding<'_>, StoreError> {
        let rows = Rows::new(&self.connection)?;
        Ok(Adding { store: self, rows, open: None, piece: Vec::new(), streams: Streams::default() })
    }
}

/// Scans that are being added. They are written many at a time: what is not
/// [finished](Self::finish) may not be there.
#[expect(missing_debug_implementations, reason = "statements have none")]
pub struct Adding<'s> {
    store: &'s Store,
    rows: Rows<'s>,
    /// The transaction, and since when other processes wait for it.
    open: Option<(Transaction<'s>, Instant)>,
    /// Lines that are being read.
    piece: Vec<u8>,
    streams: Streams,
}

/// What became of a stream that was read as far as it had to be.
enum End {
    Loaded { whole: bool },
    Known,
}

/// Why a stream was not added.
enum Stop {
    KeptOut(String),
    Store(StoreError),
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Self::KeptOut(reason)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Adding<'_> {
    /// Adds the scan of one stream: all of it, or nothing where the stream is not whole.
    ///
    /// # Errors
    ///
    /// The store cannot be written. A stream that cannot be read is kept out and named.
    pub fn load(&mut self, name: &str, stream: &mut dyn BufRead) -> Result<(), StoreError> {
        if self.open.as_ref().is_some_and(|(_, since)| since.elapsed() > BATCH) {
            self.commit()?;
        }
        if self.open.is_none() {
            self.open = Some((self.store.transaction()?, Instant::now()));
            self.rows.begin()?;
        }
        let mut piece = std::mem::take(&mut self.piece);
        let end = self.read(stream, &mut piece);
        self.piece = piece;
        match end {
            Ok(End::Loaded { whole }) => {
                self.streams.loaded += 1;
                self.streams.partial += u64::from(!whole);
            }
            Ok(End::Known) => self.streams.known += 1,
            Err(Stop::KeptOut(reason)) => {
                self.streams.kept_out.push(KeptOut { stream: name.to_owned(), reason });
            }
            Err(Stop::Store(error)) => return Err(error),
        }
        Ok(())
    }

    fn read(&mut self, from: &mut dyn BufRead, piece: &mut Vec<u8>) -> Result<End, Stop> {
        let mut stream = Stream::default();
        let more = stream.piece(from, piece)?;
        let scan = stream.begin(piece)?;
        if self.rows.knows(&scan.scan_id)? {
            return Ok(End::Known);
        }
        let rows = stream.rows(piece)?;
        if !more {
            // All is known before a row is written: there is nothing to take back.
            let whole = stream.end()?;
            let mut written = self.rows.scan(&scan)?;
            rows.iter().try_for_each(|row| written.add(row))?;
            written.end(whole, stream.left_out)?;
            return Ok(End::Loaded { whole });
        }
        let connection = self.store.connection();
        connection.execute_batch("SAVEPOINT stream")?;
        let mut written = self.rows.scan(&scan)?;
        rows.iter().try_for_each(|row| written.add(row))?;
        drop(rows);
        let rest = Self::rest(&mut stream, from, piece, &mut written);
        if rest.is_err() {
            connection.execute_batch("ROLLBACK TO stream")?;
            self.rows.taken_back();
        }
        connection.execute_batch("RELEASE stream")?;
        rest
    }

    /// Adds what comes after the first piece of a stream.
    fn rest(
        stream: &mut Stream,
        from: &mut dyn BufRead,
        piece: &mut Vec<u8>,
        written: &mut ScanRows<'_, '_>,
    ) -> Result<End, Stop> {
        loop {
            let more = stream.piece(from, piece)?;
            stream.rows(piece)?.iter().try_for_each(|row| written.add(row))?;
            if !more {
                let whole = stream.end()?;
                written.end(whole, stream.left_out)?;
                return Ok(End::Loaded { whole });
            }
        }
    }

    /// Writes what was added, and says what became of the streams.
    ///
    /// # Errors
    ///
    /// The store cannot be written.
    pub fn finish(mut self) -> Result<Streams, StoreError> {
        if self.rows.without_index() {
            self.store.connection().execute_batch(INDEXES)?;
        }
        self.commit()?;
        Ok(self.streams)
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.open.take().map_or(Ok(()), |(transaction, _)| Ok(transaction.commit()?))
    }
}

/// Makes the file, where it is not there, readable for its owner alone: it tells which
/// keys open what.
fn private_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
