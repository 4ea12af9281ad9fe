//! What is generated for people and shells, and what a mistaken command line is told.

use super::rig::Rig;

/// Every command of the first issue.
const COMMANDS: &[&str] = &[
    "watch",
    "unwatch",
    "status",
    "log",
    "show",
    "diff",
    "undo",
    "redo",
    "rollback",
    "restore",
    "cat",
    "history",
    "checkpoint",
    "sync",
    "daemon",
    "doctor",
    "completions",
    "man",
    "stats",
    "check",
    "events",
];

#[test]
fn every_command_has_help_with_an_example() {
    let rig = Rig::new();
    let all = rig.ok(&["--help"]);
    for command in COMMANDS {
        assert!(all.contains(command), "--help does not name {command}");
        let help = rig.ok(&[command, "--help"]);
        assert!(
            help.contains("Example"),
            "{command} --help has no example:\n{help}"
        );
        assert!(
            help.contains("--json"),
            "{command} --help does not tell of --json"
        );
    }
    for words in [
        ["checkpoint", "list"],
        ["checkpoint", "edit"],
        ["daemon", "run"],
    ] {
        let help = rig.ok(&[words[0], words[1], "--help"]);
        assert!(help.contains("Example"), "{words:?} --help has no example");
    }
    assert!(rig.ok(&["--version"]).starts_with("aft "));
}

#[test]
fn completions_and_manual_pages_name_every_command() {
    let rig = Rig::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = rig.ok(&["completions", shell]);
        for command in COMMANDS {
            assert!(
                script.contains(command),
                "{shell} does not complete {command}"
            );
        }
    }
    rig.fails(&["completions", "tcl"], 2);
    rig.ok(&["man", "pages"]);
    for command in COMMANDS {
        let page = format!("pages/aft-{command}.1");
        assert!(rig.project.exists(&page), "there is no {page}");
    }
    assert!(rig.project.exists("pages/aft.1"));
}

#[test]
fn a_mistaken_command_line_is_usage() {
    let rig = Rig::watching("//- /f\n1\n");
    let before = rig.unharmed();
    let wrong: &[&[&str]] = &[
        &[],
        &["undoo"],
        &["undo", "-n", "0"],
        &["undo", "-n", "-1"],
        &["undo", "-n", "x"],
        &["rollback"],
        &["restore", "f"],
        &["checkpoint"],
        &["checkpoint", "a", "--keep", "for-ever"],
        &["log", "--kind", "nonsense"],
        &["rollback", "1", "--on-conflict", "guess"],
        &["status", "--no-such-option"],
        &["undo", "2", "-n", "3"],
        &["cat", ""],
    ];
    for arguments in wrong {
        let said = rig.fails(arguments, 2);
        assert!(!said.trim().is_empty(), "{arguments:?} is told nothing");
    }
    assert!(
        rig.fails(&["undoo"], 2).contains("undo"),
        "the nearest command is named"
    );
    rig.assert_unharmed(&before, "mistaken command lines");
}

#[test]
fn colour_and_pipes_follow_the_rules() {
    let rig = Rig::watching("//- /f\n1\n");
    rig.edit("f", "2\n");
    assert!(
        !rig.ok(&["show", "2"]).contains('\u{1b}'),
        "no colour in a pipe"
    );
    assert!(
        rig.ok(&["show", "2", "--color", "always"])
            .contains('\u{1b}')
    );
    let json = rig.ok(&["show", "2", "--color", "always", "--json"]);
    assert!(!json.contains('\u{1b}'), "a document is never coloured");
    // A reader that goes away early is no failure of ours.
    let closed = rig.project.sh(&format!(
        "AFT_HOME={} AFT_RUNTIME_DIR={} {} log | head -c 1 >/dev/null; echo done",
        rig.daemon.store().display(),
        rig.daemon.runtime_dir().display(),
        aft_testkit::daemon::binary().display()
    ));
    assert_eq!(closed, "done\n");
}
