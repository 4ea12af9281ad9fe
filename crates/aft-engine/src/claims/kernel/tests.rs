//! The kernel's word weighed with turns and brackets.

use std::sync::Arc;

use aft_model::{Author, OperationKind, RelPath, SessionId, TurnId};

use super::*;
use crate::event::Selection;

fn id(name: &str) -> SessionId {
    SessionId(name.to_owned())
}

fn agent(name: &str) -> Author {
    Author::Agent(name.to_owned())
}

fn whose(name: &str, turn: bool) -> Attribution {
    Attribution {
        author: agent(name),
        session: Some(id(name)),
        turn: turn.then(|| TurnId(format!("turn of {name}"))),
        ..Attribution::unknown()
    }
}

fn bracket(name: &str, paths: Option<&[&str]>) -> Bracket {
    let paths = paths.map(|paths| {
        let paths = paths.iter().map(|path| RelPath::new(path).unwrap());
        Selection(paths.collect())
    });
    Bracket {
        whose: Attribution {
            kind: OperationKind::Edit,
            tool: Some("Edit".to_owned()),
            ..whose(name, true)
        },
        paths,
    }
}

fn of(names: &[&str]) -> Writer {
    Writer::Of(names.iter().map(|name| (id(name), agent(name))).collect())
}

fn said(writers: Vec<Writer>, known: &[&str]) -> Evidence {
    Evidence {
        writers,
        processes: Vec::new(),
        known: known.iter().map(|name| id(name)).collect::<Arc<[_]>>(),
    }
}

/// The session that `x` is attributed to, or those that share it.
fn judged(claims: &Claims, evidence: &Evidence) -> String {
    let path = RelPath::new("x").unwrap();
    let owner = claims.judged(evidence, &|bracket| bracket.covers(&path));
    if !owner.shared_by.is_empty() {
        assert_eq!(owner.attribution, Attribution::unknown());
        let all = owner.shared_by.iter().map(|(id, _)| id.0.as_str());
        return format!("shared {}", all.collect::<Vec<_>>().join("+"));
    }
    let Attribution {
        session,
        turn,
        tool,
        ..
    } = owner.attribution;
    let Some(session) = session else {
        return "nobody".to_owned();
    };
    let turn = if turn.is_some() { " in turn" } else { "" };
    let tool = if tool.is_some() { " by tool" } else { "" };
    format!("{}{turn}{tool}", session.0)
}

fn at_work(names: &[&str]) -> Vec<OpenSession> {
    let one = |name: &&str| OpenSession {
        whose: whose(name, true),
        parents: Vec::new(),
    };
    names.iter().map(one).collect()
}

#[test]
fn without_brackets_the_process_decides_and_not_the_one_open_turn() {
    // Only `a` is in a turn.
    let claims = Claims::new(Vec::new(), whose("a", true)).with_sessions(at_work(&["a"]));
    let known = &["a", "b"];
    assert_eq!(judged(&claims, &said(vec![of(&["a"])], known)), "a in turn");
    assert_eq!(judged(&claims, &said(vec![of(&["b"])], known)), "b");
    assert_eq!(
        judged(&claims, &said(vec![Writer::Stranger], known)),
        "nobody"
    );
    assert_eq!(
        judged(&claims, &said(vec![Writer::Unknown], known)),
        "a in turn"
    );
    assert_eq!(judged(&claims, &said(Vec::new(), known)), "a in turn");
    let both = said(vec![of(&["a"]), of(&["b"])], known);
    assert_eq!(judged(&claims, &both), "shared a+b");
    let and_a_stranger = said(vec![of(&["a"]), Writer::Stranger], known);
    assert_eq!(judged(&claims, &and_a_stranger), "shared a");
    // It may be anybody's, but the one that is known is not the one in a turn.
    let and_unknown = said(vec![of(&["b"]), Writer::Unknown], known);
    assert_eq!(judged(&claims, &and_unknown), "shared a+b");
    let agree = said(vec![of(&["a"]), Writer::Unknown], known);
    assert_eq!(judged(&claims, &agree), "a in turn");
}

#[test]
fn a_stranger_may_be_of_the_session_whose_process_nobody_knows() {
    let claims = Claims::new(Vec::new(), whose("hidden", true)).with_sessions(at_work(&["hidden"]));
    let stranger = said(vec![Writer::Stranger], &["a"]);
    assert_eq!(judged(&claims, &stranger), "hidden in turn");
    let claims = Claims::new(vec![bracket("hidden", None)], Attribution::unknown());
    assert_eq!(judged(&claims, &stranger), "hidden in turn by tool");
    // But not what a known process wrote.
    let known = said(vec![of(&["a"])], &["a"]);
    assert_eq!(judged(&claims, &known), "a");
}

#[test]
fn a_bracket_that_claims_anything_does_not_take_what_another_wrote() {
    let brackets = vec![bracket("a", None), bracket("b", None)];
    let claims = Claims::new(brackets, Attribution::unknown()).with_sessions(at_work(&["a", "b"]));
    let known = &["a", "b"];
    assert_eq!(
        judged(&claims, &said(vec![of(&["a"])], known)),
        "a in turn by tool"
    );
    assert_eq!(
        judged(&claims, &said(vec![of(&["b"])], known)),
        "b in turn by tool"
    );
    assert_eq!(
        judged(&claims, &said(vec![Writer::Stranger], known)),
        "nobody"
    );
    assert_eq!(
        judged(&claims, &said(vec![Writer::Unknown], known)),
        "shared a+b"
    );
}

#[test]
fn a_bracket_that_names_the_path_is_not_overruled_but_contradicted() {
    let claims = Claims::new(vec![bracket("a", Some(&["x"]))], Attribution::unknown())
        .with_sessions(at_work(&["a", "b"]));
    let known = &["a", "b"];
    assert_eq!(
        judged(&claims, &said(vec![of(&["b"])], known)),
        "shared a+b"
    );
    // A server may write for it.
    assert_eq!(
        judged(&claims, &said(vec![Writer::Stranger], known)),
        "a in turn by tool"
    );
    // It wrote it itself, so that the other is another.
    let and_a_stranger = said(vec![of(&["a"]), Writer::Stranger], known);
    assert_eq!(judged(&claims, &and_a_stranger), "shared a");
    // Both named it, one wrote it.
    let brackets = vec![bracket("a", Some(&["x"])), bracket("b", Some(&["x"]))];
    let claims = Claims::new(brackets, Attribution::unknown());
    assert_eq!(
        judged(&claims, &said(vec![of(&["b"])], known)),
        "b in turn by tool"
    );
}

#[test]
fn a_session_without_a_process_of_its_own_is_found_by_what_it_names_or_who_began_it() {
    let known = said(vec![of(&["a"])], &["a"]);
    let named = Claims::new(vec![bracket("sub", Some(&["x"]))], Attribution::unknown());
    assert_eq!(judged(&named, &known), "sub in turn by tool");
    let anything = Claims::new(vec![bracket("sub", None)], Attribution::unknown());
    assert_eq!(judged(&anything, &known), "a");
    let began = OpenSession {
        whose: whose("sub", true),
        parents: vec![id("a")],
    };
    let anything = anything.with_sessions(vec![began]);
    assert_eq!(judged(&anything, &known), "sub in turn by tool");
}

#[test]
fn sessions_in_one_process_are_told_apart_by_their_brackets_and_turns() {
    let shared = said(vec![of(&["a", "b"])], &["a", "b"]);
    let claims = Claims::new(vec![bracket("a", None)], Attribution::unknown());
    assert_eq!(judged(&claims, &shared), "a in turn by tool");
    let claims = Claims::new(Vec::new(), Attribution::unknown()).with_sessions(at_work(&["b"]));
    assert_eq!(judged(&claims, &shared), "b in turn");
    let claims = claims.with_sessions(at_work(&["a", "b"]));
    assert_eq!(judged(&claims, &shared), "nobody");
}
