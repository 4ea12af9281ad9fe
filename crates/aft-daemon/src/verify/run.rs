//! One command of a check, run within limits, and what it left: its end, what it printed, its report.
//!
//! Does: make a private directory for its report and its temporary files, give it an environment, run it contained
//! ([`aft_os::process::contained`]), read the report, leave nothing behind.
//! Does not: decide whether it may run (`trust`), where (`scratch`), or what its output means (`aft_verify`).

mod environment;

#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aft_os::fs::real::ScratchRoot;
use aft_os::process::contained::{self, Bounds, Command, Supervisor};
use aft_verify::Ending;
use rustix::fs::{CWD, FileType, Mode, OFlags};
use tracing::warn;

pub(crate) use aft_os::process::contained::Cancel;

/// A longer report is not read: nobody prints that much to be understood.
const REPORT_MAX: u64 = 4 << 20;
/// The variable that names the report's file, also where it stands in a word of the command.
const REPORT: &str = "AFT_REPORT";

/// What is to be run.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// The program and its arguments, as they stand; `$AFT_REPORT` in a word becomes the path of the report's file,
    /// except where a shell is run, which does that itself.
    pub(crate) argv: Vec<OsString>,
    /// Where it runs. Entered by a descriptor; a symbolic link there is refused.
    pub(crate) dir: PathBuf,
    /// Variables beside those that every check gets. See `environment` for those that none gets.
    pub(crate) env: Vec<(OsString, OsString)>,
    /// After this it is stopped.
    pub(crate) timeout: Duration,
    /// Bytes of each stream that are kept.
    pub(crate) output_max: usize,
    /// Where it may write, beside `dir` and its private directory.
    pub(crate) writable: Vec<PathBuf>,
    /// What it may not read: the store, keys.
    pub(crate) hidden: Vec<PathBuf>,
    /// A directory of the store's own in which its private directory is made, for as long as it runs.
    pub(crate) private: PathBuf,
    /// It may use Unix sockets: only the user's own configuration allows that.
    pub(crate) unix_sockets: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    /// How it ended.
    pub(crate) ending: Ending,
    /// The first bytes of its standard output.
    pub(crate) stdout: Vec<u8>,
    /// The first bytes of its standard error.
    pub(crate) stderr: Vec<u8>,
    /// What lies in its report's file, where it wrote one.
    pub(crate) report: Option<Vec<u8>>,
    /// There was more than is kept, of a stream or of the report.
    pub(crate) cut: bool,
    /// How long it took.
    pub(crate) took: Duration,
    /// Processes of it that could not be ended.
    pub(crate) survivors: u32,
}

impl Ran {
    pub(super) fn not_started(why: String) -> Self {
        Self {
            ending: Ending::NotStarted(why),
            stdout: Vec::new(),
            stderr: Vec::new(),
            report: None,
            cut: false,
            took: Duration::ZERO,
            survivors: 0,
        }
    }
}

/// What this system does not limit: each is the rest of a sentence that begins with "a check".
pub(crate) fn missing_limits() -> Vec<&'static str> {
    let missing = contained::missing().into_iter();
    missing.map(contained::Missing::as_str).collect()
}

/// Runs a command and answers when it and all it started have ended: within its time-out and seven seconds. `on_line` is
/// told each line as it is printed, up to `output_max` bytes. Blocks its thread.
pub(crate) fn contained(order: Order, cancel: &Cancel, on_line: &mut dyn FnMut(&[u8])) -> Ran {
    let dir = match open_directory(&order.dir) {
        Ok(dir) => dir,
        Err(error) => {
            let why = format!("cannot enter {}: {error}", order.dir.display());
            return Ran::not_started(why);
        }
    };
    let private = match Private::make(&order.private) {
        Ok(private) => private,
        Err(error) => return Ran::not_started(format!("no private directory: {error}")),
    };
    let command = command_of(order, &private);
    let (command, output_max) = command;
    let supervisor = Supervisor::default();
    let run = contained::run(&supervisor, (&command, dir), output_max, cancel, on_line);
    let ran = match run {
        Ok(ran) => ran,
        Err(error) => return Ran::not_started(format!("no process can be made: {error}")),
    };
    if ran.survivors > 0 {
        warn!(
            survivors = ran.survivors,
            "processes of a check could not be ended"
        );
    }
    let (report, is_longer) = private.report();
    Ran {
        ending: ending(ran.ending),
        stdout: ran.stdout,
        stderr: ran.stderr,
        report,
        cut: ran.is_cut || is_longer,
        took: ran.took,
        survivors: ran.survivors,
    }
}

fn ending(ending: contained::Ending) -> Ending {
    match ending {
        contained::Ending::Code(code) => Ending::Code(code),
        contained::Ending::Signal(signal) => Ending::Signal(signal),
        contained::Ending::TimedOut => Ending::TimedOut,
        contained::Ending::Cancelled => Ending::Cancelled,
        contained::Ending::NotStarted(why) => Ending::NotStarted(why),
    }
}

fn open_directory(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, path, flags, Mode::empty())
}

fn command_of(order: Order, private: &Private) -> (Command, usize) {
    let own = [
        (REPORT, private.report_path()),
        ("TMPDIR", private.temporary()),
    ];
    let own = own.map(|(name, path)| (OsString::from(name), path.into_os_string()));
    let env = environment::of(std::env::vars_os(), order.env, own);
    let mut writable = order.writable;
    writable.push(private.dir.path().to_path_buf());
    let command = Command {
        argv: with_report(order.argv, &private.report_path()),
        env,
        timeout: order.timeout,
        umask: aft_os::process::umask_before(),
        bounds: Bounds {
            writable,
            // Copies of approved files lie there.
            readable: vec![order.private],
            hidden: order.hidden,
            unix_sockets: order.unix_sockets,
        },
    };
    (command, order.output_max)
}

/// A shell puts the path in by itself, and rightly where it has spaces.
fn with_report(argv: Vec<OsString>, report: &Path) -> Vec<OsString> {
    let is_shell = matches!(argv.as_slice(), [shell, flag, ..] if shell == "sh" && flag == "-c");
    if is_shell {
        return argv;
    }
    let report = report.as_os_str().as_bytes();
    let words = argv.into_iter().map(|word| {
        let mut bytes = word.into_vec();
        for name in [&b"${AFT_REPORT}"[..], b"$AFT_REPORT"] {
            bytes = replaced(&bytes, name, report);
        }
        OsString::from_vec(bytes)
    });
    words.collect()
}

fn replaced(text: &[u8], name: &[u8], with: &[u8]) -> Vec<u8> {
    let mut made = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        let found = rest.windows(name.len()).position(|window| window == name);
        let Some((before, after)) = found.and_then(|at| rest.split_at_checked(at)) else {
            made.extend_from_slice(rest);
            return made;
        };
        made.extend_from_slice(before);
        made.extend_from_slice(with);
        rest = after.get(name.len()..).unwrap_or_default();
    }
}

/// A directory of one run, gone with it.
struct Private {
    dir: ScratchRoot,
}

impl Private {
    fn make(beneath: &Path) -> std::io::Result<Self> {
        let path = beneath.join(crate::ids::new_id());
        let made = Self {
            dir: ScratchRoot::open(&path)?,
        };
        aft_os::home::ensure_private_dir(&made.temporary())?;
        Ok(made)
    }

    fn report_path(&self) -> PathBuf {
        self.dir.path().join("report")
    }

    fn temporary(&self) -> PathBuf {
        self.dir.path().join("tmp")
    }

    /// The report, and whether it is longer than any that is read. A file that only stands for another one is none: the
    /// check may name there what it may not read itself.
    fn report(&self) -> (Option<Vec<u8>>, bool) {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let Ok(file) = rustix::fs::openat(CWD, self.report_path(), flags, Mode::empty()) else {
            return (None, false);
        };
        let is_own = rustix::fs::fstat(&file).is_ok_and(|stat| {
            FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_nlink == 1
        });
        if !is_own {
            return (None, false);
        }
        let mut bytes = Vec::new();
        let read = std::fs::File::from(file)
            .take(REPORT_MAX + 1)
            .read_to_end(&mut bytes);
        let is_longer = u64::try_from(bytes.len()).is_ok_and(|len| len > REPORT_MAX);
        match read {
            Ok(_) if !is_longer => (Some(bytes), false),
            _ => (None, is_longer),
        }
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let removed = ScratchRoot::open(self.dir.path()).and_then(ScratchRoot::remove_whole);
        if let Err(error) = removed {
            warn!(dir = %self.dir.path().display(), %error, "what a check left cannot be removed");
        }
    }
}

/// Removes what a daemon that was killed left of its runs.
pub(crate) fn sweep(private: &Path) {
    let Ok(entries) = std::fs::read_dir(private) else {
        return;
    };
    for entry in entries.flatten() {
        let removed = ScratchRoot::open(&entry.path()).and_then(ScratchRoot::remove_whole);
        if let Err(error) = removed {
            warn!(dir = %entry.path().display(), %error, "what a check left cannot be removed");
        }
    }
}

/// A command line for a shell, or words as they stand.
pub(crate) fn shell(line: &str) -> Vec<OsString> {
    ["sh", "-c", line]
        .map(|word| OsStr::new(word).to_owned())
        .to_vec()
}
