//! Questions about history against a naive model, with the index behind, level and rebuilt.

use std::collections::BTreeMap;

use aft_model::{FileState, Operation, OperationId, OperationKind, RelPath, SessionId, TurnId};
use proptest::prelude::*;

use super::disk::Disk;
use super::{change, file, opened, operation, path};
use crate::{Filter, ReadError, Reader};

const PATHS: [&str; 8] = [
    "a",
    "b",
    "dir",
    "dir/a",
    "dir/b",
    "dir0",
    "dir/sub/x",
    "dir.txt",
];

#[derive(Default)]
struct Model {
    operations: Vec<Operation>,
    now: BTreeMap<RelPath, FileState>,
}

impl Model {
    fn push(&mut self, seed: &Edit) -> Operation {
        let id = self
            .operations
            .last()
            .map_or(1, |last| last.id.0 + 1 + u64::from(seed.skip));
        let mut changes: BTreeMap<RelPath, _> = BTreeMap::new();
        for (at, value) in &seed.changes {
            let name = PATHS[usize::from(*at) % PATHS.len()];
            let before = self
                .now
                .get(&path(name))
                .copied()
                .unwrap_or(FileState::Absent);
            let after = match value {
                0 => FileState::Absent,
                1 => FileState::Dir { mode: 0o755 },
                value => file(&[*value]),
            };
            if before != after && !changes.contains_key(&path(name)) {
                changes.insert(path(name), change(name, before, after));
                self.now.insert(path(name), after);
            }
        }
        let mut made = operation(id, changes.into_values().collect());
        made.kind = OperationKind::ALL[usize::from(seed.kind) % 5];
        made.session = (seed.session > 0).then(|| SessionId(format!("s{}", seed.session)));
        made.turn = (seed.session > 1).then(|| TurnId(format!("t{}", seed.session)));
        made.time_ns = 1000 * i64::from(seed.time);
        self.operations.push(made.clone());
        made
    }

    fn states_at(&self, at: u64) -> Vec<(RelPath, FileState)> {
        let mut states = BTreeMap::new();
        for operation in self.operations.iter().filter(|op| op.id.0 > at) {
            for change in &operation.changes {
                states.entry(change.path.clone()).or_insert(change.before);
            }
        }
        states.into_iter().collect()
    }

    fn state_at(&self, path: &RelPath, at: u64) -> Option<FileState> {
        let changes = || {
            self.operations
                .iter()
                .flat_map(|op| op.changes.iter().map(move |c| (op.id.0, c)))
        };
        let of_path = || changes().filter(|(_, change)| change.path == *path);
        of_path()
            .find(|(id, _)| *id > at)
            .map(|(_, change)| change.before)
            .or_else(|| of_path().next_back().map(|(_, change)| change.after))
    }

    fn passing(&self, filter: &Filter, before: u64) -> Vec<Operation> {
        let passes = |op: &&Operation| {
            op.id.0 < before
                && filter
                    .path
                    .as_ref()
                    .is_none_or(|p| p.is_root() || op.changes.iter().any(|c| c.path.is_within(p)))
                && (filter.session.is_none() || filter.session == op.session)
                && (filter.turn.is_none() || filter.turn == op.turn)
                && filter.kind.is_none_or(|kind| kind == op.kind)
                && filter.since_op.is_none_or(|since| op.id > since)
                && filter.until_op.is_none_or(|until| op.id <= until)
                && filter.since_ns.is_none_or(|since| op.time_ns >= since)
        };
        self.operations
            .iter()
            .rev()
            .filter(passes)
            .cloned()
            .collect()
    }
}

#[derive(Clone, Debug)]
struct Edit {
    changes: Vec<(u8, u8)>,
    kind: u8,
    session: u8,
    time: u8,
    skip: bool,
    flush: bool,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = (
        proptest::collection::vec((0_u8..8, 0_u8..6), 0..5),
        0_u8..5,
        0_u8..4,
        any::<u8>(),
        proptest::bool::weighted(0.1),
        proptest::bool::weighted(0.15),
    );
    let edit = edit.prop_map(|(changes, kind, session, time, skip, flush)| Edit {
        changes,
        kind,
        session,
        time,
        skip,
        flush,
    });
    proptest::collection::vec(edit, 1..60)
}

fn filters() -> Vec<Filter> {
    let all = Filter::default();
    vec![
        all.clone(),
        Filter {
            path: Some(path("dir")),
            ..all.clone()
        },
        Filter {
            path: Some(path("dir/a")),
            kind: Some(OperationKind::Edit),
            ..all.clone()
        },
        Filter {
            path: Some(RelPath::root()),
            session: Some(SessionId("s2".into())),
            ..all.clone()
        },
        Filter {
            turn: Some(TurnId("t3".into())),
            ..all.clone()
        },
        Filter {
            turn: Some(TurnId("nobody".into())),
            ..all.clone()
        },
        Filter {
            since_op: Some(OperationId(5)),
            until_op: Some(OperationId(20)),
            ..all.clone()
        },
        Filter {
            since_ns: Some(100_000),
            path: Some(path("a")),
            ..all
        },
    ]
}

fn agrees(reader: &Reader, model: &Model) {
    let last = model.operations.last().map_or(0, |op| op.id.0);
    for at in (0..=last + 1).step_by(3) {
        let at_id = OperationId(at);
        assert_eq!(
            reader.states_at(at_id).unwrap(),
            model.states_at(at),
            "states at {at}"
        );
        for name in PATHS {
            assert_eq!(
                reader.state_at(&path(name), at_id).unwrap(),
                model.state_at(&path(name), at)
            );
        }
        let after: Vec<_> = reader
            .operations_after(at_id, 7)
            .unwrap()
            .into_iter()
            .map(|s| s.operation)
            .collect();
        let expected: Vec<_> = model
            .operations
            .iter()
            .filter(|op| op.id.0 > at)
            .take(7)
            .cloned()
            .collect();
        assert_eq!(after, expected);
    }
    for filter in filters() {
        for before in [None, Some(OperationId(last / 2))] {
            let page = reader.operations(&filter, before, 9).unwrap();
            let page: Vec<_> = page.into_iter().map(|summary| summary.operation).collect();
            let mut expected = model.passing(&filter, before.map_or(u64::MAX, |op| op.0));
            expected.truncate(9);
            let ids = |all: &[Operation]| all.iter().map(|op| op.id.0).collect::<Vec<_>>();
            assert_eq!(ids(&page), ids(&expected), "{filter:?} before {before:?}");
            assert!(page == expected);
        }
    }
    for name in PATHS {
        let history = reader.path_history(&path(name), None, 100).unwrap();
        let ids: Vec<_> = history
            .iter()
            .map(|entry| entry.summary.operation.id)
            .collect();
        let made = model.operations.iter().rev();
        let expected: Vec<_> = made
            .filter(|op| op.changes.iter().any(|c| c.path == path(name)))
            .map(|op| op.id)
            .collect();
        assert_eq!(ids, expected);
    }
    let time = 128_000;
    let expected = model
        .operations
        .iter()
        .rev()
        .find(|op| op.time_ns <= time)
        .map(|op| op.id);
    assert_eq!(reader.operation_at_time(time).unwrap(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn history_agrees_with_a_naive_model(edits in edits()) {
        let disk = Disk::default();
        let mut store = opened(&disk);
        let mut model = Model::default();
        for edit in &edits {
            store.writer.put_operation(&model.push(edit)).unwrap();
            store.writer.commit(false).unwrap();
            if edit.flush {
                store.writer.flush_index().unwrap();
            }
        }
        agrees(&store.reader, &model);
        store.writer.flush_index().unwrap();
        agrees(&store.reader, &model);
        store.writer.close().unwrap();
        // In simulation the index is always rebuilt.
        agrees(&opened(&disk).reader, &model);
    }
}

#[test]
fn large_operations_answer_like_small_ones() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    let name = |n: usize| format!("d/f{n:05}");
    let first: Vec<_> = (0..4500)
        .map(|n| change(&name(n), FileState::Absent, file(&[1])))
        .collect();
    let second: Vec<_> = (1000..4000)
        .map(|n| change(&name(n), file(&[1]), file(&[2])))
        .collect();
    for (id, changes) in [(1, first), (2, second)] {
        store.writer.put_operation(&operation(id, changes)).unwrap();
        store.writer.commit(true).unwrap();
    }
    for _ in 0..2 {
        let states = store.reader.states_at(OperationId(1)).unwrap();
        assert_eq!(states.len(), 3000);
        assert!(states.iter().all(|(_, state)| *state == file(&[1])));
        let one = path(&name(2500));
        assert_eq!(
            store.reader.state_at(&one, OperationId(1)).unwrap(),
            Some(file(&[1]))
        );
        assert_eq!(
            store.reader.state_at(&one, OperationId(2)).unwrap(),
            Some(file(&[2]))
        );
        assert_eq!(store.reader.path_history(&one, None, 9).unwrap().len(), 2);
        let filter = Filter {
            path: Some(path("d/f00005")),
            ..Filter::default()
        };
        assert_eq!(store.reader.operations(&filter, None, 9).unwrap().len(), 1);
        assert_eq!(
            store
                .reader
                .operation(OperationId(2))
                .unwrap()
                .unwrap()
                .changes
                .len(),
            3000
        );
        store.writer.flush_index().unwrap();
    }
}

/// A list shows the first changes of a large operation and reads none of its parts for that.
#[test]
fn a_page_shows_the_first_changes_of_large_operations() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    let name = |n: u64| format!("d/f{n:05}");
    let changes = |id: u64, count: u64| -> Vec<_> {
        (0..count)
            .map(|n| change(&name(n), file(&[id as u8 - 1]), file(&[id as u8])))
            .collect()
    };
    let sizes = [1, 64, 65, 1500, 2000, 2001];
    for (id, count) in (1..).zip(sizes) {
        let operation = operation(id, changes(id, count));
        store.writer.put_operation(&operation).unwrap();
    }
    store.writer.commit(true).unwrap();
    let agrees = |reader: &Reader| {
        for shown in [0, 1, 10, 20, 21, 64, 100, 1999, usize::MAX] {
            let page = reader.page(&Filter::default(), None, 9, shown).unwrap();
            let after = reader.page_after(OperationId::NONE, 9, shown).unwrap();
            assert!(page.iter().eq(after.iter().rev()));
            for (summary, (id, count)) in after.iter().zip((1..).zip(sizes)) {
                let mut expected = changes(id, count);
                expected.truncate(shown);
                if shown == usize::MAX && count > 2000 {
                    expected.truncate(20);
                }
                assert_eq!((summary.operation.id.0, summary.n_changes), (id, count));
                assert!(summary.operation.changes == expected, "{shown} of {count}");
            }
        }
        let whole = reader.operations(&Filter::default(), None, 9).unwrap();
        let shown: Vec<_> = whole
            .iter()
            .rev()
            .map(|s| s.operation.changes.len())
            .collect();
        assert_eq!(shown, [1, 64, 65, 1500, 2000, 0], "whole, or none at all");
        let filter = Filter {
            path: Some(path(&name(1700))),
            ..Filter::default()
        };
        let on_path = reader.page(&filter, None, 9, 1).unwrap();
        let ids: Vec<_> = on_path.iter().map(|s| s.operation.id.0).collect();
        assert_eq!(ids, [6, 5]);
        let history = reader.path_history(&path(&name(1700)), None, 9).unwrap();
        let ids: Vec<_> = history.iter().map(|e| e.summary.operation.id.0).collect();
        assert_eq!(ids, [6, 5]);
    };
    agrees(&store.reader);
    store.writer.flush_index().unwrap();
    agrees(&store.reader);
    store.writer.close().unwrap();
    // The index is rebuilt from the log, whose records alone tell the paths now.
    agrees(&opened(&disk).reader);
}

/// A damaged part is not noticed by a page that does not show it, and damage in the operation's record is.
#[test]
fn a_page_reads_no_parts_and_still_checks_what_it_reads() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    let changes = |n: u64| -> Vec<_> {
        (0..n)
            .map(|n| change(&format!("d/f{n:05}"), FileState::Absent, file(&[1])))
            .collect()
    };
    store
        .writer
        .put_operation(&operation(1, changes(1)))
        .unwrap();
    store
        .writer
        .put_operation(&operation(2, changes(300)))
        .unwrap();
    store.writer.commit(true).unwrap();
    let segment = "seg-00000001.aft";
    let whole = disk.bytes(segment);
    // In order: the first operation, the part of the second, the second.
    let damaged = |kind: crate::Kind| {
        let mut frames = (0..whole.len()).rev().filter(|at| {
            let head = crate::frame::FrameHead::parse(&whole[*at..]);
            head.is_some_and(|head| head.kind == kind as u8 && head.version == 1)
        });
        let mut bytes = whole.clone();
        bytes[frames.next().unwrap() + 40] ^= 1;
        disk.set_bytes(segment, bytes);
        store.reader.shared().forget_file(1);
        let page = store.reader.page(&Filter::default(), None, 9, 10);
        disk.set_bytes(segment, whole.clone());
        page
    };
    assert_eq!(damaged(crate::Kind::Part).unwrap().len(), 2);
    assert!(matches!(
        damaged(crate::Kind::Operation),
        Err(ReadError::Corrupt { .. })
    ));
}
