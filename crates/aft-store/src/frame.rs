//! The frame around every record: magic, length, checksum, version, kind.
//!
//! Does: encode a frame, check one, and find the next intact one after a damaged place.
//! Does not: know what a payload means.
//!
//! The checksum also covers the store's identity, the segment's number and the frame's offset, so a
//! frame that was copied, swapped or embedded in somebody's file is not mistaken for a record.

/// First byte of every frame.
pub(crate) const MAGIC: u8 = 0xAF;
/// Newest frame version this code writes and reads. A frame has the oldest version that knows what is in it, so that an
/// older program refuses a store only where it would misread it.
pub(crate) const VERSION: u8 = 4;
/// What retention brought: [`Kind::Composed`], [`Kind::Erased`], and blobs that keep the cost they had.
const VERSION_THINNED: u8 = 2;
/// From this one on frames know sessions and turns.
const VERSION_WORK: u8 = 3;
/// From this one on frames know what checks said.
const VERSION_VERDICT: u8 = 4;
/// Bytes before the payload.
pub(crate) const HEADER_LEN: usize = 10;
/// Longest payload: a whole content of 4 MiB with its head fits.
pub(crate) const PAYLOAD_MAX: usize = 4 * 1024 * 1024 + 64 * 1024;

/// What a record is. The numbers are part of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// First record of a segment.
    Header = 1,
    /// Last record of a full segment.
    Seal = 2,
    /// Ends a commit group.
    Trailer = 3,
    /// A content, whole or as a delta.
    Blob = 4,
    /// The chunks of a large content.
    ChunkList = 5,
    /// An operation.
    Operation = 6,
    /// A part of a large operation's or intent's changes.
    Part = 7,
    /// A checkpoint set.
    Checkpoint = 8,
    /// A checkpoint deleted.
    CheckpointDeleted = 9,
    /// The decision to roll back.
    Intent = 10,
    /// A rollback that is over.
    IntentDone = 11,
    /// An audit entry.
    Audit = 12,
    /// A part of the first scan.
    BaselinePart = 13,
    /// Operation numbers below this one may have been given out.
    Reservation = 14,
    /// The store was closed in order.
    CleanEnd = 15,
    /// A body that was dropped; its commitment stays.
    Tombstone = 16,
    /// An operation that stands for itself and those before it that retention merged into it.
    Composed = 17,
    /// Bodies in a row that were dropped; the chain before and after them stays.
    Erased = 18,
    /// A session or a turn, or that one is forgotten.
    Work = 19,
    /// What a check said about a state, or that it is forgotten.
    Verdict = 20,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 20] = [
        Self::Header,
        Self::Seal,
        Self::Trailer,
        Self::Blob,
        Self::ChunkList,
        Self::Operation,
        Self::Part,
        Self::Checkpoint,
        Self::CheckpointDeleted,
        Self::Intent,
        Self::IntentDone,
        Self::Audit,
        Self::BaselinePart,
        Self::Reservation,
        Self::CleanEnd,
        Self::Tombstone,
        Self::Composed,
        Self::Erased,
        Self::Work,
        Self::Verdict,
    ];

    /// The kind with that number.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }

    /// True for records whose salted commitment is part of the hash chain.
    pub(crate) fn is_chained(self) -> bool {
        matches!(
            self,
            Self::Operation
                | Self::Part
                | Self::Checkpoint
                | Self::CheckpointDeleted
                | Self::Intent
                | Self::IntentDone
                | Self::Audit
                | Self::BaselinePart
                | Self::Tombstone
                | Self::Composed
                | Self::Erased
                | Self::Work
                | Self::Verdict
        )
    }

    /// The oldest version of frames that knows this record, whose payload begins with `start`.
    fn version(self, start: &[u8]) -> u8 {
        match self {
            Self::Verdict => VERSION_VERDICT,
            Self::Work => VERSION_WORK,
            Self::Composed | Self::Erased => VERSION_THINNED,
            Self::Blob if start.get(32) == Some(&crate::content::KEPT) => VERSION_THINNED,
            _ => 1,
        }
    }
}

/// Start value of the checksums of one segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CrcSeed(u32);

impl CrcSeed {
    /// The seed of segment `segment` of the store `store`.
    pub(crate) fn new(store: &[u8; 16], segment: u32) -> Self {
        let mut crc = crc32fast::Hasher::new();
        crc.update(store);
        crc.update(&segment.to_le_bytes());
        Self(crc.finalize())
    }

    fn crc(self, offset: u64, head: [u8; 4], rest: &[&[u8]]) -> u32 {
        let mut crc = crc32fast::Hasher::new_with_initial(self.0);
        crc.update(&offset.to_le_bytes());
        crc.update(&head);
        for part in rest {
            crc.update(part);
        }
        crc.finalize()
    }
}

/// Appends one frame to `out`; `offset` is where its first byte will lie in the segment.
/// The payload is the concatenation of `parts` and must not exceed [`PAYLOAD_MAX`].
pub(crate) fn encode(out: &mut Vec<u8>, seed: CrcSeed, offset: u64, kind: Kind, parts: &[&[u8]]) {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    debug_assert!(len <= PAYLOAD_MAX, "callers bound their payloads");
    let [b0, b1, b2, _] = u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes();
    let head = [MAGIC, b0, b1, b2];
    let tags = [
        kind.version(parts.first().copied().unwrap_or_default()),
        kind as u8,
    ];
    let mut crc = crc32fast::Hasher::new_with_initial(seed.0);
    crc.update(&offset.to_le_bytes());
    crc.update(&head);
    crc.update(&tags);
    for part in parts {
        crc.update(part);
    }
    out.reserve(HEADER_LEN + len);
    out.extend_from_slice(&head);
    out.extend_from_slice(&crc.finalize().to_le_bytes());
    out.extend_from_slice(&tags);
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// A frame's header, as its bytes claim; nothing is checked but magic and length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameHead {
    bytes: [u8; 4],
    crc: u32,
    pub(crate) version: u8,
    pub(crate) kind: u8,
    pub(crate) payload_len: usize,
}

impl FrameHead {
    /// Reads the header at the start of `bytes`.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (header, _) = bytes.split_first_chunk::<HEADER_LEN>()?;
        let [magic, b0, b1, b2, c0, c1, c2, c3, version, kind] = *header;
        if magic != MAGIC {
            return None;
        }
        let payload_len = u32::from_le_bytes([b0, b1, b2, 0]) as usize;
        (payload_len <= PAYLOAD_MAX).then_some(Self {
            bytes: [magic, b0, b1, b2],
            crc: u32::from_le_bytes([c0, c1, c2, c3]),
            version,
            kind,
            payload_len,
        })
    }

    /// True when the checksum fits header and `payload` at `offset`.
    pub(crate) fn is_intact(&self, seed: CrcSeed, offset: u64, payload: &[u8]) -> bool {
        payload.len() == self.payload_len
            && seed.crc(offset, self.bytes, &[&[self.version, self.kind], payload]) == self.crc
    }

    /// Bytes of the whole frame.
    pub(crate) fn frame_len(&self) -> usize {
        HEADER_LEN + self.payload_len
    }
}

/// An intact frame inside a buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    /// Where it lies in its segment.
    pub(crate) offset: u64,
    pub(crate) version: u8,
    pub(crate) kind: u8,
    pub(crate) payload: &'a [u8],
}

impl Frame<'_> {
    /// Offset of the byte after it.
    pub(crate) fn end(&self) -> u64 {
        self.offset + (HEADER_LEN + self.payload.len()) as u64
    }
}

/// Checks the frame at `at` in `bytes`, whose first byte lies at `base` in the segment.
pub(crate) fn frame_at(bytes: &[u8], base: u64, at: usize, seed: CrcSeed) -> Option<Frame<'_>> {
    let rest = bytes.get(at..)?;
    let head = FrameHead::parse(rest)?;
    let payload = rest.get(HEADER_LEN..head.frame_len())?;
    let offset = base + at as u64;
    head.is_intact(seed, offset, payload).then_some(Frame {
        offset,
        version: head.version,
        kind: head.kind,
        payload,
    })
}

/// The first intact frame at or after `from`.
pub(crate) fn next_frame(
    bytes: &[u8],
    base: u64,
    from: usize,
    seed: CrcSeed,
) -> Option<(usize, Frame<'_>)> {
    let mut at = from;
    while let Some(found) = bytes.get(at..)?.iter().position(|b| *b == MAGIC) {
        at += found;
        let known = bytes
            .get(at + 9)
            .is_some_and(|kind| Kind::from_byte(*kind).is_some());
        if known && let Some(frame) = frame_at(bytes, base, at, seed) {
            return Some((at, frame));
        }
        at += 1;
    }
    None
}

/// Appends an unsigned integer, seven bits a byte, low bits first.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads what [`put_varint`] wrote; `None` when it is cut or does not fit 64 bits.
pub(crate) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if shift == 63 && *byte > 1 {
            return None;
        }
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
