//! Points: how a user names a moment. Parsing only; resolving one needs the history.

use crate::OperationId;

/// A named moment in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Point {
    /// `@`.
    Now,
    /// `@-3`: that many operations back.
    Back(u64),
    /// `142`: the state right after this operation.
    Operation(OperationId),
    /// A checkpoint's name.
    Checkpoint(String),
    /// `good`: the last state whose verifications passed.
    Good,
    /// `10m`, `2h`, `1d`: that many nanoseconds ago.
    Ago(u64),
    /// An RFC 3339 time, still as text because reading a calendar is not this crate's work.
    Time(String),
    /// `turn:-1`: the start of the last turn, `turn:-2` the one before.
    Turn(u64),
    /// `session:ID`: the start of that session.
    Session(String),
}

/// Why a text is not a point.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is not a point; write @, @-3, an operation's number, a checkpoint's name, good, 10m, an RFC 3339 time, turn:-1 or session:ID"
)]
pub struct PointError(pub String);

impl Point {
    /// Reads a point. Anything that has no other meaning is taken as a checkpoint's name.
    ///
    /// # Errors
    /// [`PointError`] for an empty text, or one that begins like another form and does not end like it.
    pub fn parse(text: &str) -> Result<Self, PointError> {
        let wrong = || PointError(text.to_owned());
        if text.is_empty() {
            return Err(wrong());
        }
        if text == "@" {
            return Ok(Self::Now);
        }
        if let Some(back) = text.strip_prefix("@-") {
            return back.parse().map(Self::Back).map_err(|_| wrong());
        }
        if text.starts_with('@') {
            return Err(wrong());
        }
        if text == "good" {
            return Ok(Self::Good);
        }
        if let Some(back) = text.strip_prefix("turn:-") {
            return back
                .parse()
                .ok()
                .filter(|n| *n > 0)
                .map(Self::Turn)
                .ok_or_else(wrong);
        }
        if let Some(session) = text.strip_prefix("session:") {
            return if session.is_empty() {
                Err(wrong())
            } else {
                Ok(Self::Session(session.to_owned()))
            };
        }
        if let Ok(number) = text.parse() {
            return Ok(Self::Operation(OperationId(number)));
        }
        if let Some(ago) = parse_ago(text) {
            return Ok(Self::Ago(ago));
        }
        if looks_like_time(text) {
            return Ok(Self::Time(text.to_owned()));
        }
        Ok(Self::Checkpoint(text.to_owned()))
    }
}

/// True when `text` reads as a point other than a checkpoint's name, or as an attempt at one.
pub(crate) fn is_reserved(text: &str) -> bool {
    text.starts_with("turn:")
        || text.starts_with("session:")
        || !matches!(Point::parse(text), Ok(Point::Checkpoint(_)))
}

/// `90s`, `10m`, `2h`, `1d`, `1w` in nanoseconds.
fn parse_ago(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let count: u64 = text.get(..text.len() - 1)?.parse().ok()?;
    count.checked_mul(seconds)?.checked_mul(1_000_000_000)
}

/// Begins with a date, as RFC 3339 does: `2026-11-21T…`.
fn looks_like_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 10
        && bytes.iter().take(10).enumerate().all(|(i, b)| {
            if i == 4 || i == 7 {
                *b == b'-'
            } else {
                b.is_ascii_digit()
            }
        })
        && matches!(bytes.get(10), None | Some(b'T' | b't' | b' '))
}
