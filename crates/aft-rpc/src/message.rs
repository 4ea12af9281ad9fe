//! JSON-RPC 2.0 messages: request, response, notification, error, batch.
//!
//! Does not: read or write a socket (that is [`crate::framing`] and [`crate::client`]) or know methods.

#[cfg(test)]
mod tests;

use std::fmt;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::ErrorKind;
use crate::types::travel::ConflictView;

/// Longest request line in bytes, its line feed included.
pub const MAX_LINE: usize = 1 << 20;
/// Deepest nesting of arrays and objects in a request.
pub const MAX_DEPTH: usize = 64;
/// Most requests in one batch.
pub const MAX_BATCH: usize = 256;

/// What ties an answer to its request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    /// A number, as this crate's client sends.
    Number(i64),
    /// A string.
    Text(String),
    /// `null`: the answer to a request whose id could not be read.
    Null,
}

/// `"jsonrpc": "2.0"`, and no other version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version;

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("2.0")
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        if text == "2.0" {
            Ok(Self)
        } else {
            Err(serde::de::Error::custom("jsonrpc must be \"2.0\""))
        }
    }
}

/// A call. Without `id` it is a notification and gets no answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// Always `"2.0"`.
    pub jsonrpc: Version,
    /// Absent in a notification. A `null` id is read as [`Id::Null`] and answered.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub id: Option<Id>,
    /// Name of the method.
    pub method: String,
    /// An object, by name; absent means `{}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Box<RawValue>>,
}

/// Tells `"id": null` from no id.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Id>, D::Error> {
    Id::deserialize(deserializer).map(Some)
}

impl Request {
    /// The parameters as `P`; absent ones read as `{}`.
    ///
    /// # Errors
    /// `invalid`, with what serde found wrong.
    pub fn params<P: DeserializeOwned>(&self) -> Result<P, RpcError> {
        let text = self.params.as_deref().map_or("{}", RawValue::get);
        serde_json::from_str(text).map_err(|error| {
            RpcError::new(
                ErrorKind::Invalid,
                format!("the parameters of `{}` are wrong: {error}", self.method),
            )
        })
    }
}

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
    fn new(id: Id, code: i32, kind: ErrorKind, message: impl Into<String>) -> Self {
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
    id: Id,
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

/// An answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct Response {
    /// Always `"2.0"`.
    pub jsonrpc: Version,
    /// The request's.
    pub id: Id,
    /// What the method returned; exactly one of `result` and `error` is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Box<RawValue>>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RpcError>,
}

impl Response {
    /// A success. A result that cannot be written as JSON (a programming error) becomes an internal error.
    #[must_use]
    pub fn ok<R: Serialize + ?Sized>(id: Id, result: &R) -> Self {
        match serde_json::value::to_raw_value(result) {
            Ok(raw) => Self {
                jsonrpc: Version,
                id,
                result: Some(raw),
                error: None,
            },
            Err(error) => Self::err(
                id,
                RpcError::internal(format!("the result cannot be written: {error}")),
            ),
        }
    }

    /// A failure.
    #[must_use]
    pub fn err(id: Id, error: RpcError) -> Self {
        Self {
            jsonrpc: Version,
            id,
            result: None,
            error: Some(error),
        }
    }

    /// As one line, line feed included.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        to_line(self)
    }
}

impl From<Rejected> for Response {
    fn from(rejected: Rejected) -> Self {
        Self::err(rejected.id, rejected.error)
    }
}

/// Any message, or an array of responses for a batch, as one line with its line feed.
#[must_use]
pub fn to_line<M: Serialize + ?Sized>(message: &M) -> Vec<u8> {
    let mut line = Vec::with_capacity(256);
    if serde_json::to_writer(&mut line, message).is_err() {
        // Messages have string keys and write into memory, so neither cause of failure exists.
        line.clear();
    }
    line.push(b'\n');
    line
}

/// A message of the server that answers nothing; its method is `event`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Notification {
    /// Always `"2.0"`.
    pub jsonrpc: Version,
    /// `event`.
    pub method: String,
    /// [`crate::types::event::Event`].
    pub params: Box<RawValue>,
}

impl Notification {
    /// An `event`. `None` only for an event that cannot be written as JSON.
    #[must_use]
    pub fn event<E: Serialize + ?Sized>(event: &E) -> Option<Self> {
        let params = serde_json::value::to_raw_value(event).ok()?;
        Some(Self {
            jsonrpc: Version,
            method: "event".to_owned(),
            params,
        })
    }
}

/// The error object: a sentence that says what to do, and `data.kind`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RpcError {
    /// See [`ErrorKind::code`]; -32700, -32600, -32601 and -32603 as JSON-RPC has them.
    pub code: i32,
    /// A sentence that says what is wrong and what to do.
    pub message: String,
    /// What a program branches on.
    pub data: Box<ErrorData>,
}

/// `data` of an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorData {
    /// What went wrong, from a closed list.
    pub kind: ErrorKind,
    /// What to do about it, where it is a step of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// With `edit_conflict`: the paths that conflict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<ConflictView>,
    /// With `not_found`: the nearest names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nearest: Vec<String>,
    /// With `version_conflict`: the head as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<u64>,
}

impl RpcError {
    /// An error of `kind`.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let data = ErrorData {
            kind,
            remedy: None,
            conflicts: Vec::new(),
            nearest: Vec::new(),
            head: None,
        };
        Self {
            code: kind.code(),
            message: message.into(),
            data: Box::new(data),
        }
    }

    /// The method does not exist.
    #[must_use]
    pub fn unknown_method(method: &str) -> Self {
        // `not_found` is for things of the history; a program that asks for what this daemon does not have makes a mistake.
        let error = Self::new(
            ErrorKind::Invalid,
            format!("there is no method `{method}`; `rpc.discover` lists them"),
        );
        Self {
            code: -32601,
            ..error
        }
    }

    /// Something failed inside that no kind names; the sentence says what.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self {
            code: -32603,
            ..Self::new(ErrorKind::Invalid, message)
        }
    }

    /// The same with a step that mends it.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.data.remedy = Some(remedy.into());
        self
    }

    /// The same with the paths that conflict.
    #[must_use]
    pub fn with_conflicts(mut self, conflicts: Vec<ConflictView>) -> Self {
        self.data.conflicts = conflicts;
        self
    }

    /// The same with the nearest names.
    #[must_use]
    pub fn with_nearest(mut self, nearest: Vec<String>) -> Self {
        self.data.nearest = nearest;
        self
    }

    /// The same with the head as it is.
    #[must_use]
    pub fn with_head(mut self, head: u64) -> Self {
        self.data.head = Some(head);
        self
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RpcError {}
