//! A sync under way elsewhere, while the log goes on.
//!
//! Does: let one thread run it, and the log's learn how it ended. Whoever needs it first runs it: waiting for a thread
//! that is busy, or that is not there, would be a deadlock.
//! Does not: decide what a failure means.

use std::io;
use std::sync::Arc;

use aft_os::LaterSync;
use parking_lot::{Condvar, Mutex};

/// A sync that was begun and may be run by any thread. Dropped, it is run when its outcome is needed.
pub struct LateSync(Arc<Shared>);

impl LateSync {
    /// Runs it, unless somebody did. How it ended is for the log.
    pub fn run(self) {
        self.0.run();
    }
}

/// The log's side of it.
pub(crate) struct Flight(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    ended: Condvar,
}

enum State {
    Ready(LaterSync),
    Running,
    Ended(io::Result<()>),
    /// Its outcome was taken.
    Told,
}

/// Both sides of a sync.
pub(crate) fn begin(sync: LaterSync) -> (Flight, LateSync) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State::Ready(sync)),
        ended: Condvar::new(),
    });
    (Flight(Arc::clone(&shared)), LateSync(shared))
}

impl Shared {
    fn run(&self) {
        let mut state = self.state.lock();
        let sync = match std::mem::replace(&mut *state, State::Running) {
            State::Ready(sync) => sync,
            other => {
                *state = other;
                return;
            }
        };
        drop(state);
        let outcome = sync();
        *self.state.lock() = State::Ended(outcome);
        self.ended.notify_all();
    }
}

impl Flight {
    /// How it ended; `None` while it has not. To be asked until it tells, once.
    pub(crate) fn outcome(&self) -> Option<io::Result<()>> {
        let mut state = self.0.state.lock();
        match std::mem::replace(&mut *state, State::Told) {
            State::Ended(outcome) => Some(outcome),
            other => {
                *state = other;
                None
            }
        }
    }

    /// How it ended, run here where nobody has begun.
    pub(crate) fn wait(&self) -> io::Result<()> {
        self.0.run();
        let mut state = self.0.state.lock();
        while matches!(*state, State::Running) {
            self.0.ended.wait(&mut state);
        }
        match std::mem::replace(&mut *state, State::Told) {
            State::Ended(outcome) => outcome,
            _ => Err(io::Error::other(
                "the outcome of a sync was asked for twice",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn counted() -> (Arc<AtomicUsize>, Flight, LateSync) {
        let runs = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&runs);
        let (flight, sync) = begin(Box::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
            Err(io::ErrorKind::StorageFull.into())
        }));
        (runs, flight, sync)
    }

    #[test]
    fn it_is_run_once_whoever_runs_it() {
        let (runs, flight, sync) = counted();
        assert!(flight.outcome().is_none());
        sync.run();
        let outcome = flight.outcome().unwrap();
        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(runs.load(Ordering::Relaxed), 1);

        let (runs, flight, sync) = counted();
        assert_eq!(
            flight.wait().unwrap_err().kind(),
            io::ErrorKind::StorageFull
        );
        sync.run();
        assert_eq!(runs.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_sync_that_nobody_runs_is_run_by_who_waits() {
        let (runs, flight, sync) = counted();
        drop(sync);
        assert!(flight.wait().is_err());
        assert_eq!(runs.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn who_waits_gets_the_outcome_of_another_thread() {
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let (begun, begins) = std::sync::mpsc::channel();
        let (flight, sync) = begin(Box::new(move || {
            begun.send(()).unwrap();
            gone.recv().unwrap();
            Ok(())
        }));
        let thread = std::thread::spawn(move || sync.run());
        begins.recv().unwrap();
        assert!(flight.outcome().is_none());
        go.send(()).unwrap();
        flight.wait().unwrap();
        thread.join().unwrap();
    }
}
