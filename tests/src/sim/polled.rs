//! Directories that give no events, in one world with one limit: that it is said, and that each fence looks itself.

use super::bench::{Bench, path, to};

#[test]
fn a_directory_that_cannot_be_watched_any_more_degrades_the_workspace_and_says_why() {
    let mut bench = Bench::with_watch_limit(1);
    assert_eq!(bench.workspace.shared().standing.lock().state, "armed");
    bench.world.root.user_mkdir("d").unwrap();
    bench.settle();
    let standing = bench.workspace.shared().standing.lock().clone();
    assert_eq!(standing.polled, [path("d")]);
    assert_eq!(standing.state, "degraded");
    let says = |reason: &String| reason.contains("1 directories give no events");
    assert!(standing.reasons.iter().any(says), "{:?}", standing.reasons);
}

#[test]
fn a_go_back_that_waited_looks_at_directories_without_events_when_its_fence_begins() {
    let mut bench = Bench::with_watch_limit(1);
    bench.world.root.user_mkdir("d").unwrap();
    bench.world.root.user_write("d/x", "one").unwrap();
    bench.settle();
    assert_eq!(bench.workspace.polled(), [path("d")]);
    let point = bench.head();
    bench.world.root.user_write("a", "two").unwrap();
    bench.settle();
    bench.ask(1, to(point, &["a"]));
    bench.ask(2, to(point, &["a"]));
    // Both are asked for; what was looked at for the second then is old when its turn comes.
    for _ in 0..4 {
        bench.workspace.actor();
    }
    bench.workspace.look();
    bench.world.root.user_write("d/new", "unseen").unwrap();
    while bench.answers.len() < 2 {
        bench.turn();
        bench.world.clock.advance_ns(1000);
    }
    assert!(
        bench.workspace.tree().get(&path("d/new")).is_some(),
        "the second one's fence was asked for before and begins after it was written"
    );
}
