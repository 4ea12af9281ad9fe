//! The index's tables.
//!
//! Does: make them and refuse those of another version.
//! Does not: migrate; another version is dropped and rebuilt from the segments.

use rusqlite::Connection;

/// Raised with every change of the tables.
const VERSION: i64 = 5;

const TABLES: &str = "
CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE blobs(h INTEGER NOT NULL, loc INTEGER NOT NULL, PRIMARY KEY(h, loc)) WITHOUT ROWID;
CREATE TABLE paths(path BLOB NOT NULL PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE changes(path INTEGER NOT NULL, op INTEGER NOT NULL, part INTEGER, PRIMARY KEY(path, op))
    WITHOUT ROWID;
CREATE TABLE ops(op INTEGER PRIMARY KEY, loc INTEGER NOT NULL, kind INTEGER NOT NULL,
    time_ns INTEGER NOT NULL, session INTEGER, turn INTEGER);
CREATE INDEX ops_session ON ops(session, op) WHERE session IS NOT NULL;
CREATE INDEX ops_turn ON ops(turn, op) WHERE turn IS NOT NULL;
CREATE INDEX ops_kind ON ops(kind, op) WHERE kind > 0;
CREATE TABLE names(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE parts(owner INTEGER NOT NULL, part INTEGER NOT NULL, loc INTEGER NOT NULL,
    PRIMARY KEY(owner, part)) WITHOUT ROWID;
CREATE TABLE merged(last INTEGER PRIMARY KEY, first INTEGER NOT NULL);
CREATE TABLE checkpoints(name TEXT NOT NULL PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE intents(op INTEGER PRIMARY KEY, loc INTEGER NOT NULL);
CREATE TABLE audit(n INTEGER PRIMARY KEY, loc INTEGER NOT NULL);
CREATE TABLE work(session TEXT NOT NULL, turn TEXT NOT NULL, started_ns INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY(session, turn)) WITHOUT ROWID;
CREATE INDEX work_started ON work(started_ns) WHERE turn = '';
CREATE TABLE verdicts(sort INTEGER NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY(sort, number)) WITHOUT ROWID;
";

const NAMES: [&str; 13] = [
    "meta",
    "blobs",
    "paths",
    "changes",
    "ops",
    "names",
    "parts",
    "merged",
    "checkpoints",
    "intents",
    "audit",
    "work",
    "verdicts",
];

/// Makes the tables where they are missing or of another version.
///
/// # Errors
/// Whatever SQLite reports, e.g. that the file is not a database.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == VERSION {
        return Ok(());
    }
    recreate(connection)
}

/// Drops everything and makes empty tables.
///
/// # Errors
/// Whatever SQLite reports.
pub(super) fn recreate(connection: &Connection) -> rusqlite::Result<()> {
    let mut sql = String::from("BEGIN IMMEDIATE;");
    for table in NAMES {
        sql.push_str("DROP TABLE IF EXISTS ");
        sql.push_str(table);
        sql.push(';');
    }
    sql.push_str(TABLES);
    sql.push_str(&format!("PRAGMA user_version = {VERSION}; COMMIT;"));
    connection.execute_batch(&sql)
}
