//! Addresses of resources, to and from text.
//!
//! Does not: know whether anything is there.

use std::fmt;

const SCHEME: &str = "afterimage://";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    File {
        workspace: String,
        at: String,
        path: String,
    },
    Diff {
        workspace: String,
        from: String,
        to: String,
    },
    Operation {
        workspace: String,
        operation: String,
    },
}

impl Address {
    pub(super) fn parse(uri: &str) -> Option<Self> {
        let mut parts = uri.strip_prefix(SCHEME)?.splitn(4, '/');
        let kind = parts.next()?;
        let mut part = || parts.next().filter(|part| !part.is_empty());
        let address = match kind {
            "file" => Self::File {
                workspace: decoded(part()?)?,
                at: decoded(part()?)?,
                path: decoded(part()?)?,
            },
            "diff" => Self::Diff {
                workspace: decoded(part()?)?,
                from: decoded(part()?)?,
                to: decoded(part()?.trim_end_matches('/'))?,
            },
            "operation" => Self::Operation {
                workspace: decoded(part()?)?,
                operation: decoded(part()?)?,
            },
            _ => return None,
        };
        parts.next().is_none().then_some(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File {
                workspace,
                at,
                path,
            } => write!(
                f,
                "{SCHEME}file/{}/{}/{}",
                encoded(workspace, ""),
                encoded(at, ""),
                encoded(path, "/")
            ),
            Self::Diff {
                workspace,
                from,
                to,
            } => write!(
                f,
                "{SCHEME}diff/{}/{}/{}",
                encoded(workspace, ""),
                encoded(from, ""),
                encoded(to, "")
            ),
            Self::Operation {
                workspace,
                operation,
            } => write!(
                f,
                "{SCHEME}operation/{}/{}",
                encoded(workspace, ""),
                encoded(operation, "")
            ),
        }
    }
}

fn encoded(text: &str, also: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric()
            || b"-._~@:".contains(&byte)
            || also.as_bytes().contains(&byte)
        {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests;
