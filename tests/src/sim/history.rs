//! The history as a reader sees it, folded by hand: a straight line, numbers never reused, nothing promised lost.

use std::collections::{BTreeMap, BTreeSet};

use aft_model::{Change, ContentId, FileState, OpaqueReason, Operation, OperationId, RelPath};
use aft_store::Reader;
use aft_testkit::manifest::{Entry, Kind};

use super::Violation;

/// States by path.
pub(super) type States = BTreeMap<RelPath, FileState>;

/// What was read so far.
#[derive(Default)]
pub(super) struct History {
    head: u64,
    pub(super) states: States,
    /// Every operation that was ever seen in this history, also before a crash.
    known: BTreeMap<u64, Operation>,
    /// Operations that are there now.
    pub(super) ids: Vec<u64>,
    /// Everything up to here was promised to survive.
    pub(super) durable: u64,
}

impl History {
    /// Reads what is new and checks I1's second half: each change begins where the path was left.
    pub(super) fn follow(&mut self, reader: &Reader) -> Result<(), Violation> {
        loop {
            let page = reader
                .operations_after(OperationId(self.head), 64)
                .map_err(Violation::of)?;
            if page.is_empty() {
                return Ok(());
            }
            for summary in page {
                let id = summary.operation.id;
                let operation = reader.operation(id).map_err(Violation::of)?;
                let operation = operation
                    .ok_or_else(|| Violation(format!("operation {id} is listed but not there")))?;
                self.take(operation)?;
            }
        }
    }

    /// The same. What was written and not synced cannot be read between a failed write and the next try, and is then
    /// read later.
    pub(super) fn can_follow(&mut self, reader: &Reader, faulted: bool) -> Result<bool, Violation> {
        match self.follow(reader) {
            Err(violation) if faulted && violation.0.starts_with("unexpected error") => Ok(false),
            other => other.map(|()| true),
        }
    }

    fn take(&mut self, operation: Operation) -> Result<(), Violation> {
        let id = operation.id.0;
        if let Some(known) = self.known.get(&id)
            && *known != operation
        {
            return Err(Violation(format!(
                "C2: number {id} was given out twice: {known:?} and {operation:?}"
            )));
        }
        let newest = self.known.keys().next_back().copied().unwrap_or(0);
        if id < newest && !self.known.contains_key(&id) {
            return Err(Violation(format!(
                "C2: number {id} after {newest} was seen"
            )));
        }
        for change in &operation.changes {
            let now = self
                .states
                .get(&change.path)
                .copied()
                .unwrap_or(FileState::Absent);
            if !goes_on(now, change) || change.before == change.after {
                return Err(Violation(format!(
                    "I1: operation {id} ({}) says {:?} was {:?}, became {:?}, but it was {now:?}",
                    operation.kind.as_str(),
                    change.path.display(),
                    change.before,
                    change.after
                )));
            }
            set(&mut self.states, &change.path, change.after);
        }
        self.head = id;
        self.ids.push(id);
        self.known.insert(id, operation);
        Ok(())
    }

    /// Begins again from the start, after the process or the machine went down.
    pub(super) fn reread(&mut self, reader: &Reader, power_cut: bool) -> Result<(), Violation> {
        let before = std::mem::take(&mut self.ids);
        self.head = 0;
        self.states.clear();
        self.follow(reader)?;
        let must = before
            .iter()
            .filter(|id| !power_cut || **id <= self.durable)
            .count();
        if before.get(..must) != self.ids.get(..must) {
            return Err(Violation(format!(
                "C2: operations {before:?} were there, {} of them for good, now there are {:?}",
                must, self.ids
            )));
        }
        Ok(())
    }

    /// The operation of this number.
    pub(super) fn operation(&self, id: u64) -> Option<&Operation> {
        self.ids
            .contains(&id)
            .then(|| self.known.get(&id))
            .flatten()
    }

    /// Operations that are there, oldest first.
    pub(super) fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.ids.iter().filter_map(|id| self.known.get(id))
    }

    /// What the history says about a path, for a failure's text.
    pub(super) fn about(&self, path: &[u8]) -> String {
        let mut lines = Vec::new();
        for operation in self.operations() {
            for change in operation
                .changes
                .iter()
                .filter(|change| change.path.as_bytes() == path)
            {
                let (id, kind) = (operation.id, operation.kind.as_str());
                lines.push(format!(
                    "{id} {kind}: {:?} -> {:?}",
                    change.before, change.after
                ));
            }
        }
        lines.join("; ")
    }

    /// The tree right after this operation.
    pub(super) fn states_at(&self, point: OperationId) -> States {
        let mut states = States::new();
        for operation in self.operations().filter(|operation| operation.id <= point) {
            for change in &operation.changes {
                set(&mut states, &change.path, change.after);
            }
        }
        states
    }

    /// Every content that any operation names.
    pub(super) fn contents(&self) -> BTreeSet<ContentId> {
        let changes = self.operations().flat_map(|operation| &operation.changes);
        let states = changes.flat_map(|change| [change.before, change.after]);
        states.filter_map(|state| state.content()).collect()
    }

    /// Every content that any operation names can be read, verified.
    pub(super) fn read_everything(&self, reader: &Reader) -> Result<(), Violation> {
        for id in self.contents() {
            let bytes = reader
                .read_content(&id)
                .map_err(|error| Violation(format!("C7: content {id} cannot be read: {error}")))?;
            if *blake3::hash(&bytes).as_bytes() != id.0 {
                return Err(Violation(format!("C7: content {id} is not its hash")));
            }
        }
        Ok(())
    }
}

/// A change begins where the path was left, or where nobody looked as long as a rule left it out.
fn goes_on(now: FileState, change: &Change) -> bool {
    let FileState::Opaque { reason, .. } = change.before else {
        return now == change.before;
    };
    now == change.before || now == FileState::Absent && reason == OpaqueReason::NotCovered
}

fn set(states: &mut States, path: &RelPath, state: FileState) {
    if state.exists() {
        states.insert(path.clone(), state);
    } else {
        states.remove(path);
    }
}

/// True where `state` is what `entry` on disk should be recorded as.
pub(super) fn is_as(entry: Option<&Entry>, state: FileState) -> bool {
    let Some(entry) = entry else {
        return state == FileState::Absent;
    };
    match (&entry.kind, state) {
        (
            Kind::File { size, hash },
            FileState::File {
                content,
                size: known,
                mode,
            },
        ) => content.0 == *hash && known == *size && mode == entry.mode,
        (
            Kind::File { size, .. },
            FileState::Opaque {
                size: known, mode, ..
            },
        ) => entry.mode & 0o400 == 0 && known == *size && mode == entry.mode,
        (Kind::Dir, FileState::Dir { mode }) => mode == entry.mode,
        (Kind::Symlink { target }, FileState::Symlink { target: known }) => {
            *blake3::hash(target).as_bytes() == known.0
        }
        (Kind::Other, FileState::Opaque { mode, .. }) => mode == entry.mode,
        _ => false,
    }
}

/// True for a path that belongs into the history.
pub(super) fn is_tracked(path: &[u8]) -> bool {
    let top = path.split(|byte| *byte == b'/').next().unwrap_or_default();
    let in_log = path.windows(5).any(|part| part == b".log/");
    !in_log
        && top != b".afterimage"
        && top != b"target"
        && !path.split(|byte| *byte == b'/').any(|part| part == b".git")
}
