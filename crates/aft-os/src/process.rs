//! Child processes and this process's own standing.

mod credentials;
mod detach;
mod standing;

use rustix::process::{Pid, test_kill_process};

pub use credentials::{PeerCred, peer_cred, recv_with_fd, send_with_fd};
pub use detach::spawn_detached;
pub use standing::{euid, harden, raise_nofile};

/// The processes of the system.
pub trait Process: Send + Sync {
    /// True while a process of this id runs.
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
        // Another user's process may not be signalled, but it is there.
        matches!(
            test_kill_process(pid),
            Ok(()) | Err(rustix::io::Errno::PERM)
        )
    }
}

#[cfg(test)]
mod tests;
