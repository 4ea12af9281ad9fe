//! `--stat`: one line a path with its lines added and removed, and the sum.

#[cfg(test)]
mod tests;

use aft_rpc::types::operation::{ChangeView, StateKind};

use super::text::{bytes, count, path};
use crate::color::{Paint, Style};

/// Longest bar of `+` and `-`.
const BAR_MAX: u64 = 40;

/// Added and removed lines over several files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    files: u64,
    added: u64,
    removed: u64,
}

impl Totals {
    /// Counts one more file.
    pub(crate) fn count(&mut self, change: &ChangeView) {
        let stat = change.stat.unwrap_or_default();
        self.files += 1;
        self.added += stat.added;
        self.removed += stat.removed;
    }

    /// ` 3 files changed, 4 insertions(+), 1 deletion(-)`.
    pub(crate) fn line(self) -> String {
        let mut text = format!(" {} changed", count(self.files, "file", "files"));
        if self.added > 0 {
            text.push_str(&format!(
                ", {}(+)",
                count(self.added, "insertion", "insertions")
            ));
        }
        if self.removed > 0 {
            text.push_str(&format!(
                ", {}(-)",
                count(self.removed, "deletion", "deletions")
            ));
        }
        text + "\n"
    }
}

/// One line a path.
pub(crate) fn lines(changes: &[ChangeView], style: Style) -> String {
    let width = changes
        .iter()
        .map(|change| name(change).chars().count())
        .max()
        .unwrap_or(0)
        .min(60);
    changes
        .iter()
        .map(|change| format!(" {:<width$} | {}\n", name(change), extent(change, style)))
        .collect()
}

fn name(change: &ChangeView) -> String {
    match &change.renamed_from {
        Some(from) => format!("{} → {}", path(from), path(&change.path)),
        None => path(&change.path),
    }
}

/// How much changed.
fn extent(change: &ChangeView, style: Style) -> String {
    let (before, after) = (&change.before, &change.after);
    if change.sealed {
        return "sealed: it is a secret".to_owned();
    }
    match change.stat {
        Some(stat) if stat.binary => {
            format!(
                "binary, {} → {}",
                bytes(before.size.unwrap_or(0)),
                bytes(after.size.unwrap_or(0))
            )
        }
        Some(stat) if stat.added + stat.removed > 0 => bar(stat.added, stat.removed, style),
        _ => what(change),
    }
}

/// What changed where no lines did.
fn what(change: &ChangeView) -> String {
    let (before, after) = (&change.before, &change.after);
    let word = match (before.kind, after.kind) {
        (StateKind::Absent, StateKind::Dir) => "new directory",
        (StateKind::Dir, StateKind::Absent) => "directory removed",
        (StateKind::Absent, StateKind::Symlink) => "new link",
        (StateKind::Symlink, StateKind::Absent) => "link removed",
        (StateKind::Symlink, StateKind::Symlink) => "link changed",
        (StateKind::Absent, StateKind::Opaque) => "new, content not held",
        (_, StateKind::Opaque) => "content not held",
        (StateKind::Absent, _) => "new",
        (_, StateKind::Absent) => "removed",
        _ if change.renamed_from.is_some() => "moved",
        (old, new) if old != new => "kind changed",
        _ if before.mode != after.mode => "",
        _ => "changed",
    };
    match (word, before.mode, after.mode) {
        ("", Some(old), Some(new)) => format!("mode {old:04o} → {new:04o}"),
        ("", _, _) => "mode changed".to_owned(),
        (word, _, _) => word.to_owned(),
    }
}

/// `12 ++++++---`, scaled down where it would be too long.
fn bar(added: u64, removed: u64, style: Style) -> String {
    let total = added + removed;
    let scale = |n: u64| {
        if total <= BAR_MAX || n == 0 {
            n
        } else {
            (n * BAR_MAX / total).max(1)
        }
    };
    let signs = |sign: &str, n: u64| sign.repeat(usize::try_from(scale(n)).unwrap_or(0));
    format!(
        "{total} {}{}",
        style.paint(Paint::Green, &signs("+", added)),
        style.paint(Paint::Red, &signs("-", removed))
    )
}
