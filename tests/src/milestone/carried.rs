//! Export and import: from one store to another, exactly or not at all.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use aft_testkit::manifest::assert_same;
use aft_testkit::sim::Rng;
use aft_testkit::{Manifest, TestDaemon};
use serde_json::json;

use super::{elsewhere, project};
use crate::e2e_real::rig::{Rig, manifest_of};
use crate::e2e_real::{heavy, seed};

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Into a workspace where other things are: one operation, which can be taken back.
#[track_caller]
fn into_what_is_there(there: &TestDaemon, place: &Path, file: &Path, expected: &Manifest) {
    let old = place.join("old");
    fs::create_dir(&old).expect("a directory");
    fs::write(old.join("mine"), "mine\n").expect("a file");
    fs::write(old.join("text"), "another\n").expect("a file");
    let refused = there.aft_in(&old, &["milestone", "import", text(file)]);
    assert_eq!(refused.status, 1, "not empty, not watched");
    there.aft_ok(&old, &["watch", "--detach"]);
    let before = manifest_of(&old);
    there.aft_ok(&old, &["milestone", "import", text(file)]);
    assert_same(expected, &manifest_of(&old), "an existing workspace");
    assert_eq!(
        there
            .aft_in(&old, &["milestone", "import", text(file)])
            .status,
        1,
        "its name is taken"
    );
    let again = there.aft_json(
        &old,
        &["milestone", "import", text(file), ".", "--name", "again"],
    );
    assert!(again["restored"].is_null(), "nothing to do: {again}");
    there.aft_ok(&old, &["undo"]);
    assert_same(&before, &manifest_of(&old), "the import undone");
}

#[test]
fn a_milestone_arrives_on_another_machine_as_it_was() {
    let rig = Rig::new();
    project(&rig);
    rig.watch();
    rig.project.write("text", "one\n");
    rig.ok(&["sync"]);
    rig.ok(&["milestone", "create", "v1", "-m", "to go", "--wait"]);
    let expected = rig.project.manifest();
    let (there, place) = elsewhere();
    let file = place.outside().join("v1.aftm");
    let sent = rig.json(&["milestone", "export", "v1", text(&file)]);
    let mode = fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(
        rig.aft(&["milestone", "export", "v1", text(&file)]).status,
        1,
        "it is there"
    );
    rig.ok(&["milestone", "export", "v1", text(&file), "--force"]);
    // Into a directory that is not there yet.
    let new = place.root().join("made/for/it");
    let come = there.aft_json(
        place.root(),
        &["milestone", "import", text(&file), text(&new)],
    );
    assert_eq!(
        (&come["created"], &come["checksum"]),
        (&json!(true), &json!(null))
    );
    assert_same(&expected, &manifest_of(&new), "a new directory");
    // What is made for a person has the mode that their other directories have, however private the daemon is.
    let usual = place.root().join("usual");
    fs::create_dir(&usual).expect("a directory");
    let mode = |dir: &Path| fs::metadata(dir).expect("a directory").permissions().mode();
    for made in ["made", "made/for", "made/for/it"] {
        assert_eq!(mode(&place.root().join(made)), mode(&usual), "{made}");
    }
    let shown = there.aft_json(&new, &["milestone", "verify", "v1"]);
    assert_eq!(
        (&shown["ok"], &shown["message"]),
        (&json!(true), &json!("to go"))
    );
    assert_eq!(
        shown["checksum"], sent["checksum"],
        "its manifest is the same"
    );
    let history = there.aft_json(&new, &["milestone", "show", "v1", "--history", "9"]);
    assert_eq!(
        history["history"].as_array().map(Vec::len),
        Some(2),
        "{history}"
    );
    into_what_is_there(&there, place.root(), &file, &expected);
}

#[test]
fn a_secret_does_not_travel_and_is_named() {
    let rig = Rig::new();
    project(&rig);
    rig.watch();
    let expected = rig.project.manifest();
    rig.project.write(".env", "TOKEN=hidden-in-here\n");
    rig.ok(&["milestone", "create", "v2", "--wait"]);
    let (there, place) = elsewhere();
    let file = place.outside().join("v2.aftm");
    let sent = rig.json(&["milestone", "export", "v2", text(&file)]);
    assert_eq!(sent["left_out"], json!([".env"]));
    let bare = place.root().join("bare");
    let come = there.aft_json(
        place.root(),
        &["milestone", "import", text(&file), text(&bare)],
    );
    assert_eq!(come["left_out"], json!([".env"]));
    assert_same(&expected, &manifest_of(&bare), "all but the secret");
    there.aft_ok(&bare, &["gc"]);
}

#[test]
fn what_is_not_whole_never_changes_anything() {
    let mut rng = Rng::new(seed("milestone damage"));
    let rig = Rig::new();
    rig.project.write("a/text", "one two\n");
    rig.project.symlink("link", "a/text");
    rig.watch();
    rig.ok(&["milestone", "create", "v1", "--wait"]);
    let (there, place) = elsewhere();
    let file = place.outside().join("v1.aftm");
    rig.ok(&["milestone", "export", "v1", text(&file)]);
    let whole = fs::read(&file).expect("a file");
    let old = place.root().join("old");
    fs::create_dir(&old).expect("a directory");
    fs::write(old.join("mine"), "mine\n").expect("a file");
    there.aft_ok(&old, &["watch", "--detach"]);
    let head = || there.aft_json(&old, &["sync"])["head"].clone();
    let (before, at_first) = (manifest_of(&old), head());
    let tries = if heavy() { whole.len() } else { 24 };
    for number in 0..tries {
        let at = if heavy() {
            number
        } else {
            rng.index(whole.len())
        };
        let mut damaged = whole.clone();
        match number % 3 {
            0 => damaged.truncate(at),
            1 => damaged[at] ^= 1 << rng.index(8),
            _ => damaged[at] = !damaged[at],
        }
        fs::write(&file, &damaged).expect("a file");
        let new = place.root().join("new");
        let refused = there.aft_in(&old, &["milestone", "import", text(&file)]);
        assert!(
            [1, 8].contains(&refused.status),
            "byte {at}: {}",
            refused.stderr
        );
        let refused = there.aft_in(&old, &["milestone", "import", text(&file), text(&new)]);
        assert!(
            [1, 8].contains(&refused.status),
            "byte {at}: {}",
            refused.stderr
        );
        assert!(!new.exists(), "byte {at}: a directory is left behind");
    }
    assert_same(&before, &manifest_of(&old), "after all of them");
    assert_eq!(head(), at_first, "no operation was made");
    let listed = there.aft_json(&old, &["milestone", "list"]);
    assert_eq!(listed["milestones"], json!([]));
    for (other, status) in [("nowhere.aftm", 4), ("old", 1)] {
        let other = place.root().join(other);
        let refused = there.aft_in(&old, &["milestone", "import", text(&other)]);
        assert_eq!(refused.status, status, "{}", refused.stderr);
    }
    fs::write(&file, &whole).expect("a file");
    there.aft_ok(&old, &["milestone", "import", text(&file)]);
    assert_same(
        &rig.project.manifest(),
        &manifest_of(&old),
        "the whole one arrives",
    );
}
