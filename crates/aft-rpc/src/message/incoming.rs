//! One line from a client, read: a request, several, or why it is none.
//!
//! Does: hold the limits, and find the id of a message that is otherwise wrong, so that the refusal can be told apart.
//! Does not: know methods or their parameters.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Id, MAX_BATCH, MAX_DEPTH, MAX_LINE, Request, RpcError};
use crate::ErrorKind;

/// One line from a client.
#[derive(Debug)]
pub enum Incoming {
    /// One request, or why it is none.
    Single(Result<Request, Rejected>),
    /// Several, to be answered by one array.
    Batch(Vec<Result<Request, Rejected>>),
}

/// A message that is not a request; answer it with `id` and `error`.
#[derive(Debug)]
pub struct Rejected {
    /// The id if one could be read, else [`Id::Null`].
    pub id: Id,
    /// What is wrong.
    pub error: RpcError,
}

impl Rejected {
    pub(super) fn new(id: Id, code: i32, kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            id,
            error: RpcError {
                code,
                ..RpcError::new(kind, message)
            },
        }
    }
}

/// Reads one line (without its line feed) from a client.
#[must_use]
pub fn parse_incoming(line: &[u8]) -> Incoming {
    if line.len() >= MAX_LINE {
        return Incoming::Single(Err(Rejected::new(
            Id::Null,
            ErrorKind::TooLarge.code(),
            ErrorKind::TooLarge,
            "a request line has at most 1 MiB; send less at once",
        )));
    }
    let Ok(text) = std::str::from_utf8(line) else {
        return Incoming::Single(Err(Rejected::new(
            Id::Null,
            -32700,
            ErrorKind::Invalid,
            "a request is UTF-8; send other bytes as base64",
        )));
    };
    if crate::framing::depth(text.as_bytes()) > MAX_DEPTH {
        return Incoming::Single(Err(Rejected::new(
            Id::Null,
            ErrorKind::TooLarge.code(),
            ErrorKind::TooLarge,
            "a request nests at most 64 levels deep",
        )));
    }
    if !text.trim_start().starts_with('[') {
        return Incoming::Single(parse_request(text));
    }
    let items: Vec<&RawValue> = match serde_json::from_str(text) {
        Ok(items) => items,
        Err(error) => return Incoming::Single(Err(malformed(&error))),
    };
    if items.is_empty() {
        return Incoming::Single(Err(Rejected::new(
            Id::Null,
            -32600,
            ErrorKind::Invalid,
            "a batch has at least one request",
        )));
    }
    if items.len() > MAX_BATCH {
        return Incoming::Single(Err(Rejected::new(
            Id::Null,
            ErrorKind::TooLarge.code(),
            ErrorKind::TooLarge,
            "a batch has at most 256 requests",
        )));
    }
    Incoming::Batch(
        items
            .into_iter()
            .map(|item| parse_request(item.get()))
            .collect(),
    )
}

fn malformed(error: &serde_json::Error) -> Rejected {
    Rejected::new(
        Id::Null,
        -32700,
        ErrorKind::Invalid,
        format!("the line is not JSON: {error}"),
    )
}

/// An id and nothing else of a message that is otherwise wrong.
#[derive(Deserialize)]
struct OnlyId {
    pub(super) id: Id,
}

fn parse_request(text: &str) -> Result<Request, Rejected> {
    let error = match serde_json::from_str::<Request>(text) {
        Ok(request) => return Ok(request),
        Err(error) => error,
    };
    if error.is_syntax() || error.is_eof() {
        return Err(malformed(&error));
    }
    let id = serde_json::from_str::<OnlyId>(text).map_or(Id::Null, |only| only.id);
    Err(Rejected::new(
        id,
        -32600,
        ErrorKind::Invalid,
        format!("the message is not a JSON-RPC 2.0 request: {error}"),
    ))
}
