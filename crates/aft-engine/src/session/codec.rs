//! Operations and diffs as bytes, for the time they lie packed in memory.
//!
//! Does: write and read them, every length checked. Does not: define a format: nothing of this outlives the process.

#[cfg(test)]
mod tests;

use aft_model::{
    Author, Change, ContentId, FileState, GitHead, OpaqueReason, Operation, OperationId,
    OperationKind, RelPath, SessionId, TurnId,
};

use crate::diff::{FileDiff, Hunk};

/// A diff, and what was learnt about the contents while it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The diff.
    pub diff: FileDiff,
    /// The two sides differ in white space only.
    pub formatting: bool,
}

/// Why a path's bytes are not held, by the number it has here.
const REASONS: [OpaqueReason; 6] = [
    OpaqueReason::TooLarge,
    OpaqueReason::Unreadable,
    OpaqueReason::Unsupported,
    OpaqueReason::StoreFull,
    OpaqueReason::NotCovered,
    OpaqueReason::Expired,
];

/// The bytes of an operation.
#[must_use]
pub fn encode_operation(operation: &Operation) -> Vec<u8> {
    let mut out = Out(Vec::with_capacity(128 + operation.changes.len() * 160));
    out.number(operation.id.0);
    let kind = OperationKind::ALL
        .iter()
        .position(|kind| *kind == operation.kind);
    out.number(kind.unwrap_or(0) as u64);
    let (who, name) = match &operation.author {
        Author::Agent(name) => (0, Some(name)),
        Author::Human => (1, None),
        Author::Afterimage => (2, None),
        Author::Unknown => (3, None),
    };
    out.number(who);
    out.text(name);
    out.number(operation.time_ns.cast_unsigned());
    out.text(operation.session.as_ref().map(|id| &id.0));
    out.text(operation.turn.as_ref().map(|id| &id.0));
    out.text(operation.tool.as_ref());
    out.number(operation.reverts.len() as u64);
    for reverted in &operation.reverts {
        out.number(reverted.0);
    }
    out.number(operation.target.map_or(0, |target| target.0 + 1));
    out.flag(operation.head.is_some());
    if let Some(head) = &operation.head {
        out.text(head.branch.as_ref());
        out.text(head.commit.as_ref());
    }
    out.text(operation.note.as_ref());
    out.number(operation.changes.len() as u64);
    for change in &operation.changes {
        out.bytes(change.path.as_bytes());
        out.state(&change.before);
        out.state(&change.after);
        out.flag(change.renamed_from.is_some());
        if let Some(from) = &change.renamed_from {
            out.bytes(from.as_bytes());
        }
    }
    out.0
}

/// The operation in `bytes`.
#[must_use]
pub fn decode_operation(bytes: &[u8]) -> Option<Operation> {
    let mut from = In(bytes);
    let id = OperationId(from.number()?);
    let kind = *OperationKind::ALL.get(from.count()?)?;
    let (who, name) = (from.number()?, from.text()?);
    let author = match (who, name) {
        (0, Some(name)) => Author::Agent(name),
        (1, None) => Author::Human,
        (2, None) => Author::Afterimage,
        (3, None) => Author::Unknown,
        _ => return None,
    };
    let time_ns = from.number()?.cast_signed();
    let session = from.text()?.map(SessionId);
    let turn = from.text()?.map(TurnId);
    let tool = from.text()?;
    let n_reverts = from.count()?;
    let reverts: Option<Vec<_>> = (0..n_reverts)
        .map(|_| from.number().map(OperationId))
        .collect();
    let reverts = reverts?;
    let target = from.number()?.checked_sub(1).map(OperationId);
    let head = if from.flag()? {
        Some(GitHead {
            branch: from.text()?,
            commit: from.text()?,
        })
    } else {
        None
    };
    let note = from.text()?;
    let n_changes = from.count()?;
    let changes: Option<Vec<_>> = (0..n_changes).map(|_| from.change()).collect();
    Some(Operation {
        id,
        kind,
        author,
        time_ns,
        session,
        turn,
        tool,
        reverts,
        target,
        head,
        note,
        changes: changes?,
    })
}

/// The bytes of a diff.
#[must_use]
pub fn encode_shown(shown: &Shown) -> Vec<u8> {
    let Shown { diff, formatting } = shown;
    let mut out = Out(Vec::with_capacity(64 + diff.text.len()));
    for flag in [
        *formatting,
        diff.binary,
        diff.omitted,
        diff.degraded,
        diff.complete,
    ] {
        out.flag(flag);
    }
    out.number(diff.added.into());
    out.number(diff.removed.into());
    out.bytes(&diff.text);
    out.number(diff.hunks.len() as u64);
    for hunk in &diff.hunks {
        for number in [hunk.old_start, hunk.old_len, hunk.new_start, hunk.new_len] {
            out.number(number.into());
        }
        out.number(hunk.range.start as u64);
        out.number(hunk.range.end as u64);
    }
    out.0
}

/// The diff in `bytes`.
#[must_use]
pub fn decode_shown(bytes: &[u8]) -> Option<Shown> {
    let mut from = In(bytes);
    let formatting = from.flag()?;
    let (binary, omitted) = (from.flag()?, from.flag()?);
    let (degraded, complete) = (from.flag()?, from.flag()?);
    let (added, removed) = (from.small()?, from.small()?);
    let text = from.bytes()?.to_vec();
    let n_hunks = from.count()?;
    let hunks: Option<Vec<_>> = (0..n_hunks).map(|_| from.hunk()).collect();
    Some(Shown {
        diff: FileDiff {
            text,
            added,
            removed,
            binary,
            omitted,
            degraded,
            complete,
            hunks: hunks?,
        },
        formatting,
    })
}

/// The bytes of a state, for keys as well.
pub(super) fn state_bytes(state: &FileState) -> Vec<u8> {
    let mut out = Out(Vec::with_capacity(48));
    out.state(state);
    out.0
}

struct Out(Vec<u8>);

impl Out {
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn flag(&mut self, flag: bool) {
        self.0.push(flag.into());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, text: Option<&String>) {
        self.flag(text.is_some());
        if let Some(text) = text {
            self.bytes(text.as_bytes());
        }
    }

    fn state(&mut self, state: &FileState) {
        match state {
            FileState::Absent => self.number(0),
            FileState::File {
                content,
                size,
                mode,
            } => {
                self.number(1);
                self.0.extend_from_slice(&content.0);
                self.number(*size);
                self.number((*mode).into());
            }
            FileState::Symlink { target } => {
                self.number(2);
                self.0.extend_from_slice(&target.0);
            }
            FileState::Dir { mode } => {
                self.number(3);
                self.number((*mode).into());
            }
            FileState::Opaque { reason, size, mode } => {
                self.number(4);
                let reason = REASONS.iter().position(|known| known == reason);
                self.number(reason.unwrap_or(0) as u64);
                self.number(*size);
                self.number((*mode).into());
            }
        }
    }
}

struct In<'a>(&'a [u8]);

impl<'a> In<'a> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    /// A number of things, each of which takes at least one byte.
    fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(self.number()?).ok()?;
        (count <= self.0.len().max(OperationKind::ALL.len())).then_some(count)
    }

    fn flag(&mut self) -> Option<bool> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte != 0)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    fn text(&mut self) -> Option<Option<String>> {
        if !self.flag()? {
            return Some(None);
        }
        String::from_utf8(self.bytes()?.to_vec()).ok().map(Some)
    }

    fn id(&mut self) -> Option<ContentId> {
        let (id, rest) = self.0.split_first_chunk::<32>()?;
        self.0 = rest;
        Some(ContentId(*id))
    }

    fn path(&mut self) -> Option<RelPath> {
        let bytes = self.bytes()?;
        if bytes.is_empty() {
            return Some(RelPath::root());
        }
        RelPath::new(bytes).ok()
    }

    fn state(&mut self) -> Option<FileState> {
        Some(match self.number()? {
            0 => FileState::Absent,
            1 => FileState::File {
                content: self.id()?,
                size: self.number()?,
                mode: self.small()?,
            },
            2 => FileState::Symlink { target: self.id()? },
            3 => FileState::Dir {
                mode: self.small()?,
            },
            4 => FileState::Opaque {
                reason: *REASONS.get(self.count()?)?,
                size: self.number()?,
                mode: self.small()?,
            },
            _ => return None,
        })
    }

    fn change(&mut self) -> Option<Change> {
        let path = self.path()?;
        let (before, after) = (self.state()?, self.state()?);
        let renamed_from = if self.flag()? {
            Some(self.path()?)
        } else {
            None
        };
        Some(Change {
            path,
            before,
            after,
            renamed_from,
        })
    }

    fn hunk(&mut self) -> Option<Hunk> {
        let (old_start, old_len) = (self.small()?, self.small()?);
        let (new_start, new_len) = (self.small()?, self.small()?);
        let start = usize::try_from(self.number()?).ok()?;
        let end = usize::try_from(self.number()?).ok()?;
        Some(Hunk {
            old_start,
            old_len,
            new_start,
            new_len,
            range: start..end,
        })
    }
}
