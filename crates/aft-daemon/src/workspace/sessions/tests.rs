//! Attribution by what is open.

use super::*;

fn opened(sessions: &Sessions, id: &str) {
    sessions.start(Sessions::fresh(id.to_owned(), format!("agent-{id}"), 1));
}

#[test]
fn one_open_bracket_is_stronger_than_one_open_turn_and_two_are_nobodys() {
    let sessions = Sessions::default();
    opened(&sessions, "a");
    opened(&sessions, "b");
    assert_eq!(sessions.attribution(), Attribution::unknown());
    let turn = || {
        Some(Turn {
            id: "t".to_owned(),
            since: OperationId(1),
        })
    };
    sessions.change("a", |session| session.turn = turn());
    assert_eq!(
        sessions.attribution().author,
        Author::Agent("agent-a".to_owned())
    );
    assert_eq!(sessions.attribution().kind, OperationKind::Observed);
    sessions.change("b", |session| {
        session.open_edit(
            "e".to_owned(),
            Some("Write".to_owned()),
            None,
            OperationId(1),
        )
    });
    let bracket = sessions.attribution();
    assert_eq!(
        (bracket.kind, bracket.session),
        (OperationKind::Edit, Some(SessionId("b".to_owned())))
    );
    sessions.change("a", |session| {
        session.open_edit("f".to_owned(), None, Some("u1".to_owned()), OperationId(1))
    });
    assert_eq!(sessions.attribution(), Attribution::unknown());
    assert_eq!(
        sessions
            .close_edit(None, Some("a"), Some("u1"))
            .map(|closed| closed.edit),
        Some("f".to_owned())
    );
    assert_eq!(
        sessions.attribution().session,
        Some(SessionId("b".to_owned()))
    );
    sessions.change("b", |session| session.turn = turn());
    assert_eq!(
        sessions
            .close_edit(Some("e"), None, None)
            .map(|closed| closed.session),
        Some("b".to_owned())
    );
    assert_eq!(
        sessions.attribution(),
        Attribution::unknown(),
        "two turns are open"
    );
    sessions.change("b", |session| session.end(9));
    assert_eq!(
        sessions.attribution().author,
        Author::Agent("agent-a".to_owned())
    );
}
