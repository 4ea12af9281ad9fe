//! Whose a change is, against what was really done: a property test plays sessions that keep to their claims.

use std::collections::BTreeSet;

use aft_model::ContentId;
use proptest::prelude::*;

use super::*;
use crate::evidence::{Evidence, Writer};

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn agent(name: &str) -> Attribution {
    Attribution {
        kind: OperationKind::Edit,
        author: Author::Agent(name.to_owned()),
        session: Some(SessionId(name.to_owned())),
        turn: None,
        tool: Some("Write".to_owned()),
    }
}

fn bracket(name: &str, paths: &[&str]) -> Bracket {
    let paths = paths.iter().map(|text| path(text)).collect();
    Bracket {
        whose: agent(name),
        paths: Some(Selection(paths)),
    }
}

fn anything(name: &str) -> Bracket {
    Bracket {
        whose: agent(name),
        paths: None,
    }
}

fn turn(name: &str) -> Attribution {
    Attribution {
        kind: OperationKind::Observed,
        tool: None,
        ..agent(name)
    }
}

fn file(n: u8) -> FileState {
    FileState::File {
        content: ContentId([n; 32]),
        size: 1,
        mode: 0o644,
    }
}

const DIR: FileState = FileState::Dir { mode: 0o755 };

fn change(name: &str, before: FileState, after: FileState) -> Change {
    Change {
        path: path(name),
        before,
        after,
        renamed_from: None,
    }
}

/// Session and paths of each share.
fn shares(claims: &Claims, mut changes: Vec<Change>) -> Vec<(String, Vec<String>)> {
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    let told = |share: Share| {
        let session = share.owner.attribution.session;
        let paths = share.changes.iter().map(|change| change.path.display());
        (
            session.map_or_else(|| "nobody".to_owned(), |id| id.0),
            paths.collect(),
        )
    };
    claims
        .divide(changes, &Witnessed::default())
        .into_iter()
        .map(told)
        .collect()
}

fn told(name: &str, paths: &[&str]) -> (String, Vec<String>) {
    let paths = paths.iter().map(|text| (*text).to_owned()).collect();
    (name.to_owned(), paths)
}

#[test]
fn what_one_claims_is_its_own_and_what_two_claim_or_none_is_nobodys() {
    let claims = Claims::new(
        vec![
            bracket("a", &["a.txt", "both"]),
            bracket("b", &["src", "both"]),
        ],
        turn("a"),
    );
    assert_eq!(claims.of(&path("a.txt")).attribution, agent("a"));
    assert_eq!(claims.of(&path("src/deep/x")).attribution, agent("b"));
    assert_eq!(claims.of(&path("srcs")).attribution, Attribution::unknown());
    let both = claims.of(&path("both/x"));
    assert_eq!(both.attribution, Attribution::unknown());
    let sessions: Vec<&str> = both.shared_by.iter().map(|(id, _)| id.0.as_str()).collect();
    assert_eq!(sessions, ["a", "b"]);
    assert!(claims.of(&path("srcs")).shared_by.is_empty());
}

#[test]
fn a_bracket_without_paths_claims_anything() {
    let claims = Claims::new(vec![bracket("a", &["a.txt"]), anything("b")], turn("a"));
    assert_eq!(claims.of(&path("other")).attribution, agent("b"));
    let shared = claims.of(&path("a.txt"));
    assert_eq!(shared.attribution, Attribution::unknown());
    assert_eq!(shared.shared_by.len(), 2);
}

#[test]
fn outside_of_the_only_claim_it_is_the_turns() {
    let claims = Claims::new(vec![bracket("a", &["a.txt"])], turn("a"));
    assert_eq!(claims.of(&path("other")).attribution, turn("a"));
    let nobody = Claims::new(vec![bracket("a", &["a.txt"])], Attribution::unknown());
    assert_eq!(
        nobody.of(&path("other")).attribution,
        Attribution::unknown()
    );
}

#[test]
fn tool_calls_of_one_session_at_once_have_a_tool_where_they_agree() {
    let mut other = bracket("a", &["x"]);
    other.whose.tool = Some("Bash".to_owned());
    let claims = Claims::new(vec![bracket("a", &["x", "y"]), other], turn("a"));
    assert_eq!(claims.of(&path("x")).attribution.tool, None);
    assert_eq!(
        claims.of(&path("y")).attribution.tool.as_deref(),
        Some("Write")
    );
    assert!(claims.of(&path("x")).shared_by.is_empty());
}

#[test]
fn a_burst_is_divided_and_directories_stand_before_what_is_in_them() {
    let claims = Claims::new(
        vec![bracket("a", &["d/a", "own/x"]), bracket("b", &["d/b"])],
        Attribution::unknown(),
    );
    let made = vec![
        change("d", FileState::Absent, DIR),
        change("d/a", FileState::Absent, file(1)),
        change("d/b", FileState::Absent, file(2)),
        change("own", FileState::Absent, DIR),
        change("own/x", FileState::Absent, file(3)),
    ];
    let expected = [
        told("nobody", &["d"]),
        told("a", &["d/a", "own", "own/x"]),
        told("b", &["d/b"]),
    ];
    assert_eq!(shares(&claims, made), expected);
    let gone = vec![
        change("d", DIR, FileState::Absent),
        change("d/a", file(1), FileState::Absent),
        change("d/b", file(2), FileState::Absent),
    ];
    let expected = [
        told("a", &["d/a"]),
        told("b", &["d/b"]),
        told("nobody", &["d"]),
    ];
    assert_eq!(shares(&claims, gone), expected);
}

#[test]
fn a_move_is_one_thing_and_whoever_claims_an_end_made_it() {
    let moved = |to: &str, from: &str| {
        vec![
            Change {
                renamed_from: Some(path(from)),
                ..change(to, FileState::Absent, file(1))
            },
            change(from, file(1), FileState::Absent),
        ]
    };
    let claims = Claims::new(
        vec![bracket("a", &["a"]), bracket("b", &["b"])],
        Attribution::unknown(),
    );
    assert_eq!(
        shares(&claims, moved("a", "tmp")),
        [told("a", &["a", "tmp"])]
    );
    assert_eq!(
        shares(&claims, moved("tmp", "b")),
        [told("b", &["b", "tmp"])]
    );
    assert_eq!(
        shares(&claims, moved("b", "a")),
        [told("nobody", &["a", "b"])]
    );
}

/// Claims and writes, each with its session.
type Played = (Vec<(usize, String)>, Vec<(String, usize)>);

/// A workspace of a few directories; every session claims some paths and writes only there, a stranger anywhere.
fn played() -> impl Strategy<Value = Played> {
    let place = (0..3_u8, 0..4_u8).prop_map(|(dir, name)| format!("d{dir}/f{name}"));
    let claim = prop_oneof![place.clone(), (0..3_u8).prop_map(|dir| format!("d{dir}"))];
    let claims = proptest::collection::vec((0..3_usize, claim), 0..8);
    let writes = proptest::collection::vec((place, 0..4_usize), 1..10);
    (claims, writes)
}

proptest! {
    #[test]
    fn nothing_is_ever_laid_at_the_wrong_door((claims, writes) in played()) {
        let name = |session: usize| format!("s{session}");
        let brackets: Vec<Bracket> = claims.iter().map(|(session, claim)| bracket(&name(*session), &[claim])).collect();
        let covers = |session: usize, file: &str| claims.iter().any(|(own, claim)| *own == session && (file == claim || file.starts_with(&format!("{claim}/"))));
        let mut writers = BTreeMap::new();
        for (file, session) in &writes {
            // Who keeps to its claims writes nothing else; writer 3 is a stranger who claims nothing and is kept out of claims.
            let claimed_by: Vec<usize> = (0..3).filter(|one| covers(*one, file)).collect();
            let writer = if *session < 3 && covers(*session, file) { Some(*session) } else if claimed_by.is_empty() { None } else { continue };
            writers.insert(file.clone(), (writer, claimed_by));
        }
        prop_assume!(!writers.is_empty());
        let dirs: BTreeSet<String> = writers.keys().map(|file| file.split('/').next().unwrap().to_owned()).collect();
        let mut changes: Vec<Change> = dirs.iter().map(|dir| change(dir, FileState::Absent, DIR)).collect();
        changes.extend(writers.keys().map(|file| change(file, FileState::Absent, file_state())));
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        let n_changes = changes.len();
        let who = Claims::new(brackets, Attribution::unknown());
        let shares = who.divide(changes, &Witnessed::default());
        prop_assert_eq!(shares.iter().map(|share| share.changes.len()).sum::<usize>(), n_changes);
        let mut there: BTreeSet<RelPath> = BTreeSet::from([RelPath::root()]);
        for share in &shares {
            for change in &share.changes {
                prop_assert!(there.contains(&change.path.parent().unwrap()), "no directory for {:?}", change.path);
                there.insert(change.path.clone());
                let Some((writer, claimed_by)) = writers.get(&change.path.display()) else { continue };
                let session = share.owner.attribution.session.as_ref().map(|id| id.0.clone());
                match (claimed_by.as_slice(), writer) {
                    ([only], Some(writer)) => {
                        prop_assert_eq!(only, writer);
                        prop_assert_eq!(session, Some(name(*writer)));
                    }
                    ([], _) => prop_assert_eq!(session, None),
                    (several, _) => {
                        prop_assert_eq!(session, None);
                        prop_assert_eq!(share.owner.shared_by.len(), several.len());
                    }
                }
            }
        }
    }
}

fn file_state() -> FileState {
    file(7)
}

#[test]
fn what_one_made_and_another_took_away_is_no_move_though_it_is_the_same() {
    let evidence = |name: &str| Evidence {
        writers: vec![Writer::Of(vec![(
            SessionId(name.to_owned()),
            Author::Agent(name.to_owned()),
        )])],
        ..Evidence::default()
    };
    let file = FileState::File {
        content: ContentId([1; 32]),
        size: 1,
        mode: 0o644,
    };
    let moved = |from: &str, to: &str| {
        vec![
            change(from, file, FileState::Absent),
            Change {
                renamed_from: Some(path(from)),
                ..change(to, FileState::Absent, file)
            },
        ]
    };
    let mut witnessed = Witnessed::default();
    witnessed.add(&path("a"), &evidence("one"));
    witnessed.add(&path("b"), &evidence("two"));
    let shares = Claims::none().divide(moved("a", "b"), &witnessed);
    assert_eq!(shares.len(), 2);
    for share in &shares {
        assert_eq!(share.changes.len(), 1);
        assert!(share.changes[0].renamed_from.is_none());
        assert!(share.owner.attribution.session.is_some());
    }
    let mut witnessed = Witnessed::default();
    witnessed.add(&path("a"), &evidence("one"));
    witnessed.add(&path("b"), &evidence("one"));
    let shares = Claims::none().divide(moved("a", "b"), &witnessed);
    assert_eq!(shares.len(), 1);
    assert!(shares[0].changes[1].renamed_from.is_some());
}

#[test]
fn a_directory_is_whose_the_kernel_says_and_stands_before_what_others_put_into_it() {
    let by = |name: &str| Evidence {
        writers: vec![Writer::Of(vec![(
            SessionId(name.to_owned()),
            Author::Agent(name.to_owned()),
        )])],
        ..Evidence::default()
    };
    let dir = FileState::Dir { mode: 0o755 };
    let file = FileState::File {
        content: ContentId([1; 32]),
        size: 1,
        mode: 0o644,
    };
    let mut witnessed = Witnessed::default();
    let mut changes = Vec::new();
    for (name, whose, state) in [
        ("d", "one", dir),
        ("d/e", "two", dir),
        ("d/e/x", "one", file),
        ("d/y", "two", file),
    ] {
        witnessed.add(&path(name), &by(whose));
        changes.push(change(name, FileState::Absent, state));
    }
    let told = |share: Share| {
        let session = share.owner.attribution.session.unwrap().0;
        let paths = share.changes.iter().map(|change| change.path.display());
        (session, paths.collect::<Vec<_>>())
    };
    let shares = Claims::none().divide(changes.clone(), &witnessed);
    let shares: Vec<_> = shares.into_iter().map(told).collect();
    let all = |name: &str, paths: &[&str]| {
        let paths = paths.iter().map(|path| (*path).to_owned());
        (name.to_owned(), paths.collect::<Vec<_>>())
    };
    let coming = [all("one", &["d"]), all("two", &["d/e"])];
    assert_eq!(shares[..2], coming);
    assert_eq!(shares[2..], [all("one", &["d/e/x"]), all("two", &["d/y"])]);
    for change in &mut changes {
        std::mem::swap(&mut change.before, &mut change.after);
    }
    let shares = Claims::none().divide(changes, &witnessed);
    let shares: Vec<_> = shares.into_iter().map(told).collect();
    assert_eq!(shares[..2], [all("one", &["d/e/x"]), all("two", &["d/y"])]);
    assert_eq!(shares[2..], [all("two", &["d/e"]), all("one", &["d"])]);
}
