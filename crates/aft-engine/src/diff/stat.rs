//! The `--stat` view: one line a file with a histogram, and a summary, as git draws them.
//!
//! Does: lay rows out in a width. Does not: compute diffs.

use std::fmt::Write as _;

use aft_model::RelPath;

use super::{FileDiff, Side, names};

/// One file's line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatRow {
    name: String,
    added: u32,
    removed: u32,
    /// Sizes before and after, for binary content.
    binary: Option<(usize, usize)>,
}

impl StatRow {
    /// The row of a change and the diff made from it.
    #[must_use]
    pub fn new(
        path_old: &RelPath,
        path_new: &RelPath,
        before: Side<'_>,
        after: Side<'_>,
        diff: &FileDiff,
    ) -> Self {
        let mut name = printable(path_new);
        if path_old != path_new {
            name = format!("{} => {name}", printable(path_old));
        }
        let len = |side: Side<'_>| side.bytes.map_or(0, <[u8]>::len);
        Self {
            name,
            added: diff.added,
            removed: diff.removed,
            binary: diff.binary.then(|| (len(before), len(after))),
        }
    }
}

/// Draws `rows` and their summary into lines of at most `width` characters; nothing for no rows.
#[must_use]
pub fn stat(rows: &[StatRow], width: usize) -> String {
    let mut text = String::new();
    if rows.is_empty() {
        return text;
    }
    let changes_max = rows.iter().map(StatRow::changes).max().unwrap_or(0);
    let bin_width = if rows.iter().any(|row| row.binary.is_some()) {
        3
    } else {
        0
    };
    let number_width = changes_max.to_string().len().max(bin_width);
    // " name | number histogram" and a free last column: six characters are neither name nor histogram.
    let fixed = number_width + 6;
    let width = width.max(fixed + 16);
    let longest = rows
        .iter()
        .map(|row| row.name.chars().count())
        .max()
        .unwrap_or(0);
    let mut name_width = longest;
    let mut graph_width = usize::try_from(changes_max).unwrap_or(usize::MAX);
    if fixed.saturating_add(longest).saturating_add(graph_width) > width {
        // As git shares it: the histogram gives way down to three eighths, then the name.
        graph_width = graph_width.min((width * 3 / 8).saturating_sub(fixed).max(6));
        name_width = longest.min(width - fixed - graph_width);
        graph_width = width - fixed - name_width;
    }
    for row in rows {
        row.draw(
            &mut text,
            name_width,
            number_width,
            Scale {
                width: graph_width as u64,
                max: changes_max,
            },
        );
    }
    summarise(rows, &mut text);
    text
}

#[derive(Clone, Copy)]
struct Scale {
    width: u64,
    max: u64,
}

impl Scale {
    /// Never scales a change down to nothing.
    fn apply(self, changes: u64) -> u64 {
        if changes == 0 || self.max <= self.width {
            return changes;
        }
        1 + changes * self.width.saturating_sub(1) / self.max
    }
}

impl StatRow {
    fn changes(&self) -> u64 {
        u64::from(self.added) + u64::from(self.removed)
    }

    fn draw(&self, text: &mut String, name_width: usize, number_width: usize, scale: Scale) {
        let name = shortened(&self.name, name_width);
        put(text, format_args!(" {name:<name_width$} | "));
        if let Some((old, new)) = self.binary {
            put(
                text,
                format_args!("{:>number_width$} {old} -> {new} bytes\n", "Bin"),
            );
            return;
        }
        let changes = self.changes();
        put(text, format_args!("{changes:>number_width$}"));
        if changes > 0 {
            let both = self.added > 0 && self.removed > 0;
            let total = scale.apply(changes).max(if both { 2 } else { 1 });
            // The smaller of the two is scaled and the larger gets the rest, so neither vanishes.
            let (plus, minus) = if self.added < self.removed {
                let plus = scale.apply(u64::from(self.added));
                (plus, total - plus)
            } else {
                let minus = scale.apply(u64::from(self.removed));
                (total - minus, minus)
            };
            let (plus, minus) = ("+".repeat(plus as usize), "-".repeat(minus as usize));
            put(text, format_args!(" {plus}{minus}"));
        }
        text.push('\n');
    }
}

fn summarise(rows: &[StatRow], text: &mut String) {
    let added: u64 = rows.iter().map(|row| u64::from(row.added)).sum();
    let removed: u64 = rows.iter().map(|row| u64::from(row.removed)).sum();
    let plural = |n: u64| if n == 1 { "" } else { "s" };
    let files = rows.len() as u64;
    put(text, format_args!(" {files} file{} changed", plural(files)));
    if added > 0 || removed == 0 {
        put(
            text,
            format_args!(", {added} insertion{}(+)", plural(added)),
        );
    }
    if removed > 0 || added == 0 {
        put(
            text,
            format_args!(", {removed} deletion{}(-)", plural(removed)),
        );
    }
    text.push('\n');
}

/// Keeps the end of a name, which tells files apart, from the start of a component if one starts there.
fn shortened(name: &str, width: usize) -> String {
    let len = name.chars().count();
    if len <= width {
        return name.to_owned();
    }
    let kept: String = name.chars().skip(len - width.saturating_sub(3)).collect();
    let whole = kept
        .find('/')
        .and_then(|at| kept.get(at..))
        .unwrap_or(&kept);
    format!("...{whole}")
}

fn printable(path: &RelPath) -> String {
    String::from_utf8_lossy(&names::quoted("", path)).into_owned()
}

fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("a String takes any text");
}
