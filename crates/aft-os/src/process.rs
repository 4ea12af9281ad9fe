//! Child processes and this process's own standing.

mod boot;
pub mod contained;
mod detach;
mod memory;
mod quiet;
mod scrubbed;
mod standing;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open, test_kill_process};

pub use boot::boot_id;
pub use detach::spawn_detached;
pub use memory::{keep_little_memory, trim_memory};
pub use quiet::yield_to_others;
pub use scrubbed::start_scrubbed;
pub use standing::{begun_by, euid, harden, has_our_numbers, raise_nofile, umask_before};

/// The processes of the system.
pub trait Process: Send + Sync {
    /// True while a process of this id runs. One that has ended is not alive, though nobody waited for it yet.
    fn is_alive(&self, pid: u32) -> bool;
}

/// This system's processes.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemProcess;

impl Process for SystemProcess {
    fn is_alive(&self, pid: u32) -> bool {
        let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
            return false;
        };
        // A signal still finds what has ended and was not waited for; its descriptor is readable by then.
        if let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) {
            let ended = poll(
                &mut [PollFd::new(&process, PollFlags::IN)],
                Some(&Timespec::default()),
            );
            return ended != Ok(1);
        }
        // Another user's process may not be signalled, but it is there.
        matches!(
            test_kill_process(pid),
            Ok(()) | Err(rustix::io::Errno::PERM)
        )
    }
}

#[cfg(test)]
mod tests;
