//! Removing a path from all history.
//!
//! Does: put every operation that names the path once more without it, collect what only it named, with whatever was
//! compressed with the help of that, and clean the index's file of what was deleted in it.
//! Does not: run beside readers, know the newest tree, or prove that it worked; `reader::proof` reads everything back.

use std::collections::{BTreeSet, HashSet};

use aft_model::{ContentId, Operation, OperationId, RelPath};
use rusqlite::params;

use super::Writer;
use super::collect::Collection;
use super::maintain::Maintenance;
use super::recompress::SAMPLE_MAX;
use super::sweep::{Forbidden, contains};
use crate::content::{DICTIONARY_COST, prefix_of};
use crate::entry::Loc;
use crate::error::{ReadError, StoreError};
use crate::keyframe;
use crate::reader::{Filter, Reader};

/// Operations or contents looked at in one question.
const PAGE: usize = 512;

/// What naming a path amounts to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Operations that named it.
    pub operations: BTreeSet<OperationId>,
    /// Contents that it had; another path may have them too.
    pub contents: BTreeSet<ContentId>,
}

/// Why a path was not purged, or not wholly.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// Its history could not be read or written.
    #[error("cannot purge")]
    Store(#[from] StoreError),
    /// The history could not be collected.
    #[error("cannot collect what only the path named: {0}")]
    Collect(String),
    /// A rollback has to be finished first.
    #[error("a rollback is not finished")]
    Unfinished,
}

impl From<ReadError> for PurgeError {
    fn from(error: ReadError) -> Self {
        Self::Store(StoreError::Read(error))
    }
}

impl Reader {
    /// What naming `path`, or anything beneath it, amounts to.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn named_by(&self, path: &RelPath) -> Result<Purged, ReadError> {
        let reader = self;
        let filter = Filter {
            path: Some(path.clone()),
            ..Filter::default()
        };
        let mut purged = Purged::default();
        let mut before = None;
        loop {
            let page = reader.page(&filter, before, PAGE, 0)?;
            let Some(last) = page.last() else {
                return Ok(purged);
            };
            before = Some(last.operation.id);
            for summary in page {
                let id = summary.operation.id;
                let Some(operation) = reader.operation(id)? else {
                    continue;
                };
                purged.operations.insert(id);
                let changes = operation.changes.iter();
                let its = changes.filter(|change| change.path.is_within(path));
                let states = its.flat_map(|change| [change.before, change.after]);
                purged
                    .contents
                    .extend(states.filter_map(|state| state.content()));
            }
        }
    }
}

impl Writer {
    /// Removes `path` and everything beneath it from all history. Nobody else may use the store meanwhile. Killed
    /// within it, or called again, it goes on where it was.
    ///
    /// # Errors
    /// [`PurgeError`]; what was removed until then is.
    pub fn purge(&mut self, path: &RelPath, time_ns: i64) -> Result<Purged, PurgeError> {
        if !self.reader().open_intent_places()?.is_empty() {
            return Err(PurgeError::Unfinished);
        }
        self.work_off()?;
        let purged = self.reader().named_by(path)?;
        let dictionaries = self.dictionaries_with(&purged.contents)?;
        for id in &purged.operations {
            let Some(operation) = self.reader().operation(*id)? else {
                continue;
            };
            let first = self.reader().first_merged(*id)?;
            self.put_composed(first, &without(operation, path))?;
        }
        let text = format!(
            "purge: {} operations, {} contents",
            purged.operations.len(),
            purged.contents.len()
        );
        self.put_audit(time_ns, text.as_bytes())?;
        self.forget_verdicts_with(path)?;
        self.commit(true)?;
        self.shared.cache.lock().clear();
        let how = Collection {
            dry_run: false,
            seal: true,
            forget: true,
            dead_min: 1,
        };
        let forbidden = Forbidden {
            texts: vec![path.as_bytes().to_vec()],
            dictionaries,
        };
        self.begin_strict(how, Some(forbidden))?;
        self.work_off()?;
        match self.collected() {
            Some(collected) if collected.failure.is_none() => {}
            other => {
                let reason = other.and_then(|collected| collected.failure);
                let reason = reason.unwrap_or_else(|| "it did not end".to_owned());
                return Err(PurgeError::Collect(reason));
            }
        }
        self.clean_caches()?;
        Ok(purged)
    }

    fn work_off(&mut self) -> Result<(), StoreError> {
        while self.maintain()? == Maintenance::Working {}
        Ok(())
    }

    /// What the index's file still holds of deleted rows, and the saved tree, which is made anew.
    fn clean_caches(&mut self) -> Result<(), StoreError> {
        self.flush_index()?;
        self.shared
            .index
            .writer()
            .execute_batch("VACUUM")
            .map_err(StoreError::Index)?;
        self.shared.index.shrink_wal().map_err(StoreError::Index)?;
        keyframe::forget(&*self.shared.dir)
    }

    /// Dictionaries into which one of these contents was sampled.
    fn dictionaries_with(&self, contents: &BTreeSet<ContentId>) -> Result<HashSet<u64>, ReadError> {
        let reader = self.reader();
        let mut samples = Vec::new();
        for id in contents {
            if let Ok(plain) = reader.read_content(id) {
                samples.push(plain.get(..SAMPLE_MAX).unwrap_or(&plain).to_vec());
            }
        }
        let mut tainted = HashSet::new();
        for (prefix, id) in self.dictionaries()? {
            let plain = reader.read_content(&id)?;
            if samples.iter().any(|sample| contains(&plain, sample)) {
                tainted.insert(prefix);
            }
        }
        Ok(tainted)
    }

    /// Every dictionary that something is compressed with.
    fn dictionaries(&self) -> Result<Vec<(u64, ContentId)>, ReadError> {
        let mut found = HashSet::new();
        let mut after = (i64::MIN, 0_i64);
        loop {
            let rows = self.shared.index.read(|connection| {
                let mut ask = connection.prepare_cached(
                    "SELECT h, loc FROM blobs WHERE (h, loc) > (?1, ?2) ORDER BY h, loc LIMIT ?3",
                )?;
                let rows = ask.query_map(params![after.0, after.1, PAGE as i64], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
                })?;
                Ok::<_, ReadError>(rows.collect::<Result<Vec<_>, _>>()?)
            })?;
            let Some(last) = rows.last() else { break };
            after = *last;
            for (_, loc) in rows {
                let head = self.shared.content_head(Loc(loc as u64))?;
                if let Some((base, DICTIONARY_COST)) = head.base {
                    found.insert(base);
                }
            }
        }
        let mut dictionaries = Vec::new();
        for prefix in found {
            for loc in self.shared.candidates(prefix)? {
                let head = self.shared.content_head(loc)?;
                if prefix_of(&head.id) == prefix {
                    dictionaries.push((prefix, head.id));
                }
            }
        }
        Ok(dictionaries)
    }
}

/// The operation without what it did to `path`.
fn without(mut operation: Operation, path: &RelPath) -> Operation {
    operation
        .changes
        .retain(|change| !change.path.is_within(path));
    for change in &mut operation.changes {
        if change
            .renamed_from
            .as_ref()
            .is_some_and(|from| from.is_within(path))
        {
            change.renamed_from = None;
        }
    }
    operation
}
