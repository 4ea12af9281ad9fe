//! What this process keeps of the memory it has freed.

/// Lets at most two arenas hold freed memory: a daemon that idles needs no more, and each of a dozen threads
/// would otherwise keep one of its own.
#[expect(unsafe_code, reason = "the allocator is tuned through its own call")]
pub fn limit_arenas() {
    // SAFETY: `mallopt` takes two integers and only changes the allocator's own settings.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}

/// Gives freed memory back to the system, after work that needed much of it for a short time.
#[expect(unsafe_code, reason = "the allocator is asked through its own call")]
pub fn trim_memory() {
    // SAFETY: `malloc_trim` takes an integer and releases only memory that nobody holds.
    unsafe {
        libc::malloc_trim(0);
    }
}
