//! Milestones on a disk in memory: written, read back, carried away and taken in, whole or not at all.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;

use aft_model::{Checkpoint, CheckpointName, ContentId, FileState, OpaqueReason, OperationId};
use aft_os::ReadAt;

use super::container::{Builder, Part, block};
use super::count::Counter;
use super::*;
use crate::tests::disk::Disk;
use crate::tests::{
    change, checkpoint, content_id, file, noise, opened, operation, path, put_edit,
};
use crate::{Level, Opened, prepare, prepare_stream};
use aft_model::RelPath;

struct InMemory(Vec<u8>);

impl ReadAt for InMemory {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let from = usize::try_from(offset).unwrap();
        let bytes = self.0.get(from..from + buf.len());
        buf.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }
}

type Entries = Vec<(RelPath, FileState)>;

/// A store with two operations, a large content, a link, an empty directory and a path whose bytes nobody has.
fn store(disk: &Disk) -> (Opened, Entries) {
    let mut store = opened(disk);
    put_edit(
        &mut store.writer,
        1,
        "a.txt",
        FileState::Absent,
        b"one two\nthree",
    );
    put_edit(&mut store.writer, 2, "b/c", FileState::Absent, b"x\n");
    let large = noise(9, 5 * 1024 * 1024);
    let mut chunks = Vec::new();
    let list = prepare_stream(large.as_slice(), Level::Fast, &mut |chunk| {
        chunks.push(chunk);
        Ok(())
    });
    for chunk in chunks {
        store.writer.put_content(chunk).unwrap();
    }
    store.writer.put_content(list.unwrap()).unwrap();
    store
        .writer
        .put_content(prepare(b"a.txt", None, Level::Normal))
        .unwrap();
    let target = content_id(b"a.txt");
    let link = FileState::Symlink { target };
    let lost = FileState::Opaque {
        reason: OpaqueReason::TooLarge,
        size: 9,
        mode: 0o600,
    };
    let dir = FileState::Dir { mode: 0o755 };
    let changes = vec![
        change("b", FileState::Absent, dir),
        change("b/large", FileState::Absent, file(&large)),
        change("b/same", FileState::Absent, file(b"x\n")),
        change("link", FileState::Absent, link),
        change("lost", FileState::Absent, lost),
    ];
    store
        .writer
        .put_operation(&operation(3, changes.clone()))
        .unwrap();
    store.writer.put_checkpoint(&checkpoint("v1", 3)).unwrap();
    store.writer.commit(true).unwrap();
    let mut entries: BTreeMap<RelPath, FileState> = BTreeMap::new();
    entries.insert(path("a.txt"), file(b"one two\nthree"));
    entries.insert(path("b/c"), file(b"x\n"));
    entries.extend(changes.into_iter().map(|one| (one.path, one.after)));
    (store, entries.into_iter().collect())
}

fn name() -> CheckpointName {
    CheckpointName::new("v1").unwrap()
}

/// A shelf, and what keeps its directory.
fn shelf() -> (tempfile::TempDir, Shelf) {
    let dir = tempfile::tempdir().unwrap();
    let store = aft_os::RealStoreDir::open(dir.path(), false).unwrap();
    (dir, Shelf::open(&store).unwrap())
}

fn made(store: &Opened, entries: &Entries) -> ((tempfile::TempDir, Shelf), Milestone) {
    let (dir, shelf) = shelf();
    let begun = Milestone::begun(&checkpoint("v1", 3), OperationId(1));
    shelf.put_head(&name(), &begun).unwrap();
    let draft = Draft {
        name: &name(),
        begun,
        entries,
        now_ns: 7,
    };
    let made = generate(&store.reader, &shelf, draft, &Gauge::new(2)).unwrap();
    ((dir, shelf), made)
}

fn exported(store: &Opened, shelf: &Shelf, left_out: &str) -> (Vec<u8>, Exported) {
    let mut bytes = Vec::new();
    let told = (Some("as sent".to_owned()), None);
    let is_left_out = |path: &RelPath| path.as_bytes() == left_out.as_bytes();
    let gauge = Gauge::new(2);
    let done = export(
        &store.reader,
        shelf,
        (&name(), told),
        &mut bytes,
        &is_left_out,
        &gauge,
    );
    let done = done.unwrap();
    assert_eq!(done.file_bytes, bytes.len() as u64);
    (bytes, done)
}

fn unpacked(parcel: &Parcel) -> Result<BTreeMap<ContentId, Vec<u8>>, MilestoneError> {
    let all = Mutex::new(BTreeMap::new());
    parcel.unpack(&Gauge::new(2), &|arrived| {
        let (id, bytes) = match arrived {
            Arrived::Whole(id, bytes, _) => (id, bytes.to_vec()),
            Arrived::Stream(id, stream) => {
                let mut bytes = Vec::new();
                io::Read::read_to_end(stream, &mut bytes)?;
                (id, bytes)
            }
        };
        all.lock().unwrap().insert(id, bytes);
        Ok(())
    })?;
    Ok(all.into_inner().unwrap())
}

/// What all of a file's bytes say, or why it is refused.
fn take_in(bytes: &[u8]) -> Result<(Entries, usize), MilestoneError> {
    let parcel = Parcel::open(Box::new(InMemory(bytes.to_vec())), &Gauge::new(1))?;
    let contents = unpacked(&parcel)?;
    for (id, bytes) in &contents {
        assert_eq!(
            content_id(bytes),
            *id,
            "no content is handed over unverified"
        );
    }
    Ok((parcel.entries, contents.len()))
}

#[test]
fn a_milestone_is_read_back_counted_and_written_with_its_history() {
    let disk = Disk::default();
    let (store, entries) = store(&disk);
    let ((_dir, shelf), made) = made(&store, &entries);
    assert_eq!(made.status, Status::Completed);
    assert_eq!((made.n_entries, made.n_files), (7, 5));
    assert_eq!((made.n_contents, made.n_operations), (4, 2));
    let text = made.text.unwrap();
    // a.txt, b/c and b/same, which is the same content twice; the large one is noise.
    assert_eq!(
        (text.files, text.lines, text.words, text.tokens),
        (3, 4, 5, 6)
    );
    assert_eq!(shelf.head(&name()).unwrap(), Some(made.clone()));
    let (read, back) = shelf.contents(&name()).unwrap();
    assert_eq!((read, &back), (made, &entries));
    let history = shelf.history(&name(), 10).unwrap();
    assert_eq!(
        history.iter().map(|one| one.id.0).collect::<Vec<_>>(),
        [2, 3]
    );
    assert_eq!(history[1].changes.len(), 5);
    assert_eq!(shelf.history(&name(), 1).unwrap().len(), 1);
}

#[test]
fn a_milestone_whose_content_is_gone_fails_and_says_which_path() {
    let disk = Disk::default();
    let (store, mut entries) = store(&disk);
    entries.push((path("z"), file(b"never stored")));
    let ((_dir, shelf), made) = made(&store, &entries);
    let Status::Failed(reason) = &made.status else {
        panic!("{made:?}");
    };
    assert!(reason.contains('z'), "{reason}");
    assert_eq!(shelf.head(&name()).unwrap(), Some(made));
    // A size that does not fit is damage too.
    let wrong = FileState::File {
        content: content_id(b"x\n"),
        size: 3,
        mode: 0o644,
    };
    let found = examine(
        &store.reader,
        &[(path("q"), wrong)],
        Counting::Nothing,
        &Gauge::new(1),
    )
    .unwrap();
    assert_eq!(found.n_damaged, 1);
}

#[test]
fn what_was_carried_away_comes_out_as_it_was() {
    let disk = Disk::default();
    let (store, entries) = store(&disk);
    let ((_dir, shelf), _) = made(&store, &entries);
    let (bytes, exported) = exported(&store, &shelf, "nothing");
    assert_eq!(exported.milestone.message.as_deref(), Some("as sent"));
    let parcel = Parcel::open(Box::new(InMemory(bytes)), &Gauge::new(1)).unwrap();
    assert_eq!(parcel.entries, entries);
    assert_eq!(parcel.milestone, exported.milestone);
    let contents = unpacked(&parcel).unwrap();
    assert_eq!(contents.len(), 4);
    for (id, bytes) in contents {
        assert_eq!(*store.reader.read_content(&id).unwrap(), *bytes);
    }
    // Its history lies beside what is made of it, and becomes that one's.
    let (_other, shelf) = self::shelf();
    parcel.lay_history(&shelf, &name()).unwrap();
    let draft = Draft {
        name: &name(),
        begun: Milestone::begun(&checkpoint("v1", 3), OperationId(3)),
        entries: &entries,
        now_ns: 7,
    };
    let again = generate(&store.reader, &shelf, draft, &Gauge::new(1)).unwrap();
    assert_eq!(again.n_operations, 2);
    assert_eq!(shelf.history(&name(), 9).unwrap().len(), 2);
}

#[test]
fn what_is_left_out_is_neither_in_manifest_nor_history_nor_contents() {
    let disk = Disk::default();
    let (store, entries) = store(&disk);
    let ((_dir, shelf), _) = made(&store, &entries);
    let (bytes, exported) = exported(&store, &shelf, "b/large");
    assert_eq!(exported.milestone.left_out, [path("b/large")]);
    assert_eq!(exported.milestone.n_files, 4);
    assert!(bytes.len() < 100_000, "the large content is not in it");
    let parcel = Parcel::open(Box::new(InMemory(bytes)), &Gauge::new(1)).unwrap();
    assert!(!parcel.entries.iter().any(|(at, _)| *at == path("b/large")));
    assert_eq!(unpacked(&parcel).unwrap().len(), 3);
    let (_other, shelf) = self::shelf();
    parcel.lay_history(&shelf, &name()).unwrap();
    let past = shelf.past(&name()).unwrap();
    let mut frames = container::Frames::open(past.as_ref(), true).unwrap();
    while let Some(frame) = frames.next().unwrap() {
        if frame.part == Part::History {
            let plain = container::plain(frame.at, &frame.payload).unwrap();
            let has = plain.windows(7).any(|bytes| bytes == b"b/large");
            assert!(!has, "the name is in the history");
        }
    }
}

#[test]
fn every_flipped_byte_and_every_cut_of_a_file_is_refused() {
    let disk = Disk::default();
    let (store, mut entries) = store(&disk);
    entries.retain(|(at, _)| *at != path("b/large"));
    let ((_dir, shelf), _) = made(&store, &entries);
    let (bytes, _) = exported(&store, &shelf, "b/large");
    assert!(bytes.len() < 4000, "small enough to try every byte");
    assert_eq!(take_in(&bytes).unwrap(), (entries, 3));
    for at in 0..bytes.len() {
        for bit in [0x01, 0x80] {
            let mut damaged = bytes.clone();
            damaged[at] ^= bit;
            assert!(take_in(&damaged).is_err(), "byte {at} flipped by {bit:#x}");
        }
        assert!(take_in(&bytes[..at]).is_err(), "cut to {at} bytes");
    }
    // A checksum that was made to fit again, over a head that says something else.
    let mut forged = bytes.clone();
    let at = forged
        .windows(7)
        .position(|text| text == b"as sent")
        .unwrap();
    forged[at] = b'i';
    let len = u32::from_le_bytes(forged[12..16].try_into().unwrap()) as usize;
    let head = forged[8..16].try_into().unwrap();
    let crc = container::checksum(8, head, &forged[20..20 + len]);
    forged[16..20].copy_from_slice(&crc.to_le_bytes());
    let refused = take_in(&forged).unwrap_err().to_string();
    assert!(refused.contains("sum does not fit"), "{refused}");
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(take_in(&longer).is_err(), "a byte more");
    let mut newer = bytes;
    newer[6] = b'2';
    assert!(matches!(take_in(&newer), Err(MilestoneError::Newer(2))));
    assert!(matches!(take_in(b"AFTSEG1\n"), Err(MilestoneError::NotOne)));
}

/// A file that is whole and says what nobody would write.
fn forged(plain: &[u8], contents: &[&[u8]]) -> Vec<u8> {
    let mut head = Milestone::begun(&checkpoint("v1", 3), OperationId::NONE);
    head.status = Status::Completed;
    head.checksum = Some(content_id(plain));
    let mut builder = Builder::begin(Vec::new()).unwrap();
    builder.frame(Part::Head, &head::encode(&head)).unwrap();
    builder.frame(Part::Manifest, &block(plain, 1)).unwrap();
    let mut packed = Vec::new();
    for bytes in contents {
        // What begins with a bang is not what its id says.
        let said = bytes.strip_prefix(b"!").unwrap_or(bytes);
        pack::put(&mut packed, &content_id(said), bytes, None);
    }
    builder.frame(Part::Pack, &packed).unwrap();
    builder.end().unwrap().0
}

#[test]
fn a_frame_that_is_no_frame_of_its_content_is_refused() {
    let bytes = b"the same line again and again\n".repeat(40);
    let id = content_id(&bytes);
    let frame = crate::content::compress_at(&bytes, 3).unwrap();
    let takes = |size: usize, framed: &[u8]| {
        let mut pack = id.0.to_vec();
        crate::frame::put_varint(&mut pack, size as u64);
        crate::frame::put_varint(&mut pack, framed.len() as u64);
        pack.extend_from_slice(framed);
        let found = pack::entries(0, &pack).map(|found| match found.as_slice() {
            [one] => match one.stored {
                pack::Stored::Frame(frame) => crate::content::decompress(frame, one.size),
                pack::Stored::Plain(plain) => Some(plain.to_vec()),
            },
            _ => None,
        });
        found.ok().flatten()
    };
    assert_eq!(takes(bytes.len(), &frame).unwrap(), bytes);
    assert!(takes(bytes.len() - 1, &frame).is_none(), "it says less");
    assert!(takes(bytes.len() + 1, &frame).is_none(), "it says more");
    assert!(
        takes(frame.len(), &frame).is_none(),
        "no shorter than what it holds"
    );
    assert!(takes(bytes.len(), &frame[..frame.len() - 1]).is_none());
    assert!(takes(usize::MAX, &frame).is_none(), "no content is so long");
}

/// An entry of a directory, with any bytes as its path.
fn entry(path: &[u8]) -> Vec<u8> {
    let mut out = vec![0, u8::try_from(path.len()).unwrap()];
    out.extend_from_slice(path);
    out.extend_from_slice(&[3, 0xED, 0x03]);
    out
}

#[test]
fn a_file_with_sound_sums_and_hostile_insides_is_refused() {
    assert!(take_in(&forged(&entry(b"fine"), &[])).is_ok());
    for hostile in [
        b"..".as_slice(),
        b"../up",
        b"a/../../up",
        b"/etc/passwd",
        b"a//b",
        b"a/.",
        b"nul\0",
        b".git",
        b".git/hooks/post-checkout",
        b"sub/.GIT/config",
        b".afterimage/x",
        b"",
    ] {
        let refused = take_in(&forged(&entry(hostile), &[]));
        assert!(
            matches!(refused, Err(MilestoneError::Path(_))),
            "{hostile:?}: {refused:?}"
        );
    }
    // Something beneath what is no directory.
    let mut plain = Vec::new();
    let mut beneath = |at: &str, state| {
        let known = aft_model::Known {
            state,
            stat: None,
            ignored: false,
        };
        crate::keyframe::codec::put_entry(&mut plain, &[], &path(at), &known);
    };
    beneath("a", file(b"x"));
    beneath("a/b", file(b"x"));
    assert!(take_in(&forged(&plain, &[b"x"])).is_err());
    // Contents that nobody names, that are there twice, or that are missing.
    let mut one = Vec::new();
    let known = aft_model::Known {
        state: file(b"x"),
        stat: None,
        ignored: false,
    };
    crate::keyframe::codec::put_entry(&mut one, &[], &path("a"), &known);
    assert!(take_in(&forged(&one, &[b"x"])).is_ok());
    assert!(take_in(&forged(&one, &[b"x", b"y"])).is_err());
    assert!(take_in(&forged(&one, &[b"x", b"x"])).is_err());
    assert!(take_in(&forged(&one, &[])).is_err());
    assert!(take_in(&forged(&one, &[b"!x"])).is_err());
    // Paths out of order, or twice.
    let twice = [entry(b"a"), entry(b"a")].concat();
    assert!(take_in(&forged(&twice, &[])).is_err());
    let unordered = [entry(b"b"), entry(b"a")].concat();
    assert!(take_in(&forged(&unordered, &[])).is_err());
}

#[test]
fn a_head_is_changed_renamed_and_taken_away_without_the_rest() {
    let disk = Disk::default();
    let (store, entries) = store(&disk);
    let ((_dir, shelf), made) = made(&store, &entries);
    let failed = Milestone {
        status: Status::Failed("because".to_owned()),
        ..made
    };
    shelf.change_head(&name(), &failed).unwrap();
    assert_eq!(shelf.contents(&name()).unwrap(), (failed.clone(), entries));
    let other = CheckpointName::new("other").unwrap();
    shelf.rename(&name(), &other).unwrap();
    assert_eq!(shelf.head(&name()).unwrap(), None);
    assert_eq!(shelf.head(&other).unwrap(), Some(failed));
    let again = Checkpoint {
        name: other.clone(),
        ..checkpoint("v1", 3)
    };
    shelf.begin_again(&[again]).unwrap();
    assert_eq!(
        shelf.head(&other).unwrap().unwrap().status,
        Status::Generating
    );
    shelf.sweep(std::slice::from_ref(&other)).unwrap();
    assert!(shelf.has(&other));
    shelf.sweep(&[name()]).unwrap();
    assert!(!shelf.has(&other), "nobody has that name any more");
    assert!(!shelf.remove(&other).unwrap());
}

#[test]
fn texts_are_counted_the_same_in_any_pieces() {
    let count = |pieces: &[&[u8]]| {
        let mut counter = Counter::default();
        pieces.iter().for_each(|piece| counter.feed(piece));
        counter.finish()
    };
    let text = b"  two words\n\tand \x0b more\r\nlast";
    let whole = count(&[text]);
    assert_eq!((whole.lines, whole.words, whole.tokens), (3, 5, 8));
    for at in 0..text.len() {
        assert_eq!(count(&[&text[..at], &text[at..]]), whole, "cut at {at}");
    }
    assert_eq!(count(&[]).lines, 0);
    assert_eq!(count(&[b"a\0b\n"]), TextCounts::default());
    let long = [b"word\n".repeat(4000), b"\0".to_vec()].concat();
    assert_eq!(
        count(&[&long]).lines,
        4001,
        "only the beginning tells what is text"
    );
}
