//! What one path turns out to be.

use aft_model::OpaqueReason;
use aft_testkit::sim::{Errno, Granularity, Op, WorldOptions};

use super::*;
use crate::config::ByteSize;

fn opaque(told: &BTreeMap<String, Outcome>, path: &str) -> OpaqueReason {
    match state(told, path) {
        FileState::Opaque { reason, .. } => reason,
        other => panic!("{path} is {other:?}"),
    }
}

#[test]
fn an_item_is_answered_even_when_nothing_changed() {
    let mut bench = Bench::new();
    bench.write("f", "1");
    bench.mkdir("d");
    bench.scan(Mode::Baseline);
    bench.wait();
    bench.look(&["f"], What::Single);
    let told = bench.look(&["f", "d", "nothing"], What::Single);
    assert_eq!(keys(&told), ["d", "f"]);
    assert_eq!(told["f"], Outcome::Unchanged { stat: None });
    assert!(matches!(told["d"], Outcome::Unchanged { .. }));
}

#[test]
fn content_that_came_back_is_not_put_again() {
    let mut bench = Bench::new();
    bench.write("f", "same");
    bench.scan(Mode::Baseline);
    bench.wait();
    bench.world.root.user_save("f", "same").unwrap();
    bench.wait();
    bench.sink.puts.lock().clear();
    let told = bench.look(&["f"], What::Single);
    assert!(
        matches!(told["f"], Outcome::Unchanged { stat: Some(_) }),
        "{told:?}"
    );
    assert!(bench.sink.puts.lock().is_empty());
    bench.write("f", "next");
    bench.look(&["f"], What::Single);
    let before = ContentId(*blake3::hash(b"same").as_bytes());
    assert_eq!(*bench.sink.puts.lock(), [(rel("f"), Some(before))]);
}

#[test]
fn modes_are_states_of_files_and_directories() {
    let mut bench = Bench::new();
    bench.write("f", "1");
    bench.mkdir("d");
    bench.scan(Mode::Baseline);
    bench.sink.puts.lock().clear();
    bench.world.root.user_chmod("f", 0o700).unwrap();
    bench.world.root.user_chmod("d", 0o711).unwrap();
    let told = bench.scan(Mode::Reconcile);
    assert_eq!(state(&told, "f"), file("1", 0o700));
    assert_eq!(state(&told, "d"), FileState::Dir { mode: 0o711 });
    assert!(bench.sink.puts.lock().is_empty());
}

#[test]
fn a_file_that_keeps_changing_is_unstable_and_a_short_change_is_not() {
    let mut bench = Bench::new();
    bench.write("f", "0");
    for round in 0..2 {
        bench.world.root.before(Op::Fstat, round, move |root| {
            root.user_append("f", "x").unwrap()
        });
    }
    let told = bench.look(&["f"], What::Single);
    assert_eq!(state(&told, "f").content(), file("0xx", 0).content());
    for round in 0..3 {
        bench.world.root.before(Op::Fstat, round, move |root| {
            root.user_append("f", "y").unwrap()
        });
    }
    let told = bench.look(&["f"], What::Single);
    let Outcome::Unstable(known) = told["f"] else {
        panic!("{told:?}")
    };
    assert_eq!(known.stat, None);
    assert!(
        bench
            .sink
            .held
            .lock()
            .contains_key(&known.state.content().unwrap()),
        "its last bytes are held"
    );
    let told = bench.look(&["f"], What::Single);
    assert_eq!(state(&told, "f").content(), file("0xxyyy", 0).content());
}

#[test]
fn a_file_that_vanishes_or_becomes_a_link_while_it_is_opened_is_told_as_what_it_is_then() {
    let mut bench = Bench::new();
    bench.write("a", "1");
    bench.write("b", "2");
    bench.scan(Mode::Baseline);
    bench.write("a", "11");
    bench
        .world
        .root
        .before(Op::Open, 0, |root| root.user_remove("a").unwrap());
    assert_eq!(bench.look(&["a"], What::Single)["a"], Outcome::Gone);
    bench.write("b", "22");
    bench.world.root.before(Op::Open, 0, |root| {
        root.user_remove("b").unwrap();
        root.user_symlink("b", "elsewhere").unwrap();
    });
    let told = bench.look(&["b"], What::Single);
    assert_eq!(
        state(&told, "b"),
        FileState::Symlink {
            target: ContentId(*blake3::hash(b"elsewhere").as_bytes())
        }
    );
}

#[test]
fn a_parent_that_became_a_link_leads_nowhere() {
    let mut bench = Bench::new();
    bench.mkdir("d");
    bench.write("d/f", "1");
    bench.scan(Mode::Baseline);
    bench.world.root.user_rename("d", "e").unwrap();
    bench.world.root.user_symlink("d", "e").unwrap();
    let told = bench.look(&["d/f", "d"], What::Single);
    assert_eq!(told["d/f"], Outcome::Gone);
    assert!(matches!(state(&told, "d"), FileState::Symlink { .. }));
}

#[test]
fn what_is_too_large_is_noted_and_its_limit_may_be_raised() {
    let mut bench = Bench::new();
    bench.track.file_max = ByteSize(10);
    bench.track.ignored_max = ByteSize(4);
    bench.write(".gitignore", "*.i\n");
    bench.write("big", "12345678901");
    bench.write("fits", "1234567890");
    bench.write("big.i", "12345");
    bench.write("fits.i", "1234");
    let told = bench.scan(Mode::Baseline);
    assert_eq!(
        (opaque(&told, "big"), opaque(&told, "big.i")),
        (OpaqueReason::TooLarge, OpaqueReason::TooLarge)
    );
    assert!(state(&told, "fits").content().is_some() && state(&told, "fits.i").content().is_some());
    bench.wait();
    assert_eq!(bench.scan(Mode::Reconcile).get("big"), None);
    bench.track.file_max = ByteSize(11);
    assert_eq!(
        state(&bench.scan(Mode::Reconcile), "big").content(),
        file("12345678901", 0).content()
    );
    // Taking the rule away changes which limit holds, and that the path is ignored.
    bench.write(".gitignore", "");
    let told = bench.scan(Mode::Reconcile);
    assert_eq!(state(&told, "big.i").content(), file("12345", 0).content());
    let Outcome::State(known) = told["fits.i"] else {
        panic!("{told:?}")
    };
    assert!(!known.ignored);
}

#[test]
fn what_cannot_be_read_is_opaque_until_it_can() {
    let mut bench = Bench::new();
    bench.write("f", "1");
    bench.world.root.user_fifo("pipe").unwrap();
    // The first file that is opened is the repository's `info/exclude`.
    bench.world.faults.fail_after(Op::Open, 1, 1, Errno::ACCESS);
    let told = bench.scan(Mode::Baseline);
    assert_eq!(opaque(&told, "f"), OpaqueReason::Unreadable);
    assert_eq!(opaque(&told, "pipe"), OpaqueReason::Unsupported);
    assert_eq!(
        state(&bench.scan(Mode::Reconcile), "f").content(),
        file("1", 0).content()
    );
    bench.write("f", "2");
    bench.world.faults.fail_next(Op::Read, Errno::IO);
    assert_eq!(
        opaque(&bench.look(&["f"], What::Single), "f"),
        OpaqueReason::Unreadable
    );
    *bench.sink.full.lock() = true;
    assert_eq!(
        opaque(&bench.look(&["f"], What::Single), "f"),
        OpaqueReason::StoreFull
    );
    *bench.sink.full.lock() = false;
    assert_eq!(
        state(&bench.scan(Mode::Reconcile), "f").content(),
        file("2", 0).content()
    );
}

#[test]
fn large_content_is_streamed_and_only_hashed_when_it_is_known() {
    let mut bench = Bench::new();
    let large: Vec<u8> = (0..9_000_000_u32).map(|i| (i % 251) as u8).collect();
    bench.write("large", &large);
    let told = bench.scan(Mode::Baseline);
    assert_eq!(state(&told, "large").content(), file(&large, 0).content());
    bench.sink.puts.lock().clear();
    bench.wait();
    bench.write("large", &large);
    bench.wait();
    let told = bench.look(&["large"], What::Single);
    assert!(
        matches!(told["large"], Outcome::Unchanged { stat: Some(_) }),
        "{told:?}"
    );
    assert!(bench.sink.puts.lock().is_empty());
    bench.world.root.user_append("large", "!").unwrap();
    let told = bench.look(&["large"], What::Single);
    assert_eq!(
        state(&told, "large").content(),
        file([large.as_slice(), b"!"].concat(), 0).content()
    );
    bench.assert_exact();
}

#[test]
fn a_fresh_signature_is_not_trusted() {
    for granularity in [1_000_000, 10_000_000, 2_000_000_000] {
        let mut options = WorldOptions::new(5);
        options.root.granularity = Granularity::Coarse(granularity);
        let mut bench = Bench::over(SimWorld::new(options));
        bench.wait();
        bench.write("f", "one");
        let told = bench.scan(Mode::Baseline);
        assert!(
            matches!(told["f"], Outcome::State(Known { stat: None, .. })),
            "{granularity}: {told:?}"
        );
        // The same size within the same tick: no time stamp tells.
        bench.write("f", "two");
        let told = bench.scan(Mode::Reconcile);
        assert_eq!(
            state(&told, "f").content(),
            file("two", 0).content(),
            "{granularity}"
        );
        bench.wait();
        let told = bench.scan(Mode::Reconcile);
        assert!(
            matches!(told["f"], Outcome::Unchanged { stat: Some(_) }),
            "{granularity}: {told:?}"
        );
        assert_eq!(bench.scan(Mode::Reconcile), BTreeMap::new());
    }
}

#[test]
fn a_strict_look_reads_what_somebody_may_be_writing() {
    let mut bench = Bench::new();
    bench.write("f", "one");
    bench.wait();
    bench.scan(Mode::Baseline);
    let writer = bench.world.root.user_open("f").unwrap();
    let stale = bench.tree.get(&rel("f")).unwrap();
    // As after a store through a mapping: the bytes differ from what is known, the signature does not.
    let lied = Known {
        state: file("two", 0o644),
        ..stale
    };
    for (paths, mode) in [(Some(What::Strict), None), (None, Some(Mode::Strict))] {
        bench.tree.0.insert(rel("f"), lied);
        assert_eq!(bench.scan(Mode::Reconcile), BTreeMap::new());
        let told = match (paths, mode) {
            (Some(what), _) => bench.look(&["f"], what),
            (_, mode) => bench.scan(mode.unwrap()),
        };
        assert_eq!(state(&told, "f").content(), file("one", 0).content());
    }
    drop(writer);
}

#[test]
fn every_entry_seen_by_two_threads_is_told_with_its_kind() {
    let counted = shared(0_u32);
    let mut bench = Bench::new();
    bench.write("f", "1");
    let count = Arc::clone(&counted);
    bench
        .world
        .root
        .before(Op::Lstat, 0, move |_| *count.lock() += 1);
    bench.look(&["f"], What::Single);
    assert_eq!(*counted.lock(), 1, "one lstat begins every single look");
}
