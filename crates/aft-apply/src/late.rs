//! Late edits: bytes that somebody wrote after the look go to the sink before they move any further.
//! Decides nothing about what stays on disk.

use std::io::{self, Read};

use aft_model::{ContentId, FileState, RelPath, StatSig};
use aft_os::ReadDir;

use crate::look;

/// How often a file that keeps changing is read before it is called unstable.
const READS_MAX: usize = 3;

/// Takes what others wrote. The daemon makes each an `observed` operation.
pub trait LateSink {
    /// Takes what was found at `path`. When this returns, it is durable.
    ///
    /// # Errors
    /// It could not be kept; what was found then stays on disk.
    fn late(&mut self, path: &RelPath, found: Found<'_>) -> io::Result<()>;
}

/// What was found.
pub enum Found<'a> {
    /// A regular file.
    File {
        /// Permission bits, `0o7777` of `st_mode`.
        mode: u32,
        /// Its bytes; must be read to the end.
        bytes: &'a mut dyn io::Read,
    },
    /// A symbolic link.
    Symlink {
        /// Its target.
        target: &'a [u8],
    },
}

/// What was captured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Captured {
    pub(crate) state: FileState,
    pub(crate) stat: StatSig,
}

/// Hands the file or link at `place` to the sink as an edit of `path`. `Ok(None)` where nothing is there or
/// where it has no bytes of its own (a directory, a special file).
pub(crate) fn capture(
    root: &dyn ReadDir,
    place: &RelPath,
    path: &RelPath,
    sink: &mut dyn LateSink,
) -> io::Result<Option<Captured>> {
    let Some(stat) = root.lstat(place)? else {
        return Ok(None);
    };
    if look::is_link(&stat) {
        let target = root.read_link(place)?;
        sink.late(path, Found::Symlink { target: &target })?;
        let state = FileState::Symlink {
            target: look::hash(&target),
        };
        return Ok(Some(Captured { state, stat }));
    }
    if !look::is_file(&stat) {
        return Ok(None);
    }
    let mut last = None;
    for _ in 0..READS_MAX {
        let file = root.open(place)?;
        let before = file.stat()?;
        let mut reader = Tee {
            reader: file,
            hasher: blake3::Hasher::new(),
            len: 0,
            ended: false,
        };
        let mode = look::mode(&before);
        sink.late(
            path,
            Found::File {
                mode,
                bytes: &mut reader,
            },
        )?;
        if !reader.ended && reader.read(&mut [0_u8; 1])? != 0 {
            return Err(io::Error::other("the late edit was not read to its end"));
        }
        let content = ContentId(*reader.hasher.finalize().as_bytes());
        let captured = Captured {
            state: FileState::File {
                content,
                size: reader.len,
                mode,
            },
            stat: before,
        };
        if reader.reader.stat()?.same(&before) {
            return Ok(Some(captured));
        }
        last = Some(captured);
    }
    // It keeps changing. What was captured is an honest version; whoever writes still holds the file, so it
    // is held in limbo and its last version follows.
    Ok(last)
}

/// Hashes what the sink reads, so that the report names what was really kept.
struct Tee {
    reader: Box<dyn aft_os::OpenFile>,
    hasher: blake3::Hasher,
    len: u64,
    ended: bool,
}

impl io::Read for Tee {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buf)?;
        self.hasher
            .update(buf.get(..count).ok_or(io::ErrorKind::InvalidData)?);
        self.len += count as u64;
        self.ended |= count == 0 && !buf.is_empty();
        Ok(count)
    }
}
