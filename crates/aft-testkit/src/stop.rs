//! The end of threads that go on until they are told.
//!
//! Does: tell them, also where the test or one of them panics. Does not: wait for them; a scope does.

use std::sync::atomic::{AtomicBool, Ordering};

/// Sets a flag when it goes. Whoever works until the flag holds one, and so does whoever sets it: what panics then ends
/// the others too, and a test that fails ends instead of going on for ever.
#[derive(Debug)]
pub struct StopAtEnd<'a>(pub &'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
