//! The view of a session: its operations folded into one entry a path, or one for each step of a path.
//!
//! Does: merge edits of a path that follow each other closely, drop what was taken back, follow renames, keep apart
//! what somebody else's change lies between.
//! Does not: look at contents, or show anything. States decide: where a session's change does not begin with the
//! state that its change before ended with, somebody else was there.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use aft_model::{Change, FileState, Operation, OperationId, RelPath};

/// How many steps back a state is looked for to which a path has come back.
const LOOK_BACK: usize = 64;

/// How much of the way is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Steps: edits within the merge window are one.
    Steps,
    /// Start and end of each path only; what lies between is superseded.
    #[default]
    Net,
}

/// What happened to a path, in one or more operations of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path at its end.
    pub path: RelPath,
    /// Where it was moved from; `before` is then the state there.
    pub renamed_from: Option<RelPath>,
    /// The state right before the first operation.
    pub before: FileState,
    /// The state right after the last operation.
    pub after: FileState,
    /// The first operation.
    pub first: OperationId,
    /// The last operation.
    pub last: OperationId,
    /// How many operations of the session lie in it, those that were taken back by a later one included.
    pub n_operations: u64,
    /// Somebody else changed the path between the session's own changes; each stretch is an entry of its own.
    pub apart: bool,
}

/// A session's operations, folded.
#[derive(Clone, Debug)]
pub struct Fold {
    window_ns: u64,
    detail: Detail,
    paths: BTreeMap<RelPath, Vec<Stretch>>,
    /// For a path that came or went in this session: where what is there now was when the session began.
    origins: BTreeMap<RelPath, Option<RelPath>>,
    first: OperationId,
    through: OperationId,
    n_operations: u64,
    n_changes: u64,
    truncated: bool,
}

/// Changes of one path, each of which begins where the one before ended.
#[derive(Clone, Debug)]
struct Stretch {
    start: FileState,
    end: FileState,
    first: OperationId,
    last: OperationId,
    n_operations: u64,
    /// Where the path appeared by a move: operations of the path it came from, and the first of them.
    carried: Option<(u64, OperationId)>,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
struct Step {
    before: FileState,
    after: FileState,
    first: OperationId,
    last: OperationId,
    last_ns: i64,
    n_operations: u64,
    renamed_from: Option<RelPath>,
}

impl Fold {
    /// An empty fold that merges edits of a path at most `window_ns` apart.
    #[must_use]
    pub fn new(window_ns: u64, detail: Detail) -> Self {
        Self {
            window_ns,
            detail,
            paths: BTreeMap::new(),
            origins: BTreeMap::new(),
            first: OperationId::NONE,
            through: OperationId::NONE,
            n_operations: 0,
            n_changes: 0,
            truncated: false,
        }
    }

    /// Notes that the session has older operations that were not taken in.
    #[must_use]
    pub fn truncated(self) -> Self {
        Self {
            truncated: true,
            ..self
        }
    }

    /// True where the session has older operations that were not taken in.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Takes the session's next operation in. One that was taken in before, or is older, changes nothing.
    pub fn push(&mut self, operation: &Operation) {
        if operation.id <= self.through {
            return;
        }
        if self.n_operations == 0 {
            self.first = operation.id;
        }
        self.through = operation.id;
        self.n_operations += 1;
        self.n_changes += operation.changes.len() as u64;
        for change in &operation.changes {
            let before = self.paths.get(&change.path).and_then(|known| known.last());
            if before.is_some_and(|stretch| stretch.end != change.before) {
                // What is there now is somebody else's.
                self.origins.insert(change.path.clone(), None);
            }
        }
        let moves = self.moves(operation);
        for change in &operation.changes {
            self.push_change(change, operation);
            let appeared = change.after.exists() && !change.before.exists();
            let vanished = !change.after.exists();
            if appeared || vanished {
                self.origins.insert(change.path.clone(), None);
            }
        }
        for (path, from, origin) in moves {
            self.carry(&path, &from);
            self.origins.insert(path, origin);
        }
    }

    /// The moves of an operation: to where, from where, and where that was at the beginning.
    fn moves(&self, operation: &Operation) -> Vec<(RelPath, RelPath, Option<RelPath>)> {
        let moved = |change: &Change| {
            let from = change.renamed_from.clone()?;
            let origin = match self.origins.get(&from) {
                Some(origin) => origin.clone(),
                None => Some(from.clone()),
            };
            (!change.before.exists()).then(|| (change.path.clone(), from, origin))
        };
        operation.changes.iter().filter_map(moved).collect()
    }

    fn push_change(&mut self, change: &Change, operation: &Operation) {
        let stretches = self.paths.entry(change.path.clone()).or_default();
        let continues = stretches
            .last()
            .is_some_and(|stretch| stretch.end == change.before);
        if !continues {
            stretches.push(Stretch::new(change.before, operation.id));
        }
        if let Some(stretch) = stretches.last_mut() {
            stretch.push(change, operation, (self.window_ns, self.detail));
        }
    }

    /// What happened to `from` before it was moved counts for `path` from here on.
    fn carry(&mut self, path: &RelPath, from: &RelPath) {
        let left = self.paths.get(from).and_then(|stretches| stretches.last());
        let carried = left.map(|left| {
            let (more, first) = left.carried.unwrap_or((0, left.first));
            // The move itself is counted where it ends.
            (left.n_operations.saturating_sub(1) + more, first)
        });
        let arrived = self.paths.get_mut(path);
        if let Some(stretch) = arrived.and_then(|stretches| stretches.last_mut()) {
            stretch.carried = carried;
        }
    }

    /// Forgets the steps between start and end.
    pub fn drop_steps(&mut self) {
        if self.detail == Detail::Net {
            return;
        }
        self.detail = Detail::Net;
        for stretch in self.paths.values_mut().flatten() {
            stretch.steps = Vec::new();
        }
    }

    /// The view. Of a fold that has no steps any more, [`Detail::Steps`] gives what [`Detail::Net`] gives.
    #[must_use]
    pub fn entries(&self, detail: Detail) -> Vec<Entry> {
        self.entries_without(detail, &|_, _| false)
    }

    /// As [`Self::entries`]; a step for which `is_formatting` holds becomes part of the one before it, or, being the
    /// first, of the one after it.
    #[must_use]
    pub fn entries_without(
        &self,
        detail: Detail,
        is_formatting: &dyn Fn(&RelPath, &Change) -> bool,
    ) -> Vec<Entry> {
        match detail.max(self.detail) {
            Detail::Net => self.net(),
            Detail::Steps => self.steps(is_formatting),
        }
    }

    fn net(&self) -> Vec<Entry> {
        let mut entries: BTreeMap<&RelPath, Vec<Entry>> = BTreeMap::new();
        for (path, stretches) in &self.paths {
            let changed = stretches.iter().filter(|s| s.start != s.end);
            let found: Vec<Entry> = changed
                .map(|s| s.entry(path, stretches.len() > 1))
                .collect();
            if !found.is_empty() {
                entries.insert(path, found);
            }
        }
        for (path, origin) in &self.origins {
            let Some(from) = origin.as_ref().filter(|from| *from != path) else {
                continue;
            };
            let source = single(entries.get(from)).filter(|source| is_departure(source));
            let target = single(entries.get(path)).filter(|target| is_arrival(target));
            let (Some(source), Some(target)) = (source, target) else {
                continue;
            };
            let carried = self.paths.get(path).and_then(|stretches| {
                let stretch = stretches.last()?;
                stretch.carried
            });
            let (more, first) = carried.unwrap_or((0, source.first));
            let entry = Entry {
                renamed_from: Some(from.clone()),
                before: source.before,
                first,
                n_operations: target.n_operations + more,
                ..target.clone()
            };
            entries.remove(from);
            entries.insert(path, vec![entry]);
        }
        entries.into_values().flatten().collect()
    }

    fn steps(&self, is_formatting: &dyn Fn(&RelPath, &Change) -> bool) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for (path, stretches) in &self.paths {
            for stretch in stretches {
                let kept = without_formatting(path, &stretch.steps, is_formatting);
                entries.extend(kept.into_iter().map(|step| Entry {
                    path: path.clone(),
                    renamed_from: step.renamed_from,
                    before: step.before,
                    after: step.after,
                    first: step.first,
                    last: step.last,
                    n_operations: step.n_operations,
                    apart: stretches.len() > 1,
                }));
            }
        }
        // By where each began, so that they can be played one after the other; a move stays where it happened, though it
        // is said to begin with what was done to its source.
        entries.sort_by(|a, b| (a.first, &a.path).cmp(&(b.first, &b.path)));
        join_moves(&mut entries);
        entries
    }

    /// The session's first operation in it.
    #[must_use]
    pub fn first(&self) -> OperationId {
        self.first
    }

    /// The newest operation that was taken in.
    #[must_use]
    pub fn through(&self) -> OperationId {
        self.through
    }

    /// How much of the way is kept.
    #[must_use]
    pub fn detail(&self) -> Detail {
        self.detail
    }

    /// Operations that were taken in.
    #[must_use]
    pub fn n_operations(&self) -> u64 {
        self.n_operations
    }

    /// Their changes.
    #[must_use]
    pub fn n_changes(&self) -> u64 {
        self.n_changes
    }

    /// Memory it takes, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let stretch_bytes =
            |stretch: &Stretch| size_of::<Stretch>() + stretch.steps.len() * size_of::<Step>();
        let path_bytes = |(path, stretches): (&RelPath, &Vec<Stretch>)| {
            let held: usize = stretches.iter().map(stretch_bytes).sum();
            // A name and a node of the map beside it.
            path.as_bytes().len() + 64 + held
        };
        let origins = self.origins.len() * 96;
        size_of::<Self>() + origins + self.paths.iter().map(path_bytes).sum::<usize>()
    }
}

impl Stretch {
    fn new(start: FileState, first: OperationId) -> Self {
        Self {
            start,
            end: start,
            first,
            last: first,
            n_operations: 0,
            carried: None,
            steps: Vec::new(),
        }
    }

    fn push(&mut self, change: &Change, operation: &Operation, (window_ns, detail): (u64, Detail)) {
        self.end = change.after;
        self.last = operation.id;
        self.n_operations += 1;
        if detail == Detail::Net {
            return;
        }
        // What led away from a state the path is back in vanishes.
        if change.after == self.start {
            return self.steps.clear();
        }
        let recent = self.steps.len().saturating_sub(LOOK_BACK);
        let back = self.steps.iter().skip(recent);
        if let Some(at) = back.clone().position(|step| step.after == change.after) {
            return self.steps.truncate(recent + at + 1);
        }
        match self.steps.last_mut() {
            Some(step) if operation.time_ns.abs_diff(step.last_ns) <= window_ns => {
                step.after = change.after;
                step.last = operation.id;
                step.last_ns = operation.time_ns;
                step.n_operations += 1;
            }
            _ => self.steps.push(Step {
                before: change.before,
                after: change.after,
                first: operation.id,
                last: operation.id,
                last_ns: operation.time_ns,
                n_operations: 1,
                renamed_from: change
                    .renamed_from
                    .clone()
                    .filter(|_| !change.before.exists()),
            }),
        }
    }

    fn entry(&self, path: &RelPath, apart: bool) -> Entry {
        Entry {
            path: path.clone(),
            renamed_from: None,
            before: self.start,
            after: self.end,
            first: self.first,
            last: self.last,
            n_operations: self.n_operations,
            apart,
        }
    }
}

fn single(entries: Option<&Vec<Entry>>) -> Option<&Entry> {
    match entries.map(Vec::as_slice) {
        Some([entry]) if !entry.apart => Some(entry),
        _ => None,
    }
}

fn is_departure(entry: &Entry) -> bool {
    entry.before.content().is_some() && !entry.after.exists()
}

fn is_arrival(entry: &Entry) -> bool {
    !entry.before.exists() && entry.after.content().is_some()
}

/// The steps of one stretch, formatting joined to its neighbour.
fn without_formatting(
    path: &RelPath,
    steps: &[Step],
    is_formatting: &dyn Fn(&RelPath, &Change) -> bool,
) -> Vec<Step> {
    if steps.len() < 2 {
        return steps.to_vec();
    }
    let mut kept: Vec<Step> = Vec::with_capacity(steps.len());
    let mut first_is_formatting = false;
    for step in steps {
        let change = Change {
            path: path.clone(),
            before: step.before,
            after: step.after,
            renamed_from: None,
        };
        let formats = step.before.content().is_some()
            && step.after.content().is_some()
            && is_formatting(path, &change);
        match kept.last_mut() {
            Some(last) if formats || std::mem::take(&mut first_is_formatting) => {
                last.after = step.after;
                last.last = step.last;
                last.n_operations += step.n_operations;
            }
            _ => {
                first_is_formatting = formats;
                kept.push(step.clone());
            }
        }
    }
    kept
}

/// A step that made a path by a move, and the step that took its source away at that moment, are one entry.
fn join_moves(entries: &mut Vec<Entry>) {
    let sources: HashMap<(RelPath, OperationId), usize> = entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| is_departure(entry))
        .map(|(at, entry)| ((entry.path.clone(), entry.last), at))
        .collect();
    let mut joined: Vec<(usize, usize)> = Vec::new();
    for (at, entry) in entries.iter_mut().enumerate() {
        let source = entry
            .renamed_from
            .as_ref()
            .filter(|_| is_arrival(entry))
            .and_then(|from| sources.get(&(from.clone(), entry.first)));
        match source {
            Some(source) => joined.push((*source, at)),
            None => entry.renamed_from = None,
        }
    }
    let mut gone = Vec::new();
    for (source, target) in joined {
        let Some(left) = entries.get(source).cloned() else {
            continue;
        };
        if let Some(target) = entries.get_mut(target) {
            target.before = left.before;
            target.first = left.first;
            // The move itself is counted where it ends.
            target.n_operations += left.n_operations.saturating_sub(1);
        }
        gone.push(source);
    }
    gone.sort_unstable();
    for at in gone.into_iter().rev() {
        entries.remove(at);
    }
}
