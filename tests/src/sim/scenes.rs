//! Scenes that a seed once came upon, written out so that they stay what they are when the drawing of actions changes.

use aft_daemon::workspace::Done;
use aft_model::{Change, ContentId, FileState, Operation, OperationId, OperationKind, RelPath};
use aft_testkit::SimWorld;
use aft_testkit::sim::{Op, SimRoot, WorldOptions};

use super::bench::{Bench, open_store, path, to};

/// A world with these files.
fn world(files: &[(&str, &str)]) -> SimWorld {
    let world = SimWorld::new(WorldOptions::new(1));
    for (name, bytes) in files {
        if let Some((dir, _)) = name.rsplit_once('/') {
            world.root.user_mkdir(dir).unwrap();
        }
        world.root.user_write(name, bytes).unwrap();
    }
    world
}

/// What the engine knows and the disk does not have.
fn only_known(bench: &Bench) -> Vec<RelPath> {
    let disk = bench.world.root.manifest();
    let known = bench.workspace.tree().beneath(&RelPath::root());
    let paths = known.into_iter().map(|(path, _)| path);
    paths
        .filter(|path| !disk.entries.contains_key(path.as_bytes()))
        .collect()
}

/// Everybody's turn but the errand worker's, until it has an order.
fn until_an_errand_waits(bench: &mut Bench) {
    for _ in 0..200 {
        if bench.workspace.load().errands > 0 {
            return;
        }
        bench.watch.deliver_all();
        bench.workspace.actor();
        bench.workspace.look();
        bench.workspace.writer();
    }
    panic!("no errand");
}

/// Seed 5413: it went between the look at the plan's paths and the check, and its signals were lost.
#[test]
fn a_directory_that_was_moved_out_of_the_way_of_an_apply_goes_with_all_that_was_in_it() {
    let mut bench = Bench::settled(world(&[("a", "one")]));
    let point = bench.head();
    bench.world.root.user_mkdir("d/sub").unwrap();
    bench.world.root.user_write("d/x", "x").unwrap();
    bench.world.root.user_write("d/sub/y", "y").unwrap();
    bench.settle();
    let mut what = to(point, &[]);
    what.keep_conflicts = true;
    bench.ask(1, what);
    until_an_errand_waits(&mut bench);
    bench.workspace.errand();
    // It is gathered, looked at and planned: the next one is the apply.
    until_an_errand_waits(&mut bench);
    bench.world.root.user_move_out("d").unwrap();
    bench.watch.overflow_now();
    let answer = bench.answer().unwrap();
    bench.settle();
    assert_eq!(only_known(&bench), [] as [RelPath; 0], "{answer:?}");
    assert!(
        matches!(&answer, Done::Ran { kept, .. } if kept.is_empty()),
        "{answer:?}"
    );
}

/// An operation of somebody's.
pub(super) fn observed(id: u64, changes: Vec<(&str, FileState, FileState)>) -> Operation {
    let change = |(name, before, after)| Change {
        path: path(name),
        before,
        after,
        renamed_from: None,
    };
    Operation {
        time_ns: 1,
        ..Operation::bare(
            OperationId(id),
            OperationKind::Observed,
            changes.into_iter().map(change).collect(),
        )
    }
}

/// A kill came between the operation in which a directory went and that in which its file did, and then the queue
/// overflowed at the start.
#[test]
fn a_walk_comes_upon_what_is_known_of_a_directory_that_is_not_known_itself() {
    let world = world(&[("a", "one")]);
    let mut writer = open_store(&world).writer;
    let (none, dir) = (FileState::Absent, FileState::Dir { mode: 0o755 });
    let made = observed(1, vec![("d", none, dir), ("d/e", none, dir)]);
    writer.put_operation(&made).unwrap();
    writer
        .put_operation(&observed(2, vec![("d", dir, none)]))
        .unwrap();
    writer.close().unwrap();
    let mut bench = Bench::open(world);
    bench.watch.overflow_now();
    bench.settle();
    assert_eq!(only_known(&bench), [] as [RelPath; 0]);
}

/// All bytes that any operation names.
fn named(bench: &Bench) -> Vec<Vec<u8>> {
    let reader = bench.workspace.reader();
    let operations = reader.operations_after(OperationId::NONE, 1000).unwrap();
    let changes = operations
        .into_iter()
        .flat_map(|found| found.operation.changes);
    let contents = changes.filter_map(|change| change.after.content());
    contents
        .map(|id| reader.read_content(&id).unwrap().to_vec())
        .collect()
}

/// Somebody still writes into a file that a rollback has displaced, after it was looked at.
fn meddle(bench: &Bench) {
    let meddle = |root: &SimRoot| {
        let disk = root.manifest();
        let mut paths = disk.entries.keys();
        let displaced = paths.find(|path| path.starts_with(b".afterimage/limbo/"));
        root.user_append(displaced.unwrap(), " and late").unwrap();
    };
    bench.world.root.before(Op::SyncDir, 0, meddle);
}

/// What settling finds late is in limbo or in an operation at every moment: the process may end at any of them.
#[test]
fn a_kill_right_after_something_late_was_found_loses_nothing() {
    for turns in 0..6 {
        let mut bench = Bench::settled(world(&[("a", "one")]));
        let point = bench.head();
        bench.world.root.user_write("new", "made since").unwrap();
        bench.settle();
        bench.ask(1, to(point, &[]));
        until_an_errand_waits(&mut bench);
        bench.workspace.errand();
        until_an_errand_waits(&mut bench);
        meddle(&bench);
        bench.workspace.errand();
        for _ in 0..turns {
            bench.workspace.actor();
            bench.workspace.writer();
            bench.world.clock.advance_ms(1100);
            bench.workspace.errand_idle();
        }
        let Bench {
            world, workspace, ..
        } = bench;
        world.kill();
        drop(workspace);
        let mut bench = Bench::settled(world);
        assert!(
            named(&bench).contains(&b"made since and late".to_vec()),
            "killed after {turns} turns"
        );
        for _ in 0..4 {
            bench.settle();
            bench.world.clock.advance_ms(1100);
            bench.workspace.errand_idle();
        }
        let disk = bench.world.root.manifest();
        let is_ours = |path: &Vec<u8>| path.starts_with(b".afterimage");
        assert!(
            !disk.entries.keys().any(is_ours),
            "killed after {turns} turns"
        );
    }
}

/// Seed 3800: the time stamps of a write were on disk when the power failed, and its bytes were not.
#[test]
fn a_file_that_a_power_cut_took_back_is_read_again_though_its_signature_is_the_same() {
    let mut n_taken_back = 0;
    for seed in 0..40 {
        let world = SimWorld::new(WorldOptions::new(seed));
        world.root.user_write("f", "one").unwrap();
        world.sync_all();
        world.root.user_write("f", "two").unwrap();
        let bench = Bench::settled(world);
        // The tree is saved with the signature of what was just read.
        let Bench {
            world, workspace, ..
        } = bench;
        workspace.close().unwrap();
        world.crash();
        let disk = world.root.peek("f").unwrap();
        n_taken_back += u32::from(disk == b"one");
        let mut bench = Bench::open_in_boot(world, 2);
        bench.settle();
        let state = bench.workspace.tree().state(&path("f"));
        let id = blake3::hash(&disk);
        assert_eq!(
            state.content(),
            Some(ContentId(*id.as_bytes())),
            "seed {seed}"
        );
    }
    assert!(n_taken_back > 3, "only {n_taken_back} were taken back");
}

/// Seed 18223: a directory lost its permissions between the answer and the sync of what was put back in it.
#[test]
fn what_may_not_be_opened_any_more_keeps_no_staging() {
    let mut bench = Bench::settled(world(&[("d/f", "one")]));
    let point = bench.head();
    bench.world.root.user_write("d/f", "two").unwrap();
    bench.world.root.user_write("new", "made since").unwrap();
    bench.settle();
    bench.ask(1, to(point, &[]));
    let close = |root: &SimRoot| root.user_chmod("d", 0o600).unwrap();
    bench.world.root.before(Op::SyncFile, 0, close);
    let answer = bench.answer().unwrap();
    bench.settle();
    let disk = bench.world.root.manifest();
    let paths: Vec<_> = disk.entries.keys().map(Vec::as_slice).collect();
    assert_eq!(paths, [b"d".as_slice(), b"d/f"], "{answer:?}");
    let open = bench.workspace.reader().open_intents().unwrap();
    assert_eq!(open.len(), 1, "nobody knows whether it is on disk");
}
