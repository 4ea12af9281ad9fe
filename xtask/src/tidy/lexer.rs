//! Rust source split into what the compiler runs and what people read.
//!
//! Does: give code with comments and literals blanked, and comments alone, both line for line as the source.
//! Does not: parse Rust; a rule that needs more than words and lines belongs to clippy.

/// The two views of one source file. Line numbers are those of the source.
pub(crate) struct Views {
    /// Code only: comments, strings and characters are blanks.
    pub(crate) code: String,
    /// Comments only: everything else is blanks.
    pub(crate) comments: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Code,
    LineComment,
    BlockComment(usize),
    Text,
    RawText(usize),
}

/// Splits `source`.
pub(crate) fn split(source: &str) -> Views {
    let mut views = Views {
        code: String::with_capacity(source.len()),
        comments: String::with_capacity(source.len()),
    };
    let mut mode = Mode::Code;
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let (len, next) = step(rest, first, mode);
        let piece = rest.get(..len).unwrap_or(rest);
        let comment = matches!(mode, Mode::LineComment | Mode::BlockComment(_))
            || matches!(next, Mode::LineComment | Mode::BlockComment(_));
        let code = mode == Mode::Code && next == Mode::Code && !(first == '\'' && len > 1);
        for character in piece.chars() {
            let blank = if character == '\n' { '\n' } else { ' ' };
            views.code.push(if code { character } else { blank });
            views.comments.push(if comment { character } else { blank });
        }
        mode = next;
        rest = rest.get(len..).unwrap_or("");
    }
    views
}

/// How many bytes belong together at the start of `rest`, and the mode behind them.
fn step(rest: &str, first: char, mode: Mode) -> (usize, Mode) {
    let one = first.len_utf8();
    match mode {
        Mode::Code if rest.starts_with("//") => (2, Mode::LineComment),
        Mode::Code if rest.starts_with("/*") => (2, Mode::BlockComment(1)),
        Mode::Code if first == '"' => (1, Mode::Text),
        Mode::Code if first == 'r' => raw_start(rest).map_or((one, Mode::Code), |(len, hashes)| {
            (len, Mode::RawText(hashes))
        }),
        Mode::Code if first == '\'' => (character_len(rest), Mode::Code),
        Mode::Code if first.is_alphanumeric() || first == '_' => (word_len(rest), Mode::Code),
        Mode::Code => (one, Mode::Code),
        Mode::LineComment if first == '\n' => (1, Mode::Code),
        Mode::LineComment => (one, mode),
        Mode::BlockComment(depth) if rest.starts_with("/*") => (2, Mode::BlockComment(depth + 1)),
        Mode::BlockComment(1) if rest.starts_with("*/") => (2, Mode::Code),
        Mode::BlockComment(depth) if rest.starts_with("*/") => (2, Mode::BlockComment(depth - 1)),
        Mode::Text if first == '\\' => (one + rest.chars().nth(1).map_or(0, char::len_utf8), mode),
        Mode::Text if first == '"' => (1, Mode::Code),
        Mode::RawText(hashes)
            if first == '"' && rest.get(1..).is_some_and(|tail| hashes_at(tail) >= hashes) =>
        {
            (1 + hashes, Mode::Code)
        }
        Mode::BlockComment(_) | Mode::Text | Mode::RawText(_) => (one, mode),
    }
}

/// A whole word, so that the `r` of `for` is not taken for the start of a raw string. A prefix such as `b` of
/// `br"…"` is a word of its own.
fn word_len(rest: &str) -> usize {
    let len = rest
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    let word = rest.get(..len).unwrap_or(rest);
    if word == "br" || word == "cr" {
        1
    } else {
        len.max(1)
    }
}

/// `r"`, `r#"`, `r##"`: length of the opening and how many hashes close it.
fn raw_start(rest: &str) -> Option<(usize, usize)> {
    let hashes = hashes_at(rest.get(1..)?);
    rest.get(1 + hashes..)?
        .starts_with('"')
        .then_some((2 + hashes, hashes))
}

fn hashes_at(text: &str) -> usize {
    text.chars().take_while(|c| *c == '#').count()
}

/// Length of a character literal; 1 for the quote of a lifetime.
fn character_len(rest: &str) -> usize {
    let mut characters = rest.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), Some((after, escaped))) => {
            let behind = after + escaped.len_utf8();
            rest.get(behind..)
                .and_then(|tail| tail.find('\''))
                .map_or(1, |end| behind + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
