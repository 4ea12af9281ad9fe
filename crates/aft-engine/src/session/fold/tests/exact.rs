//! Random writers on the same files: the view of each session against the history itself.
//!
//! The judge knows nothing of stretches or steps: it plays the operations back and looks at the states.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// What a writer does next, as numbers.
type Move = (u8, u8, u8, u8, u8);

const WRITERS: u8 = 3;
const NAMES: [&str; 5] = ["a", "b", "c", "d/e", "f"];

/// A history with its writers: `who` made the operation at the same place.
struct History {
    operations: Vec<Operation>,
    who: Vec<u8>,
    /// The tree before each operation, and after the last.
    trees: Vec<BTreeMap<RelPath, FileState>>,
}

fn play(moves: &[Move]) -> History {
    let mut tree: BTreeMap<RelPath, FileState> = BTreeMap::new();
    tree.insert(path("a"), state('A'));
    tree.insert(path("b"), state('B'));
    let mut history = History {
        operations: Vec::new(),
        who: Vec::new(),
        trees: vec![tree.clone()],
    };
    let mut seconds = 0;
    for (at, (who, what, first, second, wait)) in moves.iter().enumerate() {
        seconds += i64::from(wait % 8) - 1;
        let name = |number: u8| path(NAMES[usize::from(number) % NAMES.len()]);
        let now = |name: &RelPath| tree.get(name).copied().unwrap_or(FileState::Absent);
        let (one, other) = (name(*first), name(*second));
        // Few letters, so that states come back.
        let written = state((b'A' + second % 4) as char);
        let set = |path: &RelPath, after, renamed_from: Option<RelPath>| Change {
            path: path.clone(),
            before: now(path),
            after,
            renamed_from,
        };
        let moves = one != other && now(&one).exists() && !now(&other).exists();
        let changes = match what % 8 {
            0 => vec![set(&one, FileState::Absent, None)],
            1 | 2 if moves => {
                let after = if what % 8 == 1 { now(&one) } else { written };
                vec![
                    set(&one, FileState::Absent, None),
                    set(&other, after, Some(one.clone())),
                ]
            }
            3 => vec![
                set(&one, written, None),
                set(&name(first % 5 + 1), written, None),
            ],
            _ => vec![set(&one, written, None)],
        };
        let mut changes: Vec<Change> = changes
            .into_iter()
            .filter(|change| change.before != change.after)
            .collect();
        if changes.is_empty() {
            continue;
        }
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        for change in &changes {
            tree.insert(change.path.clone(), change.after);
        }
        let mut made = operation(at as u64 + 1, seconds, "x -X");
        made.changes = changes;
        history.operations.push(made);
        history.who.push(who % WRITERS);
        history.trees.push(tree.clone());
    }
    history
}

impl History {
    fn of(&self, who: u8) -> impl Iterator<Item = &Operation> {
        let mine = move |(_, author): &(&Operation, &u8)| **author == who;
        self.operations
            .iter()
            .zip(&self.who)
            .filter(mine)
            .map(|(operation, _)| operation)
    }

    fn place(&self, id: OperationId) -> usize {
        self.operations
            .iter()
            .position(|operation| operation.id == id)
            .expect("an entry names operations of the history")
    }

    fn before(&self, id: OperationId, path: &RelPath) -> FileState {
        let tree = &self.trees[self.place(id)];
        tree.get(path).copied().unwrap_or(FileState::Absent)
    }

    fn after(&self, id: OperationId, path: &RelPath) -> FileState {
        let tree = &self.trees[self.place(id) + 1];
        tree.get(path).copied().unwrap_or(FileState::Absent)
    }

    fn wrote(&self, path: &RelPath) -> BTreeSet<u8> {
        let touches = |operation: &Operation| operation.changes.iter().any(|c| c.path == *path);
        self.operations
            .iter()
            .zip(&self.who)
            .filter(|(operation, _)| touches(operation))
            .map(|(_, who)| *who)
            .collect()
    }
}

/// Every entry is what the history says of its ends.
fn assert_ends(history: &History, entries: &[Entry]) {
    for entry in entries {
        let old = entry.renamed_from.as_ref().unwrap_or(&entry.path);
        assert_eq!(entry.before, history.before(entry.first, old), "{entry:?}");
        assert_eq!(
            entry.after,
            history.after(entry.last, &entry.path),
            "{entry:?}"
        );
        assert!(
            entry.before != entry.after || entry.renamed_from.is_some(),
            "an entry without a change: {entry:?}"
        );
    }
}

/// Applied to the session's start the entries give its end, wherever nobody else wrote.
fn assert_exact(history: &History, who: u8, entries: &[Entry]) {
    let Some(first) = history.of(who).next() else {
        assert!(entries.is_empty());
        return;
    };
    let last = history.of(who).last().expect("there is a first").id;
    let mut tree = history.trees[history.place(first.id)].clone();
    for entry in entries {
        let old = entry.renamed_from.as_ref().unwrap_or(&entry.path);
        let alone = history.wrote(old).len() == 1 && history.wrote(&entry.path).len() == 1;
        if alone {
            let now = tree.get(old).copied().unwrap_or(FileState::Absent);
            assert_eq!(now, entry.before, "{entry:?} does not fit");
        }
        tree.insert(old.clone(), FileState::Absent);
        tree.insert(entry.path.clone(), entry.after);
    }
    for name in NAMES {
        let path = path(name);
        if history.wrote(&path) == BTreeSet::from([who]) {
            let told = tree.get(&path).copied().unwrap_or(FileState::Absent);
            assert_eq!(told, history.after(last, &path), "{name}");
        }
    }
}

/// Together with what the others did, in order, the entries' ends are the whole of what the session did: between two
/// entries of a path lies somebody else's change, or none of the session's that lasted.
fn assert_complete(history: &History, who: u8, entries: &[Entry]) {
    for name in NAMES {
        let path = path(name);
        let mut expected: Vec<(FileState, FileState)> = Vec::new();
        let mut open: Option<(FileState, FileState)> = None;
        for change in history.of(who).flat_map(|operation| &operation.changes) {
            if change.path != path {
                continue;
            }
            open = match open {
                Some((start, end)) if end == change.before => Some((start, change.after)),
                Some(done) => {
                    expected.push(done);
                    Some((change.before, change.after))
                }
                None => Some((change.before, change.after)),
            };
        }
        expected.extend(open);
        let apart = expected.len() > 1;
        expected.retain(|(start, end)| start != end);
        let mut told: Vec<(FileState, FileState)> = Vec::new();
        for entry in entries {
            assert!(entry.path != path || entry.apart == apart, "{entry:?}");
            match &entry.renamed_from {
                Some(from) if *from == path => told.push((entry.before, FileState::Absent)),
                Some(_) if entry.path == path => told.push((FileState::Absent, entry.after)),
                None if entry.path == path => told.push((entry.before, entry.after)),
                _ => {}
            }
        }
        assert_eq!(told, expected, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_view_of_every_session_is_exact(moves in prop::collection::vec(any::<Move>(), 1..60)) {
        let history = play(&moves);
        for who in 0..WRITERS {
            let mut whole = Fold::new(WINDOW, Detail::Steps);
            let mut net_only = Fold::new(WINDOW, Detail::Net);
            for operation in history.of(who) {
                whole.push(operation);
                net_only.push(operation);
            }
            let net = whole.entries(Detail::Net);
            assert_ends(&history, &net);
            assert_exact(&history, who, &net);
            assert_complete(&history, who, &net);
            assert_eq!(net, net_only.entries(Detail::Net));

            let steps = whole.entries(Detail::Steps);
            assert_ends(&history, &steps);
            assert_exact(&history, who, &steps);
            // Whatever is called formatting, nothing of the change is lost.
            let joined = whole.entries_without(Detail::Steps, &|_, change| {
                change.after.content().is_some_and(|id| id.0[0] % 2 == 0)
            });
            assert_ends(&history, &joined);
            assert_exact(&history, who, &joined);
            prop_assert!(joined.len() <= steps.len());
        }
    }
}
