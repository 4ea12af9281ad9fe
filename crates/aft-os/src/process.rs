//! Child processes and this process's own standing.

/// The processes of the system.
pub trait Process: Send + Sync {
    /// True while a process of this id runs.
    fn is_alive(&self, pid: u32) -> bool;
}
