//! Each source rule is seen to fire, and to stay quiet in comments and literals.

use super::*;

fn errors(path: &str, text: &str) -> Vec<String> {
    let mut report = Report::default();
    check(
        &SourceFile {
            path: path.to_owned(),
            text: text.to_owned(),
        },
        &Allowed::default(),
        &mut report,
    );
    report.errors
}

#[test]
fn a_file_without_module_documentation_is_found() {
    assert_eq!(
        errors("crates/a/src/b.rs", "fn f() {}\n"),
        ["crates/a/src/b.rs: no module documentation on the first line"]
    );
    assert!(errors("crates/a/src/b.rs", "//! What it is.\n").is_empty());
}

#[test]
fn a_crate_that_does_not_say_what_it_leaves_alone_is_found() {
    assert_eq!(errors("crates/a/src/lib.rs", "//! Does things.\n").len(), 1);
    assert!(
        errors(
            "crates/a/src/lib.rs",
            "//! Does things.\n//! Does not: know others.\n"
        )
        .is_empty()
    );
}

#[test]
fn a_file_beyond_the_limit_is_found_unless_excepted() {
    let file = SourceFile {
        path: "crates/a/src/b.rs".to_owned(),
        text: format!("//! Doc.\n{}", "//\n".repeat(700)),
    };
    let mut report = Report::default();
    check_size(&file, &Allowed::default(), &mut report);
    assert_eq!(report.errors.len(), 1);
    let mut report = Report::default();
    let allowed =
        Allowed::parse("[size]\n\"crates/a/src/b.rs\" = \"a table that reads best whole\"\n")
            .unwrap();
    check_size(&file, &allowed, &mut report);
    assert!(report.errors.is_empty());
    assert_eq!(report.warnings.len(), 1);
}

#[test]
fn banned_words_count_in_code_only() {
    for (word, _, _) in BANNED {
        let text = format!("//! Doc of `{word}`.\nfn f() {{ let s = \"{word}\"; /* {word} */ }}\n");
        assert!(errors("crates/a/src/b.rs", &text).is_empty(), "{word}");
        assert_eq!(
            errors("crates/a/src/b.rs", &format!("//! Doc.\n{word}\n")).len(),
            1,
            "{word}"
        );
    }
}

#[test]
fn unsafe_code_lives_in_one_crate() {
    let text = "//! Doc. Does not: matter.\nfn f() { unsafe { g() } }\n";
    assert_eq!(errors("crates/aft-store/src/b.rs", text).len(), 1);
    assert!(errors("crates/aft-os/src/b.rs", text).is_empty());
    assert!(
        errors(
            "crates/aft-store/src/b.rs",
            "//! Doc.\n#![deny(unsafe_code)]\n"
        )
        .is_empty()
    );
}

#[test]
fn a_note_to_do_something_needs_an_issue_number() {
    let mark = concat!("TO", "DO");
    assert_eq!(
        errors("crates/a/src/b.rs", &format!("//! Doc.\n// {mark} later\n")).len(),
        1
    );
    assert!(
        errors(
            "crates/a/src/b.rs",
            &format!("//! Doc.\n// {mark}(#12): later\n")
        )
        .is_empty()
    );
}

#[test]
fn a_third_place_that_makes_a_writable_handle_is_found() {
    let make = |name: &str, calls: usize| SourceFile {
        path: format!("crates/aft-daemon/src/{name}.rs"),
        text: format!(
            "//! Doc.\n{}#[cfg(test)]\nmod t {{ fn g() {{ WritableRoot::open(); }} }}\n",
            "WritableRoot::open();\n".repeat(calls)
        ),
    };
    let mut report = Report::default();
    check_writers(&[make("a", 1), make("b", 1)], &mut report);
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    check_writers(&[make("a", 1), make("b", 2)], &mut report);
    assert_eq!(report.errors.len(), 1);
}
