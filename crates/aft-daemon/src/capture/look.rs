//! Looking at one path: `lstat`, and where that is not enough, read, hash, and hand over what is new.
//! Does not list directories.

mod reading;

use std::io::{self, ErrorKind};

use aft_model::{FileState, Known, OpaqueReason, RelPath, StatSig};

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
}

/// True where a component on the way is a link or no directory now: the path as such does not exist.
pub(super) fn leads_elsewhere(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
        || matches!(error.kind(), ErrorKind::NotADirectory | ErrorKind::NotFound)
}
