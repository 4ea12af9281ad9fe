//! Completions and manual pages come out of the definition.

use crate::fake_daemon::{FakeDaemon, run_at};

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    let daemon = FakeDaemon::always(serde_json::Value::Null);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = daemon.run(&format!("aft completions {shell}"));
        assert_eq!(ran.exit, 0, "{shell}");
        for word in ["rollback", "checkpoint", "--dry-run"] {
            assert!(
                ran.out.contains(word.trim_start_matches('-')),
                "{shell} does not know {word}"
            );
        }
    }
    assert!(daemon.calls().is_empty());
}

#[test]
fn manual_pages_are_written_into_a_new_directory() {
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("share/man1");
    let daemon = FakeDaemon::always(serde_json::Value::Null);
    let ran = run_at(&daemon.paths(), &format!("aft man {}", pages.display()));
    assert_eq!(ran.exit, 0);
    let main = std::fs::read_to_string(pages.join("aft.1")).unwrap();
    assert!(
        main.contains("Exit codes"),
        "the main page tells the exit codes"
    );
    let rollback = std::fs::read_to_string(pages.join("aft-rollback.1")).unwrap();
    assert!(rollback.contains("on\\-conflict"), "{rollback}");
    assert!(pages.join("aft-checkpoint-list.1").exists());
}

#[test]
fn a_directory_that_cannot_be_made_is_a_failure() {
    let daemon = FakeDaemon::always(serde_json::Value::Null);
    let ran = daemon.run("aft man /proc/none/man1");
    assert_eq!(ran.exit, 1);
    assert!(ran.failure.unwrap().text().contains("/proc/none/man1"));
}
