//! Plans and results.

use aft_rpc::WirePath;
use aft_rpc::types::operation::HeadView;
use aft_rpc::types::workspace::{LeftOut, UncoveredView};

use super::*;

fn file(hash: &str) -> StateView {
    StateView {
        kind: StateKind::File,
        hash: Some(hash.to_owned()),
        size: Some(1),
        mode: Some(0o644),
        reason: None,
    }
}

fn step(path: &str, now: StateView, target: StateView) -> StepView {
    StepView {
        path: WirePath::from(path),
        now,
        target,
    }
}

fn conflict(path: &str) -> ConflictView {
    ConflictView {
        path: WirePath::from(path),
        reason: "changed-now".to_owned(),
        message: "it changed after the plan was made".to_owned(),
        hunks: Vec::new(),
    }
}

fn plan() -> PlanView {
    PlanView {
        plan: "p".to_owned(),
        head: 9,
        target: Some(4),
        reverts: Vec::new(),
        hunks: Vec::new(),
        n_steps: 2,
        steps: Vec::new(),
        conflicts: Vec::new(),
        not_covered: Vec::new(),
        left_out: LeftOut::default(),
        notes: Vec::new(),
        head_moved: None,
        cursor: None,
    }
}

fn outcome(kind: Kind) -> TravelResult {
    TravelResult {
        operation: Some(10),
        kind,
        head: 10,
        target: None,
        reverts: vec![9],
        hunks: Vec::new(),
        n_changed: 1,
        kept: Vec::new(),
        not_covered: Vec::new(),
        left_out: LeftOut::default(),
        notes: Vec::new(),
        plan: None,
        head_moved: None,
    }
}

#[test]
fn a_step_has_the_letter_of_what_happens() {
    let chmod = StateView {
        mode: Some(0o755),
        ..file("x")
    };
    let all = [
        step("made", StateView::absent(), file("x")),
        step("gone", file("x"), StateView::absent()),
        step("other", file("x"), file("y")),
        step("mode", file("x"), chmod),
    ];
    assert_eq!(
        steps(&all, Style::PLAIN),
        "A made\nD gone\nM other\nm mode\n"
    );
}

#[test]
fn a_plan_says_that_nothing_was_touched() {
    assert_eq!(
        plan_summary(&plan(), Style::PLAIN),
        "2 paths would change to the state of #4. Nothing was touched.\n"
    );
    let undo = PlanView {
        target: None,
        reverts: vec![8, 9],
        n_steps: 1,
        ..plan()
    };
    assert_eq!(
        plan_summary(&undo, Style::PLAIN),
        "1 path would change by taking back #8, #9. Nothing was touched.\n"
    );
    assert_eq!(
        plan_summary(
            &PlanView {
                n_steps: 0,
                ..plan()
            },
            Style::PLAIN
        ),
        "Nothing would change.\n"
    );
}

#[test]
fn a_plan_lists_conflicts_what_is_not_held_and_a_move_of_head() {
    let head = |name: &str| HeadView {
        branch: Some(name.to_owned()),
        commit: None,
    };
    let plan = PlanView {
        conflicts: vec![conflict("a")],
        not_covered: vec![UncoveredView {
            path: WirePath::from("big"),
            reason: "too large".to_owned(),
        }],
        head_moved: Some(HeadMove {
            then: head("old"),
            now: head("new"),
        }),
        ..plan()
    };
    let text = plan_summary(&plan, Style::PLAIN);
    assert!(
        text.contains("1 path in conflict:\n  ! a: it changed after the plan was made\n"),
        "{text}"
    );
    assert!(text.contains("  big: too large\n"), "{text}");
    assert!(
        text.ends_with("The repository's HEAD was old, unborn then and stays new, unborn.\n"),
        "{text}"
    );
}

#[test]
fn a_result_says_what_was_done_and_what_was_left() {
    assert_eq!(
        result(&outcome(Kind::Undo), Style::PLAIN),
        "Undid #9: 1 path changed, recorded as #10.\n"
    );
    assert_eq!(
        result(&outcome(Kind::Redo), Style::PLAIN),
        "Redid #9: 1 path changed, recorded as #10.\n"
    );
    let rollback = TravelResult {
        target: Some(4),
        n_changed: 3,
        kept: vec![conflict("b")],
        ..outcome(Kind::Rollback)
    };
    assert_eq!(
        result(&rollback, Style::PLAIN),
        "Rolled back to #4: 3 paths changed, recorded as #10.\n1 path left as it is:\n  ! b: it changed after the plan was made\n"
    );
    let left = TravelResult {
        not_covered: vec![UncoveredView {
            path: WirePath::from("target"),
            reason: "it was not covered then".to_owned(),
        }],
        ..outcome(Kind::Undo)
    };
    assert_eq!(
        result(&left, Style::PLAIN),
        "Undid #9: 1 path changed, recorded as #10.\nLeft alone, because the history does not hold it:\n  target: it was not covered then\n"
    );
    let nothing = TravelResult {
        operation: None,
        n_changed: 0,
        ..outcome(Kind::Rollback)
    };
    assert_eq!(
        result(&nothing, Style::PLAIN),
        "Nothing to change: the files are already so.\n"
    );
}
