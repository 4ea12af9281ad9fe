//! The SQLite index: a rebuildable cache by which records are found.
//!
//! Does: hold one row an operation, a changed path, a blob and a checkpoint, and how far into the log
//! it reaches.
//! Does not: hold anything the segments do not; it may be deleted at any time the store is closed.

mod apply;
mod merged;
mod moves;
mod schema;
mod sum;

pub(crate) use apply::Lookup;
pub(crate) use moves::{Drops, Move, Row};

use std::path::PathBuf;

use aft_os::StoreDir;
use parking_lot::{Mutex, MutexGuard};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// Name of the index's file.
pub(crate) const FILE: &str = "index.sqlite";
/// Pages in the write-ahead log from which it is moved into the index.
const WAL_PAGES: u64 = 4000;
const WAL_PAGES_MIN: u64 = 128;
/// Connections kept for readers.
const READERS_MAX: usize = 4;

/// The index. The writer and readers have connections of their own, except in memory.
pub(crate) struct Index {
    path: Option<PathBuf>,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

impl Index {
    /// Opens the index, or makes it anew where it is missing, damaged or of another version.
    ///
    /// # Errors
    /// SQLite refuses even an empty one.
    pub(crate) fn open(dir: &dyn StoreDir) -> rusqlite::Result<Self> {
        let Some(path) = dir.real_path() else {
            let connection = Connection::open_in_memory()?;
            schema::prepare(&connection)?;
            return Ok(Self::new(None, connection));
        };
        let path = path.join(FILE);
        if !sum::take(dir) {
            tracing::warn!(
                "the index is not what it was when the store was closed; it is made anew"
            );
            remove_files(dir);
        }
        make_private(dir);
        if let Ok(connection) = open_at(&path) {
            return Ok(Self::new(Some(path), connection));
        }
        remove_files(dir);
        make_private(dir);
        let connection = open_at(&path)?;
        Ok(Self::new(Some(path), connection))
    }

    fn new(path: Option<PathBuf>, writer: Connection) -> Self {
        Self {
            path,
            writer: Mutex::new(writer),
            readers: Mutex::new(Vec::new()),
        }
    }

    /// Empties the index.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub(crate) fn clear(&self) -> rusqlite::Result<()> {
        schema::recreate(&self.writer.lock())
    }

    /// The writer's connection. Only the writer's thread changes the index.
    pub(crate) fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock()
    }

    /// Runs `ask` on a connection for reading.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub(crate) fn read<T, E: From<rusqlite::Error>>(
        &self,
        ask: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let Some(path) = &self.path else {
            return ask(&self.writer.lock());
        };
        let pooled = self.readers.lock().pop();
        let connection = match pooled {
            Some(connection) => connection,
            None => open_reader(path)?,
        };
        let answer = ask(&connection);
        let mut readers = self.readers.lock();
        if readers.len() < READERS_MAX {
            readers.push(connection);
        }
        answer
    }

    /// Notes what the index is now, so that the next opening knows it again. Nothing may change it after this.
    pub(crate) fn seal(&self, dir: &dyn StoreDir) {
        if self.path.is_none() {
            return;
        }
        let noted = self.shrink_wal().map_err(std::io::Error::other);
        if let Err(error) = noted.and_then(|()| sum::write(dir)) {
            tracing::debug!(%error, "no sum of the index was written");
        }
    }

    /// Keeps the write-ahead log to about so many bytes, though never to more than is the rule.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub(crate) fn limit_wal(&self, bytes: u64) -> rusqlite::Result<()> {
        let pages = (bytes / 4096).clamp(WAL_PAGES_MIN, WAL_PAGES);
        let sql = format!("PRAGMA wal_autocheckpoint = {pages}");
        self.writer().query_row(&sql, [], |_| Ok(()))
    }

    /// Moves the write-ahead log into the index's file and cuts it, so that it takes no space.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub(crate) fn shrink_wal(&self) -> rusqlite::Result<()> {
        if self.path.is_some() {
            let writer = self.writer.lock();
            writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        }
        Ok(())
    }
}

fn open_at(path: &PathBuf) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // A new index has nothing to lose; its first checkpoint makes it durable.
    connection.execute_batch("PRAGMA synchronous = OFF")?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.execute_batch(
        "PRAGMA cache_size = -2048;
         PRAGMA journal_size_limit = 0; PRAGMA temp_store = MEMORY;",
    )?;
    keep_plans(&connection)?;
    schema::prepare(&connection)?;
    connection.execute_batch("PRAGMA synchronous = NORMAL")?;
    Ok(connection)
}

fn open_reader(path: &PathBuf) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch("PRAGMA cache_size = -512; PRAGMA temp_store = MEMORY;")?;
    keep_plans(&connection)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(connection)
}

/// Statements are prepared once. Without the guarantee a plan hangs on the values that were bound, and a
/// statement is prepared anew whenever one changes, as a page's bound always does.
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(32);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// SQLite would make its file readable by others; its extra files take the mode of this one. A failure
/// shows when SQLite opens it.
fn make_private(dir: &dyn StoreDir) {
    if let Err(error) = dir.append(FILE) {
        tracing::debug!(%error, "the index's file was not made");
    }
}

/// Best effort: what cannot be removed makes the following open fail, and that is reported.
fn remove_files(dir: &dyn StoreDir) {
    for suffix in ["", "-wal", "-shm"] {
        if let Err(error) = dir.remove(&format!("{FILE}{suffix}")) {
            tracing::debug!(%error, suffix, "a damaged index file was not removed");
        }
    }
}
