//! Edits that land between the look and the exchange, at every call of the protocol: never lost, and
//! with `Keep` never displaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aft_model::ConflictReason;
use aft_testkit::SimWorld;
use aft_testkit::sim::{Op, SimRoot};

use super::support::*;
use crate::{OnConflict, StepOutcome};

const TOKEN: &[u8] = b"typed by a person a moment ago";
const CALLS: [Op; 8] = [
    Op::Lstat,
    Op::Open,
    Op::ReadLink,
    Op::HasWriter,
    Op::RenameNew,
    Op::Exchange,
    Op::SetMode,
    Op::RemoveDir,
];

/// Says whether the token was written.
type Edit = fn(&SimRoot) -> bool;

/// Every way to save a file.
const EDITS: [(&str, Edit); 4] = [
    ("in place", |root| root.user_write("a", TOKEN).is_ok()),
    ("atomic save", |root| root.user_save("a", TOKEN).is_ok()),
    ("removed and made anew", |root| {
        drop(root.user_remove("a"));
        root.user_write("a", TOKEN).is_ok()
    }),
    ("unlinked", |root| {
        drop(root.user_remove("a"));
        false
    }),
];

fn plans() -> Vec<(&'static str, Tree, Tree)> {
    let absent = || tree([("z", file("z"))]);
    let with = |item: Item| tree([("a", item), ("z", file("z"))]);
    vec![
        ("create", absent(), with(file("target"))),
        ("modify", with(file("before")), with(file("target"))),
        ("delete", with(file("before")), absent()),
        (
            "mode",
            with(file("before")),
            with(Item::File(b"before".to_vec(), 0o755)),
        ),
        ("to link", with(file("before")), with(link("z"))),
        ("from link", with(link("z")), with(file("target"))),
        ("to directory", with(file("before")), with(DIR)),
        ("from directory", with(DIR), with(file("target"))),
    ]
}

#[test]
fn an_edit_at_any_call_is_on_disk_or_captured() {
    let mut hit = 0;
    for (plan, before, after) in plans() {
        for (how, edit) in EDITS {
            for call in CALLS {
                for skip in 0..6 {
                    for policy in [OnConflict::Keep, OnConflict::Force] {
                        hit += u32::from(one_race(
                            plan,
                            &before,
                            &after,
                            (how, edit),
                            (call, skip),
                            policy,
                        ));
                    }
                }
            }
        }
    }
    assert!(hit > 300, "only {hit} races were run");
}

/// True where the edit landed.
fn one_race(
    plan: &str,
    before: &Tree,
    after: &Tree,
    (how, edit): (&str, Edit),
    (call, skip): (Op, u64),
    policy: OnConflict,
) -> bool {
    let what = format!("{plan}, {how} before {call:?} number {skip}, {policy:?}");
    let world = SimWorld::of_seed(3);
    build(&world.root, before);
    world.sync_all();
    let blobs = Blobs::of(&[before, after]);
    let landed = Arc::new(AtomicBool::new(false));
    let flag = landed.clone();
    let ran = run(
        &world.root,
        &blobs,
        &operation(before, after),
        policy,
        || {
            world.root.before(call, skip, move |root| {
                flag.store(edit(root), Ordering::Relaxed)
            });
        },
    );
    let landed = landed.load(Ordering::Relaxed);
    // An edit that was not reached must not come while the outcome is looked at.
    world.kill();
    assert!(!ran.report.partial, "{what}: {:#?}", ran.report.results);
    if landed {
        let names = on_disk_names(&world);
        let kept = names
            .iter()
            .any(|name| world.root.peek(name).as_deref() == Some(TOKEN))
            || ran.sink.has(TOKEN);
        assert!(kept, "{what}: lost; {:#?} {names:?}", ran.report);
    }
    let z = world.root.peek("z");
    assert!(
        z.as_deref() == Some(b"z") || landed && z.as_deref() == Some(TOKEN),
        "{what}: a bystander was touched"
    );
    assert!(
        !on_disk_names(&world)
            .iter()
            .any(|name| name.starts_with(".afterimage")),
        "{what}: staging is left"
    );
    for result in &ran.report.results {
        if let StepOutcome::Conflict { reason, .. } = &result.outcome {
            assert!(
                matches!(
                    reason,
                    ConflictReason::ChangedNow | ConflictReason::DirectoryInUse
                ),
                "{what}"
            );
        }
    }
    landed
}

fn on_disk_names(world: &SimWorld) -> Vec<String> {
    on_disk(&world.root).into_keys().collect()
}

#[test]
fn keep_puts_a_late_edit_back_and_says_so() {
    let before = tree([("a", file("before"))]);
    let after = tree([("a", file("target"))]);
    let world = SimWorld::of_seed(1);
    build(&world.root, &before);
    let ran = run(
        &world.root,
        &Blobs::of(&[&before, &after]),
        &operation(&before, &after),
        OnConflict::Keep,
        || {
            world
                .root
                .before(Op::Exchange, 0, |root| root.user_save("a", TOKEN).unwrap());
        },
    );
    assert_eq!(world.root.peek("a").as_deref(), Some(TOKEN));
    assert!(ran.sink.has(TOKEN));
    assert_eq!(ran.report.late.len(), 1);
    let outcome = &ran.report.results[0].outcome;
    assert!(matches!(
        outcome,
        StepOutcome::Conflict {
            reason: ConflictReason::ChangedNow,
            found: Some(_)
        }
    ));
}

#[test]
fn the_newest_of_two_late_edits_stays_on_disk_and_both_are_captured() {
    let before = tree([("a", file("before"))]);
    let after = tree([("a", file("target"))]);
    let world = SimWorld::of_seed(1);
    build(&world.root, &before);
    let ran = run(
        &world.root,
        &Blobs::of(&[&before, &after]),
        &operation(&before, &after),
        OnConflict::Keep,
        || {
            world.root.before(Op::Exchange, 0, |root| {
                root.user_save("a", "first").unwrap()
            });
            world.root.before(Op::Exchange, 1, |root| {
                root.user_save("a", "second").unwrap()
            });
        },
    );
    assert_eq!(world.root.peek("a").as_deref(), Some(&b"second"[..]));
    assert!(
        ran.sink.has(b"first") && ran.sink.has(b"second"),
        "{:?}",
        ran.sink.kept
    );
    assert_eq!(on_disk_names(&world), ["a"]);
}

#[test]
fn force_takes_the_target_and_captures_what_was_there() {
    let before = tree([("a", file("before")), ("b", file("b"))]);
    let after = tree([
        ("a", file("target")),
        ("b", Item::File(b"b".to_vec(), 0o755)),
    ]);
    let world = SimWorld::of_seed(1);
    build(&world.root, &before);
    let ran = run(
        &world.root,
        &Blobs::of(&[&before, &after]),
        &operation(&before, &after),
        OnConflict::Force,
        || {
            world.root.user_save("a", TOKEN).unwrap();
            world.root.user_write("b", "late b").unwrap();
        },
    );
    assert!(ran.report.is_complete(), "{:#?}", ran.report.results);
    assert!(ran.sink.has(TOKEN) && ran.sink.has(b"late b"));
    assert_eq!(on_disk(&world.root), states(&after));
}

#[test]
fn nothing_is_displaced_that_the_sink_cannot_keep() {
    for policy in [OnConflict::Keep, OnConflict::Force] {
        let before = tree([("a", file("before")), ("b", file("b"))]);
        let after = tree([("a", file("target"))]);
        let world = SimWorld::of_seed(1);
        build(&world.root, &before);
        let blobs = Blobs::of(&[&before, &after]);
        let there = operation(&before, &after);
        let stats = signatures(&world.root, &there);
        let stats = |path: &aft_model::RelPath| stats.get(path).copied();
        let task = crate::Task {
            operation: &there,
            policy,
            set_id: crate::SetIdBits::Drop,
            stats: &stats,
        };
        let applier = crate::Applier::new(&world.root, &blobs);
        let staged = applier
            .stage(&task, &applier.check(&task).prepared)
            .unwrap();
        world
            .root
            .before(Op::Exchange, 0, |root| root.user_save("a", TOKEN).unwrap());
        let mut sink = Sink {
            refuses: true,
            ..Sink::default()
        };
        let report = applier.apply(&task, staged, &mut sink).unwrap();
        assert!(report.partial);
        assert_eq!(world.root.peek("a").as_deref(), Some(TOKEN));
        assert_eq!(
            report.results[1].outcome,
            StepOutcome::NotReached,
            "deletes come after all replacements"
        );
        assert!(world.root.peek("b").is_some());
    }
}

#[test]
fn a_file_put_into_a_directory_that_goes_is_kept() {
    let before = tree([
        ("d", DIR),
        ("d/x", file("x")),
        ("f", DIR),
        ("f/x", file("x")),
    ]);
    let after = tree([("f", file("file"))]);
    for call in [Op::RemoveDir, Op::Exchange, Op::Scan] {
        let world = SimWorld::of_seed(1);
        build(&world.root, &before);
        let blobs = Blobs::of(&[&before, &after]);
        let ran = run(
            &world.root,
            &blobs,
            &operation(&before, &after),
            OnConflict::Force,
            || {
                world.root.before(call, 0, |root| {
                    drop(root.user_write("d/late", TOKEN));
                    drop(root.user_write("f/late", TOKEN));
                });
            },
        );
        world.kill();
        assert_eq!(
            world.root.peek("d/late").as_deref(),
            Some(TOKEN),
            "{call:?} {:#?}",
            ran.report.results
        );
        // By the first removal the file has taken the directory's place, and nothing could be put into it.
        let kept = if call == Op::RemoveDir {
            None
        } else {
            Some(TOKEN)
        };
        assert_eq!(
            world.root.peek("f/late").as_deref(),
            kept,
            "{call:?} {:#?}",
            ran.report.results
        );
        assert!(!ran.report.is_complete());
        assert!(
            !on_disk_names(&world)
                .iter()
                .any(|name| name.starts_with(".afterimage"))
        );
    }
}

#[test]
fn a_deleted_staging_is_made_anew() {
    let (before, after) = every_kind();
    let world = SimWorld::of_seed(1);
    build(&world.root, &before);
    let ran = run(
        &world.root,
        &Blobs::of(&[&before, &after]),
        &operation(&before, &after),
        OnConflict::Keep,
        || {
            world.root.before(Op::Exchange, 3, |root| {
                root.user_remove_all(".afterimage").unwrap()
            });
        },
    );
    assert!(ran.report.is_complete(), "{:#?}", ran.report.results);
    assert_eq!(on_disk(&world.root), states(&after));
}

#[test]
fn a_file_system_without_exchange_is_served_by_renames() {
    let (before, after) = every_kind();
    let mut options = aft_testkit::sim::WorldOptions::new(1);
    options.root.no_exchange = true;
    let world = SimWorld::new(options);
    build(&world.root, &before);
    let blobs = Blobs::of(&[&before, &after]);
    let ran = run(
        &world.root,
        &blobs,
        &operation(&before, &after),
        OnConflict::Keep,
        || {},
    );
    assert!(ran.report.is_complete(), "{:#?}", ran.report.results);
    assert_eq!(on_disk(&world.root), states(&after));
}
