//! JSON-RPC 2.0 messages: request, response, notification, error, batch.
//!
//! Does not: read or write a socket (that is [`crate::framing`] and [`crate::client`]) or know methods.

mod error;
mod incoming;

#[cfg(test)]
mod tests;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::ErrorKind;
pub use error::{ErrorData, RpcError};
pub use incoming::{Incoming, Rejected, parse_incoming};

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
