//! Blame against histories that are written down, and against writers whose every line says who wrote it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use aft_model::{ContentId, FileState, OperationId, OperationKind, RelPath};
use proptest::prelude::*;

use super::*;
use crate::merge::{Labels, three_way};

fn path(text: &str) -> RelPath {
    RelPath::new(text.as_bytes()).unwrap()
}

fn id(bytes: &[u8]) -> ContentId {
    ContentId(*blake3::hash(bytes).as_bytes())
}

/// A history of files, version after version.
#[derive(Default)]
struct Written {
    versions: BTreeMap<(RelPath, u64), Version>,
    contents: BTreeMap<ContentId, Arc<[u8]>>,
    n: u64,
}

impl Written {
    fn add(&mut self, name: &str, kind: OperationKind, text: Option<&str>) -> &mut Version {
        self.n += 1;
        let after = text.map_or(FileState::Absent, |text| {
            let content = id(text.as_bytes());
            self.contents.insert(content, text.as_bytes().into());
            FileState::File {
                content,
                size: text.len() as u64,
                mode: 0o644,
            }
        });
        let version = Version {
            operation: OperationId(self.n),
            kind,
            reverts: Vec::new(),
            target: None,
            after,
            renamed_from: None,
        };
        let key = (path(name), self.n);
        self.versions.insert(key.clone(), version);
        self.versions.get_mut(&key).unwrap()
    }

    fn edit(&mut self, name: &str, text: &str) {
        self.add(name, OperationKind::Observed, Some(text));
    }

    fn undo(&mut self, name: &str, text: Option<&str>, of: u64) {
        self.add(name, OperationKind::Undo, text).reverts = vec![OperationId(of)];
    }

    /// The operation of each line of the newest version, and whether that is sure.
    fn owners(&mut self, name: &str) -> (Vec<u64>, bool) {
        let newest = self
            .version(&path(name), OperationId(self.n))
            .unwrap()
            .unwrap();
        let blamed = blame(&path(name), newest, self, &Options::default()).unwrap();
        let mut owners = Vec::new();
        for range in &blamed.ranges {
            assert_eq!(range.start, owners.len(), "ranges follow each other");
            owners.extend(std::iter::repeat_n(range.operation.0, range.count));
        }
        (owners, blamed.approximate)
    }
}

impl Past for Written {
    type Error = Infallible;

    fn version(&mut self, path: &RelPath, at: OperationId) -> Result<Option<Version>, Infallible> {
        let range = (path.clone(), 0)..=(path.clone(), at.0);
        Ok(self
            .versions
            .range(range)
            .next_back()
            .map(|(_, version)| version.clone()))
    }

    fn content(&mut self, id: &ContentId) -> Result<Option<Arc<[u8]>>, Infallible> {
        Ok(self.contents.get(id).cloned())
    }
}

#[test]
fn a_line_belongs_to_who_wrote_it_last() {
    let mut past = Written::default();
    past.edit("a", "one\ntwo\nthree\n");
    past.edit("a", "one\nTWO\nthree\n");
    past.edit("a", "zero\none\nTWO\nthree");
    assert_eq!(past.owners("a"), (vec![3, 1, 2, 3], false));
}

#[test]
fn a_rename_keeps_the_lines_owners() {
    let mut past = Written::default();
    past.edit("a", "one\ntwo\n");
    past.add("a", OperationKind::Observed, None);
    let moved = past.add("b", OperationKind::Observed, Some("one\ntwo\nthree\n"));
    moved.renamed_from = Some(path("a"));
    // One operation has both sides of a rename.
    moved.operation = OperationId(2);
    let moved = past.versions.remove(&(path("b"), 3)).unwrap();
    past.versions.insert((path("b"), 2), moved);
    past.n = 2;
    let newest = past.version(&path("b"), OperationId(2)).unwrap().unwrap();
    let blamed = blame(&path("b"), newest, &mut past, &Options::default()).unwrap();
    let told: Vec<_> = blamed
        .ranges
        .iter()
        .map(|range| (range.operation.0, range.path.clone(), range.count))
        .collect();
    assert_eq!(told, [(1, path("a"), 2), (2, path("b"), 1)]);
}

#[test]
fn what_an_undo_brings_back_belongs_to_who_wrote_it() {
    let mut past = Written::default();
    past.edit("a", "one\ntwo\n");
    past.edit("a", "one\nchanged\n");
    past.undo("a", Some("one\ntwo\n"), 2);
    assert_eq!(past.owners("a"), (vec![1, 1], false));
    // Made again, it belongs to who changed it.
    past.add("a", OperationKind::Redo, Some("one\nchanged\n"))
        .reverts = vec![OperationId(3)];
    assert_eq!(past.owners("a"), (vec![1, 2], false));
}

#[test]
fn a_deleted_file_comes_back_with_its_owners() {
    let mut past = Written::default();
    past.edit("a", "one\n");
    past.edit("a", "one\ntwo\n");
    past.add("a", OperationKind::Observed, None);
    past.undo("a", Some("one\ntwo\n"), 3);
    assert_eq!(past.owners("a"), (vec![1, 2], false));
    past.add("a", OperationKind::Observed, None);
    past.add("a", OperationKind::Rollback, Some("one\n")).target = Some(OperationId(1));
    assert_eq!(past.owners("a"), (vec![1], false));
    // Who writes it anew wrote it.
    past.add("a", OperationKind::Observed, None);
    past.edit("a", "one\ntwo\n");
    let n = past.n;
    assert_eq!(past.owners("a"), (vec![n, n], false));
}

#[test]
fn what_is_not_held_is_said() {
    let mut past = Written::default();
    past.edit("a", "one\n");
    past.edit("a", "one\ntwo\n");
    past.contents.remove(&id(b"one\n"));
    assert_eq!(past.owners("a"), (vec![2, 2], true));
    let newest = past.version(&path("a"), OperationId(1)).unwrap().unwrap();
    assert!(matches!(
        blame(&path("a"), newest, &mut past, &Options::default()),
        Err(Unblamed::NotHeld)
    ));
    past.edit("b", "a\0b");
    let newest = past.version(&path("b"), OperationId(3)).unwrap().unwrap();
    assert!(matches!(
        blame(&path("b"), newest, &mut past, &Options::default()),
        Err(Unblamed::Binary)
    ));
}

/// What a writer does next: where, how many lines it takes out, how many it puts in; or an earlier one is taken back.
#[derive(Clone, Debug)]
enum Act {
    Write { at: usize, out: usize, put: usize },
    Undo { nth: usize },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let write = (0_usize..40, 0_usize..4, 0_usize..4).prop_map(|(at, out, put)| Act::Write {
        at,
        out,
        put,
    });
    let undo = (0_usize..20).prop_map(|nth| Act::Undo { nth });
    prop::collection::vec(prop_oneof![4 => write, 1 => undo], 1..25)
}

fn text(lines: &[String]) -> String {
    lines.concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Every line is written once and says by whom, so the text itself is the oracle, also after undos that merge.
    #[test]
    fn every_line_is_blamed_on_its_writer(acts in acts()) {
        let mut past = Written::default();
        let mut lines: Vec<String> = (0..12).map(|n| format!("1 {n}\n")).collect();
        past.edit("a", &text(&lines));
        // The text after each operation.
        let mut states = vec![String::new(), text(&lines)];
        for act in acts {
            let n = past.n + 1;
            match act {
                Act::Write { at, out, put } => {
                    let at = at.min(lines.len());
                    let end = (at + out).min(lines.len());
                    let new = (0..put).map(|k| format!("{n} {k}\n"));
                    lines.splice(at..end, new);
                    past.edit("a", &text(&lines));
                }
                Act::Undo { nth } => {
                    let of = 2 + nth;
                    if of >= states.len() {
                        continue;
                    }
                    let labels = Labels { base: "", theirs: "", ours: "" };
                    let merged = three_way(
                        states[of].as_bytes(),
                        states[of - 1].as_bytes(),
                        text(&lines).as_bytes(),
                        &labels,
                    );
                    if merged.conflicts > 0 {
                        continue;
                    }
                    let merged = String::from_utf8(merged.bytes).unwrap();
                    lines = merged.split_inclusive('\n').map(str::to_owned).collect();
                    past.undo("a", Some(&merged), of as u64);
                }
            }
            states.push(text(&lines));
        }
        let (owners, approximate) = past.owners("a");
        let wanted: Vec<u64> = lines
            .iter()
            .map(|line| line.split(' ').next().unwrap().parse().unwrap())
            .collect();
        prop_assert!(!approximate);
        prop_assert_eq!(owners, wanted);
    }
}
