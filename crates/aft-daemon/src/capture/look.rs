//! Looking at one path: `lstat`, and where that is not enough, read, hash, and hand over what is new.
//! Does not list directories.

use std::io::{self, ErrorKind, Read};

use aft_model::{ContentId, FileState, Known, OpaqueReason, RelPath, StatSig};
use aft_os::OpenFile;

use super::{Env, Outcome};

/// Content above this is not held in memory as a whole.
const WHOLE_BYTES_MAX: u64 = 8 << 20;

/// How often a file that changes under the reader is read.
const READS_MAX: usize = 3;

const TYPE_MASK: u32 = 0o170_000;
const TYPE_DIR: u32 = 0o040_000;
const TYPE_FILE: u32 = 0o100_000;
const TYPE_LINK: u32 = 0o120_000;

/// Permission bits of a mode.
pub(super) fn permissions(stat: &StatSig) -> u32 {
    stat.mode & 0o7777
}

/// True for a directory.
pub(super) fn is_dir(stat: &StatSig) -> bool {
    stat.mode & TYPE_MASK == TYPE_DIR
}

/// What looking at a path told.
pub(super) enum Looked {
    /// What is there.
    Seen(Outcome, u64),
    /// It could not be reached, so nothing is said about it.
    Unreachable(io::Error),
}

/// What is asked about a path.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) path: &'a RelPath,
    /// What was known.
    pub(super) known: Option<Known>,
    /// An ignore rule names it.
    pub(super) ignored: bool,
    /// Read it even where its signature says that it is as known, unless nobody can be writing.
    pub(super) strict: bool,
}

/// One attempt at a path.
enum Attempt {
    Done(Outcome, u64),
    /// It changed meanwhile; the last attempt's finding, if bytes were read.
    Raced(Option<Known>),
}

/// Reads paths. The file system's clock is read once, before anything else: that is earlier than each read, so a
/// signature that is kept by it would be kept by the read's own time too.
pub(super) struct Reader<'a> {
    env: Env<'a>,
    clock: Option<(i64, i64)>,
    /// Every file with a writer is read.
    pub(super) strict: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(env: Env<'a>, strict: bool) -> Self {
        Self {
            env,
            clock: env.fs.fs_clock().ok(),
            strict,
        }
    }

    /// The signature, if no later write can carry the same time stamps (I3).
    fn kept(&self, stat: StatSig) -> Option<StatSig> {
        let (now, granularity) = self.clock?;
        let newest = stat.mtime_ns.max(stat.ctime_ns);
        (granularity == 0 || newest < now.saturating_sub(granularity)).then_some(stat)
    }

    /// True when a signature answers the question without reading.
    pub(super) fn is_as_known(&self, question: &Question<'_>, stat: &StatSig) -> bool {
        let Some(known) = question.known else {
            return false;
        };
        if known.ignored != question.ignored || !known.stat.is_some_and(|before| before.same(stat))
        {
            return false;
        }
        if let FileState::Opaque {
            reason: OpaqueReason::TooLarge,
            size,
            ..
        } = known.state
        {
            // The limit may have been raised.
            return size > self.size_max(question.ignored);
        }
        if !matches!(known.state, FileState::File { .. }) {
            return true;
        }
        // A store through a mapping moves no time stamp again until it is written back, so while somebody can
        // write, the signature proves nothing. Where the system cannot tell, only an explicit question pays.
        match (self.strict || question.strict).then(|| self.env.fs.has_writer(question.path)) {
            None | Some(Ok(Some(false))) => true,
            Some(Ok(None)) => !question.strict,
            Some(Ok(Some(true)) | Err(_)) => false,
        }
    }

    fn size_max(&self, ignored: bool) -> u64 {
        let all = self.env.track.file_max.0;
        if ignored {
            all.min(self.env.track.ignored_max.0)
        } else {
            all
        }
    }

    /// Looks at a path; `listed` is what a listing just told about it.
    pub(super) fn look(&self, question: &Question<'_>, listed: Option<StatSig>) -> Looked {
        let mut listed = listed;
        let mut last = None;
        for round in 1..=READS_MAX {
            let stat = match listed.take() {
                Some(stat) => stat,
                None => match self.env.fs.lstat(question.path) {
                    Ok(Some(stat)) => stat,
                    Ok(None) => return Looked::Seen(Outcome::Gone, 0),
                    Err(error) if leads_elsewhere(&error) => return Looked::Seen(Outcome::Gone, 0),
                    Err(error) => return Looked::Unreachable(error),
                },
            };
            if self.is_as_known(question, &stat) {
                return Looked::Seen(Outcome::Unchanged { stat: None }, 0);
            }
            match self.attempt(question, stat, round == READS_MAX) {
                Attempt::Done(outcome, bytes) => return Looked::Seen(outcome, bytes),
                Attempt::Raced(found) => last = found.or(last),
            }
        }
        let state = FileState::Opaque {
            reason: OpaqueReason::Unreadable,
            size: 0,
            mode: 0,
        };
        let known = last.unwrap_or(Known {
            state,
            stat: None,
            ignored: question.ignored,
        });
        Looked::Seen(Outcome::Unstable(known), 0)
    }

    fn attempt(&self, question: &Question<'_>, stat: StatSig, is_last: bool) -> Attempt {
        let mode = permissions(&stat);
        match stat.mode & TYPE_MASK {
            TYPE_DIR => self.settled(question, FileState::Dir { mode }, Some(stat), 0),
            TYPE_LINK => self.read_link(question, stat),
            TYPE_FILE if stat.size > self.size_max(question.ignored) => {
                let state = FileState::Opaque {
                    reason: OpaqueReason::TooLarge,
                    size: stat.size,
                    mode,
                };
                self.settled(question, state, Some(stat), 0)
            }
            TYPE_FILE if stat.size > WHOLE_BYTES_MAX => self.read_stream(question, stat),
            TYPE_FILE => self.read_whole(question, stat, is_last),
            _ => {
                let state = FileState::Opaque {
                    reason: OpaqueReason::Unsupported,
                    size: stat.size,
                    mode,
                };
                self.settled(question, state, Some(stat), 0)
            }
        }
    }

    /// Compares what is there with what was known.
    fn settled(
        &self,
        question: &Question<'_>,
        state: FileState,
        stat: Option<StatSig>,
        bytes: u64,
    ) -> Attempt {
        let outcome = match question.known {
            Some(known) if known.state == state && known.ignored == question.ignored => {
                Outcome::Unchanged {
                    stat: stat.filter(|stat| known.stat != Some(*stat)),
                }
            }
            _ => Outcome::State(Known {
                state,
                stat,
                ignored: question.ignored,
            }),
        };
        Attempt::Done(outcome, bytes)
    }

    /// Something is there whose bytes are not held. Without a signature, so that each look tries again.
    fn opaque(&self, question: &Question<'_>, reason: OpaqueReason, stat: &StatSig) -> Attempt {
        self.settled(
            question,
            FileState::Opaque {
                reason,
                size: stat.size,
                mode: permissions(stat),
            },
            None,
            0,
        )
    }

    fn predecessor(question: &Question<'_>) -> Option<ContentId> {
        match question.known?.state {
            FileState::File { content, .. } => Some(content),
            _ => None,
        }
    }

    fn read_link(&self, question: &Question<'_>, stat: StatSig) -> Attempt {
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

    fn read_whole(&self, question: &Question<'_>, stat: StatSig, is_last: bool) -> Attempt {
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

    fn read_stream(&self, question: &Question<'_>, stat: StatSig) -> Attempt {
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
}

/// True where a component on the way is a link or no directory now: the path as such does not exist.
pub(super) fn leads_elsewhere(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
        || matches!(error.kind(), ErrorKind::NotADirectory | ErrorKind::NotFound)
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
