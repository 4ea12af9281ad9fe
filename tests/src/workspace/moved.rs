//! What is taken back is taken out of the file where it is now: renamed files, renamed directories, and moves themselves.

use std::os::unix::fs::PermissionsExt as _;

use aft_testkit::workspace::Output;
use aft_testkit::{TestDaemon, Workspace};
use serde_json::Value;

struct Rig {
    daemon: TestDaemon,
    project: Workspace,
}

const TEXT: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n";

impl Rig {
    fn watching(fixture: &str) -> Self {
        let rig = Self {
            daemon: TestDaemon::start(),
            project: Workspace::new(),
        };
        rig.project.add_fixture(fixture);
        rig.ok(&["watch", "--detach"]);
        rig
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        self.daemon.aft_ok(self.project.root(), arguments)
    }

    fn aft(&self, arguments: &[&str]) -> Output {
        self.daemon.aft_in(self.project.root(), arguments)
    }

    /// Writes, and the number of the operation that it is.
    #[track_caller]
    fn edit(&self, path: &str, text: impl AsRef<[u8]>) -> String {
        self.project.write(path, text);
        self.head()
    }

    #[track_caller]
    fn head(&self) -> String {
        let answer: Value = self.daemon.aft_json(self.project.root(), &["sync"]);
        answer["head"].to_string()
    }
}

fn fixture() -> String {
    format!("//- /src/a\n{TEXT}//- /src/b\nbee\n//- /other\nx\n")
}

#[test]
fn an_edit_is_taken_out_of_a_file_that_was_renamed_since() {
    let rig = Rig::watching(&fixture());
    let edit = rig.edit("src/a", TEXT.replace("two", "TWO"));
    rig.project.rename("src/a", "src/renamed");
    rig.head();
    rig.edit(
        "src/renamed",
        TEXT.replace("two", "TWO").replace("nine", "NINE"),
    );
    rig.ok(&["undo", &edit]);
    assert_eq!(
        rig.project.text("src/renamed"),
        TEXT.replace("nine", "NINE")
    );
    assert!(!rig.project.exists("src/a"), "the rename stays");
    // And it can be undone like everything else.
    rig.ok(&["redo"]);
    let both = TEXT.replace("two", "TWO").replace("nine", "NINE");
    assert_eq!(rig.project.text("src/renamed"), both);
}

#[test]
fn a_directory_that_was_renamed_takes_what_was_done_in_it_along() {
    let rig = Rig::watching(&fixture());
    let edit = rig.edit("src/a", TEXT.replace("two", "TWO"));
    rig.project.remove("src/b");
    let deleted = rig.head();
    rig.project.write("src/new", "new\n");
    let created = rig.head();
    rig.project.rename("src", "lib");
    rig.head();
    rig.project.rename("lib", "deep-lib");
    rig.head();
    rig.ok(&["undo", &edit]);
    assert_eq!(rig.project.text("deep-lib/a"), TEXT);
    rig.ok(&["undo", &deleted]);
    assert_eq!(rig.project.text("deep-lib/b"), "bee\n");
    rig.ok(&["undo", &created]);
    assert!(!rig.project.exists("deep-lib/new"));
    assert!(!rig.project.exists("src") && !rig.project.exists("lib"));
}

#[test]
fn a_rename_is_taken_back_with_what_was_edited_since() {
    let rig = Rig::watching(&fixture());
    rig.project.rename("src/a", "src/renamed");
    let rename = rig.head();
    rig.edit("src/renamed", TEXT.replace("nine", "NINE"));
    rig.ok(&["undo", &rename]);
    assert_eq!(rig.project.text("src/a"), TEXT.replace("nine", "NINE"));
    assert!(!rig.project.exists("src/renamed"));
    rig.ok(&["undo"]);
    assert_eq!(
        rig.project.text("src/a"),
        TEXT,
        "the edit goes where its file is"
    );
}

#[test]
fn a_move_with_an_edit_that_clashes_is_refused_whole_and_the_file_stays_where_it_is() {
    let rig = Rig::watching(&fixture());
    let edit = rig.edit("src/a", TEXT.replace("two", "TWO"));
    rig.project.rename("src/a", "elsewhere");
    rig.head();
    rig.edit("elsewhere", TEXT.replace("two", "zwei"));
    let before = rig.project.manifest();
    let refused = rig.aft(&["undo", &edit]);
    assert_eq!(refused.status, 3, "{}{}", refused.stdout, refused.stderr);
    assert!(refused.stderr.contains("elsewhere"), "{}", refused.stderr);
    assert_eq!(before, rig.project.manifest());
    let marked = rig.aft(&["undo", &edit, "--on-conflict", "markers"]);
    assert_eq!(marked.status, 5, "{}{}", marked.stdout, marked.stderr);
    assert!(
        rig.project
            .text("elsewhere")
            .contains("<<<<<<< now\nzwei\n")
    );
}

#[test]
fn another_file_of_the_old_name_is_not_taken_for_it() {
    let rig = Rig::watching(&fixture());
    let edit = rig.edit("src/a", TEXT.replace("two", "TWO"));
    rig.project.remove("src/a");
    rig.head();
    rig.project.write("src/a", "another\n");
    rig.head();
    rig.project.rename("src/a", "src/c");
    rig.head();
    let refused = rig.aft(&["undo", &edit]);
    assert_eq!(refused.status, 3, "{}{}", refused.stdout, refused.stderr);
    assert_eq!(rig.project.text("src/c"), "another\n");
    assert!(!rig.project.exists("src/a"));
}

#[test]
fn a_mode_that_both_changed_is_in_the_way_and_one_that_one_changed_is_merged() {
    let rig = Rig::watching(&fixture());
    rig.project.write("other", "y\n");
    rig.project.chmod("other", 0o600);
    let both = rig.head();
    rig.project.chmod("other", 0o755);
    rig.head();
    let refused = rig.aft(&["undo", &both]);
    assert_eq!(refused.status, 3, "{}{}", refused.stdout, refused.stderr);
    let edit = rig.edit("src/a", TEXT.replace("two", "TWO"));
    rig.project.chmod("src/a", 0o700);
    rig.head();
    rig.ok(&["undo", &edit]);
    assert_eq!(rig.project.text("src/a"), TEXT);
    let meta = std::fs::metadata(rig.project.path("src/a")).expect("there");
    assert_eq!(
        meta.permissions().mode() & 0o777,
        0o700,
        "the later mode stays"
    );
}

/// Cost: one operation among a thousand later ones, of other files, of its own file, and of a file that was renamed.
#[test]
fn one_operation_among_a_thousand_later_ones_is_taken_back_without_reading_them_all() {
    let rig = Rig::watching(&fixture());
    let lines = |marked: usize, counter: usize| -> String {
        (0..400)
            .map(|n| match n {
                350 if marked > 0 => "marked\n".to_owned(),
                10 => format!("counter {counter}\n"),
                n => format!("line {n}\n"),
            })
            .collect()
    };
    rig.edit("hot", lines(0, 0));
    let marked = rig.edit("hot", lines(1, 0));
    let few = took(|| drop(rig.ok(&["undo", &marked, "--dry-run"])));
    for counter in 1..=1000 {
        rig.project.write("hot", lines(1, counter));
        if counter % 50 == 0 {
            rig.head();
        }
    }
    rig.head();
    let many = took(|| drop(rig.ok(&["undo", &marked, "--dry-run"])));
    rig.project.rename("hot", "cold");
    rig.head();
    let renamed = took(|| drop(rig.ok(&["undo", &marked, "--dry-run"])));
    println!(
        "undo of one operation: {few:?} as the newest, {many:?} among a thousand, {renamed:?} of a renamed file"
    );
    rig.ok(&["undo", &marked]);
    assert_eq!(rig.project.text("cold"), lines(0, 1000));
    // Nothing that grows with the square of a thousand passes this, however slow the machine.
    assert!(
        renamed < few * 20 + std::time::Duration::from_secs(1),
        "{few:?} {renamed:?}"
    );
}

fn took(work: impl Fn()) -> std::time::Duration {
    let best = (0..3).map(|_| {
        let start = std::time::Instant::now();
        work();
        start.elapsed()
    });
    best.min().expect("three")
}
