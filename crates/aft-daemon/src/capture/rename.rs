//! Renames: which path that appeared is one that went away. On evidence only, never by time alone.

use std::collections::{HashMap, HashSet};

use aft_model::{Change, ContentId, FileState, RelPath, StatSig};

/// Sets `renamed_from` of changes where a path that appeared is one that went away:
///
/// - the same inode, and its content or its modification time is the same too (an inode number alone is used
///   again at once by some file systems, so a deletion followed by a new file would look like a rename); or
/// - the same content, not empty, where exactly one path with it went away and one appeared, or where the two
///   have the same name;
/// - a directory with the same inode whose time is the same or beneath which a file was renamed accordingly.
///
/// `old_stat` answers for paths as they were before, `new_stat` as they are now.
pub fn pair_renames(
    changes: &mut [Change],
    old_stat: &dyn Fn(&RelPath) -> Option<StatSig>,
    new_stat: &dyn Fn(&RelPath) -> Option<StatSig>,
) {
    let gone: Vec<Side> = changes
        .iter()
        .filter(|change| change.before.exists() && !change.after.exists())
        .map(|change| Side::new(&change.path, change.before, old_stat))
        .collect();
    if gone.is_empty() {
        return;
    }
    let come: Vec<(usize, Side)> = changes
        .iter()
        .enumerate()
        .filter(|(_, change)| !change.before.exists() && change.after.exists() && change.renamed_from.is_none())
        .map(|(index, change)| (index, Side::new(&change.path, change.after, new_stat)))
        .collect();
    let mut pairs = Pairs::default();
    pairs.by_inode(&gone, &come);
    pairs.by_content(&gone, &come);
    pairs.directories(&gone, &come);
    for (index, from) in pairs.found {
        if let Some(change) = changes.get_mut(index) {
            change.renamed_from = Some(from);
        }
    }
}

/// A path that went away or appeared.
struct Side {
    path: RelPath,
    state: FileState,
    stat: Option<StatSig>,
}

impl Side {
    fn new(path: &RelPath, state: FileState, stat: &dyn Fn(&RelPath) -> Option<StatSig>) -> Self {
        Self { path: path.clone(), state, stat: stat(path) }
    }

    fn inode(&self) -> Option<(u64, u64)> {
        self.stat.map(|stat| (stat.dev, stat.ino))
    }

    /// Content that is evidence: an empty file is like any other.
    fn evidence(&self) -> Option<ContentId> {
        match self.state {
            FileState::File { size: 0, .. } => None,
            state => state.content(),
        }
    }

    fn is_same_type(&self, other: &Self) -> bool {
        std::mem::discriminant(&self.state) == std::mem::discriminant(&other.state)
    }

    fn same_mtime(&self, other: &Self) -> bool {
        self.stat.zip(other.stat).is_some_and(|(a, b)| a.mtime_ns == b.mtime_ns)
    }
}

/// What went away and what appeared with one content.
type Group<'a> = (Vec<&'a Side>, Vec<&'a (usize, Side)>);

#[derive(Default)]
struct Pairs {
    /// Index of the change that appeared, and where it came from.
    found: Vec<(usize, RelPath)>,
    used_from: HashSet<RelPath>,
    used_to: HashSet<usize>,
}

impl Pairs {
    fn add(&mut self, index: usize, from: &RelPath) {
        if !self.used_to.contains(&index) && self.used_from.insert(from.clone()) {
            self.used_to.insert(index);
            self.found.push((index, from.clone()));
        }
    }

    fn by_inode(&mut self, gone: &[Side], come: &[(usize, Side)]) {
        let by_inode = index_by_inode(gone);
        for (index, to) in come.iter().filter(|(_, to)| !to.state.is_dir()) {
            for from in to.inode().and_then(|inode| by_inode.get(&inode)).into_iter().flatten() {
                let same_content = from.evidence().is_some() && from.evidence() == to.evidence();
                if from.is_same_type(to) && (same_content || from.same_mtime(to)) {
                    self.add(*index, &from.path);
                }
            }
        }
    }

    fn by_content(&mut self, gone: &[Side], come: &[(usize, Side)]) {
        let mut by_content: HashMap<ContentId, Group<'_>> = HashMap::new();
        for from in gone.iter().filter(|from| !self.used_from.contains(&from.path)) {
            if let Some(content) = from.evidence() {
                by_content.entry(content).or_default().0.push(from);
            }
        }
        for to in come.iter().filter(|(index, _)| !self.used_to.contains(index)) {
            if let Some(sides) = to.1.evidence().and_then(|content| by_content.get_mut(&content)) {
                sides.1.push(to);
            }
        }
        let mut groups: Vec<_> = by_content.into_values().collect();
        // The order of a hash map must not decide what a run records.
        groups.sort_by(|a, b| a.0.first().map(|side| &side.path).cmp(&b.0.first().map(|side| &side.path)));
        for (from, to) in groups {
            if let ([from], [to]) = (from.as_slice(), to.as_slice()) {
                if from.is_same_type(&to.1) {
                    self.add(to.0, &from.path);
                }
                continue;
            }
            for (index, side) in to {
                let named = |from: &&&Side| from.path.file_name() == side.path.file_name() && from.is_same_type(side);
                let mut same_name = from.iter().filter(named);
                if let (Some(only), None) = (same_name.next(), same_name.next()) {
                    self.add(*index, &only.path);
                }
            }
        }
    }

    fn directories(&mut self, gone: &[Side], come: &[(usize, Side)]) {
        let paths: HashMap<usize, &RelPath> = come.iter().map(|(index, to)| (*index, &to.path)).collect();
        let mut implied: HashSet<(RelPath, RelPath)> = HashSet::new();
        for (index, from) in &self.found {
            let Some(to) = paths.get(index) else { continue };
            let (mut from, mut to) = (from.clone(), (*to).clone());
            // Upwards while the last names agree: what lies above a name that differs moved on its own.
            while from.file_name() == to.file_name() {
                let (Some(above_from), Some(above_to)) = (from.parent(), to.parent()) else { break };
                if above_from == above_to || !implied.insert((above_from.clone(), above_to.clone())) {
                    break;
                }
                (from, to) = (above_from, above_to);
            }
        }
        let by_inode = index_by_inode(gone);
        for (index, to) in come.iter().filter(|(_, to)| to.state.is_dir()) {
            for from in to.inode().and_then(|inode| by_inode.get(&inode)).into_iter().flatten() {
                let follows = || implied.contains(&(from.path.clone(), to.path.clone()));
                if from.state.is_dir() && (from.same_mtime(to) || follows()) {
                    self.add(*index, &from.path);
                }
            }
        }
    }
}

fn index_by_inode(sides: &[Side]) -> HashMap<(u64, u64), Vec<&Side>> {
    let mut index: HashMap<_, Vec<&Side>> = HashMap::new();
    for side in sides {
        if let Some(inode) = side.inode() {
            index.entry(inode).or_default().push(side);
        }
    }
    index
}
