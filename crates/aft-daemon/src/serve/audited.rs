//! What of a connection's calls goes into the audit log.
//!
//! Does: say which calls are noted, with what of them, and how far their entry must have come before they are answered.
//! Does not: write; [`crate::audit`] does.

use std::sync::Arc;

use aft_rpc::{ErrorKind, Request, RpcError, WirePath, WireTime, methods};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::connection::Peer;
use crate::audit::{Entry, Until, main_parameters};
use crate::registry::Record;

/// What can not be taken back, or says what may run: it is on the disk before it is answered.
const DURABLE: &[&str] = &[
    "milestone.delete",
    "milestone.import",
    "purge",
    "store.gc",
    "trust.approve",
    "workspace.add",
    "workspace.remove",
];
/// Around every tool call of an agent, and what ends the daemon, which waits for the log itself.
const QUEUED: &[&str] = &["edit.", "turn.", "session.", "daemon.stop"];

fn until(method: &str) -> Until {
    if DURABLE.contains(&method) {
        Until::Durable
    } else if QUEUED.iter().any(|prefix| method.starts_with(prefix)) {
        Until::Queued
    } else {
        Until::Written
    }
}

/// A call under way that is noted when it ends.
pub(super) struct Noted(Entry);

/// Looks at a request before it is carried out. `None` for what changes nothing.
pub(super) fn begin(peer: &Peer, request: &Request) -> Option<Noted> {
    let method = methods::find(&request.method)?;
    if !method.changes() {
        return None;
    }
    let params = parameters(request);
    if params.get("dry_run") == Some(&Value::Bool(true)) {
        return None;
    }
    let place = place(peer, &params);
    let mut entry = fresh(peer, request);
    entry.params = main_parameters(&params);
    entry.workspace = place.as_ref().map(|record| record.id.clone());
    entry.root = place.map(|record| record.root.as_path().into());
    Some(Noted(entry))
}

impl Noted {
    /// Notes what came of it.
    pub(super) async fn end(mut self, peer: &Peer, answer: &Result<Box<RawValue>, RpcError>) {
        let entry = &mut self.0;
        match answer {
            Ok(result) => {
                let told: Told = serde_json::from_str(result.get()).unwrap_or_default();
                entry.operation = told.number();
                entry.workspace = entry.workspace.take().or(told.workspace);
                entry.root = entry.root.take().or(told.root);
                "done".clone_into(&mut entry.outcome);
            }
            Err(error) => error.data.kind.as_str().clone_into(&mut entry.outcome),
        }
        if entry.outcome != "done" && !peer.daemon.refusals.take(&peer.daemon, entry) {
            return;
        }
        // What was refused by the socket did nothing that could be lost.
        let is_forbidden = entry.outcome == ErrorKind::Forbidden.as_str();
        let until = if is_forbidden {
            Until::Queued
        } else {
            until(&entry.method)
        };
        peer.daemon.audit.tell(&self.0, until).await;
    }
}

/// Notes a connection to `control.sock` that brought no proof.
pub(super) fn turned_away(peer: &Arc<Peer>, request: &Request) {
    let mut entry = fresh(peer, request);
    ErrorKind::Forbidden.as_str().clone_into(&mut entry.outcome);
    if peer.daemon.refusals.take(&peer.daemon, &entry) {
        peer.daemon.audit.tell_soon(&entry);
    }
}

fn fresh(peer: &Peer, request: &Request) -> Entry {
    Entry {
        time: WireTime(peer.now_ns()),
        socket: peer.role,
        uid: peer.cred.uid(),
        pid: peer.cred.pid(),
        // A method that nobody knows is whatever its caller wrote.
        method: methods::find(&request.method)
            .map_or("hello", |method| method.name)
            .to_owned(),
        workspace: None,
        root: None,
        params: Map::new(),
        outcome: String::new(),
        operation: None,
        repeated: None,
    }
}

fn parameters(request: &Request) -> Map<String, Value> {
    let text = request.params.as_deref().map_or("{}", RawValue::get);
    serde_json::from_str(text).unwrap_or_default()
}

/// The workspace that is meant, while it is still known: by its name, or by the session.
fn place(peer: &Peer, params: &Map<String, Value>) -> Option<Record> {
    if let Some(wanted) = params.get("workspace") {
        let wanted = WirePath::deserialize(wanted).ok()?;
        return peer
            .daemon
            .resolve(wanted.as_bytes())
            .map(|(record, _)| record);
    }
    let session = params.get("session")?.as_str()?;
    let holds = |(record, open): (Record, Result<Arc<crate::workspace::Workspace>, _>)| {
        let held = open.ok()?.shared.sessions.get(session).is_some();
        held.then_some(record)
    };
    peer.daemon.all().into_iter().find_map(holds)
}

/// What a result says of what was done.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    #[serde(deserialize_with = "number")]
    operation: Option<u64>,
    operations: Option<Numbers>,
    workspace: Option<String>,
    root: Option<WirePath>,
}

/// Numbers of operations, where that is what the field has.
#[derive(Deserialize)]
#[serde(untagged)]
enum Numbers {
    Plain(Vec<u64>),
    Other(serde::de::IgnoredAny),
}

/// An operation's number, or an operation that has one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Operation {
    Number(u64),
    Whole { operation: u64 },
    Other(serde::de::IgnoredAny),
}

fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(match Operation::deserialize(deserializer)? {
        Operation::Number(number) | Operation::Whole { operation: number } => Some(number),
        Operation::Other(_) => None,
    })
}

impl Told {
    fn number(&self) -> Option<u64> {
        let last = match &self.operations {
            Some(Numbers::Plain(numbers)) => numbers.last().copied(),
            Some(Numbers::Other(_)) | None => None,
        };
        self.operation.or(last)
    }
}

#[cfg(test)]
mod tests;
