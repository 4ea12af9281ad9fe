//! A method without an arm, and an arm without a method, are found.

use super::*;

const SOURCE: &str = "fn f() {\n    match name {\n        // \"gone\" => old,\n        \"sync\" => a(),\n        \"undo\" => b(\"x\"),\n        other => c(other),\n    }\n}\n";

fn errors(names: &[&str], allowed: &Allowed) -> Vec<String> {
    let mut report = Report::default();
    compare(names, SOURCE, allowed, &mut report);
    report.errors
}

#[test]
fn the_table_and_the_dispatch_must_agree() {
    let none = Allowed::default();
    assert!(errors(&["hello", "sync", "undo"], &none).is_empty());
    assert_eq!(errors(&["sync", "undo", "redo"], &none).len(), 1);
    assert_eq!(errors(&["sync"], &none).len(), 1);
}

#[test]
fn an_exception_ends_when_the_method_is_served() {
    let allowed = Allowed::parse("[unserved]\n\"redo\" = \"comes with the next slice\"\n").unwrap();
    assert!(errors(&["sync", "undo", "redo"], &allowed).is_empty());
    let allowed = Allowed::parse("[unserved]\n\"undo\" = \"comes with the next slice\"\n").unwrap();
    assert_eq!(errors(&["sync", "undo"], &allowed).len(), 1);
}
