//! Which words of `aft diff` are points, and how pages become one diff.

use serde_json::{Value, json};

use super::*;
use crate::fake_daemon::FakeDaemon;

fn meaning(words: &[&str], there: &[&str]) -> (String, Option<String>, Vec<String>) {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    let meaning = interpret(&words, &[PathBuf::from("last")], |path| {
        there.iter().any(|name| Path::new(name) == path)
    });
    (
        meaning.from,
        meaning.to,
        meaning
            .paths
            .iter()
            .map(|path| path.display().to_string())
            .collect(),
    )
}

#[test]
fn points_come_before_paths_and_a_file_is_no_checkpoint() {
    let owned = |paths: &[&str]| {
        paths
            .iter()
            .map(|path| (*path).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        meaning(&[], &[]),
        ("@-1".to_owned(), None, owned(&["last"]))
    );
    assert_eq!(
        meaning(&["10m"], &[]),
        ("10m".to_owned(), None, owned(&["last"]))
    );
    assert_eq!(
        meaning(&["1", "@", "src"], &["src"]),
        (
            "1".to_owned(),
            Some("@".to_owned()),
            owned(&["src", "last"])
        )
    );
    assert_eq!(
        meaning(&["@x"], &[]),
        ("@x".to_owned(), None, owned(&["last"])),
        "the daemon says what is wrong with it"
    );
    assert_eq!(
        meaning(&["name", "src"], &["src"]),
        ("name".to_owned(), None, owned(&["src", "last"]))
    );
    assert_eq!(
        meaning(&["src", "10m"], &["src"]),
        ("@-1".to_owned(), None, owned(&["src", "10m", "last"]))
    );
    assert_eq!(
        meaning(&["1", "2", "3"], &[]),
        ("1".to_owned(), Some("2".to_owned()), owned(&["3", "last"]))
    );
    assert_eq!(
        meaning(&["142"], &["142"]).0,
        "142",
        "a number is a point whatever files there are"
    );
}

/// A diff of two files in three pages; the first file's text is cut in the middle of a line.
fn paged() -> FakeDaemon {
    FakeDaemon::start(|method, params| {
        let state = json!({ "type": "file", "hash": "aa", "size": 1, "mode": 420 });
        let file = |path: &str, diff: &str| json!({ "path": path, "before": state, "after": state, "diff": diff });
        let piece = |diff: &str, offset: u64| {
            let mut file = file("a", diff);
            file["diff_offset"] = json!(offset);
            file["diff_total"] = json!(10);
            file
        };
        let (files, cursor) = match params["cursor"].as_str() {
            None => (json!([piece("+one\n", 0)]), Some("2")),
            Some("2") => (json!([piece("+two\n", 5)]), Some("3")),
            Some(_) => (json!([file("b", "-x\n")]), None),
        };
        Ok(if method == "diff" {
            json!({ "from": 1, "to": 2, "n_files": 2, "files": files, "cursor": cursor })
        } else {
            json!({ "operation": { "operation": 2, "kind": "edit", "author": "unknown", "time": "2026-11-21T12:03:04.000000000Z",
                "reverts": [], "n_changes": 2, "changes": files }, "cursor": cursor })
        })
    })
}

#[test]
fn the_pages_of_a_diff_are_one_text() {
    let daemon = paged();
    assert_eq!(daemon.run("aft diff 1 2").out, "+one\n+two\n-x\n");
    let expected = json!({ "workspace": "/w", "from": 1, "to": 2, "format": "unified" });
    assert_eq!(daemon.calls()[0], ("diff".to_owned(), expected));
}

#[test]
fn the_pages_of_an_operation_are_one_text_after_its_head() {
    let daemon = paged();
    let out = daemon.run("aft show @").out;
    assert!(
        out.starts_with("operation #2 edit\n") && out.ends_with("\n\n+one\n+two\n-x\n"),
        "{out}"
    );
    assert_eq!(
        daemon.calls()[1].1["operation"],
        2,
        "`@` is pinned to what the first page was of"
    );
}

#[test]
fn the_pages_of_json_are_one_document_with_whole_diffs() {
    for (line, pointer) in [
        ("aft diff 1 2 --json", "/files"),
        ("aft show 2 --json", "/operation/changes"),
    ] {
        let document: Value = serde_json::from_str(&paged().run(line).out).unwrap();
        let files = document.pointer(pointer).unwrap();
        assert_eq!(files.as_array().unwrap().len(), 2, "{line}");
        assert_eq!(files[0]["diff"], "+one\n+two\n");
        assert!(
            files[0].get("diff_offset").is_none() && document.get("cursor").is_none(),
            "{document}"
        );
    }
}

#[test]
fn stat_ends_with_the_sum() {
    let state = json!({ "type": "file", "hash": "aa", "size": 1, "mode": 420 });
    let file = json!({ "path": "a", "before": state, "after": state, "stat": { "added": 2, "removed": 1 } });
    let daemon = FakeDaemon::always(json!({ "from": 1, "to": 2, "n_files": 1, "files": [file] }));
    assert_eq!(
        daemon.run("aft diff 10m --stat").out,
        " a | 3 ++-\n 1 file changed, 2 insertions(+), 1 deletion(-)\n"
    );
    assert_eq!(daemon.calls()[0].1["format"], "stat");
}

#[test]
fn each_hunk_stands_beneath_its_id() {
    let file = json!({ "type": "file", "hash": "aa", "size": 1, "mode": 420 });
    let hunk = |id: &str, text: &str| json!({ "hunk": id, "kind": "lines", "old_start": 1, "old_lines": 1, "new_start": 1, "new_lines": 1, "text": text });
    let hunks = json!([
        hunk("11", "@@ -1 +1 @@\n-a\n+b\n"),
        hunk("22", "old mode 0644\nnew mode 0755\n")
    ]);
    let change = json!({ "path": "f", "before": file, "after": file, "hunks": hunks });
    let answer = json!({ "from": 1, "to": 2, "n_files": 1, "files": [change] });
    let daemon = FakeDaemon::always(answer);
    let ran = daemon.run("aft diff 1 --hunks");
    let told = "11  f\n@@ -1 +1 @@\n-a\n+b\n22  f\nold mode 0644\nnew mode 0755\n";
    assert_eq!((ran.exit, ran.out.as_str()), (0, told));
    assert_eq!(daemon.calls()[0].1["format"], "hunks");
}
