//! A table says what was measured, how it compares, and what misses its goal.

use super::*;

fn tree(n_files: usize) -> Tree {
    Tree {
        name: "t".to_owned(),
        root: "/t".into(),
        n_files,
        n_dirs: 3,
        bytes: 2_500_000,
        sources: Vec::new(),
    }
}

#[test]
fn ratios_and_missed_goals_are_shown() {
    let mut table = Table::default();
    table.record("checkpoint, nothing changed", Unit::Seconds, "aft", 0.004);
    table.record("checkpoint, nothing changed", Unit::Seconds, "git", 0.180);
    table.record("first baseline", Unit::Seconds, "aft", 0.200);
    let text = table.markdown(&tree(100));
    assert!(
        text.contains(
            "| checkpoint, nothing changed | 4.00 ms | 180 ms | – | 45.0 | – | 6.00 ms | 3.00 ms |"
        ),
        "{text}"
    );
    assert!(
        text.contains("| first baseline | **200 ms** | – | – | – | – | 150 ms | 80.0 ms |"),
        "{text}"
    );
    assert!(
        table
            .markdown(&tree(50_000))
            .contains("| first baseline | 200 ms |"),
        "{text}"
    );
}

#[test]
fn fewer_kept_versions_miss_the_goal() {
    let what = "versions kept of 50 saves of one file 20 ms apart";
    let mut table = Table::default();
    table.record(what, Unit::Count, "aft", 49.0);
    assert!(table.markdown(&tree(1)).contains("| **49** |"));
}

#[test]
fn what_could_not_be_measured_is_said() {
    let mut table = Table::default();
    assert!(table.is_complete());
    table.fail("jj", "restore", &anyhow::anyhow!("no such thing"));
    assert!(!table.is_complete());
    assert!(
        table
            .markdown(&tree(1))
            .contains("Not measured: jj: restore\n")
    );
}
