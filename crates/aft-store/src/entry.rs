//! What a record means to the index: the few fields by which it is found again.
//!
//! Does: take entries out of records and keep the running state of the log (numbers, chain, counts).
//! Does not: hold bodies; those stay in the segments and are read where they lie.

use std::collections::BTreeMap;

use aft_model::{Checkpoint, ContentId, RelPath};

use crate::chain::{Chain, SALT_LEN};
use crate::frame::Kind;
use crate::records::{
    self, AppliedV1, AuditV1, BaselinePartV1, ChangesV1, CheckpointDeletedV1, CheckpointV1,
    ComposedV1, IntentDoneV1, IntentV1, OperationV1, PartV1, RecordError, ReservationV1,
};
use crate::verdict::VerdictV1;
use crate::work::WorkV1;

/// Where a record lies: segment and offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Loc(pub(crate) u64);

impl Loc {
    /// Segments are far shorter than 4 GiB; opening refuses longer ones.
    pub(crate) fn new(segment: u32, offset: u64) -> Self {
        Self(u64::from(segment) << 32 | (offset & 0xFFFF_FFFF))
    }

    pub(crate) fn segment(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub(crate) fn offset(self) -> u64 {
        self.0 & 0xFFFF_FFFF
    }
}

/// The paths an operation changed.
#[derive(Clone, Debug)]
pub(crate) enum OpPaths {
    /// In its own record.
    Inline(Vec<RelPath>),
    /// In its part records.
    Parts(Vec<PartPaths>),
    /// In the baseline parts.
    Baseline(Vec<u32>),
}

/// A part of an operation's paths.
#[derive(Clone, Debug)]
pub(crate) struct PartPaths {
    pub(crate) part: u32,
    /// At hand where the operation was put by this process; otherwise they are in the record.
    pub(crate) paths: Option<Vec<RelPath>>,
}

impl OpPaths {
    /// Numbers of the parts.
    pub(crate) fn parts(&self) -> Vec<u32> {
        match self {
            Self::Inline(_) => Vec::new(),
            Self::Parts(parts) => parts.iter().map(|part| part.part).collect(),
            Self::Baseline(parts) => parts.clone(),
        }
    }

    /// All paths, where they are at hand.
    pub(crate) fn at_hand(&self) -> Option<Vec<&RelPath>> {
        match self {
            Self::Inline(paths) => Some(paths.iter().collect()),
            Self::Parts(parts) => {
                let each: Option<Vec<&Vec<RelPath>>> =
                    parts.iter().map(|part| part.paths.as_ref()).collect();
                Some(each?.into_iter().flatten().collect())
            }
            Self::Baseline(_) => None,
        }
    }
}

/// An operation's row.
#[derive(Clone, Debug)]
pub(crate) struct OpRow {
    pub(crate) id: u64,
    pub(crate) loc: Loc,
    pub(crate) kind: u8,
    pub(crate) time_ns: i64,
    pub(crate) session: Option<String>,
    pub(crate) turn: Option<String>,
    pub(crate) paths: OpPaths,
    /// It stands for one of the same number, of which every path is in the part in which it was.
    pub(crate) is_in_place: bool,
}

/// Who owns a part of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PartOwner {
    Operation(u64),
    Intent(u64),
    /// Not claimed by a baseline operation when it was written.
    Baseline,
}

impl PartOwner {
    /// One number for the index's key.
    pub(crate) fn key(self) -> i64 {
        let number = match self {
            Self::Baseline => 0,
            Self::Operation(id) => id.wrapping_mul(2),
            Self::Intent(id) => id.wrapping_mul(2).wrapping_add(1),
        };
        number as i64
    }
}

/// One record's entry.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Blob(ContentId, Loc),
    Operation(OpRow),
    /// The operation that stands for all from that number on up to its own.
    Composed(OpRow, u64),
    Part(PartOwner, u32, Loc),
    Checkpoint(Checkpoint),
    CheckpointDeleted(String),
    Intent(u64, Loc),
    IntentDone(u64),
    Audit(u64, Loc),
    Work(WorkV1),
    Verdict(VerdictV1),
}

/// A salted record without its salt.
pub(crate) fn body(payload: &[u8]) -> Result<&[u8], RecordError> {
    payload.get(SALT_LEN..).ok_or(RecordError::Short)
}

/// The body of a salted record, decoded.
pub(crate) fn salted<T: bincode::Decode<()>>(payload: &[u8]) -> Result<T, RecordError> {
    records::decode(body(payload)?)
}

impl OpRow {
    /// Whose parts hold its changes.
    pub(crate) fn part_owner(&self) -> PartOwner {
        match self.paths {
            OpPaths::Baseline(_) => PartOwner::Baseline,
            OpPaths::Inline(_) | OpPaths::Parts(_) => PartOwner::Operation(self.id),
        }
    }

    /// The row of the operation record `record` at `loc`.
    pub(crate) fn new(record: &OperationV1, loc: Loc) -> Result<Self, RecordError> {
        records::kind_from_number(record.kind)?;
        let paths = match &record.changes {
            ChangesV1::Inline(changes) => {
                let paths: Result<_, _> = changes.iter().map(|c| RelPath::new(&c.path)).collect();
                OpPaths::Inline(paths.map_err(RecordError::Path)?)
            }
            ChangesV1::Parts { parts, .. } => {
                let unread = |p: &records::PartRefV1| PartPaths {
                    part: p.part,
                    paths: None,
                };
                OpPaths::Parts(parts.iter().map(unread).collect())
            }
            ChangesV1::Baseline { parts, .. } => {
                OpPaths::Baseline(parts.iter().map(|p| p.part).collect())
            }
        };
        Ok(Self {
            id: record.id,
            loc,
            kind: record.kind,
            time_ns: record.time_ns,
            session: record.session.clone(),
            turn: record.turn.clone(),
            paths,
            is_in_place: false,
        })
    }
}

/// The state of the log at one point: everything that a later record depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogState {
    /// Number of the next group.
    pub(crate) group: u64,
    pub(crate) chain: Chain,
    /// Newest operation.
    pub(crate) head: u64,
    /// No number below this may be given out.
    pub(crate) next_operation: u64,
    pub(crate) next_baseline_part: u32,
    /// First part no baseline operation has claimed.
    pub(crate) first_baseline_part: u32,
    pub(crate) audits: u64,
    /// The last thing written was the mark of an orderly end.
    pub(crate) clean: bool,
    /// Newest operation that is, or may be, lost to damage met before the index knew it; 0 for none. What was
    /// before it cannot be told from what came after it.
    pub(crate) lost: u64,
    /// The log was cut behind the first of these operations, and the second was the newest then.
    pub(crate) cut: Option<(u64, u64)>,
    /// Records and frame bytes by kind.
    pub(crate) counts: BTreeMap<u8, (u64, u64)>,
}

impl LogState {
    /// Follows one record and answers with its entry, if the index keeps one.
    pub(crate) fn follow(
        &mut self,
        kind: Kind,
        payload: &[u8],
        loc: Loc,
    ) -> Result<Option<Entry>, RecordError> {
        let entry = self.entry(kind, payload, loc)?;
        let missed = match kind {
            Kind::Erased => RecordError::Chain,
            _ => RecordError::Short,
        };
        self.chain.follow(kind, payload).ok_or(missed)?;
        self.note(kind, payload.len(), entry.as_ref());
        Ok(entry)
    }

    /// Follows a record whose entry is already at hand.
    pub(crate) fn note(&mut self, kind: Kind, payload_len: usize, entry: Option<&Entry>) {
        let (count, bytes) = self.counts.entry(kind as u8).or_default();
        *count += 1;
        *bytes += (crate::frame::HEADER_LEN + payload_len) as u64;
        if !matches!(kind, Kind::Trailer | Kind::Seal | Kind::Header) {
            self.clean = kind == Kind::CleanEnd;
        }
        match entry {
            Some(Entry::Operation(row)) => {
                self.head = self.head.max(row.id);
                self.next_operation = self.next_operation.max(row.id.saturating_add(1));
                if let OpPaths::Baseline(parts) = &row.paths {
                    let last = parts.iter().max().copied().unwrap_or(0);
                    self.first_baseline_part = self.first_baseline_part.max(last.saturating_add(1));
                }
            }
            Some(Entry::Composed(row, _)) => {
                self.head = self.head.max(row.id);
                self.next_operation = self.next_operation.max(row.id.saturating_add(1));
                if records::kind_from_number(row.kind)
                    .is_ok_and(|kind| kind == aft_model::OperationKind::Baseline)
                {
                    // It stands for one whose parts nobody claims any more; they are no unfinished scan.
                    self.first_baseline_part = self.next_baseline_part;
                }
            }
            Some(Entry::Intent(id, _)) => {
                self.next_operation = self.next_operation.max(id.saturating_add(1));
            }
            Some(Entry::Part(PartOwner::Baseline, part, _)) => {
                self.next_baseline_part = self.next_baseline_part.max(part.saturating_add(1));
            }
            Some(Entry::Audit(..)) => self.audits += 1,
            _ => {}
        }
    }

    fn entry(
        &mut self,
        kind: Kind,
        payload: &[u8],
        loc: Loc,
    ) -> Result<Option<Entry>, RecordError> {
        Ok(Some(match kind {
            Kind::Blob | Kind::ChunkList => {
                let id = payload.first_chunk::<32>().ok_or(RecordError::Short)?;
                Entry::Blob(ContentId(*id), loc)
            }
            Kind::Operation => {
                let record: OperationV1 = salted(payload)?;
                Entry::Operation(OpRow::new(&record, loc)?)
            }
            Kind::Composed => {
                let record: ComposedV1 = salted(payload)?;
                if record.first > record.operation.id {
                    return Err(RecordError::Value("the first of merged operations"));
                }
                Entry::Composed(OpRow::new(&record.operation, loc)?, record.first)
            }
            Kind::Part => {
                let part: PartV1 = salted(payload)?;
                let owner = if part.intent {
                    PartOwner::Intent(part.operation)
                } else {
                    PartOwner::Operation(part.operation)
                };
                Entry::Part(owner, part.part, loc)
            }
            Kind::BaselinePart => {
                let part: BaselinePartV1 = salted(payload)?;
                Entry::Part(PartOwner::Baseline, part.part, loc)
            }
            Kind::Checkpoint => {
                let record: CheckpointV1 = salted(payload)?;
                Entry::Checkpoint(record.try_into()?)
            }
            Kind::CheckpointDeleted => {
                let record: CheckpointDeletedV1 = salted(payload)?;
                Entry::CheckpointDeleted(record.name)
            }
            Kind::Intent => {
                let record: IntentV1 = salted(payload)?;
                Entry::Intent(record.operation.id, loc)
            }
            Kind::IntentDone => {
                let record: IntentDoneV1 = salted(payload)?;
                Entry::IntentDone(record.operation)
            }
            Kind::Audit => {
                let _: AuditV1 = salted(payload)?;
                Entry::Audit(self.audits, loc)
            }
            Kind::Work => Entry::Work(salted(payload)?),
            Kind::Verdict => Entry::Verdict(salted(payload)?),
            Kind::Reservation => {
                let record: ReservationV1 = records::decode(payload)?;
                self.next_operation = self.next_operation.max(record.next_operation);
                return Ok(None);
            }
            Kind::Header
            | Kind::Seal
            | Kind::Trailer
            | Kind::CleanEnd
            | Kind::Tombstone
            | Kind::Erased => return Ok(None),
        }))
    }

    /// For the index, as of `segment` and `offset`.
    pub(crate) fn to_applied(&self, store: [u8; 16], segment: u32, offset: u64) -> AppliedV1 {
        AppliedV1 {
            store,
            segment,
            offset,
            group: self.group,
            chain: self.chain.head,
            chain_count: self.chain.count,
            head: self.head,
            next_operation: self.next_operation,
            next_baseline_part: self.next_baseline_part,
            first_baseline_part: self.first_baseline_part,
            audits: self.audits,
            clean: self.clean,
            lost: self.lost,
            cut: self.cut,
            counts: self.counts.iter().map(|(k, (n, b))| (*k, *n, *b)).collect(),
        }
    }

    /// The reverse of [`Self::to_applied`].
    pub(crate) fn from_applied(applied: &AppliedV1) -> Self {
        Self {
            group: applied.group,
            chain: Chain {
                head: applied.chain,
                count: applied.chain_count,
            },
            head: applied.head,
            next_operation: applied.next_operation,
            next_baseline_part: applied.next_baseline_part,
            first_baseline_part: applied.first_baseline_part,
            audits: applied.audits,
            clean: applied.clean,
            lost: applied.lost,
            cut: applied.cut,
            counts: applied
                .counts
                .iter()
                .map(|(k, n, b)| (*k, (*n, *b)))
                .collect(),
        }
    }
}
