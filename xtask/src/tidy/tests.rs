//! The repository keeps its own rules.

use super::*;

#[test]
fn the_repository_is_tidy() {
    let root = shell::repository_root().unwrap();
    let report = check(&root).unwrap();
    assert!(report.errors.is_empty(), "{}", report.errors.join("\n"));
}

#[test]
fn an_exception_needs_a_known_rule_and_a_reason() {
    assert!(Allowed::parse("[size]\n\"a.rs\" = \"a table that reads best whole\"\n").is_ok());
    assert!(Allowed::parse("[size]\n\"a.rs\" = \"\"\n").is_err());
    assert!(Allowed::parse("[speed]\n\"a.rs\" = \"a table that reads best whole\"\n").is_err());
}

#[test]
fn an_exception_for_a_file_that_is_gone_is_found() {
    let allowed = Allowed::parse("[size]\n\"a.rs\" = \"a table that reads best whole\"\n").unwrap();
    let mut report = Report::default();
    allowed.check_unused(&[], &mut report);
    assert_eq!(report.errors.len(), 1);
}
