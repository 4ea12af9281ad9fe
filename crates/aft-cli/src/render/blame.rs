//! The lines of a file, each with who wrote it.

#[cfg(test)]
mod tests;

use aft_rpc::types::blame::{BlameRange, BlameResult};

use super::text::{path, short_id, shown};
use super::time::Now;
use crate::color::{Paint, Style};

/// `#142  agent:claude  1a2b3c4d  12:03:04   7) text`, a line each.
pub(crate) fn lines(blamed: &BlameResult, content: &[u8], now: &Now, style: Style) -> String {
    let who: Vec<[String; 4]> = blamed.ranges.iter().map(|range| who(range, now)).collect();
    let width = |column: usize| {
        let lengths = who.iter().filter_map(|row| row.get(column));
        lengths.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2), width(3)];
    let number_width = blamed.lines.to_string().len();
    let owners = blamed.ranges.iter().zip(&who).flat_map(|(range, row)| {
        let count = usize::try_from(range.count).unwrap_or(usize::MAX);
        std::iter::repeat_n(row, count)
    });
    let mut text = String::new();
    let lines = content.split_inclusive(|byte| *byte == b'\n');
    for ((n, line), row) in lines.enumerate().zip(owners) {
        let mut paints = [Some(Paint::Yellow), None, None, None].into_iter();
        for (cell, width) in row.iter().zip(widths) {
            let padded = format!("{cell:<width$}");
            let cell = match paints.next().flatten() {
                Some(paint) => style.paint(paint, &padded),
                None => padded,
            };
            if width > 0 {
                text.push_str(&cell);
                text.push_str("  ");
            }
        }
        let line = line_shown(line);
        text.push_str(&format!("{:>number_width$}) {line}\n", n + 1));
    }
    text
}

/// Its tabs stay, and what ends it goes.
fn line_shown(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = String::from_utf8_lossy(line);
    let pieces: Vec<_> = line.split('\t').map(shown).collect();
    pieces.join("\t")
}

/// Operation, author and session, time, and the name it had then.
fn who(range: &BlameRange, now: &Now) -> [String; 4] {
    let author = match &range.session {
        Some(session) => format!("{} {}", shown(&range.author), shown(short_id(session))),
        None => shown(&range.author).into_owned(),
    };
    [
        format!("#{}", range.operation),
        author,
        now.brief(range.time),
        range.path.as_ref().map(path).unwrap_or_default(),
    ]
}
