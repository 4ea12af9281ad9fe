//! Signals as inotify raises, orders, merges and loses them.

use aft_os::{ReadDir, Signal, SignalKind, Watch, WatchError, WriteDir};

use super::*;

fn armed(world: &SimWorld, dirs: &[&str]) -> (SimWatch, Collector) {
    let collector = Collector::new();
    let watch = world.watch(collector.sink());
    for dir in dirs {
        watch.add(&p(dir)).unwrap();
    }
    (watch, collector)
}

fn changed(path: &str, kind: SignalKind) -> Signal {
    Signal::Changed {
        path: p(path),
        kind,
    }
}

fn heard(watch: &SimWatch, collector: &Collector) -> Vec<Signal> {
    watch.deliver_all();
    collector.take()
}

#[test]
fn a_write_raises_created_modified_closed_in_armed_directories_only() {
    let world = SimWorld::of_seed(1);
    world.root.user_mkdir("seen").unwrap();
    world.root.user_mkdir("unseen").unwrap();
    let (watch, collector) = armed(&world, &["", "seen"]);
    world.root.user_write("unseen/f", "1").unwrap();
    world.root.user_write("seen/f", "1").unwrap();
    world.root.user_append("seen/f", "2").unwrap();
    let (created, modified, closed) = (
        SignalKind::Created { dir: false },
        SignalKind::Modified,
        SignalKind::Closed,
    );
    let expected =
        [created, modified, closed, modified, closed].map(|kind| changed("seen/f", kind));
    assert_eq!(heard(&watch, &collector), expected);
}

#[test]
fn a_new_chain_of_directories_raises_only_its_top() {
    let world = SimWorld::of_seed(1);
    let (watch, collector) = armed(&world, &[""]);
    world.root.user_mkdir("a/b/c").unwrap();
    world.root.user_write("a/b/c/f", "1").unwrap();
    assert_eq!(
        heard(&watch, &collector),
        [changed("a", SignalKind::Created { dir: true })]
    );
}

#[test]
fn signals_wait_until_they_are_delivered_and_keep_their_order_with_cookies() {
    let world = SimWorld::of_seed(1);
    let (watch, collector) = armed(&world, &[""]);
    world.root.user_symlink("a", "x").unwrap();
    watch.place_cookie(7).unwrap();
    world.root.user_remove("a").unwrap();
    assert_eq!(collector.take(), []);
    assert_eq!((watch.pending(), watch.deliver(2)), (3, 2));
    assert_eq!(
        collector.take(),
        [
            changed("a", SignalKind::Created { dir: false }),
            Signal::Cookie(7)
        ]
    );
    assert_eq!(
        heard(&watch, &collector),
        [changed("a", SignalKind::Removed { dir: false })]
    );
}

#[test]
fn an_atomic_save_and_an_exchange_are_paired_moves() {
    let world = SimWorld::of_seed(1);
    world.root.user_write("f", "1").unwrap();
    world.root.user_write("g", "2").unwrap();
    let (watch, collector) = armed(&world, &[""]);
    world.root.user_save("f", "3").unwrap();
    let save = heard(&watch, &collector);
    let from = SignalKind::MovedFrom {
        pair: 1,
        dir: false,
    };
    assert_eq!(
        save[save.len() - 2..],
        [
            changed(".f.swp~", from),
            changed(
                "f",
                SignalKind::MovedTo {
                    pair: 1,
                    dir: false
                }
            )
        ]
    );
    world.root.exchange(&p("f"), &p("g")).unwrap();
    let moves = [
        changed(
            "f",
            SignalKind::MovedFrom {
                pair: 2,
                dir: false,
            },
        ),
        changed(
            "g",
            SignalKind::MovedTo {
                pair: 2,
                dir: false,
            },
        ),
        changed(
            "g",
            SignalKind::MovedFrom {
                pair: 3,
                dir: false,
            },
        ),
        changed(
            "f",
            SignalKind::MovedTo {
                pair: 3,
                dir: false,
            },
        ),
    ];
    assert_eq!(heard(&watch, &collector), moves);
}

/// A watched directory with a subdirectory is moved, and something is made in it. What is heard and what is
/// still armed, without and with the new name being armed before the queue is drained.
fn moved(habits: Habits, rearm: bool) -> (Vec<String>, Vec<RelPath>) {
    let mut options = WorldOptions::new(1);
    options.root.watch.habits = habits;
    let world = SimWorld::new(options);
    world.root.user_mkdir("d/sub").unwrap();
    let (watch, collector) = armed(&world, &["", "d", "d/sub"]);
    world.root.user_rename("d", "e").unwrap();
    world.root.user_symlink("e/sub/l", "x").unwrap();
    if rearm {
        watch.add(&p("e")).unwrap();
        watch.add(&p("e/sub")).unwrap();
    }
    assert_eq!(watch.len(), 3);
    let name = |signal| match signal {
        Signal::Changed { path, .. } => path.display(),
        other => format!("{other:?}"),
    };
    let names = heard(&watch, &collector).into_iter().map(name).collect();
    (names, watch.armed())
}

#[test]
fn a_moved_directory_keeps_its_old_name_until_it_is_armed_again() {
    let (names, armed) = moved(Habits::Inotify, false);
    assert_eq!(names, ["d", "e", "d/sub/l"]);
    assert_eq!(armed, [p(""), p("d"), p("d/sub")]);
    let (names, armed) = moved(Habits::Inotify, true);
    assert_eq!(names, ["d", "e", "e/sub/l"], "named when it is drained");
    assert_eq!(armed, [p(""), p("e"), p("e/sub")]);
    let (names, armed) = moved(Habits::Notify, false);
    assert_eq!(names, ["d", "e", "d/sub/l"]);
    assert_eq!(armed, [p("")], "the move disarms what was moved");
    let (names, armed) = moved(Habits::Notify, true);
    assert_eq!(names, ["d", "e", "d/sub/l"], "named when it was queued");
    assert_eq!(armed, [p(""), p("e"), p("e/sub")]);
}

#[test]
fn what_waits_when_a_watch_is_removed_vanishes_or_comes_late() {
    for (habits, count) in [(Habits::Inotify, 0), (Habits::Notify, 1)] {
        let mut options = WorldOptions::new(1);
        options.root.watch.habits = habits;
        let world = SimWorld::new(options);
        world.root.user_mkdir("d").unwrap();
        let (watch, collector) = armed(&world, &["d"]);
        world.root.user_symlink("d/l", "x").unwrap();
        watch.remove_tree(&p("d"));
        assert_eq!(heard(&watch, &collector).len(), count, "{habits:?}");
    }
}

#[test]
fn moves_over_the_border_have_one_end() {
    let world = SimWorld::of_seed(1);
    world.root.user_mkdir("d/sub").unwrap();
    let (watch, collector) = armed(&world, &["", "d"]);
    world.root.user_move_out("d").unwrap();
    world
        .root
        .user_move_in("new", &[("x/y", b"1"), ("z", b"2")])
        .unwrap();
    let expected = [
        changed("d", SignalKind::MovedFrom { pair: 1, dir: true }),
        changed("new", SignalKind::MovedTo { pair: 2, dir: true }),
    ];
    assert_eq!(heard(&watch, &collector), expected);
    assert_eq!(world.root.peek("new/x/y").unwrap(), b"1");
    assert!(world.root.lstat(&p("d")).unwrap().is_none());
}

#[test]
fn a_full_queue_overflows_once_and_loses_cookies_too() {
    let mut options = WorldOptions::new(1);
    options.root.watch.queue_limit = 3;
    let world = SimWorld::new(options);
    let (watch, collector) = armed(&world, &[""]);
    for i in 0..10 {
        world.root.user_symlink(format!("l{i}"), "x").unwrap();
    }
    watch.place_cookie(1).unwrap();
    let signals = heard(&watch, &collector);
    assert_eq!(signals.len(), 4);
    assert_eq!(signals[3], Signal::Overflow);
    watch.place_cookie(2).unwrap();
    assert_eq!(heard(&watch, &collector), [Signal::Cookie(2)]);
    watch.overflow_now();
    world.root.user_symlink("lost", "x").unwrap();
    assert_eq!(heard(&watch, &collector), [Signal::Overflow]);
    world.root.user_symlink("found", "x").unwrap();
    assert_eq!(heard(&watch, &collector).len(), 1);
}

#[test]
fn equal_signals_merge_at_the_tail_and_by_chance_further_back() {
    let count = |merge_in_thousand| {
        let mut options = WorldOptions::new(3);
        options.root.watch.merge_in_thousand = merge_in_thousand;
        let world = SimWorld::new(options);
        world.root.user_write("a", "0").unwrap();
        let (watch, collector) = armed(&world, &[""]);
        let file = world.root.user_open("a").unwrap();
        file.write("1").unwrap();
        file.write("2").unwrap();
        drop(file);
        world.root.user_append("a", "3").unwrap();
        heard(&watch, &collector).len()
    };
    assert_eq!(count(0), 4, "two writes at the tail are one signal");
    assert_eq!(count(1000), 2);
}

#[test]
fn arming_says_why_it_cannot() {
    let world = SimWorld::of_seed(1);
    world.root.user_mkdir("a").unwrap();
    world.root.user_write("f", "1").unwrap();
    world.root.user_symlink("l", "a").unwrap();
    let (watch, collector) = armed(&world, &[""]);
    for gone in ["f", "l", "none"] {
        assert!(
            matches!(watch.add(&p(gone)), Err(WatchError::Gone)),
            "{gone}"
        );
    }
    watch.set_options(WatchOptions {
        watch_limit: 1,
        ..WatchOptions::default()
    });
    assert!(matches!(
        watch.add(&p("a")),
        Err(WatchError::Limit {
            limit: 1,
            raised: 2
        })
    ));
    watch.add(&p("")).unwrap();
    watch.lose(&p(""));
    assert_eq!(heard(&watch, &collector), [Signal::WatchLost(p(""))]);
    watch.set_options(WatchOptions {
        unsupported: true,
        ..WatchOptions::default()
    });
    assert!(matches!(watch.add(&p("")), Err(WatchError::Unsupported)));
}

#[test]
fn root_loss_silent_stores_and_removed_directories() {
    let world = SimWorld::of_seed(1);
    world.root.user_mkdir("d").unwrap();
    world.root.user_write("f", "1").unwrap();
    let (watch, collector) = armed(&world, &["", "d"]);
    world.root.user_write_unseen("f", "2").unwrap();
    assert_eq!(heard(&watch, &collector), []);
    world.root.user_remove("d").unwrap();
    assert_eq!(
        heard(&watch, &collector),
        [changed("d", SignalKind::Removed { dir: true })]
    );
    assert_eq!(watch.armed(), [p("")]);
    watch.remove_tree(&p(""));
    world.root.user_move_root(true);
    assert_eq!(heard(&watch, &collector), []);
    watch.add(&p("")).unwrap();
    world.root.user_move_root(true);
    assert_eq!(heard(&watch, &collector), [Signal::RootGone]);
}
