//! What a power cut leaves of a workspace, and that one seed is one run.

use std::collections::BTreeSet;

use aft_os::{ReadDir, Watch, WriteDir};

use super::*;

/// The outcomes of `act` and a power cut over many seeds.
fn outcomes<T: Ord>(act: impl Fn(&SimWorld), look: impl Fn(&SimRoot) -> T) -> BTreeSet<T> {
    let outcome = |seed| {
        let world = SimWorld::of_seed(seed);
        world.root.user_write("f", "old").unwrap();
        world.root.user_write("g", "other").unwrap();
        world.sync_all();
        act(&world);
        world.crash();
        look(&world.root)
    };
    (0..64).map(outcome).collect()
}

fn text(root: &SimRoot, path: &str) -> String {
    root.peek(path)
        .map_or_else(|| "-".to_owned(), |bytes| String::from_utf8(bytes).unwrap())
}

fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

#[test]
fn an_unsynced_write_comes_back_old_new_empty_or_cut() {
    let seen = outcomes(
        |w| w.root.user_write("f", "fresh").unwrap(),
        |r| text(r, "f"),
    );
    assert!(
        seen.is_superset(&set(&["old", "fresh", "", "fr"])),
        "{seen:?}"
    );
}

#[test]
fn a_synced_write_stays() {
    let act = |w: &SimWorld| {
        w.root.user_write("f", "fresh").unwrap();
        w.root.sync_file(&p("f")).unwrap();
    };
    assert_eq!(outcomes(act, |r| text(r, "f")), set(&["fresh"]));
}

#[test]
fn a_synced_file_without_its_directory_may_have_no_name() {
    let act = |w: &SimWorld| {
        w.root.create(&p("n"), 0o644, b"new").unwrap();
        w.root.sync_file(&p("n")).unwrap();
    };
    assert_eq!(outcomes(act, |r| text(r, "n")), set(&["-", "new"]));
    let act = |w: &SimWorld| {
        act(w);
        w.root.sync_dir(&p("")).unwrap();
    };
    assert_eq!(outcomes(act, |r| text(r, "n")), set(&["new"]));
}

#[test]
fn an_exchange_with_write_back_started_is_old_or_new_and_never_empty() {
    let act = |w: &SimWorld| {
        w.root.create(&p("s"), 0o644, b"new").unwrap();
        w.root.start_write_back(&p("s")).unwrap();
        w.root.exchange(&p("s"), &p("f")).unwrap();
    };
    assert_eq!(outcomes(act, |r| text(r, "f")), set(&["old", "new"]));
    let synced = |w: &SimWorld| {
        act(w);
        w.root.sync_dir(&p("")).unwrap();
    };
    assert_eq!(
        outcomes(synced, |r| text(r, "f") + &text(r, "s")),
        set(&["newold"])
    );
}

#[test]
fn an_exchange_of_bytes_that_only_lie_in_the_cache_may_come_back_empty() {
    let act = |w: &SimWorld| {
        w.root.create(&p("s"), 0o644, b"new").unwrap();
        w.root.exchange(&p("s"), &p("f")).unwrap();
        w.root.sync_dir(&p("")).unwrap();
    };
    assert!(outcomes(act, |r| text(r, "f")).contains(""));
}

#[test]
fn names_are_lost_from_the_end_only() {
    let act = |w: &SimWorld| {
        for name in ["1", "2", "3"] {
            w.root.make_dir(&p(name), 0o755).unwrap();
        }
    };
    let look = |r: &SimRoot| {
        ["1", "2", "3"]
            .into_iter()
            .filter(|n| r.lstat(&p(n)).unwrap().is_some())
            .collect::<String>()
    };
    assert_eq!(outcomes(act, look), set(&["", "1", "12", "123"]));
}

#[test]
fn a_rename_between_directories_never_leaves_both_names_or_neither() {
    let act = |w: &SimWorld| {
        w.root.user_mkdir("d").unwrap();
        w.root.rename_new(&p("f"), &p("d/f")).unwrap();
    };
    let look = |r: &SimRoot| [text(r, "f"), text(r, "d/f")].concat();
    assert_eq!(outcomes(act, look), set(&["old-", "-old"]));
}

#[test]
fn a_removed_file_and_a_mode_may_come_back_until_the_directory_is_synced() {
    let act = |w: &SimWorld| {
        w.root.user_remove("g").unwrap();
        w.root.user_chmod("f", 0o600).unwrap();
    };
    let look = |r: &SimRoot| (text(r, "g"), r.manifest().get("f").unwrap().mode);
    let seen = outcomes(act, look);
    assert_eq!(seen.len(), 3, "{seen:?}");
    let synced = |w: &SimWorld| {
        act(w);
        w.root.sync_dir(&p("")).unwrap();
    };
    assert_eq!(
        outcomes(synced, look).into_iter().collect::<Vec<_>>(),
        [("-".to_owned(), 0o600)]
    );
}

#[test]
fn after_a_failed_sync_a_retry_lies() {
    let act = |w: &SimWorld| {
        w.root.user_write("f", "fresh").unwrap();
        w.faults.fail_next(Op::SyncFile, Errno::IO);
        w.root.sync_file(&p("f")).unwrap_err();
        w.root.sync_file(&p("f")).unwrap();
    };
    assert!(outcomes(act, |r| text(r, "f")).contains("old"));
}

#[test]
fn the_power_fails_before_a_chosen_change_and_everything_fails_after_it() {
    let world = SimWorld::of_seed(5);
    let watch = world.watch(Collector::new().sink());
    watch.add(&p("")).unwrap();
    world.root.make_dir(&p("a"), 0o755).unwrap();
    assert_eq!(world.faults.mutations(), 2, "made, and given its mode");
    let file = {
        world.root.user_write("f", "1").unwrap();
        world.root.open(&p("f")).unwrap()
    };
    world.sync_all();
    world.faults.power_off_after(2);
    world.root.make_dir(&p("b"), 0o755).unwrap();
    assert!(world.root.make_dir(&p("c"), 0o755).is_err());
    assert!(world.faults.is_off());
    assert!(world.root.lstat(&p("a")).is_err());
    assert!(world.root.user_write("f", "2").is_err());
    world.crash();
    assert!(world.root.lstat(&p("a")).unwrap().is_some());
    assert!(world.root.lstat(&p("c")).unwrap().is_none());
    assert!(file.stat().is_err(), "a file opened in an older life");
    assert!(watch.is_empty());
}

#[test]
fn a_killed_process_loses_no_bytes() {
    let world = SimWorld::of_seed(5);
    world.root.user_write("f", "1").unwrap();
    let held = world.root.open(&p("f")).unwrap();
    world.kill();
    assert_eq!(world.root.peek("f").unwrap(), b"1");
    assert!(held.stat().is_err());
}

/// A run of two hundred chosen actions, as text.
fn run(seed: u64) -> String {
    let world = SimWorld::new(WorldOptions::adverse(seed));
    let collector = Collector::new();
    let watch = world.watch(collector.sink());
    drop(watch.add(&p("")));
    let mut rng = world.rng();
    let mut log = String::new();
    for step in 0..200 {
        let (a, b) = (format!("n{}", rng.below(6)), format!("n{}", rng.below(6)));
        let done = match rng.below(9) {
            0 => world.root.user_write(&a, rng.bytes(20)),
            1 => world.root.user_save(&a, rng.bytes(20)),
            2 => world.root.user_rename(&a, &b),
            3 => world.root.user_remove_all(&a),
            4 => world.root.user_mkdir(format!("{a}/{b}")),
            5 => world.root.exchange(&p(&a), &p(&b)),
            6 => world.root.sync_dir(&p("")),
            7 => watch.add(&p(&a)).map_err(std::io::Error::other),
            _ => {
                watch.deliver(rng.index(10));
                Ok(())
            }
        };
        log.push_str(&format!("{step} {done:?} {:?}\n", collector.take()));
        if rng.chance(20) {
            world.crash();
        }
    }
    format!("{log}{:?}", world.root.manifest())
}

#[test]
fn a_seed_replays_identically_and_seeds_differ() {
    let runs: BTreeSet<String> = (0..40)
        .map(|seed| {
            let first = run(seed);
            assert_eq!(first, run(seed), "seed {seed}");
            first
        })
        .collect();
    assert_eq!(runs.len(), 40);
}

#[test]
fn link_counts_and_numbers_stay_right_over_crashes() {
    for seed in 0..40 {
        let world = SimWorld::of_seed(seed);
        world.root.user_write("a", "1").unwrap();
        world.root.user_hard_link("a", "b").unwrap();
        world.sync_all();
        world.root.user_remove("a").unwrap();
        world.root.user_write("c", "2").unwrap();
        world.root.user_remove("b").unwrap();
        world.root.user_write("d", "3").unwrap();
        world.crash();
        let entries = world.root.scan(&p("")).unwrap();
        let numbers: BTreeSet<u64> = entries
            .iter()
            .filter(|e| !matches!(&*e.name, b"b"))
            .map(|e| e.stat.ino)
            .collect();
        let distinct = entries.iter().filter(|e| &*e.name != b"b").count();
        assert_eq!(
            numbers.len(),
            distinct,
            "seed {seed}: two files share a number"
        );
        for entry in entries.iter().filter(|e| matches!(&*e.name, b"a" | b"b")) {
            let names = entries
                .iter()
                .filter(|e| e.stat.ino == entry.stat.ino)
                .count();
            assert_eq!(entry.stat.nlink as usize, names, "seed {seed}");
        }
    }
}
