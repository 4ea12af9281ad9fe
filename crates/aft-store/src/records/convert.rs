//! Between the model's values and the frozen records.
//!
//! Does: convert by hand, validating everything that comes from disk (paths, numbers of kinds, names).
//! Does not: read or write.

use aft_model::{
    Author, Change, Checkpoint, CheckpointName, ContentId, FileState, GitHead, Keep, Known,
    OpaqueReason, Operation, OperationId, OperationKind, RelPath, SessionId, StatSig, TurnId,
};

use super::{
    AuthorV1, ChangeV1, ChangesV1, CheckpointV1, CommitV1, GitHeadV1, KnownV1, OperationV1,
    RecordError, StatV1, StateV1,
};

const KEEPS: [Keep; 4] = [
    Keep::Permanent,
    Keep::Session,
    Keep::UntilVerified,
    Keep::User,
];

const REASONS: [OpaqueReason; 6] = [
    OpaqueReason::TooLarge,
    OpaqueReason::Unreadable,
    OpaqueReason::Unsupported,
    OpaqueReason::StoreFull,
    OpaqueReason::NotCovered,
    OpaqueReason::Expired,
];

fn position<T: PartialEq>(all: &[T], wanted: &T) -> u8 {
    let at = all.iter().position(|one| one == wanted);
    at.and_then(|at| u8::try_from(at).ok())
        .expect("the table lists every variant")
}

/// The number of a kind on disk.
pub(crate) fn kind_number(kind: OperationKind) -> u8 {
    position(&OperationKind::ALL, &kind)
}

/// The kind with that number.
pub(crate) fn kind_from_number(number: u8) -> Result<OperationKind, RecordError> {
    let kind = OperationKind::ALL.get(usize::from(number));
    kind.copied()
        .ok_or(RecordError::Value("an operation's kind"))
}

impl From<&FileState> for StateV1 {
    fn from(state: &FileState) -> Self {
        match *state {
            FileState::Absent => Self::Absent,
            FileState::File {
                content,
                size,
                mode,
            } => Self::File {
                content: content.0,
                size,
                mode,
            },
            FileState::Symlink { target } => Self::Symlink { target: target.0 },
            FileState::Dir { mode } => Self::Dir { mode },
            FileState::Opaque { reason, size, mode } => Self::Opaque {
                reason: position(&REASONS, &reason),
                size,
                mode,
            },
        }
    }
}

impl TryFrom<&StateV1> for FileState {
    type Error = RecordError;

    fn try_from(state: &StateV1) -> Result<Self, RecordError> {
        Ok(match *state {
            StateV1::Absent => Self::Absent,
            StateV1::File {
                content,
                size,
                mode,
            } => Self::File {
                content: ContentId(content),
                size,
                mode: permissions(mode)?,
            },
            StateV1::Symlink { target } => Self::Symlink {
                target: ContentId(target),
            },
            StateV1::Dir { mode } => Self::Dir {
                mode: permissions(mode)?,
            },
            StateV1::Opaque { reason, size, mode } => Self::Opaque {
                reason: *REASONS
                    .get(usize::from(reason))
                    .ok_or(RecordError::Value("the reason of an opaque state"))?,
                size,
                mode: permissions(mode)?,
            },
        })
    }
}

fn permissions(mode: u32) -> Result<u32, RecordError> {
    if mode & !0o7777 == 0 {
        Ok(mode)
    } else {
        Err(RecordError::Value("permission bits"))
    }
}

fn path(bytes: &[u8]) -> Result<RelPath, RecordError> {
    RelPath::new(bytes).map_err(RecordError::Path)
}

impl From<&Change> for ChangeV1 {
    fn from(change: &Change) -> Self {
        Self {
            path: change.path.as_bytes().to_vec(),
            before: (&change.before).into(),
            after: (&change.after).into(),
            renamed_from: change.renamed_from.as_ref().map(|p| p.as_bytes().to_vec()),
        }
    }
}

impl TryFrom<&ChangeV1> for Change {
    type Error = RecordError;

    fn try_from(change: &ChangeV1) -> Result<Self, RecordError> {
        Ok(Self {
            path: path(&change.path)?,
            before: (&change.before).try_into()?,
            after: (&change.after).try_into()?,
            renamed_from: change.renamed_from.as_deref().map(path).transpose()?,
        })
    }
}

impl From<&StatSig> for StatV1 {
    fn from(stat: &StatSig) -> Self {
        Self {
            dev: stat.dev,
            ino: stat.ino,
            size: stat.size,
            mode: stat.mode,
            nlink: stat.nlink,
            mtime_ns: stat.mtime_ns,
            ctime_ns: stat.ctime_ns,
        }
    }
}

impl From<&StatV1> for StatSig {
    fn from(stat: &StatV1) -> Self {
        Self {
            dev: stat.dev,
            ino: stat.ino,
            size: stat.size,
            mode: stat.mode,
            nlink: stat.nlink,
            mtime_ns: stat.mtime_ns,
            ctime_ns: stat.ctime_ns,
        }
    }
}

/// One entry of a baseline part or a keyframe.
pub(crate) fn known_record(path: &RelPath, known: &Known) -> KnownV1 {
    KnownV1 {
        path: path.as_bytes().to_vec(),
        state: (&known.state).into(),
        stat: known.stat.as_ref().map(StatV1::from),
        ignored: known.ignored,
    }
}

/// The reverse of [`known_record`].
pub(crate) fn known_value(record: &KnownV1) -> Result<(RelPath, Known), RecordError> {
    let known = Known {
        state: (&record.state).try_into()?,
        stat: record.stat.as_ref().map(StatSig::from),
        ignored: record.ignored,
    };
    Ok((path(&record.path)?, known))
}

/// An operation's record; where its changes are is the caller's decision.
pub(crate) fn operation_record(operation: &Operation, changes: ChangesV1) -> OperationV1 {
    OperationV1 {
        id: operation.id.0,
        kind: kind_number(operation.kind),
        author: match &operation.author {
            Author::Agent(name) => AuthorV1::Agent(name.clone()),
            Author::Human => AuthorV1::Human,
            Author::Afterimage => AuthorV1::Afterimage,
            Author::Unknown => AuthorV1::Unknown,
        },
        time_ns: operation.time_ns,
        session: operation.session.as_ref().map(|s| s.0.clone()),
        turn: operation.turn.as_ref().map(|t| t.0.clone()),
        tool: operation.tool.clone(),
        reverts: operation.reverts.iter().map(|op| op.0).collect(),
        target: operation.target.map(|op| op.0),
        head: operation.head.as_ref().map(git_head_record),
        note: operation.note.clone(),
        changes,
    }
}

/// The operation without its changes.
pub(crate) fn operation_value(record: OperationV1) -> Result<Operation, RecordError> {
    Ok(Operation {
        id: OperationId(record.id),
        kind: kind_from_number(record.kind)?,
        author: match record.author {
            AuthorV1::Agent(name) => Author::Agent(name),
            AuthorV1::Human => Author::Human,
            AuthorV1::Afterimage => Author::Afterimage,
            AuthorV1::Unknown => Author::Unknown,
        },
        time_ns: record.time_ns,
        session: record.session.map(SessionId),
        turn: record.turn.map(TurnId),
        tool: record.tool,
        reverts: record.reverts.into_iter().map(OperationId).collect(),
        target: record.target.map(OperationId),
        head: record.head.map(git_head_value),
        note: record.note,
        changes: Vec::new(),
    })
}

fn git_head_record(head: &GitHead) -> GitHeadV1 {
    let commit = head.commit.as_ref().map(|text| {
        sha1_from_hex(text).map_or_else(|| CommitV1::Text(text.clone()), CommitV1::Sha1)
    });
    GitHeadV1 {
        branch: head.branch.clone(),
        commit,
    }
}

fn git_head_value(head: GitHeadV1) -> GitHead {
    let commit = head.commit.map(|commit| match commit {
        CommitV1::Sha1(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        CommitV1::Text(text) => text,
    });
    GitHead {
        branch: head.branch,
        commit,
    }
}

/// 40 lower-case digits only, so that the way back gives the same text.
fn sha1_from_hex(text: &str) -> Option<[u8; 20]> {
    let digits = text.as_bytes();
    let lower = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
    if digits.len() != 40 || !digits.iter().all(lower) {
        return None;
    }
    let mut bytes = [0_u8; 20];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

impl From<&Checkpoint> for CheckpointV1 {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self {
            name: checkpoint.name.as_str().to_owned(),
            operation: checkpoint.operation.0,
            time_ns: checkpoint.time_ns,
            keep: position(&KEEPS, &checkpoint.keep),
            message: checkpoint.message.clone(),
            metadata: checkpoint.metadata.clone(),
            n_files: checkpoint.n_files,
            n_bytes: checkpoint.n_bytes,
        }
    }
}

impl TryFrom<CheckpointV1> for Checkpoint {
    type Error = RecordError;

    fn try_from(record: CheckpointV1) -> Result<Self, RecordError> {
        Ok(Self {
            name: CheckpointName::new(&record.name)
                .map_err(|_| RecordError::Value("a checkpoint's name"))?,
            operation: OperationId(record.operation),
            time_ns: record.time_ns,
            keep: *KEEPS
                .get(usize::from(record.keep))
                .ok_or(RecordError::Value("a checkpoint's class"))?,
            message: record.message,
            metadata: record.metadata,
            n_files: record.n_files,
            n_bytes: record.n_bytes,
        })
    }
}
