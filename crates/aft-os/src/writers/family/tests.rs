//! Lines of processes from what is told of them: numbers that are given away, and what is kept over a loss.

use super::{Family, Fork, Process, Up};
use std::sync::Arc;

fn told() -> Family {
    let mut family = Family::of_forks(None);
    family.is_told = true;
    family.seeded_ns = Some(0);
    family.hold(
        Arc::new(Process {
            pid: 1,
            start: 1,
            depth: 0,
            up: Up::First,
        }),
        0,
    );
    family
}

fn begin(family: &mut Family, parent: u32, child: u32) {
    let at_ns = 1;
    family.hear(
        Fork::Began {
            parent,
            child,
            at_ns,
        },
        &[],
    );
}

fn line(family: &Family, pid: u32) -> Vec<u32> {
    let process = &family.now[&pid].process;
    process.line().map(|process| process.pid).collect()
}

#[test]
fn a_child_keeps_its_line_when_a_number_in_it_is_given_away() {
    let mut family = told();
    begin(&mut family, 1, 100);
    begin(&mut family, 100, 200);
    begin(&mut family, 1, 300);
    family.hear(Fork::Ended(100), &[]);
    // 300 begins another 100.
    family.round += 1;
    begin(&mut family, 300, 100);
    let first = Arc::clone(&family.now[&200].process);
    assert_eq!(line(&family, 200), [200, 100, 1]);
    let second = &family.now[&100].process;
    assert!(first.line().all(|process| !Arc::ptr_eq(process, second)));
    assert_eq!(line(&family, 100), [100, 300, 1]);
    // Nobody knows which of the two it was that wrote just now.
    assert!(family.writer(100, None).is_none());
    assert!(family.writer(200, None).is_some());
    family.round += 1;
    assert!(family.writer(100, None).is_some());
}

#[test]
fn a_process_that_is_known_is_not_asked_for_again_though_it_has_ended() {
    let mut family = told();
    // No such process is here.
    begin(&mut family, 1, u32::MAX - 1);
    begin(&mut family, u32::MAX - 1, u32::MAX);
    assert!(family.now[&u32::MAX].process.is_whole());
}

#[test]
fn one_that_was_found_before_its_begin_was_told_gets_its_parent_unless_it_is_followed() {
    let mut family = told();
    family.seeded_ns = Some(10);
    begin(&mut family, 1, 100);
    begin(&mut family, 1, 200);
    let found = Arc::clone(&family.now[&200].process);
    let began = Fork::Began {
        parent: 100,
        child: 200,
        at_ns: 9,
    };
    family.hear(began, &[Arc::clone(&found)]);
    assert!(Arc::ptr_eq(&family.now[&200].process, &found));
    family.hear(began, &[]);
    assert_eq!(line(&family, 200), [200, 100, 1]);
    assert!(family.writer(200, None).is_some());
}

#[test]
fn a_line_without_its_beginning_is_not_whole() {
    let mut family = told();
    begin(&mut family, 1, 100);
    assert!(family.now[&100].process.is_whole());
    begin(&mut family, u32::MAX, 101);
    assert!(!family.now[&101].process.is_whole());
}

#[test]
fn a_line_does_not_grow_for_ever() {
    let mut family = told();
    for pid in 2..2000 {
        begin(&mut family, pid - 1, pid);
    }
    assert!(line(&family, 1999).len() <= 1 + usize::from(super::DEPTH_MAX));
}

#[test]
fn the_one_that_runs_this_is_found_with_its_ancestors() {
    let mut family = Family::of_forks(None);
    let me = family.found(std::process::id()).unwrap();
    assert!(me.is_whole());
    assert!(me.line().count() > 1);
    let began = super::began_ns(std::process::id()).unwrap();
    let now = super::nanoseconds(rustix::time::ClockId::Realtime);
    assert!(began <= now + 1_000_000_000, "began {began}, now {now}");
    assert!(now - began < 3_600_000_000_000);
}
