//! Nearly right bytes for everything that reads a store: records whose checksum is right and whose content lies, payloads
//! of contents, entries of a keyframe, rows of the index.
//!
//! `AFT_HEAVY=1` runs a hundred times as many cases.

use std::sync::{Arc, LazyLock};

use aft_testkit::fuzz::{cases, nearly};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;

use super::disk::Disk;
use super::{opened, options, source_text};
use crate::content::{self, BlobRecord, Level};
use crate::entry::LogState;
use crate::frame::{self, CrcSeed, Kind};
use crate::records::{self, AppliedV1, ChunkListV1, HeaderV1};
use crate::{keyframe, segment};

/// Stores that older programs wrote, with every kind of record in them.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures");

/// A segment as its records: kind and payload.
#[derive(Clone, Debug)]
struct Segment {
    number: u32,
    store: [u8; 16],
    records: Vec<(Kind, Vec<u8>)>,
}

impl Segment {
    fn parse(number: u32, bytes: &[u8]) -> Self {
        let magic = segment::FILE_MAGIC.len();
        let header = frame::frame_at(bytes, 0, magic, segment::header_seed(number)).unwrap();
        let record: HeaderV1 = records::decode(header.payload).unwrap();
        let mut found = vec![(Kind::Header, header.payload.to_vec())];
        let seed = CrcSeed::new(&record.store, number);
        let mut at = usize::try_from(header.end()).unwrap();
        while let Some(frame) = frame::frame_at(bytes, 0, at, seed) {
            found.push((Kind::from_byte(frame.kind).unwrap(), frame.payload.to_vec()));
            at = usize::try_from(frame.end()).unwrap();
        }
        assert_eq!(at, bytes.len(), "the fixture is whole");
        Self {
            number,
            store: record.store,
            records: found,
        }
    }

    /// The bytes again, with checksums that are right.
    fn bytes(&self) -> Vec<u8> {
        let mut out = segment::FILE_MAGIC.to_vec();
        for (n, (kind, payload)) in self.records.iter().enumerate() {
            let seed = if n == 0 {
                segment::header_seed(self.number)
            } else {
                CrcSeed::new(&self.store, self.number)
            };
            let offset = out.len() as u64;
            frame::encode(&mut out, seed, offset, *kind, &[payload]);
        }
        out
    }
}

/// The segments of every fixture, store by store.
static STORES: LazyLock<Vec<Vec<Segment>>> = LazyLock::new(fixtures);
/// See [`blobs`].
static BLOBS: LazyLock<(Vec<Vec<u8>>, Vec<u8>)> = LazyLock::new(blobs);

fn fixtures() -> Vec<Vec<Segment>> {
    let mut stores = Vec::new();
    for version in ["store-v1", "store-v2"] {
        let dir = std::path::Path::new(FIXTURES).join(version);
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(&dir).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            if let Some(number) = segment::number_of(&name) {
                segments.push(Segment::parse(
                    number,
                    &std::fs::read(entry.path()).unwrap(),
                ));
            }
        }
        segments.sort_by_key(|segment| segment.number);
        stores.push(segments);
    }
    stores
}

/// Reads all there is; only what is right may be told, and nothing panics.
fn read_everything(segments: &[Segment]) {
    let disk = Disk::default();
    for segment in segments {
        disk.set_bytes(&segment::file_name(segment.number), segment.bytes());
    }
    let Ok(mut store) = crate::open(Arc::new(disk.clone()), &options()) else {
        return;
    };
    let reader = &store.reader;
    drop(reader.checkpoints());
    drop(reader.audit(10));
    for segment in segments {
        for (kind, payload) in &segment.records {
            if let (Kind::Blob | Kind::ChunkList, Some(id)) = (kind, payload.first_chunk()) {
                let id = aft_model::ContentId(*id);
                if let Ok(bytes) = reader.read_content(&id) {
                    assert_eq!(blake3::hash(&bytes).as_bytes(), &id.0, "I6");
                }
            }
        }
    }
    for n in 0..12 {
        let id = aft_model::OperationId(n);
        drop(reader.states_at(id));
        if let Ok(Some(operation)) = reader.operation(id) {
            for change in operation.changes.iter().take(5) {
                drop(reader.path_history(&change.path, None, 10));
            }
        }
    }
    drop(reader.page(&crate::Filter::default(), None, 20, 5));
    drop(reader.check(true));
    for _ in 0..1000 {
        match store.writer.maintain() {
            Ok(crate::Maintenance::Working) => {}
            _ => break,
        }
    }
    drop(store.writer.close());
    // What a start took is taken by the next one as well.
    drop(crate::open(Arc::new(disk), &options()));
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn records_that_lie_under_a_right_checksum_harm_nobody(
        which in any::<Index>(),
        place in any::<(Index, Index)>(),
        changed in any::<u64>(),
    ) {
        let mut store = which.get(&STORES).clone();
        let segment = place.0.get_mut(&mut store);
        let same: Vec<Vec<u8>> = {
            let kind = place.1.get(&segment.records).0;
            let of_kind = segment.records.iter().filter(|(other, _)| *other == kind);
            of_kind.map(|(_, payload)| payload.clone()).collect()
        };
        let lies = nearly(same);
        let mut runner = proptest::test_runner::TestRunner::new_with_rng(
            cases(1),
            seeded(changed),
        );
        let payload = lies.new_tree(&mut runner).unwrap().current();
        if payload.len() <= frame::PAYLOAD_MAX {
            place.1.get_mut(&mut segment.records).1 = payload;
            read_everything(&store);
        }
    }
}

fn seeded(seed: u64) -> proptest::test_runner::TestRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let algorithm = proptest::test_runner::RngAlgorithm::ChaCha;
    proptest::test_runner::TestRng::from_seed(algorithm, &bytes)
}

/// Payloads of every kind that the fixtures have.
fn payloads() -> Vec<Vec<u8>> {
    let segments = STORES.iter().flatten().cloned();
    let records = segments.flat_map(|segment| segment.records);
    records
        .map(|(_, payload)| payload)
        .filter(|payload| payload.len() < 4000)
        .collect()
}

/// Blobs, whole and as a difference, and what they are a difference against.
fn blobs() -> (Vec<Vec<u8>>, Vec<u8>) {
    let base = source_text(60).into_bytes();
    let mut edited = base.clone();
    edited.extend_from_slice(b"one line more\n");
    let mut disk = opened(&Disk::default());
    let first = crate::prepare(&base, None, Level::Normal);
    let mut payloads = vec![first.payload.clone()];
    disk.writer.put_content(first).unwrap();
    let against = disk.reader.base_for(&super::content_id(&base));
    for level in [Level::Fast, Level::Normal] {
        let delta = crate::prepare(&edited, against.as_ref(), level);
        payloads.push(delta.payload.clone());
    }
    (payloads, base)
}

fn applied() -> Vec<u8> {
    let state = LogState::default();
    records::encode(&state.to_applied([7; 16], 3, 4000))
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn any_payload_is_a_record_of_its_kind_or_none(
        kind in prop::sample::select(Kind::ALL.to_vec()),
        payload in nearly(payloads()),
    ) {
        let mut state = LogState::default();
        drop(state.follow(kind, &payload, crate::entry::Loc::new(1, 8)));
        drop(records::decode_listed(&payload, 20));
        drop(records::decode::<ChunkListV1>(payload.get(32..).unwrap_or(&[])));
    }

    #[test]
    fn what_the_index_notes_of_the_log_is_read_or_refused(bytes in nearly(vec![applied()])) {
        if let Ok(applied) = records::decode::<AppliedV1>(&bytes) {
            drop(LogState::from_applied(&applied));
        }
    }

    #[test]
    fn a_blob_that_lies_gives_other_bytes_or_none_and_claims_no_room(
        payload in nearly(BLOBS.0.clone()),
    ) {
        let Some(blob) = BlobRecord::parse(&payload) else { return Ok(()) };
        for base in [None, Some(BLOBS.1.as_slice())] {
            if let Some(plain) = blob.decode(base) {
                prop_assert!(plain.len() == blob.size && plain.len() as u64 <= content::WHOLE_MAX);
            }
        }
    }

    #[test]
    fn a_keyframe_with_right_entries_only_is_taken(block in nearly(vec![entries()])) {
        let mut taken = Vec::new();
        let is_whole = keyframe::codec::take_entries(&block, &mut taken).is_some();
        prop_assert!(is_whole || taken.len() <= block.len());
    }
}

/// Entries of a keyframe.
fn entries() -> Vec<u8> {
    use aft_model::{FileState, Known, OpaqueReason, StatSig};
    let states = [
        super::file(b"x"),
        FileState::Absent,
        FileState::Dir { mode: 0o755 },
        FileState::Symlink {
            target: super::content_id(b"to"),
        },
        FileState::Opaque {
            reason: OpaqueReason::TooLarge,
            size: 1 << 40,
            mode: 0o644,
        },
    ];
    let mut out = Vec::new();
    let mut previous = Vec::new();
    for (n, state) in states.into_iter().enumerate() {
        let path = super::path(&format!("dir/entry{n}"));
        let known = Known {
            state,
            stat: (n % 2 == 0).then(StatSig::default),
            ignored: n == 3,
        };
        keyframe::codec::put_entry(&mut out, &previous, &path, &known);
        previous = path.as_bytes().to_vec();
    }
    out
}
