//! Room for contents on their way to the writer, counted in bytes.
//!
//! Does: let whoever captures wait until the writer has taken enough.
//! Does not: hold the contents; what the writer keeps back for a store that refuses is not counted here.

use parking_lot::{Condvar, Mutex};

/// Bytes on their way, and those that wait for room.
#[derive(Debug, Default)]
pub(crate) struct Room {
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    used: u64,
    /// `None`: without bound, where nobody could wait for anybody.
    max: Option<u64>,
    /// The writer has ended.
    closed: bool,
}

impl Room {
    /// From now on at most `max` bytes, or one content that is larger, are on their way.
    pub(crate) fn limit(&self, max: u64) {
        self.state.lock().max = Some(max);
    }

    /// Waits for room, and takes it.
    pub(crate) fn take(&self, bytes: u64) {
        let mut state = self.state.lock();
        while !state.closed
            && state.used > 0
            && state.max.is_some_and(|max| state.used + bytes > max)
        {
            self.freed.wait(&mut state);
        }
        state.used += bytes;
    }

    /// The writer has taken a content.
    pub(crate) fn free(&self, bytes: u64) {
        let mut state = self.state.lock();
        state.used = state.used.saturating_sub(bytes);
        drop(state);
        self.freed.notify_all();
    }

    /// Nobody will free anything any more.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.freed.notify_all();
    }

    /// Bytes on their way now.
    pub(crate) fn used(&self) -> u64 {
        self.state.lock().used
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    #[test]
    fn whoever_finds_no_room_waits_until_there_is_some() {
        let room = Arc::new(Room::default());
        room.limit(100);
        room.take(80);
        let (tell, told) = channel();
        let other = Arc::clone(&room);
        let waiter = thread::spawn(move || {
            other.take(30);
            tell.send(()).unwrap();
        });
        assert!(told.try_recv().is_err(), "there is no room yet");
        room.free(80);
        told.recv().unwrap();
        waiter.join().unwrap();
        assert_eq!(room.used(), 30);
    }

    #[test]
    fn a_content_larger_than_all_the_room_goes_alone_and_without_a_bound_nobody_waits() {
        let room = Room::default();
        room.take(1000);
        room.take(1000);
        room.free(2000);
        room.limit(10);
        room.take(1000);
        assert_eq!(room.used(), 1000);
    }

    #[test]
    fn when_the_writer_has_ended_nobody_waits() {
        let room = Arc::new(Room::default());
        room.limit(10);
        room.take(10);
        let other = Arc::clone(&room);
        let waiter = thread::spawn(move || other.take(10));
        room.close();
        waiter.join().unwrap();
    }
}
