//! Which contents the history names, and whether they are held.
//!
//! Does: remember the contents that were met and, of those that are named and were not, where they are named.
//! Does not: read contents. What waits to be met is bounded; beyond that only a count is kept.

use std::collections::{BTreeMap, HashSet};

use aft_model::{ContentId, OperationId, RelPath};

use crate::content::prefix_of;
use crate::entry::body;
use crate::frame::Kind;
use crate::reader::{baseline_entries, changes_of_part};
use crate::records::{self, ChangeV1, ChangesV1, OperationV1, RecordError, StateV1};

/// Contents that are told with the places that name them.
const MISSING_MAX: usize = 10_000;
/// Places told for one content.
const PLACES_MAX: usize = 8;

/// A content that is named and not held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The content.
    pub content: ContentId,
    /// Who names it, the first of them: the operation, `None` for the first scan, and the path.
    pub places: Vec<(Option<OperationId>, RelPath)>,
    /// Places beyond those.
    pub more: u64,
}

/// Contents named and contents held, so far.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// First 8 bytes of what is held: enough, since ids are spread evenly.
    held: HashSet<u64>,
    /// Named before it was met. Contents come first in the log, so this stays small.
    waiting: BTreeMap<[u8; 32], Missing>,
    /// Names that found no room in `waiting`.
    more: u64,
}

impl Named {
    /// An intact record holds `id`.
    pub(super) fn hold(&mut self, id: &ContentId) {
        self.held.insert(prefix_of(id));
    }

    /// Takes down what a record names.
    pub(super) fn note(&mut self, kind: Kind, payload: &[u8]) -> Result<(), RecordError> {
        match kind {
            Kind::Operation | Kind::Composed => {
                let operation: OperationV1 = body(payload).and_then(records::decode_leading)?;
                if let ChangesV1::Inline(changes) = &operation.changes {
                    self.changes(operation.id, changes)?;
                }
            }
            Kind::Part => {
                let (operation, changes) = changes_of_part(payload)?;
                self.changes(operation, &changes)?;
            }
            Kind::BaselinePart => {
                let entries = baseline_entries(payload);
                let entries = entries.map_err(|_| RecordError::Compressed)?;
                for (path, known) in entries {
                    if let Some(id) = known.state.content() {
                        self.name(id, None, &path);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn changes(&mut self, operation: u64, changes: &[ChangeV1]) -> Result<(), RecordError> {
        for change in changes {
            let (StateV1::File { content, .. } | StateV1::Symlink { target: content }) =
                &change.after
            else {
                continue;
            };
            let path = RelPath::new(&change.path).map_err(RecordError::Path)?;
            self.name(ContentId(*content), Some(OperationId(operation)), &path);
        }
        Ok(())
    }

    fn name(&mut self, content: ContentId, operation: Option<OperationId>, path: &RelPath) {
        if self.held.contains(&prefix_of(&content)) {
            return;
        }
        if self.waiting.len() >= MISSING_MAX && !self.waiting.contains_key(&content.0) {
            self.more += 1;
            return;
        }
        let missing = self.waiting.entry(content.0).or_insert_with(|| Missing {
            content,
            places: Vec::new(),
            more: 0,
        });
        if missing.places.len() < PLACES_MAX {
            missing.places.push((operation, path.clone()));
        } else {
            missing.more += 1;
        }
    }

    /// What is named and was never met, and how many names there was no room for.
    pub(super) fn finish(self) -> (Vec<Missing>, u64) {
        let held = self.held;
        let missing = self.waiting.into_values();
        let missing = missing.filter(|missing| !held.contains(&prefix_of(&missing.content)));
        (missing.collect(), self.more)
    }
}
