//! A session's view as text.

use aft_rpc::WirePath;
use aft_rpc::types::operation::{LineStat, StateView};

use super::*;

fn entry(path: &str, (first, last, n_operations): (u64, u64, u64)) -> SessionEntry {
    let mut change = ChangeView::new(
        WirePath::from(path),
        StateView::absent(),
        StateView::absent(),
        None,
    );
    change.stat = Some(LineStat {
        added: 2,
        removed: 1,
        binary: false,
    });
    SessionEntry {
        change,
        first,
        last,
        n_operations,
        formatting: false,
        apart: false,
    }
}

#[test]
fn each_entry_names_its_operations() {
    let mut entries = [entry("a", (3, 3, 1)), entry("long", (4, 9, 5))];
    entries[1].apart = true;
    entries[0].formatting = true;
    assert_eq!(
        lines(&entries, Style::default()),
        " a    | 3 ++-  (#3, white space)\n long | 3 ++-  (#4…#9 ×5, apart)\n"
    );
}

#[test]
fn the_head_says_how_much_of_the_session_it_is() {
    let mut view = SessionDiff {
        level: ViewLevel::Net,
        first: 3,
        last: 40,
        n_operations: 14,
        n_changes: 20,
        truncated: false,
        n_entries: 1,
        entries: Vec::new(),
        cursor: None,
    };
    assert_eq!(head(&view), "14 operations from #3 to #40, 1 entry\n\n");
    view.level = ViewLevel::Steps;
    view.truncated = true;
    assert_eq!(
        head(&view),
        "14 operations from #3 to #40, 1 step; older operations are left out\n\n"
    );
    view.n_operations = 0;
    assert_eq!(head(&view), "No operations.\n");
}

#[test]
fn a_patch_that_does_not_apply_names_the_files() {
    let paths: Vec<String> = (0..12).map(|n| format!("f{n}")).collect();
    let text = said_apart(&paths);
    assert!(
        text.contains("12 files in between (f0, f1,") && text.contains("f9, …)"),
        "{text}"
    );
}
