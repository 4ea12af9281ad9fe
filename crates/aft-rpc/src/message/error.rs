//! The error object: a sentence for a person, and what a program branches on.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ErrorKind;
use crate::types::travel::ConflictView;

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
