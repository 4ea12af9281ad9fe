//! What both backends promise is tested in `watch/backend_tests.rs`; here is what only the raw one does.

use super::*;
use crate::watch::backend_tests::{Fixture, path};
use crate::watch::{Signal, SignalKind};

fn start(root: Arc<RealRoot>, cookies: &Path, sink: Arc<dyn SignalSink>) -> Box<dyn Watch> {
    Box::new(InotifyWatch::start(root, cookies, sink).unwrap())
}

#[test]
fn a_watch_follows_a_renamed_directory_when_it_is_armed_again() {
    let fixture = Fixture::new(start);
    fixture.make_dir("old");
    fixture.watch.add(&RelPath::root()).unwrap();
    fixture.watch.add(&path("old")).unwrap();
    fixture.rename("old", "new");
    let signals = fixture.until_cookie();
    let pair = signals.iter().find_map(|signal| match signal {
        Signal::Changed {
            path: at,
            kind: SignalKind::MovedFrom { pair, dir: true },
        } if *at == path("old") => Some(*pair),
        _ => None,
    });
    let expected = Signal::Changed {
        path: path("new"),
        kind: SignalKind::MovedTo {
            pair: pair.unwrap(),
            dir: true,
        },
    };
    assert!(signals.contains(&expected), "{signals:?}");
    // The new name takes the watch over, and forgetting the old one does not end it.
    fixture.watch.add(&path("new")).unwrap();
    fixture.watch.remove_tree(&path("old"));
    assert_eq!(fixture.watch.len(), 2);
    fixture.write("new/file");
    assert!(fixture.paths_until_cookie().contains(&path("new/file")));
}

#[test]
fn writes_in_one_batch_are_told_once_but_never_after_a_cookie() {
    use std::io::Write;
    let fixture = Fixture::new(start);
    fixture.watch.add(&RelPath::root()).unwrap();
    let mut file = std::fs::File::create(fixture.at("file")).unwrap();
    for number in 0..50 {
        file.write_all(b"x").unwrap();
        fixture.watch.place_cookie(number).unwrap();
    }
    // Between two cookies stands exactly one write, whatever the batches were.
    let mut signals = Vec::new();
    while signals.last() != Some(&Signal::Cookie(49)) {
        signals.extend(fixture.next());
    }
    let writes = signals
        .split(|signal| matches!(signal, Signal::Cookie(_)))
        .map(|part| {
            part.iter()
                .filter(|signal| {
                    matches!(
                        signal,
                        Signal::Changed {
                            kind: SignalKind::Modified,
                            ..
                        }
                    )
                })
                .count()
        });
    assert_eq!(writes.collect::<Vec<_>>(), [vec![1; 50], vec![0]].concat());
}

/// Makes more events than the queue holds; `one` is there.
fn overflow(fixture: &Fixture) {
    let queue: usize = std::fs::read_to_string("/proc/sys/fs/inotify/max_queued_events")
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    // Each rename is two events, and makes and frees no inode. The drain may have one full buffer in its hands.
    for _ in 0..queue.div_ceil(4) + 2_500 {
        fixture.rename("one", "two");
        fixture.rename("two", "one");
    }
}

#[test]
fn a_queue_that_overflows_says_so_and_goes_on() {
    let fixture = Fixture::new(start);
    fixture.watch.add(&RelPath::root()).unwrap();
    fixture.write("one");
    // The drain waits for the sink, which is what a stopped process looks like to the kernel.
    let held = fixture.hold_sink();
    overflow(&fixture);
    drop(held);
    fixture.wait_for(|signal| *signal == Signal::Overflow);
    fixture.write("after");
    assert!(fixture.paths_until_cookie().contains(&path("after")));
}

#[test]
fn adding_and_removing_thousands_of_directories_is_quick() {
    let fixture = Fixture::new(start);
    let mut dirs = vec![RelPath::root()];
    for outer in 0..50 {
        fixture.make_dir(&format!("d{outer}"));
        dirs.push(path(format!("d{outer}")));
        for inner in 0..20 {
            fixture.make_dir(&format!("d{outer}/{inner}"));
            dirs.push(path(format!("d{outer}/{inner}")));
        }
    }
    let start = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    for dir in &dirs {
        fixture.watch.add(dir).unwrap();
    }
    assert_eq!(fixture.watch.len(), dirs.len());
    fixture.watch.remove_tree(&RelPath::root());
    let end = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    assert_eq!(fixture.watch.len(), 0);
    // Some 10 ms in truth; a quadratic removal would take seconds.
    assert!(end.tv_sec - start.tv_sec < 5);
    fixture.write("d1/unseen");
    assert!(fixture.paths_until_cookie().is_empty());
}

#[test]
fn cookies_lie_in_memory_and_touch_no_directory() {
    let fixture = Fixture::new(start);
    let before = changed(&fixture);
    fixture.watch.place_cookie(77).unwrap();
    fixture.wait_for(|signal| *signal == Signal::Cookie(77));
    assert_eq!(changed(&fixture), before);
}

#[test]
fn cookies_that_an_overflow_swallowed_leave_room_for_others() {
    let fixture = Fixture::new(start);
    fixture.watch.add(&RelPath::root()).unwrap();
    fixture.write("one");
    let held = fixture.hold_sink();
    overflow(&fixture);
    for number in 100..150 {
        fixture.watch.place_cookie(number).unwrap();
    }
    drop(held);
    fixture.wait_for(|signal| *signal == Signal::Overflow);
    let before = changed(&fixture);
    for number in 200..250 {
        fixture.watch.place_cookie(number).unwrap();
        fixture.wait_for(|signal| *signal == Signal::Cookie(number));
    }
    assert_eq!(changed(&fixture), before);
}

#[test]
fn a_cookie_left_by_a_killed_process_is_no_obstacle() {
    let fixture = Fixture::new(start);
    for number in 77..127 {
        let left = fixture.cookie_dir().join(number.to_string());
        std::fs::File::create(left).unwrap();
    }
    let before = changed(&fixture);
    // So many at once that some lie in the directory.
    for number in 77..127 {
        fixture.watch.place_cookie(number).unwrap();
    }
    fixture.wait_for(|signal| *signal == Signal::Cookie(126));
    assert_ne!(changed(&fixture), before);
}

/// When a name was last made or removed in the cookie directory.
fn changed(fixture: &Fixture) -> std::time::SystemTime {
    let dir = std::fs::metadata(fixture.cookie_dir()).unwrap();
    dir.modified().unwrap()
}

#[test]
fn the_thread_ends_with_its_watcher() {
    let fixture = Fixture::new(start);
    let sink = Arc::downgrade(&fixture.sink);
    drop(fixture);
    assert_eq!(sink.strong_count(), 0);
}

/// The limit is the user's, so it is lowered in a user namespace, in a run of this test by itself.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test starts itself in a namespace"
)]
fn at_the_watch_limit_the_error_says_what_to_raise() {
    const INSIDE: &str = "AFT_TEST_WATCH_LIMIT";
    if std::env::var_os(INSIDE).is_none() {
        let me = std::env::current_exe().unwrap();
        let name = "watch::inotify::tests::at_the_watch_limit_the_error_says_what_to_raise";
        let script = "echo 3 > /proc/sys/user/max_inotify_watches || exit 77; exec \"$0\" --exact \"$1\" --nocapture";
        let run = std::process::Command::new("unshare")
            .args(["-U", "-r", "sh", "-c", script])
            .arg(me)
            .arg(name)
            .env(INSIDE, "1")
            .status();
        // Where namespaces are forbidden there is nothing to test with.
        assert!(
            matches!(run.map(|status| status.code()), Ok(Some(0 | 77))),
            "the limited run failed"
        );
        return;
    }
    let fixture = Fixture::new(start);
    let mut outcome = fixture.watch.add(&RelPath::root());
    for number in 0..3 {
        fixture.make_dir(&format!("d{number}"));
        outcome = outcome.and_then(|()| fixture.watch.add(&path(format!("d{number}"))));
    }
    let Err(WatchError::Limit { limit, raised }) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(raised > limit);
    // What is armed goes on.
    fixture.write("seen");
    assert!(fixture.paths_until_cookie().contains(&path("seen")));
}
