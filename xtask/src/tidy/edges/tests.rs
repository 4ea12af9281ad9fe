//! Forbidden edges are found, drawn ones pass.

use super::*;

fn errors(from: &str, to: &str) -> Vec<String> {
    let mut report = Report::default();
    check(
        &[Edge {
            from: from.to_owned(),
            to: to.to_owned(),
        }],
        &mut report,
    );
    report.errors
}

#[test]
fn an_edge_that_is_not_drawn_is_found() {
    assert_eq!(
        errors("aft-engine", "aft-os"),
        ["crates/aft-engine/Cargo.toml: `aft-engine` may not use `aft-os`"]
    );
    assert_eq!(errors("aft-mcp", "aft-store").len(), 1);
    assert!(errors("aft-daemon", "aft-store").is_empty());
}

#[test]
fn no_product_crate_ships_test_code() {
    for (name, _) in MAY_USE {
        assert_eq!(errors(name, "aft-testkit").len(), 1, "{name}");
    }
    assert!(errors("aft-tests", "aft-testkit").is_empty());
}

#[test]
fn an_outside_crate_stays_at_home() {
    assert_eq!(errors("aft-daemon", "rusqlite").len(), 1);
    assert!(errors("aft-store", "rusqlite").is_empty());
    assert_eq!(errors("aft-engine", "tracing").len(), 1);
}

#[test]
fn a_crate_that_is_not_in_the_table_is_found() {
    assert_eq!(errors("aft-new", "").len(), 1);
}

#[test]
fn a_pure_crate_that_serializes_may_reach_nothing_else() {
    assert!(errors("aft-verify", "serde").is_empty());
    assert_eq!(errors("aft-engine", "serde").len(), 2);
    assert_eq!(errors("aft-verify", "rustix").len(), 1);
    assert_eq!(errors("aft-verify", "aft-os").len(), 1);
    assert!(errors("aft-daemon", "aft-verify").is_empty());
    assert_eq!(errors("aft-cli", "tree-sitter").len(), 1);
}
