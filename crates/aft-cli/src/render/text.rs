//! Small pieces of text: names, counts, sizes.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use aft_rpc::WirePath;

/// Text without control characters, so that a file's name cannot drive the terminal.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let safe = text.chars().map(|c| {
        if is_unsafe(c) {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    });
    Cow::Owned(safe.collect())
}

/// Control characters, and those that change the direction of what follows.
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A path for people.
pub(crate) fn path(path: &WirePath) -> String {
    if path.as_bytes().is_empty() {
        return ".".to_owned();
    }
    shown(&path.display()).into_owned()
}

/// `1 file`, `3 files`.
pub(crate) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// `512 B`, `1.5 KiB`, `23 MiB`.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = n as f64 / 1024.0;
    let mut unit = UNITS[0];
    for next in UNITS.into_iter().skip(1) {
        // 1023.5 and up would be shown as 1024.
        if value < 1023.5 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if value < 9.95 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

/// The first characters of an id that nobody types; one that an agent chose has words in it, and stays whole.
pub(crate) fn short_id(id: &str) -> &str {
    if !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return id;
    }
    id.char_indices()
        .nth(8)
        .map_or(id, |(end, _)| id.get(..end).unwrap_or(id))
}
