//! One damage: which file, which class of place in it, and what was done to it.
//!
//! Does: read segments by the published format, with no code of the product, and damage one.
//! Does not: judge.

use std::ops::Range;

use aft_testkit::sim::Rng;

const HEAD: usize = 10;

/// Places in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Magic,
    Length,
    Checksum,
    Version,
    Kind,
    First,
    /// Where a blob's encoding, size and zstd header lie.
    Coding,
    Middle,
    Last,
}

pub(super) const FIELDS: [Field; 9] = [
    Field::Magic,
    Field::Length,
    Field::Checksum,
    Field::Version,
    Field::Kind,
    Field::First,
    Field::Coding,
    Field::Middle,
    Field::Last,
];

/// A class of places.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// In a frame of that kind.
    Frame(u8, Field),
    /// The first bytes of a segment.
    FileMagic,
    /// SQLite's header, or any page.
    IndexHeader,
    IndexPage,
    KeyframeHead,
    KeyframeBody,
    /// The whole file.
    Whole,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Harm {
    Flip,
    Zero,
    Truncate,
    Duplicate,
    Insert,
    Swap,
}

pub(super) const HARMS: [Harm; 6] = [
    Harm::Flip,
    Harm::Zero,
    Harm::Truncate,
    Harm::Duplicate,
    Harm::Insert,
    Harm::Swap,
];

/// Every class of place with every harm.
pub(super) fn classes() -> Vec<(Place, Harm)> {
    let mut all = Vec::new();
    for harm in HARMS {
        for kind in 1..=16 {
            all.extend(FIELDS.map(|field| (Place::Frame(kind, field), harm)));
        }
        for place in [
            Place::FileMagic,
            Place::IndexHeader,
            Place::IndexPage,
            Place::IndexPage,
            Place::KeyframeHead,
            Place::KeyframeBody,
            Place::Whole,
        ] {
            all.push((place, harm));
        }
    }
    all
}

/// A frame of a segment.
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) range: Range<usize>,
}

/// The frames of a sound segment.
pub(super) fn frames(segment: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut at = 8;
    while at + HEAD <= segment.len() {
        assert_eq!(segment[at], 0xAF, "no frame at {at}");
        let len = u32::from_le_bytes([segment[at + 1], segment[at + 2], segment[at + 3], 0]);
        let range = at..at + HEAD + len as usize;
        at = range.end;
        let kind = segment[range.start + 9];
        frames.push(Frame { kind, range });
    }
    frames
}

pub(super) fn is_segment(name: &str) -> bool {
    name.starts_with("seg-")
}

/// What was done.
#[derive(Debug)]
pub(super) struct Damage {
    pub(super) file: String,
    /// What the file is now; `None` where it is gone.
    pub(super) bytes: Option<Vec<u8>>,
    /// The bytes of the old file that are not where they were.
    pub(super) range: Range<usize>,
    pub(super) told: String,
}

/// Damages one of `files`; `None` where there is no such place.
pub(super) fn damage(
    files: &[(String, Vec<u8>)],
    (place, harm): (Place, Harm),
    rng: &mut Rng,
) -> Option<Damage> {
    let (file, at) = pick(files, place, rng)?;
    let (name, old) = file;
    let bytes = match place {
        Place::Whole => None,
        _ => Some(harmed(old, at, harm, rng)),
    };
    let range = match &bytes {
        Some(new) => difference(old, new)?,
        None => 0..old.len(),
    };
    Some(Damage {
        file: name.clone(),
        told: format!(
            "{name} at {at} of {}: {place:?} {harm:?}, {range:?}",
            old.len()
        ),
        bytes,
        range,
    })
}

fn pick<'a>(
    files: &'a [(String, Vec<u8>)],
    place: Place,
    rng: &mut Rng,
) -> Option<(&'a (String, Vec<u8>), usize)> {
    let named = |wanted: &dyn Fn(&str) -> bool| -> Vec<&'a (String, Vec<u8>)> {
        let fits = |file: &&(String, Vec<u8>)| wanted(&file.0) && !file.1.is_empty();
        files.iter().filter(fits).collect()
    };
    let index = |name: &str| name.starts_with("index.sqlite") && !name.ends_with("-shm");
    let keyframe = |name: &str| name.starts_with("keyframe");
    match place {
        Place::Frame(kind, field) => {
            let mut found = Vec::new();
            for file in named(&is_segment) {
                for frame in frames(&file.1) {
                    if frame.kind == kind {
                        found.push((file, frame.range));
                    }
                }
            }
            let (file, range) = rng.pick(&found)?;
            Some((*file, at_field(range, field, rng)?))
        }
        Place::FileMagic => Some((*rng.pick(&named(&is_segment))?, rng.index(8))),
        Place::IndexHeader => {
            let file = *rng.pick(&named(&index))?;
            Some((file, rng.index(file.1.len().min(100))))
        }
        Place::IndexPage => {
            let file = *rng.pick(&named(&index))?;
            Some((file, rng.index(file.1.len())))
        }
        Place::KeyframeHead => Some((*rng.pick(&named(&keyframe))?, rng.index(16))),
        Place::KeyframeBody => {
            let file = *rng.pick(&named(&keyframe))?;
            Some((file, rng.index(file.1.len())))
        }
        Place::Whole => Some((*rng.pick(&named(&|_| true))?, 0)),
    }
}

fn at_field(frame: &Range<usize>, field: Field, rng: &mut Rng) -> Option<usize> {
    let payload = frame.start + HEAD;
    let len = frame.end.checked_sub(payload)?;
    let at = match field {
        Field::Magic => frame.start,
        Field::Length => frame.start + 1 + rng.index(3),
        Field::Checksum => frame.start + 4 + rng.index(4),
        Field::Version => frame.start + 8,
        Field::Kind => frame.start + 9,
        Field::First => payload,
        Field::Coding => payload + 32 + rng.index(14),
        Field::Middle => payload + len / 2,
        Field::Last => frame.end - 1,
    };
    (at < frame.end).then_some(at)
}

fn harmed(old: &[u8], at: usize, harm: Harm, rng: &mut Rng) -> Vec<u8> {
    let mut new = old.to_vec();
    let len = [1, 16, 100, 512, 4096][rng.index(5)].min(old.len() - at);
    match harm {
        Harm::Flip => new[at] ^= 1 << rng.index(8),
        Harm::Zero => new[at..at + len].fill(0),
        Harm::Truncate => new.truncate(at),
        Harm::Duplicate => {
            let to = (at + len).min(old.len() - len);
            new.copy_within(at..at + len, to);
        }
        Harm::Insert => {
            let copy = old[at..at + len].to_vec();
            new.splice(at..at, copy);
        }
        Harm::Swap => {
            let other = rng.index(old.len() - len + 1);
            let (a, b) = (old[at..at + len].to_vec(), old[other..other + len].to_vec());
            new[at..at + len].copy_from_slice(&b);
            new[other..other + len].copy_from_slice(&a);
        }
    }
    new
}

/// The part of the old file that is not as it was; `None` where all is.
fn difference(old: &[u8], new: &[u8]) -> Option<Range<usize>> {
    let start = old.iter().zip(new).position(|(a, b)| a != b);
    let start = start.or((old.len() != new.len()).then(|| old.len().min(new.len())))?;
    let end = if old.len() == new.len() {
        let same = old
            .iter()
            .rev()
            .zip(new.iter().rev())
            .position(|(a, b)| a != b);
        old.len() - same.unwrap_or(0)
    } else {
        old.len()
    };
    Some(start..end)
}
