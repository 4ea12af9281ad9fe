//! One entry of the audit log as it is kept. Frozen: what was written once is read for ever.
//!
//! Does: hold who asked for what and what came of it; take the main parameters out of a request.
//! Does not: take a sentence, a label, metadata, a command or content; those are the client's own.

use aft_rpc::types::hello::Role;
use aft_rpc::{WirePath, WireTime};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Parameters that are noted: which thing is meant, and how it is gone about.
const MAIN: [&str; 42] = [
    "agent",
    "at",
    "attach",
    "branch",
    "count",
    "digest",
    "dir",
    "dry_run",
    "durable",
    "edit",
    "expected_head",
    "experiment",
    "file",
    "force",
    "from",
    "git",
    "hash",
    "hunks",
    "into",
    "keep",
    "name",
    "names",
    "no_wait",
    "on_conflict",
    "operation",
    "parent",
    "plan_id",
    "point",
    "purge",
    "rename",
    "root",
    "session",
    "strict",
    "to",
    "tool",
    "tool_use_id",
    "turn",
    "where",
    "winner",
    "with",
    "workspace",
    "worktree",
];
/// Letters of one value, and values of a list.
const TEXT_MAX: usize = 256;
const LIST_MAX: usize = 8;

/// A call that changed something, or wanted to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// When it was asked for. First: by that an entry is told from what the log says of itself.
    pub(crate) time: WireTime,
    /// The socket it came by.
    pub(crate) socket: Role,
    /// The peer's user.
    pub(crate) uid: u32,
    /// The peer's process when it connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pid: Option<i32>,
    pub(crate) method: String,
    /// Id of the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) workspace: Option<String>,
    /// Its root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) root: Option<WirePath>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) params: Map<String, Value>,
    /// `done`, or the kind of the error.
    pub(crate) outcome: String,
    /// The operation it made, or was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) operation: Option<u64>,
    /// So many more were refused in the same way within the second, which have no line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) repeated: Option<u64>,
}

impl Entry {
    /// As a line of the log has it.
    pub(super) fn to_json(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    /// What [`Self::to_json`] wrote; `None` for what the log says of itself.
    pub(super) fn read(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }
}

/// The parameters of a request that are noted, bounded. Of names of files only how many there were: what is purged from
/// all history is not to live on here.
pub(crate) fn main_parameters(all: &Map<String, Value>) -> Map<String, Value> {
    let wanted = |(name, value): (&String, &Value)| {
        let is_main = MAIN.contains(&name.as_str()) && name != "workspace";
        let value = is_main.then(|| bounded(value)).flatten()?;
        Some((name.clone(), value))
    };
    let mut noted: Map<String, Value> = all.iter().filter_map(wanted).collect();
    let n_paths = usize::from(all.contains_key("path"))
        + all
            .get("paths")
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
    if n_paths > 0 {
        noted.insert("n_paths".to_owned(), n_paths.into());
    }
    noted
}

/// A value as it is noted; `None` for one that says nothing.
fn bounded(value: &Value) -> Option<Value> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::Bool(true) | Value::Number(_) => Some(value.clone()),
        Value::String(text) => Some(Value::String(cut(text))),
        Value::Array(values) => {
            let mut shown: Vec<Value> = values.iter().take(LIST_MAX).filter_map(bounded).collect();
            let more = values.len().saturating_sub(LIST_MAX);
            if more > 0 {
                shown.push(Value::String(format!("and {more} more")));
            }
            Some(Value::Array(shown))
        }
        // A name that is not UTF-8.
        Value::Object(fields) => {
            let bytes = fields.get("base64")?.as_str()?;
            let name = [("base64".to_owned(), Value::String(cut(bytes)))];
            Some(Value::Object(name.into_iter().collect()))
        }
    }
}

fn cut(text: &str) -> String {
    if text.len() <= TEXT_MAX {
        return text.to_owned();
    }
    let kept: String = text.chars().take(TEXT_MAX).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests;
