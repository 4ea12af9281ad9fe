//! How the bytes of one path are read while others may be writing them.
//!
//! Does: read, hash, and give to the sink what is not held; say so where the path changed meanwhile.
//! Does not: decide whether a path is read at all, or how often.

use std::io::{self, ErrorKind, Read};

use aft_model::{ContentId, FileState, Known, OpaqueReason, StatSig};
use aft_os::OpenFile;

use super::{Attempt, Question, Reader, leads_elsewhere, permissions};

impl Reader<'_> {
    pub(super) fn read_link(&self, question: &Question<'_>, stat: StatSig) -> Attempt {
        let target = match self.env.fs.read_link(question.path) {
            Ok(target) => target,
            Err(error) => return self.unread(question, &error, &stat),
        };
        // A link never changes its target, so the same inode before and after means that this was its target.
        match self.env.fs.lstat(question.path) {
            Ok(Some(after)) if after.same(&stat) => {}
            _ => return Attempt::Raced(None),
        }
        let id = ContentId(*blake3::hash(&target).as_bytes());
        let state = FileState::Symlink { target: id };
        if question.known.is_none_or(|known| known.state != state)
            && let Err(error) = self.env.sink.put(question.path, id, target, None)
        {
            return self.not_held(question, &error, &stat);
        }
        self.settled(question, state, self.kept(stat), 0)
    }

    pub(super) fn read_whole(
        &self,
        question: &Question<'_>,
        stat: StatSig,
        is_last: bool,
    ) -> Attempt {
        let mut file = match self.env.fs.open(question.path) {
            Ok(file) => file,
            Err(error) => return self.unread(question, &error, &stat),
        };
        let quiet = is_quiet(file.as_ref());
        let bytes = match read_up_to(file.as_mut(), stat.size) {
            Ok(bytes) => bytes,
            Err(error) => return self.unread(question, &error, &stat),
        };
        let after = match file.stat() {
            Ok(after) => after,
            Err(error) => return self.unread(question, &error, &stat),
        };
        drop(file);
        let size = bytes.len() as u64;
        let is_stable = size == stat.size && after.same(&stat);
        if !is_stable && !is_last {
            return Attempt::Raced(None);
        }
        let content = ContentId(*blake3::hash(&bytes).as_bytes());
        let state = FileState::File {
            content,
            size,
            mode: permissions(&after),
        };
        if question
            .known
            .is_none_or(|known| known.state.content() != Some(content))
            && let Err(error) =
                self.env
                    .sink
                    .put(question.path, content, bytes, Self::predecessor(question))
        {
            return self.not_held(question, &error, &stat);
        }
        if is_stable {
            let stat = self.kept(stat).filter(|_| quiet);
            self.settled(question, state, stat, size)
        } else {
            Attempt::Raced(Some(Known {
                state,
                stat: None,
                ignored: question.ignored,
            }))
        }
    }

    pub(super) fn read_stream(&self, question: &Question<'_>, stat: StatSig) -> Attempt {
        if let Some(FileState::File { content, size, .. }) = question.known.map(|known| known.state)
            && size == stat.size
        {
            // Only its signature was doubtful, perhaps. Hashing is far cheaper than handing it all to the sink.
            match self.hash_stream(question, &stat) {
                Ok(Some((found, quiet))) if found == content => {
                    let stat_kept = self.kept(stat).filter(|_| quiet);
                    let state = FileState::File {
                        content,
                        size,
                        mode: permissions(&stat),
                    };
                    return self.settled(question, state, stat_kept, size);
                }
                Ok(_) => {}
                Err(error) => return self.unread(question, &error, &stat),
            }
        }
        let file = match self.env.fs.open(question.path) {
            Ok(file) => file,
            Err(error) => return self.unread(question, &error, &stat),
        };
        let quiet = is_quiet(file.as_ref());
        let mut source = Source {
            file,
            left: stat.size,
            failed: None,
        };
        let put = self
            .env
            .sink
            .put_stream(question.path, &mut source, Self::predecessor(question));
        let (content, size) = match put {
            Ok(put) => put,
            Err(error) => {
                return match source.failed {
                    Some(kind) => self.unread(question, &io::Error::from(kind), &stat),
                    None => self.not_held(question, &error, &stat),
                };
            }
        };
        let after = match source.file.stat() {
            Ok(after) => after,
            Err(error) => return self.unread(question, &error, &stat),
        };
        let state = FileState::File {
            content,
            size,
            mode: permissions(&after),
        };
        if size == stat.size && after.same(&stat) {
            let stat = self.kept(stat).filter(|_| quiet);
            self.settled(question, state, stat, size)
        } else {
            Attempt::Raced(Some(Known {
                state,
                stat: None,
                ignored: question.ignored,
            }))
        }
    }

    /// The hash of a large file, and whether nobody could write into it; `None` where it changed meanwhile.
    fn hash_stream(
        &self,
        question: &Question<'_>,
        stat: &StatSig,
    ) -> io::Result<Option<(ContentId, bool)>> {
        let mut source = Source {
            file: self.env.fs.open(question.path)?,
            left: stat.size,
            failed: None,
        };
        let quiet = is_quiet(source.file.as_ref());
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(&mut source)?;
        let is_stable = source.left == 0 && source.file.stat()?.same(stat);
        Ok(is_stable.then(|| (ContentId(*hasher.finalize().as_bytes()), quiet)))
    }

    /// Opening or reading failed: it went away or became something else, or it cannot be read.
    fn unread(&self, question: &Question<'_>, error: &io::Error, stat: &StatSig) -> Attempt {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::InvalidInput | ErrorKind::NotADirectory => {
                Attempt::Raced(None)
            }
            _ if leads_elsewhere(error) => Attempt::Raced(None),
            kind => {
                tracing::debug!(?kind, "a file cannot be read");
                self.opaque(question, OpaqueReason::Unreadable, stat)
            }
        }
    }

    fn not_held(&self, question: &Question<'_>, error: &io::Error, stat: &StatSig) -> Attempt {
        tracing::debug!(kind = ?error.kind(), "content was not taken by the store");
        self.opaque(question, OpaqueReason::StoreFull, stat)
    }

    fn predecessor(question: &Question<'_>) -> Option<ContentId> {
        match question.known?.state {
            FileState::File { content, .. } => Some(content),
            _ => None,
        }
    }
}

/// True unless somebody may be writing into the file. Asked before it is read: who maps it later moves its times by
/// the first store, but a mapping that is there already may store without moving them again, and then no signature
/// of these bytes proves anything once it is gone.
fn is_quiet(file: &dyn OpenFile) -> bool {
    !matches!(file.has_writer(), Ok(Some(true)))
}

/// Reads at most `size` bytes, in as few calls as it takes.
fn read_up_to(file: &mut dyn OpenFile, size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(size).map_err(|_| ErrorKind::FileTooLarge)?];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// A file as a stream that ends where it ended when it was looked at: a writer that appends without end does not
/// keep the reader for ever. Remembers whether reading failed, to tell that from a failing sink.
struct Source {
    file: Box<dyn OpenFile>,
    left: u64,
    failed: Option<ErrorKind>,
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let Some(wanted) = buffer.get_mut(..most).filter(|wanted| !wanted.is_empty()) else {
            return Ok(0);
        };
        match self.file.read(wanted) {
            Ok(count) => {
                self.left = self.left.saturating_sub(count as u64);
                Ok(count)
            }
            Err(error) => {
                if error.kind() != ErrorKind::Interrupted {
                    self.failed = Some(error.kind());
                }
                Err(error)
            }
        }
    }
}
