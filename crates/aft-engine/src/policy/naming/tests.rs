//! Which states get names, and how few of them.

use aft_model::{
    Author, Change, ContentId, FileState, Keep, Operation, OperationId, OperationKind, RelPath,
    SessionId,
};

use super::super::{Cause, Decision, Happened, Judged, Outcome, Policy, Rule, Rules, Verdict};
use super::Naming;
use crate::policy::Action;

const SECOND: i64 = 1_000_000_000;

fn operation(number: u64, seconds: i64, paths: &[&str]) -> Operation {
    let file = |mark: u8| FileState::File {
        content: ContentId([mark; 32]),
        size: 10,
        mode: 0o644,
    };
    Operation {
        author: Author::Agent("a".to_owned()),
        time_ns: seconds * SECOND,
        session: Some(SessionId("s:1".to_owned())),
        ..Operation::bare(
            OperationId(number),
            OperationKind::Observed,
            paths
                .iter()
                .map(|path| Change {
                    path: RelPath::new(path).unwrap(),
                    before: file(1),
                    after: file(2),
                    renamed_from: None,
                })
                .collect(),
        )
    }
}

fn policy() -> Policy {
    Policy::new(Rules::default(), OperationId(1))
}

fn recorded(policy: &mut Policy, operation: &Operation, lines: u64) -> Vec<Naming> {
    named(policy.handle(Happened::Recorded { operation, lines }))
}

fn named(decisions: Vec<Decision>) -> Vec<Naming> {
    let name = |decision| match decision {
        Decision::MakeCheckpoint(naming) | Decision::MakeMilestone(naming) => Some(naming),
        _ => None,
    };
    decisions.into_iter().filter_map(name).collect()
}

#[test]
fn the_state_before_a_lock_file_changes_is_named_until_it_was_verified() {
    let mut policy = policy();
    assert_eq!(
        recorded(&mut policy, &operation(2, 1, &["src/a.rs"]), 1),
        []
    );
    let made = recorded(
        &mut policy,
        &operation(5, 2, &["Cargo.lock", "src/a.rs"]),
        1,
    );
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(
        made[0].at,
        OperationId(2),
        "the numbers between are not there"
    );
    assert_eq!(made[0].name, "before-dependency-change-5");
    assert_eq!(made[0].keep, Keep::UntilVerified);
    assert_eq!(made[0].why, "before Cargo.lock (Cargo) changed");
    // The same change goes on.
    assert_eq!(
        recorded(&mut policy, &operation(6, 3, &["Cargo.toml"]), 1),
        []
    );
    let later = recorded(&mut policy, &operation(7, 700, &["go.mod"]), 1);
    assert_eq!(later[0].at, OperationId(6));
}

#[test]
fn the_state_before_many_files_is_named_once_by_where_the_work_began() {
    let mut policy = policy();
    for number in 2..20 {
        let path = format!("src/{number}.rs");
        let made = recorded(&mut policy, &operation(number, 10, &[&path, "same.rs"]), 0);
        assert_eq!(made, [], "{number}");
    }
    let made = recorded(&mut policy, &operation(20, 20, &["src/last.rs"]), 7);
    assert_eq!(made[0].at, OperationId(1));
    assert_eq!(made[0].name, "before-large-refactor-20");
    assert_eq!(made[0].keep, Keep::Session);
    assert_eq!(made[0].cause, Cause::LargeRefactor);
}

#[test]
fn many_lines_are_enough_and_what_is_old_does_not_count() {
    let mut policy = policy();
    assert_eq!(recorded(&mut policy, &operation(2, 0, &["a"]), 600), []);
    assert_eq!(recorded(&mut policy, &operation(3, 601, &["a"]), 600), []);
    let made = recorded(&mut policy, &operation(4, 700, &["a"]), 600);
    assert_eq!(made[0].at, OperationId(2), "only the second stretch");
    // Within the window there is no second name.
    assert_eq!(recorded(&mut policy, &operation(5, 900, &["a"]), 5000), []);
}

#[test]
fn what_two_do_at_once_is_not_one_refactor() {
    let mut policy = policy();
    let mut other = operation(2, 1, &["a"]);
    other.session = Some(SessionId("s:2".to_owned()));
    assert_eq!(recorded(&mut policy, &other, 600), []);
    assert_eq!(recorded(&mut policy, &operation(3, 2, &["a"]), 600), []);
}

#[test]
fn ways_back_gaps_and_baselines_are_nobodys_work() {
    let mut policy = policy();
    for kind in OperationKind::ALL {
        let mut done = operation(2, 1, &["Cargo.toml"]);
        done.kind = kind;
        let is_work = matches!(kind, OperationKind::Observed | OperationKind::Edit);
        let made = recorded(&mut policy, &done, 5000);
        assert_eq!(is_work, !made.is_empty(), "{kind:?} {made:?}");
        policy = self::policy();
    }
    let mut first = Policy::new(Rules::default(), OperationId::NONE);
    let done = operation(1, 1, &["Cargo.toml"]);
    assert_eq!(
        recorded(&mut first, &done, 0),
        [],
        "nothing was there before"
    );
}

#[test]
fn what_became_complex_names_the_state_before_and_leaves_it_to_the_user() {
    let mut policy = policy();
    let mut tell = |number: u64, seconds: i64| {
        named(policy.handle(Happened::TooComplex {
            before: OperationId(number - 2),
            operation: OperationId(number),
            what: "`f` in a.rs:1 became complex: 12",
            now_ns: seconds * SECOND,
        }))
    };
    let made = tell(9, 1);
    assert_eq!(made[0].name, "before-complexity-9");
    assert_eq!((made[0].at, made[0].keep), (OperationId(7), Keep::User));
    assert_eq!(tell(10, 2), []);
}

#[test]
fn a_command_that_takes_away_names_the_state_it_finds() {
    let mut policy = policy();
    let tell = |policy: &mut Policy, command, seconds: i64| {
        named(policy.handle(Happened::Announced {
            head: OperationId(9),
            command,
            now_ns: seconds * SECOND,
        }))
    };
    assert_eq!(tell(&mut policy, "ls", 1), []);
    let made = tell(&mut policy, "sudo rm -rf build", 2);
    assert_eq!(made[0].name, "before-destructive-command-9");
    assert_eq!((made[0].at, made[0].keep), (OperationId(9), Keep::Session));
    assert_eq!(tell(&mut policy, "rm -rf x", 3), [], "not a flood");
    assert_eq!(tell(&mut policy, "git reset --hard", 70).len(), 1);
    // A clock that was set back begins anew.
    assert_eq!(tell(&mut policy, "rm x", 5).len(), 1);
}

fn judged(outcome: Outcome) -> Judged {
    Judged {
        check: "tests".to_owned(),
        outcome,
        acts: false,
        action: Action::Suggest,
        reason: String::new(),
    }
}

fn verdict<'a>(judged: &'a [Judged], unverified: &'a [(String, OperationId)]) -> Verdict<'a> {
    Verdict {
        now_ns: 0,
        operation: OperationId(8),
        head: OperationId(8),
        judged,
        is_whole: true,
        good: None,
        since: &[],
        unverified,
    }
}

#[test]
fn when_everything_passed_that_is_a_milestone_and_names_that_waited_are_let_go() {
    let waiting = [
        ("before-dependency-change-5".to_owned(), OperationId(4)),
        ("before-dependency-change-9".to_owned(), OperationId(8)),
    ];
    let passed = [judged(Outcome::Passed), judged(Outcome::Passed)];
    let decisions = policy().handle(Happened::Verdict(&verdict(&passed, &waiting)));
    assert_eq!(decisions.len(), 2, "{decisions:?}");
    assert_eq!(
        decisions[0],
        Decision::Release("before-dependency-change-5".to_owned())
    );
    let Decision::MakeMilestone(made) = &decisions[1] else {
        panic!("{decisions:?}");
    };
    assert_eq!((made.at, made.keep), (OperationId(8), Keep::Permanent));
    assert_eq!(made.name, "all-passed-8");

    for others in [Outcome::Failed, Outcome::Broken] {
        let some = [judged(Outcome::Passed), judged(others)];
        let decisions = policy().handle(Happened::Verdict(&verdict(&some, &waiting)));
        assert_eq!(decisions, [], "{others:?}");
    }
    let chosen = Verdict {
        is_whole: false,
        ..verdict(&passed, &waiting)
    };
    assert_eq!(policy().handle(Happened::Verdict(&chosen)), []);
    assert_eq!(
        policy().handle(Happened::Verdict(&verdict(&[], &waiting))),
        []
    );
}

#[test]
fn a_rule_that_is_off_names_nothing_and_one_with_a_class_of_its_own_keeps_it() {
    let off = Rules::default().without(Cause::DependencyChange);
    let mut policy = Policy::new(off, OperationId(1));
    let manifest = operation(2, 1, &["package.json"]);
    assert_eq!(recorded(&mut policy, &manifest, 0), []);

    let rule = Rule {
        keep: Keep::User,
        ..Rule::of(Cause::DependencyChange)
    };
    let own = Rules::none().with(Cause::DependencyChange, rule);
    let mut policy = Policy::new(own, OperationId(1));
    assert!(!policy.wants(Cause::LargeRefactor, 0));
    assert!(policy.wants(Cause::DependencyChange, 0));
    assert_eq!(recorded(&mut policy, &manifest, 9999)[0].keep, Keep::User);
}

#[test]
fn names_are_no_points_and_say_what_they_are() {
    for cause in Cause::ALL {
        let name = cause.name(OperationId(142));
        assert!(aft_model::CheckpointName::new(&name).is_ok(), "{name}");
        assert!(name.ends_with("-142"), "{name}");
    }
}
