//! What was placed in a scratch tree, noted beside it, so that the next state costs what differs.
//!
//! Does: write and read the note. Does not: believe one that does not read; then everything is placed anew.

use std::io::{self, Read};

use aft_model::{ContentId, FileState, OperationId, RelPath, StatSig};
use aft_os::fs::real::ScratchRoot;
use aft_os::{ReadDir, WriteDir};

const MAGIC: &[u8] = b"afterimage scratch 1\n";
/// No note is longer.
const BYTES_MAX: u64 = 512 << 20;

/// A file, link or directory as it was right after it was placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) path: RelPath,
    pub(super) state: FileState,
    pub(super) sig: StatSig,
}

/// What a tree shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(super) operation: OperationId,
    /// The file system's clock when the last of it had been placed, less how coarse that is: what has a later stamp may
    /// have been written once more without another stamp.
    pub(super) until_ns: i64,
    /// In order of the paths.
    pub(super) placed: Vec<Placed>,
}

fn name(number: usize) -> Result<RelPath, io::Error> {
    RelPath::new(format!("{number}.shows")).map_err(io::Error::other)
}

impl Shown {
    pub(super) fn load(parent: &dyn WriteDir, number: usize) -> Option<Self> {
        let mut bytes = Vec::new();
        let file = ReadDir::open(parent, &name(number).ok()?).ok()?;
        file.take(BYTES_MAX).read_to_end(&mut bytes).ok()?;
        Self::read(&bytes)
    }

    /// How this path was placed, and until when its stamp is to be believed.
    pub(super) fn placed_at(&self, path: &RelPath) -> Option<(&Placed, i64)> {
        let found = self.placed.binary_search_by(|placed| placed.path.cmp(path));
        Some((self.placed.get(found.ok()?)?, self.until_ns))
    }

    pub(super) fn forget(parent: &ScratchRoot, number: usize) -> io::Result<()> {
        parent.remove(&name(number)?)
    }

    pub(super) fn save(&self, parent: &ScratchRoot, number: usize) -> io::Result<()> {
        let bytes = self.bytes();
        parent.files().create(&name(number)?, 0o600, &bytes)?;
        Ok(())
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128 * self.placed.len() + 128);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&self.operation.0.to_le_bytes());
        out.extend_from_slice(&self.until_ns.to_le_bytes());
        for placed in &self.placed {
            placed.put(&mut out);
        }
        let sum = blake3::hash(&out);
        out.extend_from_slice(sum.as_bytes());
        out
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (body, sum) = bytes.split_last_chunk::<32>()?;
        if blake3::hash(body) != *sum {
            return None;
        }
        let mut rest = body.strip_prefix(MAGIC)?;
        let operation = OperationId(u64::from_le_bytes(take(&mut rest)?));
        let until_ns = i64::from_le_bytes(take(&mut rest)?);
        let mut placed = Vec::new();
        while !rest.is_empty() {
            placed.push(Placed::take(&mut rest)?);
        }
        Some(Self {
            operation,
            until_ns,
            placed,
        })
    }
}

impl Placed {
    fn put(&self, out: &mut Vec<u8>) {
        let (tag, size, mode, content) = match &self.state {
            FileState::File {
                content,
                size,
                mode,
            } => (0_u8, *size, *mode, content.0),
            FileState::Symlink { target } => (1, 0, 0, target.0),
            FileState::Dir { mode } => (2, 0, *mode, [0; 32]),
            // Never placed.
            FileState::Absent | FileState::Opaque { .. } => return,
        };
        let path = self.path.as_bytes();
        out.extend_from_slice(&u32::try_from(path.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(path);
        out.push(tag);
        out.extend_from_slice(&size.to_le_bytes());
        out.extend_from_slice(&mode.to_le_bytes());
        out.extend_from_slice(&content);
        let sig = &self.sig;
        for number in [sig.dev, sig.ino, sig.size] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for number in [sig.mode, sig.nlink] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for number in [sig.mtime_ns, sig.ctime_ns] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }

    fn take(rest: &mut &[u8]) -> Option<Self> {
        let len = usize::try_from(u32::from_le_bytes(take(rest)?)).ok()?;
        let (path, after) = rest.split_at_checked(len)?;
        *rest = after;
        let path = RelPath::new(path).ok()?;
        let [tag] = take::<1>(rest)?;
        let size = u64::from_le_bytes(take(rest)?);
        let mode = u32::from_le_bytes(take(rest)?);
        let content = ContentId(take(rest)?);
        let state = match tag {
            0 => FileState::File {
                content,
                size,
                mode,
            },
            1 => FileState::Symlink { target: content },
            2 => FileState::Dir { mode },
            _ => return None,
        };
        let sig = StatSig {
            dev: u64::from_le_bytes(take(rest)?),
            ino: u64::from_le_bytes(take(rest)?),
            size: u64::from_le_bytes(take(rest)?),
            mode: u32::from_le_bytes(take(rest)?),
            nlink: u32::from_le_bytes(take(rest)?),
            mtime_ns: i64::from_le_bytes(take(rest)?),
            ctime_ns: i64::from_le_bytes(take(rest)?),
        };
        Some(Self { path, state, sig })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*first)
}

#[cfg(test)]
mod tests {
    //! The note round-trips, and damage anywhere in it is noticed.

    use super::*;

    fn shown() -> Shown {
        let sig = StatSig {
            dev: 1,
            ino: 2,
            size: 3,
            mode: 0o100_644,
            nlink: 1,
            mtime_ns: -5,
            ctime_ns: 6,
        };
        let states = [
            FileState::Dir { mode: 0o755 },
            FileState::File {
                content: ContentId([7; 32]),
                size: 3,
                mode: 0o600,
            },
            FileState::Symlink {
                target: ContentId([8; 32]),
            },
        ];
        let placed = states.into_iter().zip(["a", "a/b", "a/c"]);
        let placed = placed.map(|(state, path)| Placed {
            path: RelPath::new(path).unwrap(),
            state,
            sig,
        });
        Shown {
            operation: OperationId(42),
            until_ns: 9,
            placed: placed.collect(),
        }
    }

    #[test]
    fn it_round_trips() {
        let shown = shown();
        assert_eq!(Shown::read(&shown.bytes()), Some(shown));
    }

    #[test]
    fn any_damage_is_noticed() {
        let bytes = shown().bytes();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert_eq!(Shown::read(&damaged), None, "{at}");
            assert_eq!(Shown::read(&bytes[..at]), None, "{at}");
        }
    }
}
