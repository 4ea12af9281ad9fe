//! What this process keeps of the memory it has freed.

/// From this size on, a buffer is a mapping of its own and goes back to the system when it is freed. Smaller ones,
/// compression contexts above all, come and go by the thousand, and a mapping for each would cost more than the work.
const OWN_MAPPING_MIN: libc::c_int = 1024 * 1024;
/// So much freed memory at the end of the heap is given back.
const TRIM_MIN: libc::c_int = 2 * 1024 * 1024;

/// Keeps freed memory small. At most two arenas hold any, where each of a dozen threads would otherwise keep one of its
/// own. And the sizes above are fixed: by itself the allocator raises them with the largest buffer it has seen, and
/// holes of megabytes then stay in the heap for ever.
#[expect(unsafe_code, reason = "the allocator is tuned through its own call")]
pub fn keep_little_memory() {
    // SAFETY: `mallopt` takes two integers and only changes the allocator's own settings.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
        libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_MAPPING_MIN);
        libc::mallopt(libc::M_TRIM_THRESHOLD, TRIM_MIN);
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
