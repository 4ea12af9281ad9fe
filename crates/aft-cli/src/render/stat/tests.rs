//! `--stat`.

use aft_rpc::WirePath;
use aft_rpc::types::operation::{LineStat, StateView};

use super::*;

fn state(kind: StateKind, size: u64, mode: u32) -> StateView {
    StateView {
        kind,
        hash: None,
        size: Some(size),
        mode: Some(mode),
        reason: None,
    }
}

fn change(path: &str, before: StateView, after: StateView, stat: Option<LineStat>) -> ChangeView {
    ChangeView {
        stat,
        ..ChangeView::new(WirePath::from(path), before, after, None)
    }
}

#[test]
fn each_kind_of_change_says_what_it_is() {
    let file = || state(StateKind::File, 3, 0o644);
    let text = |added, removed| {
        Some(LineStat {
            added,
            removed,
            binary: false,
        })
    };
    let changes = [
        change("a", file(), file(), text(3, 1)),
        change("longer", StateView::absent(), file(), text(0, 0)),
        change("m", file(), state(StateKind::File, 3, 0o755), None),
        change(
            "d",
            state(StateKind::Dir, 0, 0o755),
            StateView::absent(),
            None,
        ),
        change(
            "p",
            file(),
            state(StateKind::File, 2048, 0o644),
            Some(LineStat {
                binary: true,
                ..LineStat::default()
            }),
        ),
        change("o", file(), state(StateKind::Opaque, 9, 0o644), None),
    ];
    assert_eq!(
        lines(&changes, Style::PLAIN),
        " a      | 4 +++-\n longer | new\n m      | mode 0644 → 0755\n d      | directory removed\n p      | binary, 3 B → 2.0 KiB\n o      | content not held\n"
    );
}

#[test]
fn a_long_bar_is_scaled_and_never_hides_a_side() {
    let bar = bar(10_000, 1, Style::PLAIN);
    assert!(bar.starts_with("10001 +"));
    assert!(bar.ends_with("+-"));
    assert!(bar.len() < 50);
}

#[test]
fn totals_leave_out_what_is_not_there() {
    let mut totals = Totals::default();
    totals.count(&change(
        "a",
        StateView::absent(),
        StateView::absent(),
        Some(LineStat {
            added: 1,
            removed: 0,
            binary: false,
        }),
    ));
    assert_eq!(totals.line(), " 1 file changed, 1 insertion(+)\n");
    totals.count(&change(
        "b",
        StateView::absent(),
        StateView::absent(),
        Some(LineStat {
            added: 2,
            removed: 2,
            binary: false,
        }),
    ));
    assert_eq!(
        totals.line(),
        " 2 files changed, 3 insertions(+), 2 deletions(-)\n"
    );
}
