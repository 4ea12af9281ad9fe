//! A power cut at the moment each sync point is there for; the planted bugs that leave one out turn these red.
//!
//! Does: bring the daemon to where only that sync keeps a promise, cut, and judge what comes back.
//! Does not: prove the points whose loss no file system here can show (a new name that is never lost without the
//! file's bytes, a failed sync that is told once); the simulation's disk shows those.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use aft_testkit::manifest::assert_same;
use aft_testkit::sim::Rng;
use aft_testkit::workspace::wait_until;
use aft_testkit::{Manifest, Workspace};
use serde_json::json;

use crate::e2e_real::{heavy, seed};

use super::disk::{KINDS, Kind};
use super::power_rig::{Placement, Rig};

const DIR: &str = "dir";

/// Runs a test on each kind of disk; on the two that forget most, where not everything is wanted.
#[track_caller]
fn on_each(name: &str, placement: Placement, test: impl Fn(&mut Rig, &mut Rng)) {
    let mut rng = Rng::new(seed(name));
    let some = [Kind::Ext4Lazy, Kind::Xfs];
    let kinds = if heavy() { &KINDS[..] } else { &some[..] };
    for kind in kinds {
        println!("{name}: {kind:?}");
        let Some(mut rig) = Rig::new(*kind, placement) else {
            return;
        };
        test(&mut rig, &mut rng);
        rig.check(true);
        rig.finish();
    }
}

fn write_some(project: &Workspace, rng: &mut Rng, n: usize, len: usize) {
    for n in 0..n {
        project.write(format!("{DIR}/d{}/f{n}", n % 5), rng.bytes(len));
    }
}

#[track_caller]
fn wait_settled(rig: &Rig) {
    let staging = rig.root().join(".afterimage");
    wait_until(Duration::from_secs(30), "staging is gone", || {
        staging.symlink_metadata().is_err()
    });
}

#[test]
fn a_checkpoint_is_durable_when_it_is_answered() {
    on_each("answered checkpoints", Placement::Store, |rig, rng| {
        rig.ok(&["watch", "--detach"]);
        for n in 0..4 {
            write_some(&rig.project, rng, 3, 5000);
            let name = format!("point-{n}");
            rig.ok(&["checkpoint", &name]);
            let look = rig.look(DIR);
            rig.power_cut();
            write_some(&rig.project, rng, 3, 5000);
            rig.ok(&["rollback", &name]);
            assert_same(&look, &rig.look(DIR), &name);
        }
    });
}

#[test]
fn a_workspace_is_known_when_it_was_answered() {
    on_each("known workspaces", Placement::Store, |rig, rng| {
        write_some(&rig.project, rng, 3, 5000);
        rig.ok(&["watch", "--detach"]);
        rig.ok(&["checkpoint", "start"]);
        let look = rig.look(DIR);
        rig.power_cut();
        write_some(&rig.project, rng, 3, 5000);
        rig.ok(&["rollback", "start"]);
        assert_same(&look, &rig.look(DIR), "the start");
    });
}

#[test]
fn a_workspace_stays_unwatched_when_it_was_answered() {
    on_each("unwatched workspaces", Placement::Store, |rig, rng| {
        write_some(&rig.project, rng, 3, 5000);
        rig.ok(&["watch", "--detach"]);
        rig.ok(&["checkpoint", "start"]);
        let look = rig.look(DIR);
        rig.disk.sync();
        // Nothing is written behind the list, so that no later sync takes its name along.
        rig.ok(&["unwatch"]);
        rig.go_dark();
        rig.disk.come_back();
        rig.start();
        let known = rig.control().expect_call("workspace.list", &json!({}));
        assert_eq!(known["workspaces"], json!([]), "{known}");
        rig.ok(&["watch", "--detach"]);
        rig.project.remove(DIR);
        rig.ok(&["rollback", "start"]);
        assert_same(&look, &rig.look(DIR), "the start");
    });
}

/// Spins until a file has these bytes: a pause could be longer than what is under way.
#[track_caller]
fn spin_until(rig: &Rig, path: &str, bytes: &[u8]) {
    let start = Instant::now();
    while rig.project.read(path).as_deref() != Some(bytes) {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "{path} never changed"
        );
        thread::yield_now();
    }
}

#[test]
fn an_intent_is_durable_before_the_first_file_moves() {
    on_each("intents", Placement::Store, |rig, rng| {
        write_some(&rig.project, rng, 600, 300);
        rig.ok(&["watch", "--detach"]);
        let mut looks = Vec::new();
        for point in ["one", "other"] {
            write_some(&rig.project, rng, 600, 300);
            rig.ok(&["checkpoint", point]);
            let first = rig.project.read(format!("{DIR}/d0/f0"));
            looks.push((point, first.expect("it is there"), rig.look(DIR)));
        }
        for n in 0..4 {
            let (point, first, _) = &looks[n % 2];
            let call = rig.to(point, &[DIR]);
            let mut control = rig.control();
            thread::scope(|scope| {
                scope.spawn(|| {
                    control
                        .send("rollback.apply", &call)
                        .and_then(|id| control.answer(id))
                });
                spin_until(rig, &format!("{DIR}/d0/f0"), first);
                rig.disk.cut();
                rig.end();
            });
            let cut = rig.look(DIR);
            println!(
                "cut where {} of 600 files were there",
                same(&cut, &looks[n % 2].2)
            );
            rig.come_back();
            wait_settled(rig);
            // The first file was there, so the intent was durable, and recovery goes forward.
            assert_same(&looks[n % 2].2, &rig.look(DIR), "recovery goes forward");
        }
    });
}

/// Files that are the same in both.
fn same(a: &Manifest, b: &Manifest) -> usize {
    let same = a
        .entries
        .iter()
        .filter(|(path, entry)| !path.starts_with(b"d") || b.get(path) == Some(*entry));
    same.count()
}

#[test]
fn a_segment_is_whole_on_disk_before_the_next_one_begins() {
    on_each("segments", Placement::Store, |rig, rng| {
        rig.ok(&["watch", "--detach"]);
        for n in 0..3 {
            write_some(&rig.project, rng, 24, 1 << 20);
            let name = format!("point-{n}");
            rig.ok(&["checkpoint", &name]);
            let look = rig.look(DIR);
            rig.power_cut();
            rig.check(true);
            rig.project.remove(DIR);
            rig.ok(&["rollback", &name]);
            assert_same(&look, &rig.look(DIR), &name);
        }
    });
}

#[test]
fn a_rewritten_segment_is_on_disk_before_the_old_one_goes() {
    on_each("rewritten segments", Placement::Store, |rig, rng| {
        let lines = |rng: &mut Rng| {
            let words = (0..60_000).map(|_| format!("word {} of a line\n", rng.below(100_000)));
            words.collect::<String>()
        };
        for n in 0..40 {
            let text = lines(rng);
            rig.project.write(format!("{DIR}/f{n}"), text);
        }
        rig.ok(&["watch", "--detach"]);
        rig.ok(&["checkpoint", "start"]);
        let look = rig.look(DIR);
        let old = rig.segments().join("seg-00000001.aft");
        wait_until(
            Duration::from_secs(120),
            "the first segment is replaced",
            || old.symlink_metadata().is_err(),
        );
        rig.project.write("after", "a change\n");
        rig.ok(&["checkpoint", "after"]);
        rig.power_cut();
        rig.check(true);
        rig.project.remove(DIR);
        rig.ok(&["rollback", "start"]);
        assert_same(&look, &rig.look(DIR), "the start");
    });
}

/// Goes back to `one` and forth, and cuts when nothing is under way any more: no intent is left to mend anything.
#[track_caller]
fn settled_goes(rig: &mut Rig, change: impl Fn(&Workspace)) {
    rig.ok(&["watch", "--detach"]);
    rig.ok(&["checkpoint", "one"]);
    let one = rig.look(DIR);
    change(&rig.project);
    rig.ok(&["checkpoint", "other"]);
    let other = rig.look(DIR);
    for (point, look) in [("one", &one), ("other", &other), ("one", &one)] {
        // What others wrote is theirs to make durable.
        rig.disk.sync();
        rig.ok(&["rollback", point, DIR]);
        wait_settled(rig);
        // Answered after whatever was ordered before it, the retired intent among it.
        rig.ok(&["checkpoint", "--force", "settled"]);
        rig.power_cut();
        assert_same(look, &rig.look(DIR), point);
    }
}

#[test]
fn files_are_durable_before_the_intent_is_retired() {
    on_each("settled files", Placement::Project, |rig, rng| {
        write_some(&rig.project, rng, 30, 20_000);
        let later = rng.bytes(20_000);
        settled_goes(rig, |project| {
            for n in 0..30 {
                project.write(format!("{DIR}/d{}/f{n}", n % 5), &later);
            }
        });
    });
}

#[test]
fn names_are_durable_before_the_intent_is_retired() {
    on_each("settled names", Placement::Project, |rig, rng| {
        write_some(&rig.project, rng, 5, 3000);
        settled_goes(rig, |project| {
            // No file has new bytes, so that no file's own sync takes the names along.
            for n in 0..4 {
                project.symlink(format!("{DIR}/d{n}/link"), "../d4/f4");
            }
            project.mkdir(format!("{DIR}/empty/deep"));
        });
    });
}

#[test]
fn what_a_kill_left_unsynced_is_durable_when_a_later_daemon_says_so() {
    on_each("kills before cuts", Placement::Store, |rig, rng| {
        rig.ok(&["watch", "--detach"]);
        for n in 0..3 {
            write_some(&rig.project, rng, 4, 9000);
            let synced = rig.ok(&["sync", "--json"]);
            let look = rig.look(DIR);
            rig.end();
            rig.start();
            rig.ok(&["sync", "--durable"]);
            rig.power_cut();
            let head = head_of(&synced);
            fs::remove_dir_all(rig.root().join(DIR)).expect("removed");
            rig.ok(&["rollback", &head, DIR]);
            assert_same(&look, &rig.look(DIR), &format!("round {n}"));
        }
    });
}

fn head_of(synced: &str) -> String {
    let synced: serde_json::Value = serde_json::from_str(synced).expect("JSON");
    synced["head"].as_u64().expect("a head").to_string()
}
