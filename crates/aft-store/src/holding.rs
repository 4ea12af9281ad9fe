//! Who looked up places of records and has not read them yet.
//!
//! Does: tell the writer when everybody who was under way has ended, so that a segment that was replaced goes only then.
//! Does not: make anybody wait. A reader never waits for the writer, and the writer asks again later.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts of readers: those who began before the last turn, and those who began after it.
#[derive(Debug, Default)]
pub(crate) struct Holding {
    turn: AtomicUsize,
    inside: [AtomicUsize; 2],
}

/// A reader that is under way. What it finds in the index or the tail from here on stays readable until it goes.
#[derive(Debug)]
pub(crate) struct Held<'a>(&'a AtomicUsize);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Holding {
    pub(crate) fn hold(&self) -> Held<'_> {
        loop {
            let turn = self.turn.load(Ordering::SeqCst);
            let inside = self.inside_of(turn);
            inside.fetch_add(1, Ordering::SeqCst);
            let held = Held(inside);
            // A turn in between may have been told that nobody was there.
            if self.turn.load(Ordering::SeqCst) == turn {
                return held;
            }
        }
    }

    /// From here on [`Self::is_over`] waits for those who are under way now. Not before it was over the last time.
    pub(crate) fn turn(&self) {
        self.turn.fetch_add(1, Ordering::SeqCst);
    }

    /// True where everybody has ended who was under way at the last turn.
    pub(crate) fn is_over(&self) -> bool {
        let before = self.turn.load(Ordering::SeqCst).wrapping_sub(1);
        self.inside_of(before).load(Ordering::SeqCst) == 0
    }

    fn inside_of(&self, turn: usize) -> &AtomicUsize {
        let [even, odd] = &self.inside;
        if turn.is_multiple_of(2) { even } else { odd }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;

    #[test]
    fn those_who_came_before_are_waited_for_and_no_others() {
        let holding = Holding::default();
        assert!(holding.is_over());
        let early = holding.hold();
        holding.turn();
        let late = holding.hold();
        assert!(!holding.is_over());
        drop(early);
        assert!(holding.is_over());
        holding.turn();
        assert!(!holding.is_over());
        drop(late);
        assert!(holding.is_over());
    }

    #[test]
    fn nobody_reads_what_is_gone() {
        // A place that is named, and whether what lies there is still there.
        let (named, there) = (AtomicUsize::new(0), [const { AtomicBool::new(true) }; 400]);
        let holding = Holding::default();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    loop {
                        let _held = holding.hold();
                        let place = named.load(Ordering::SeqCst);
                        if place + 1 >= there.len() {
                            break;
                        }
                        thread::yield_now();
                        assert!(there[place].load(Ordering::SeqCst), "{place} is gone");
                    }
                });
            }
            for (place, is_there) in there.iter().enumerate().take(there.len() - 1) {
                named.store(place + 1, Ordering::SeqCst);
                holding.turn();
                while !holding.is_over() {
                    thread::yield_now();
                }
                is_there.store(false, Ordering::SeqCst);
            }
        });
    }
}
