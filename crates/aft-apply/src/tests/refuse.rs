//! What a check refuses, with the workspace untouched.

use aft_model::{Change, ConflictReason, FileState, OpaqueReason, Operation, RelPath};
use aft_os::{ReadDir, WriteDir};
use aft_testkit::SimWorld;

use super::support::*;
use crate::{
    Applier, Checked, ContentFault, Contents, OnConflict, SetIdBits, StageError, StepOutcome, Task,
};

struct Case {
    world: SimWorld,
    operation: Operation,
    blobs: Blobs,
}

fn case(before: &Tree, after: &Tree) -> Case {
    let world = SimWorld::of_seed(1);
    build(&world.root, before);
    Case {
        world,
        operation: operation(before, after),
        blobs: Blobs::of(&[before, after]),
    }
}

impl Case {
    fn check(&self) -> Checked {
        let stats = signatures(&self.world.root, &self.operation);
        self.check_with(&|path| stats.get(path).copied())
    }

    fn check_with(
        &self,
        stats: &(dyn Fn(&RelPath) -> Option<aft_model::StatSig> + Sync),
    ) -> Checked {
        let task = Task {
            operation: &self.operation,
            policy: OnConflict::Keep,
            set_id: SetIdBits::Drop,
            stats,
        };
        let before = self.world.faults.mutations();
        let checked = Applier::new(&self.world.root, &self.blobs).check(&task);
        assert_eq!(
            self.world.faults.mutations(),
            before,
            "a check touches nothing"
        );
        checked
    }

    fn reasons(&self) -> Vec<(String, ConflictReason)> {
        self.check()
            .conflicts
            .into_iter()
            .map(|conflict| (conflict.path.display(), conflict.reason))
            .collect()
    }
}

fn one(name: &str, reason: ConflictReason) -> Vec<(String, ConflictReason)> {
    vec![(name.to_owned(), reason)]
}

#[test]
fn git_and_staging_are_refused_also_by_an_apply_that_was_not_checked() {
    let before = tree([("sub", DIR), ("sub/.GIT", DIR), ("ok", file("1"))]);
    let mut after = before.clone();
    after.insert("sub/.GIT/config".into(), file("[core] fsmonitor=evil"));
    after.insert(".afterimage".into(), DIR);
    let case = case(&before, &after);
    let both =
        [".afterimage", "sub/.GIT/config"].map(|name| (name.to_owned(), ConflictReason::Unsafe));
    assert_eq!(case.reasons(), both);

    let stats = |_: &RelPath| None;
    let task = Task {
        operation: &case.operation,
        policy: OnConflict::Force,
        set_id: SetIdBits::Drop,
        stats: &stats,
    };
    let applier = Applier::new(&case.world.root, &case.blobs);
    let staged = applier.stage(&task, &crate::Prepared::default()).unwrap();
    let mut sink = Sink::default();
    let mut report = applier.apply(&task, staged, &mut sink).unwrap();
    applier.settle(&task, &mut report, &mut sink).unwrap();
    assert!(report.results.iter().all(|result| {
        matches!(
            result.outcome,
            StepOutcome::Conflict {
                reason: ConflictReason::Unsafe,
                ..
            }
        )
    }));
    assert_eq!(on_disk(&case.world.root), states(&before));
}

#[test]
fn a_parent_that_became_a_link_or_went_away_is_refused() {
    let before = tree([("real", DIR), ("d", DIR), ("e", DIR)]);
    let mut after = before.clone();
    after.insert("d/new".into(), file("new"));
    after.insert("e/new".into(), file("new"));
    let case = case(&before, &after);
    case.world.root.remove_dir(&path("d")).unwrap();
    case.world.root.make_link(&path("d"), b"real").unwrap();
    case.world.root.remove_dir(&path("e")).unwrap();
    let expected = [
        ("d/new", ConflictReason::Unsafe),
        ("e/new", ConflictReason::ChangedNow),
    ];
    assert_eq!(
        case.reasons(),
        expected.map(|(name, reason)| (name.to_owned(), reason))
    );
}

#[test]
fn what_was_to_go_and_went_with_its_directory_is_no_conflict() {
    let before = tree([
        ("d", DIR),
        ("d/sub", DIR),
        ("d/sub/x", file("1")),
        ("d/y", file("2")),
    ]);
    let case = case(&before, &Tree::new());
    case.world.root.user_move_out("d").unwrap();
    assert_eq!(case.reasons(), [], "else `d` alone is recorded as gone");
}

#[test]
fn a_mount_is_refused() {
    let before = tree([("m", DIR)]);
    let mut after = before.clone();
    after.insert("m/new".into(), file("new"));
    let case = case(&before, &after);
    case.world.root.user_mount("m", true).unwrap();
    assert_eq!(case.reasons(), one("m/new", ConflictReason::Unsafe));
}

#[test]
fn missing_and_damaged_contents_are_refused_before_anything_is_staged() {
    let before = tree([("a", file("1")), ("b", file("1"))]);
    let after = tree([("a", file("missing")), ("b", file("damaged"))]);
    let mut case = case(&before, &after);
    case.blobs.0.remove(&crate::look::hash(b"missing")).unwrap();
    *case
        .blobs
        .0
        .get_mut(&crate::look::hash(b"damaged"))
        .unwrap() = b"dAmaged".to_vec();
    let both = ["a", "b"].map(|name| (name.to_owned(), ConflictReason::ContentDamaged));
    assert_eq!(case.reasons(), both);

    // A store that rots after the check: staging notices, and takes itself back.
    let task = Task {
        operation: &case.operation,
        policy: OnConflict::Keep,
        set_id: SetIdBits::Drop,
        stats: &|_| None,
    };
    let refused =
        Applier::new(&case.world.root, &case.blobs).stage(&task, &crate::Prepared::default());
    assert!(
        matches!(
            refused,
            Err(StageError::Content {
                source: ContentFault::Missing,
                ..
            })
        ),
        "{refused:?}"
    );
    assert_eq!(on_disk(&case.world.root), states(&before));
    let fault = case.blobs.open(&crate::look::hash(b"missing")).err();
    assert!(matches!(fault, Some(ContentFault::Missing)));
}

#[test]
fn what_is_not_in_the_history_is_refused() {
    let before = tree([("huge", file("pretend this is huge"))]);
    let mut case = case(&before, &Tree::new());
    let opaque = FileState::Opaque {
        reason: OpaqueReason::TooLarge,
        size: 20,
        mode: 0o644,
    };
    case.operation.changes = vec![Change {
        path: path("huge"),
        before: opaque,
        after: FileState::Absent,
        renamed_from: None,
    }];
    assert_eq!(case.reasons(), one("huge", ConflictReason::NotCaptured));
}

#[test]
fn a_directory_with_entries_the_plan_does_not_remove_is_refused() {
    let before = tree([
        ("d", DIR),
        ("d/known", file("1")),
        ("f", DIR),
        ("f/known", file("1")),
    ]);
    let after = tree([("f", file("a file"))]);
    let case = case(&before, &after);
    assert_eq!(case.reasons(), []);
    case.world.root.user_write("d/unknown", "precious").unwrap();
    case.world.root.user_write("f/unknown", "precious").unwrap();
    let both = ["d", "f"].map(|name| (name.to_owned(), ConflictReason::DirectoryInUse));
    assert_eq!(case.reasons(), both);
}

#[test]
fn what_changed_since_the_look_is_refused_and_what_was_only_touched_is_not() {
    let before = tree([
        ("a", file("1")),
        ("b", file("1")),
        ("c", file("1")),
        ("d", file("1")),
    ]);
    let after = tree([
        ("a", file("22")),
        ("b", file("22")),
        ("c", file("22")),
        ("new", file("n")),
    ]);
    let case = case(&before, &after);
    let stats = signatures(&case.world.root, &case.operation);
    case.world.root.user_write("a", "9").unwrap();
    case.world.root.user_set_mtime("b", 5).unwrap();
    case.world.root.user_chmod("c", 0o600).unwrap();
    case.world.root.user_write("new", "not n").unwrap();
    case.world.root.user_remove("d").unwrap();
    let checked = case.check_with(&|path| stats.get(path).copied());
    let found: Vec<_> = checked
        .conflicts
        .iter()
        .map(|conflict| (conflict.path.display(), conflict.reason))
        .collect();
    let expected = ["a", "c", "new"].map(|name| (name.to_owned(), ConflictReason::ChangedNow));
    assert_eq!(found, expected);
}

#[test]
fn too_little_room_is_refused_whole() {
    let before = Tree::new();
    let after = tree([("a", file(vec![1; 40_000])), ("b", file(vec![2; 40_000]))]);
    let case = case(&before, &after);
    assert!(!case.check().no_room);
    case.world.root.set_quota(82_000, 100);
    let checked = case.check();
    assert!(checked.no_room);
    assert_eq!(checked.conflicts.len(), 2);
    case.world.root.set_quota(1_000_000, 4);
    assert!(case.check().no_room);
}

#[test]
fn a_planted_staging_directory_does_not_lead_anywhere() {
    let before = tree([("real", DIR), ("a", file("1"))]);
    let mut after = before.clone();
    after.insert("a".into(), file("2"));
    let case = case(&before, &after);
    case.world
        .root
        .make_link(&path(".afterimage"), b"real")
        .unwrap();
    let task = Task {
        operation: &case.operation,
        policy: OnConflict::Keep,
        set_id: SetIdBits::Drop,
        stats: &|_| None,
    };
    let refused =
        Applier::new(&case.world.root, &case.blobs).stage(&task, &crate::Prepared::default());
    assert!(
        matches!(refused, Err(StageError::Write { .. })),
        "{refused:?}"
    );
    assert_eq!(case.world.root.scan(&path("real")).unwrap(), []);
}

/// Contents of which some were verified just now; counts what is read.
struct Fresh<'a> {
    blobs: &'a Blobs,
    fresh: aft_model::ContentId,
    n_read: std::sync::atomic::AtomicUsize,
}

impl Contents for Fresh<'_> {
    fn open(&self, id: &aft_model::ContentId) -> Result<Box<dyn std::io::Read + '_>, ContentFault> {
        self.n_read
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.blobs.open(id)
    }

    fn is_fresh(&self, id: &aft_model::ContentId) -> bool {
        *id == self.fresh
    }
}

#[test]
fn what_was_verified_just_now_is_not_read_by_a_check_and_staging_still_finds_it_damaged() {
    let before = tree([("a", file("1")), ("b", file("1"))]);
    let after = tree([("a", file("fresh")), ("b", file("old"))]);
    let mut case = case(&before, &after);
    let fresh = crate::look::hash(b"fresh");
    *case.blobs.0.get_mut(&fresh).unwrap() = b"fResh".to_vec();
    let contents = Fresh {
        blobs: &case.blobs,
        fresh,
        n_read: 0.into(),
    };
    let stats = signatures(&case.world.root, &case.operation);
    let stats = |path: &RelPath| stats.get(path).copied();
    let task = Task {
        operation: &case.operation,
        policy: OnConflict::Keep,
        set_id: SetIdBits::Drop,
        stats: &stats,
    };
    let applier = Applier::new(&case.world.root, &contents);
    let checked = applier.check(&task);
    assert_eq!(checked.conflicts, []);
    assert_eq!(
        contents.n_read.load(std::sync::atomic::Ordering::Relaxed),
        1
    );
    let refused = applier.stage(&task, &checked.prepared);
    assert!(
        matches!(
            refused,
            Err(StageError::Content {
                source: ContentFault::Damaged,
                ..
            })
        ),
        "{refused:?}"
    );
    assert_eq!(on_disk(&case.world.root), states(&before));
}
