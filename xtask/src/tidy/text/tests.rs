//! Each text rule is seen to fire and to stay quiet.

use super::*;

fn errors(path: &str, text: &str) -> Vec<String> {
    let mut report = Report::default();
    let file = SourceFile {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    check(&file, &Allowed::default(), &mut report);
    report.errors
}

#[test]
fn trailing_white_space_and_a_missing_last_newline_are_found() {
    assert_eq!(
        errors("a.md", "one \ntwo\n"),
        ["a.md:1: white space at the end of the line"]
    );
    assert_eq!(
        errors("a.md", "one"),
        ["a.md: no newline at the end of the file"]
    );
    assert!(errors("a.md", "one\n").is_empty());
}

#[test]
fn places_of_one_machine_are_found_and_lookalikes_are_not() {
    let bad = format!("see {}/x for it\n", MACHINE_DIRS[0]);
    assert_eq!(errors("a.md", &bad).len(), 1);
    let good = format!(
        "see a{}/x, {}space/x, ~{}/x\n",
        MACHINE_DIRS[0], MACHINE_DIRS[0], MACHINE_DIRS[1]
    );
    assert!(errors("a.md", &good).is_empty());
}

#[test]
fn a_lock_file_from_another_registry_is_found() {
    let text = "source = \"registry+https://packages.example/index\"\n";
    assert_eq!(
        errors("Cargo.lock", text),
        ["Cargo.lock:1: a dependency that does not come from crates.io"]
    );
    assert!(
        errors(
            "Cargo.lock",
            "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n"
        )
        .is_empty()
    );
}

#[test]
fn an_exception_silences_its_rule_and_only_that() {
    let mut report = Report::default();
    let text = format!("{}/x \n", MACHINE_DIRS[0]);
    let file = SourceFile {
        path: "docs/a.md".to_owned(),
        text,
    };
    let allowed =
        Allowed::parse("[machine-path]\n\"docs/\" = \"an example of a path of a user\"\n").unwrap();
    check(&file, &allowed, &mut report);
    assert_eq!(
        report.errors,
        ["docs/a.md:1: white space at the end of the line"]
    );
}
