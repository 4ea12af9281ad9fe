//! Fixtures, tools and waiting.

use super::*;

#[test]
fn a_fixture_says_what_it_makes() {
    let entries = parse_fixture(
        "\n//- /a mode=755\none\ntwo\n//- /b eol=none\nlast\n//- /d/\n//- /l link=a\n//- /e\n",
    );
    let file = |bytes: &[u8], mode| FixtureKind::File {
        bytes: bytes.to_vec(),
        mode,
    };
    let kinds: Vec<_> = entries
        .into_iter()
        .map(|entry| (entry.path, entry.kind))
        .collect();
    let expected = [
        ("a", file(b"one\ntwo\n", 0o755)),
        ("b", file(b"last", 0o644)),
        ("d", FixtureKind::Dir),
        (
            "l",
            FixtureKind::Symlink {
                target: "a".to_owned(),
            },
        ),
        ("e", file(b"", 0o644)),
    ];
    assert_eq!(kinds, expected.map(|(path, kind)| (path.to_owned(), kind)));
}

#[test]
fn git_runs_in_a_project_without_the_testers_settings() {
    let workspace = Workspace::from_fixture("//- /a\n1\n");
    workspace.git_init();
    workspace.write("a", "2\n");
    assert_eq!(workspace.run("git", &["status", "--short"]), " M a\n");
    workspace.run("git", &["checkout", "-q", "--", "."]);
    assert_eq!(workspace.text("a"), "1\n");
    let origins = workspace.run("git", &["config", "--list", "--show-origin"]);
    let foreign: Vec<&str> = origins
        .lines()
        .filter(|line| !line.starts_with("file:.git/config"))
        .collect();
    assert_eq!(
        foreign,
        Vec::<&str>::new(),
        "the tester's own settings are out of reach"
    );
    assert_ne!(workspace.try_run("git", &["rev-parse", "none"]).status, 0);
}

#[test]
fn saves_renames_and_removals_are_what_they_say() {
    let workspace = Workspace::from_fixture("//- /a\n1\n//- /d/x\n1\n");
    workspace.save("a", "2\n");
    workspace.rename("a", "b");
    workspace.remove("d");
    assert!(!workspace.exists("a") && !workspace.exists("d"));
    assert_eq!(workspace.read("b").unwrap(), b"2\n");
    assert_eq!(workspace.manifest().entries.len(), 1);
    assert_eq!(workspace.manifest_with_times().entries.len(), 1);
}

#[test]
fn waiting_ends_when_the_state_is_reached_and_fails_at_the_deadline() {
    let mut looks = 0;
    wait_until(Duration::from_secs(5), "three looks", || {
        looks += 1;
        looks == 3
    });
    let failed =
        std::panic::catch_unwind(|| wait_until(Duration::from_millis(20), "never", || false));
    let text = failed.unwrap_err().downcast::<String>().unwrap();
    assert!(text.contains("never"), "{text}");
}
