//! Work that two threads share. Knows nothing of the work.

/// From so many changes or contents on, a second thread is worth what it costs.
pub(crate) const TWO_THREADS_FROM: usize = 64;

/// Does `there` in a second thread while `here` is done in this one; both have ended when it returns. A panic of either
/// goes on in the caller.
pub(crate) fn in_two_threads<A, B: Send>(
    here: impl FnOnce() -> A,
    there: impl FnOnce() -> B + Send,
) -> (A, B) {
    std::thread::scope(|scope| {
        let other = scope.spawn(there);
        let here = here();
        match other.join() {
            Ok(there) => (here, there),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
