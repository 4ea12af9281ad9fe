//! What the session cache held at an orderly end, noted for the next start to read again.
//!
//! Does: write and read numbers of operations and names of sessions, with a checksum; have them read from the store while
//! nobody waits. Does not: note any path or content, so that what is removed from the history is not kept here.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Weak};

use aft_engine::session::Detail;
use aft_model::OperationId;
use aft_os::StoreDir;
use aft_store::Reader;
use tracing::{debug, info};

use super::session_fold;
use super::shared::Shared;

pub(crate) const FILE: &str = "warm";
const FILE_NEW: &str = "warm.new";
const HEAD: &str = "afterimage warm 1";
/// A longer file is none of ours.
const FILE_MAX: u64 = 1 << 20;
/// Operations and sessions noted; those used least recently are left out.
const OPERATIONS_MAX: usize = 4096;
const SESSIONS_MAX: usize = 64;
/// Operations read in one piece of work, between which memory is looked at.
const PIECE: usize = 64;

/// What was held, most recently used first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) operations: Vec<OperationId>,
    pub(crate) sessions: Vec<String>,
}

/// Notes what is held.
pub(crate) fn note(notes: &dyn StoreDir, head: OperationId, held: &Held) {
    let text = written(head, held);
    let write = || -> std::io::Result<()> {
        let mut file = notes.append(FILE_NEW)?;
        file.truncate(0)?;
        file.append(text.as_bytes())?;
        notes.rename(FILE_NEW, FILE)
    };
    if let Err(error) = write() {
        info!(%error, "the next start begins with an empty session cache");
    }
}

fn written(head: OperationId, held: &Held) -> String {
    let mut text = format!("{HEAD}\nhead {head}\n");
    for operation in held.operations.iter().take(OPERATIONS_MAX) {
        text.push_str(&format!("operation {operation}\n"));
    }
    let one_line = |session: &&String| !session.contains('\n');
    for session in held.sessions.iter().filter(one_line).take(SESSIONS_MAX) {
        text.push_str(&format!("session {session}\n"));
    }
    let sum = blake3::hash(text.as_bytes()).to_hex();
    text.push_str(&format!("sum {sum}\n"));
    text
}

/// What was noted; nothing where the note is damaged, of another version, or of a longer history than this one.
fn noted(notes: &dyn StoreDir, head: OperationId) -> Option<Held> {
    let file = notes.read(FILE).ok()?;
    let len = file.len().ok().filter(|len| *len <= FILE_MAX)?;
    let mut bytes = vec![0; usize::try_from(len).ok()?];
    file.read_exact_at(&mut bytes, 0).ok()?;
    read(std::str::from_utf8(&bytes).ok()?, head)
}

fn read(text: &str, head: OperationId) -> Option<Held> {
    let (body, sum) = text.trim_end_matches('\n').rsplit_once('\n')?;
    let whole = blake3::Hasher::new()
        .update(body.as_bytes())
        .update(b"\n")
        .finalize();
    if sum.strip_prefix("sum ")? != whole.to_hex().as_str() {
        return None;
    }
    let mut lines = body.split('\n');
    let is_ours = lines.next()? == HEAD;
    let noted_head: u64 = lines.next()?.strip_prefix("head ")?.parse().ok()?;
    if !is_ours || noted_head > head.0 {
        return None;
    }
    let mut held = Held::default();
    for line in lines {
        match line.split_once(' ')? {
            ("operation", id) => held.operations.push(OperationId(id.parse().ok()?)),
            ("session", id) => held.sessions.push(id.to_owned()),
            _ => return None,
        }
    }
    Some(held)
}

/// Has what was noted read again, in pieces, while nobody waits for it.
pub(crate) fn read_again(notes: &dyn StoreDir, shared: &Arc<Shared>, reader: &Reader) {
    let Some(mut held) = noted(notes, reader.head()) else {
        return;
    };
    // The most recently used one comes last, and so is the last to go.
    held.operations.reverse();
    held.sessions.reverse();
    let (of, reader) = (Arc::downgrade(shared), reader.clone());
    shared.l2.later(move || piece(of, reader, held));
}

fn piece(of: Weak<Shared>, reader: Reader, mut held: Held) {
    let Some(shared) = of.upgrade() else { return };
    let rest = held.operations.split_off(PIECE.min(held.operations.len()));
    for id in std::mem::replace(&mut held.operations, rest) {
        if let Ok(Some(operation)) = reader.operation(id) {
            shared.l2.keep_operation(&Arc::new(operation));
        }
    }
    if held.operations.is_empty() {
        for session in &held.sessions {
            if let Err(error) =
                session_fold::fold((shared.as_ref(), &reader), session, Detail::Net, None)
            {
                debug!(%error, "a session cannot be read again");
            }
        }
    } else {
        let of = Arc::downgrade(&shared);
        shared.l2.later(move || piece(of, reader, held));
    }
}
