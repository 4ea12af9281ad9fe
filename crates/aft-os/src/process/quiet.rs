//! Letting others go first.

/// Lets everything else of this machine have processors and disks before the calling thread and the processes it
/// starts from now on. What the system refuses is left as it is.
#[expect(unsafe_code, reason = "ioprio_set has no wrapper")]
pub fn yield_to_others(nice: i32) {
    // On Linux this is the calling thread alone.
    let lowered = rustix::process::setpriority_process(None, nice);
    if let Err(error) = lowered {
        tracing::debug!(%error, "the priority is as it was");
    }
    /// The lowest level of the class that shares the disk by level.
    const BEST_EFFORT_LAST: libc::c_int = 2 << 13 | 7;
    /// A thread, by its id; 0 is the calling one.
    const WHO_PROCESS: libc::c_int = 1;
    // SAFETY: no argument is a pointer.
    unsafe {
        libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, 0, BEST_EFFORT_LAST);
    }
}
