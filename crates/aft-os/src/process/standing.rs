//! What this process may do and what it shows of itself.

use std::io;
use std::sync::OnceLock;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit};

/// The user this process acts as.
#[must_use]
pub fn euid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Keeps file contents that pass through this process from ending in a core dump or another process's debugger, and
/// makes every file private unless it is given a mode.
///
/// # Errors
/// Whatever the system reports.
#[expect(
    unsafe_code,
    reason = "PR_SET_DUMPABLE is called directly, so that no feature of another crate is needed"
)]
pub fn harden() -> io::Result<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    rustix::process::setrlimit(Resource::Core, none)?;
    // SAFETY: the call takes no pointer.
    if unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let before = rustix::process::umask(Mode::from_raw_mode(0o077));
    UMASK_BEFORE.get_or_init(|| before.as_raw_mode() & 0o777);
    Ok(())
}

/// Whether a process gives processes the numbers that this one gives them: one in a container does not.
#[must_use]
pub fn has_our_numbers(pid: u32) -> bool {
    let numbers = |of: &str| std::fs::read_link(format!("/proc/{of}/ns/pid")).ok();
    let ours = numbers("self");
    ours.is_some() && ours == numbers(&pid.to_string())
}

/// Steps between this process and the one that had it begun.
const BETWEEN_MAX: usize = 4;

/// The nearest ancestor that is not `between`: a shell, say, that was only to begin this process. It is given the arguments of
/// each.
#[must_use]
pub fn begun_by(between: &dyn Fn(&[&[u8]]) -> bool) -> Option<u32> {
    let mut pid = rustix::process::getppid()?.as_raw_pid().cast_unsigned();
    for _ in 0..BETWEEN_MAX {
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let arguments: Vec<&[u8]> = arguments.split(|byte| *byte == 0).collect();
        if !between(&arguments) {
            return Some(pid);
        }
        pid = crate::writers::parent_of(pid)?;
    }
    None
}

static UMASK_BEFORE: OnceLock<u32> = OnceLock::new();

/// The user's own mask of permission bits, which programs that are run for them have; the usual one where
/// [`harden`] was not called.
#[must_use]
pub fn umask_before() -> u32 {
    UMASK_BEFORE.get().copied().unwrap_or(0o022)
}

/// Raises the number of files this process may have open to what it is allowed, and returns it.
///
/// # Errors
/// Whatever the system reports.
pub fn raise_nofile() -> io::Result<u64> {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if limit.current != limit.maximum {
        rustix::process::setrlimit(Resource::Nofile, raised)?;
    }
    Ok(raised.current.unwrap_or(u64::MAX))
}
