//! What can be wrong with a configuration file, told with file, line and the nearest known key.

use std::io;

/// Why a configuration could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key that does not exist.
    #[error("{file}:{line}: unknown key `{key}`{}", suggestion(.nearest.as_deref(), .known))]
    UnknownKey {
        /// The file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// The key as written.
        key: String,
        /// The known key it resembles most.
        nearest: Option<String>,
        /// Every key that may stand there.
        known: Vec<String>,
    },
    /// A section that only the user's file may have.
    #[error(
        "{file}:{line}: `{section}` may stand in the user's configuration only, not in a workspace's file"
    )]
    NotForWorkspace {
        /// The file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// The section.
        section: String,
    },
    /// Not TOML, or a value of the wrong form.
    #[error("{file}:{line}: {message}")]
    Invalid {
        /// The file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// The file cannot be read.
    #[error("cannot read the configuration file {file}")]
    Read {
        /// The file.
        file: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is not text, or longer than any configuration is.
    #[error("the configuration file {file} is not UTF-8 text of at most {max} bytes")]
    NotText {
        /// The file.
        file: String,
        /// The most a file may have.
        max: u64,
    },
}

fn suggestion(nearest: Option<&str>, known: &[String]) -> String {
    match nearest {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None => format!("; known here: {}", known.join(", ")),
    }
}

/// Reads what the TOML reader reports. Its message for an unknown key is fixed by serde ("unknown field `x`,
/// expected one of `a`, `b`"), and a test notices should that change.
pub(super) fn from_toml(file: &str, text: &str, error: &toml::de::Error) -> ConfigError {
    let line = error.span().map_or(1, |span| line_of(text, span.start));
    let message = error.message();
    if !message.starts_with("unknown field `") {
        return ConfigError::Invalid {
            file: file.to_owned(),
            line,
            message: message.trim_end().replace('\n', " "),
        };
    }
    let mut quoted = message.split('`').skip(1).step_by(2).map(str::to_owned);
    let key = quoted.next().unwrap_or_default();
    let known: Vec<String> = quoted.collect();
    let nearest = nearest(&key, &known);
    ConfigError::UnknownKey {
        file: file.to_owned(),
        line,
        key,
        nearest,
        known,
    }
}

/// Line of a byte offset, from 1.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|b| *b == b'\n').count()
}

/// The known key with the fewest edits, if it is near enough to be meant.
fn nearest(key: &str, known: &[String]) -> Option<String> {
    let limit = (key.len().max(3) / 2).max(2);
    known
        .iter()
        .map(|candidate| (distance(key.as_bytes(), candidate.as_bytes()), candidate))
        .min_by_key(|(edits, _)| *edits)
        .filter(|(edits, _)| *edits <= limit)
        .map(|(_, candidate)| candidate.clone())
}

/// Levenshtein distance, one row at a time.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut previous = i + 1;
        let mut next = Vec::with_capacity(row.len());
        next.push(previous);
        for (above, right) in row.iter().skip(1).zip(b) {
            let replaced = diagonal + usize::from(!left.eq_ignore_ascii_case(right));
            previous = replaced.min(previous + 1).min(above + 1);
            diagonal = *above;
            next.push(previous);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
