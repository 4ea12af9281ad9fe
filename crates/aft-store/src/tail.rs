//! What is in the log and not yet in the index, in memory.
//!
//! Does: hold the entries since the index was last brought up to date, findable the same ways.
//! Does not: know the index. Readers ask the tail first and the index second, so that an entry that
//! moves from one to the other meanwhile is seen twice rather than not at all.

use std::collections::{BTreeMap, HashMap};

use aft_model::{Checkpoint, ContentId, RelPath};

use crate::content::prefix_of;
use crate::entry::{Entry, Loc, OpPaths, OpRow, PartOwner};
use crate::verdict::VerdictV1;
use crate::work::WorkV1;

/// Entries in memory.
#[derive(Default, Debug)]
pub(crate) struct Tail {
    pub(crate) blobs: HashMap<ContentId, Loc>,
    /// By the first 8 bytes of the id, for delta bases.
    pub(crate) blob_prefixes: HashMap<u64, Vec<Loc>>,
    pub(crate) ops: BTreeMap<u64, OpRow>,
    /// Operations by path, those whose paths are not at hand left out.
    pub(crate) paths: BTreeMap<RelPath, Vec<u64>>,
    /// Operations whose paths are in parts and not at hand.
    pub(crate) big: Vec<u64>,
    /// Runs of operations that became one: the first and the last of each.
    pub(crate) composed: Vec<(u64, u64)>,
    pub(crate) parts: BTreeMap<(PartOwner, u32), Loc>,
    /// `None` means deleted.
    pub(crate) checkpoints: BTreeMap<String, Option<Checkpoint>>,
    /// `None` means done.
    pub(crate) intents: BTreeMap<u64, Option<Loc>>,
    pub(crate) audits: BTreeMap<u64, Loc>,
    /// Sessions and turns, in the order of the log.
    pub(crate) work: Vec<WorkV1>,
    /// What checks said, in the order of the log.
    pub(crate) verdicts: Vec<VerdictV1>,
    len: usize,
}

impl Tail {
    /// Adds one entry.
    pub(crate) fn add(&mut self, entry: Entry) {
        self.len += 1;
        match entry {
            Entry::Blob(id, loc) => {
                self.blobs.insert(id, loc);
                self.blob_prefixes
                    .entry(prefix_of(&id))
                    .or_default()
                    .push(loc);
            }
            Entry::Operation(row) => self.add_operation(row),
            Entry::Composed(row, first) => {
                self.remove_operations(first, &row);
                self.composed.push((first, row.id));
                self.add_operation(row);
            }
            Entry::Part(owner, part, loc) => {
                self.parts.insert((owner, part), loc);
            }
            Entry::Checkpoint(checkpoint) => {
                let name = checkpoint.name.as_str().to_owned();
                self.checkpoints.insert(name, Some(checkpoint));
            }
            Entry::CheckpointDeleted(name) => {
                self.checkpoints.insert(name, None);
            }
            Entry::Intent(id, loc) => {
                self.intents.insert(id, Some(loc));
            }
            Entry::IntentDone(id) => {
                self.intents.insert(id, None);
            }
            Entry::Audit(number, loc) => {
                self.audits.insert(number, loc);
            }
            Entry::Work(record) => self.work.push(record),
            Entry::Verdict(record) => self.verdicts.push(record),
        }
    }

    fn add_operation(&mut self, row: OpRow) {
        match row.paths.at_hand() {
            Some(paths) => {
                self.len += paths.len();
                for path in paths {
                    self.paths.entry(path.clone()).or_default().push(row.id);
                }
            }
            None => self.big.push(row.id),
        }
        self.ops.insert(row.id, row);
    }

    /// The operations from `first` up to that of `by` are not there any more, `by` stands for them; its own parts
    /// were added before it.
    fn remove_operations(&mut self, first: u64, by: &OpRow) {
        let run = first..=by.id;
        let claimed: Vec<u32> = self
            .ops
            .range(run.clone())
            .filter(|(_, row)| matches!(row.paths, OpPaths::Baseline(_)))
            .flat_map(|(_, row)| row.paths.parts())
            .collect();
        self.ops.retain(|id, _| !run.contains(id));
        self.big.retain(|id| !run.contains(id));
        self.paths.retain(|_, ids| {
            ids.retain(|id| !run.contains(id));
            !ids.is_empty()
        });
        let own = by.paths.parts();
        self.parts.retain(|(owner, part), _| match owner {
            PartOwner::Operation(id) if *id == by.id => own.contains(part),
            PartOwner::Operation(id) => !run.contains(id),
            PartOwner::Baseline => !claimed.contains(part),
            PartOwner::Intent(_) => true,
        });
    }

    /// Entries and paths held.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// True where the index lacks nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }
}
