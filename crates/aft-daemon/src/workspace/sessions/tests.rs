//! Attribution by what is open.

use super::*;

/// Whose a change of any path is.
fn whose(sessions: &Sessions) -> Attribution {
    let path = aft_model::RelPath::new("any").unwrap();
    sessions.claims().of(&path).attribution
}

fn opened(sessions: &Sessions, id: &str) {
    sessions.start(Sessions::fresh(id.to_owned(), format!("agent-{id}"), 1));
}

#[test]
fn one_open_bracket_is_stronger_than_one_open_turn_and_two_are_nobodys() {
    let sessions = Sessions::default();
    opened(&sessions, "a");
    opened(&sessions, "b");
    assert_eq!(whose(&sessions), Attribution::unknown());
    let turn = || {
        Some(Turn {
            id: "t".to_owned(),
            since: OperationId(1),
            started_ns: 1,
            label: None,
            prompt_id: None,
        })
    };
    sessions.change("a", |session| session.turn = turn());
    assert_eq!(whose(&sessions).author, Author::Agent("agent-a".to_owned()));
    assert_eq!(whose(&sessions).kind, OperationKind::Observed);
    sessions.change("b", |session| {
        session.open_edit(
            "e".to_owned(),
            (Some("Write".to_owned()), None),
            None,
            OperationId(1),
        )
    });
    let bracket = whose(&sessions);
    assert_eq!(
        (bracket.kind, bracket.session),
        (OperationKind::Edit, Some(SessionId("b".to_owned())))
    );
    sessions.change("a", |session| {
        session.open_edit(
            "f".to_owned(),
            (None, Some("u1".to_owned())),
            None,
            OperationId(1),
        )
    });
    assert_eq!(whose(&sessions), Attribution::unknown());
    assert_eq!(
        sessions
            .close_edit(None, Some("a"), Some("u1"))
            .map(|closed| closed.edit),
        Some("f".to_owned())
    );
    assert_eq!(whose(&sessions).session, Some(SessionId("b".to_owned())));
    sessions.change("b", |session| session.turn = turn());
    assert_eq!(
        sessions
            .close_edit(Some("e"), None, None)
            .map(|closed| closed.session),
        Some("b".to_owned())
    );
    assert_eq!(
        whose(&sessions),
        Attribution::unknown(),
        "two turns are open"
    );
    sessions.change("b", |session| session.end(9));
    assert_eq!(whose(&sessions).author, Author::Agent("agent-a".to_owned()));
}

fn turn(id: &str) -> Turn {
    Turn {
        id: id.to_owned(),
        since: OperationId(1),
        started_ns: 1,
        label: None,
        prompt_id: None,
    }
}

fn edit(sessions: &Sessions, session: &str, id: &str, tool: &str) {
    sessions.change(session, |open| {
        open.open_edit(
            id.to_owned(),
            (Some(tool.to_owned()), Some(id.to_owned())),
            None,
            OperationId(1),
        )
    });
}

#[test]
fn tool_calls_of_one_session_at_once_are_its_own_and_have_a_tool_where_they_agree() {
    let sessions = Sessions::default();
    opened(&sessions, "a");
    edit(&sessions, "a", "e1", "Write");
    edit(&sessions, "a", "e2", "Write");
    let both = whose(&sessions);
    assert_eq!(both.session, Some(SessionId("a".to_owned())));
    assert_eq!(both.tool.as_deref(), Some("Write"));
    edit(&sessions, "a", "e3", "Bash");
    assert_eq!(whose(&sessions).tool, None);
    assert_eq!(whose(&sessions).session, Some(SessionId("a".to_owned())));
}

#[test]
fn what_a_subagent_does_is_in_the_turn_of_the_session_that_started_it() {
    let sessions = Sessions::default();
    opened(&sessions, "main");
    opened(&sessions, "child");
    sessions.change("child", |child| child.parent = Some("main".to_owned()));
    sessions.change("main", |main| main.begin_turn(turn("t")));
    edit(&sessions, "child", "e", "Write");
    let found = whose(&sessions);
    assert_eq!(found.session, Some(SessionId("child".to_owned())));
    assert_eq!(found.turn, Some(TurnId("t".to_owned())));
    sessions.change("child", |child| child.parent = Some("child".to_owned()));
    assert_eq!(whose(&sessions).turn, None, "its own parent");
}

#[test]
fn a_turn_closes_what_a_tool_call_that_was_broken_off_left_open() {
    let sessions = Sessions::default();
    opened(&sessions, "a");
    sessions.change("a", |open| open.begin_turn(turn("t1")));
    edit(&sessions, "a", "e", "Bash");
    sessions.change("a", |open| open.begin_turn(turn("t2")));
    assert_eq!(whose(&sessions).kind, OperationKind::Observed);
    edit(&sessions, "a", "e", "Bash");
    sessions.change("a", Session::end_turn);
    assert_eq!(whose(&sessions), Attribution::unknown());
}

#[test]
fn a_session_that_ended_goes_on_when_it_is_resumed() {
    let sessions = Sessions::default();
    opened(&sessions, "a");
    sessions.change("a", |open| open.end(9));
    assert!(sessions.change("a", |_| ()).is_none());
    assert!(sessions.resume("a", None).is_some());
    assert!(sessions.change("a", |_| ()).is_some());
    assert!(sessions.resume("b", None).is_none());
}

#[test]
fn brackets_at_once_have_what_each_claims_and_a_session_that_ends_claims_nothing() {
    let sessions = Sessions::default();
    let path = |text: &str| aft_model::RelPath::new(text).unwrap();
    for (session, claim) in [("a", "a.rs"), ("b", "src")] {
        opened(&sessions, session);
        sessions.change(session, |open| {
            open.open_edit(
                session.to_owned(),
                (None, None),
                Some(Selection(vec![path(claim)])),
                OperationId(1),
            )
        });
    }
    let whose = |text: &str| sessions.claims().of(&path(text)).attribution.session;
    assert_eq!(whose("a.rs"), Some(SessionId("a".to_owned())));
    assert_eq!(whose("src/x"), Some(SessionId("b".to_owned())));
    assert_eq!(whose("other"), None);
    sessions.change("a", |open| open.end(9));
    assert_eq!(whose("a.rs"), None);
    assert!(sessions.claims().is_anybody());
    sessions.change("b", |open| open.end(9));
    assert!(!sessions.claims().is_anybody());
}
