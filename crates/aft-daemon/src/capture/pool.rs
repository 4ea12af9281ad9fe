//! Sharing units of work between a few threads, depth first. Knows nothing about what a unit is.

use std::thread;

use parking_lot::{Condvar, Mutex};

use super::walk::Found;

/// A capture smaller than this runs on the calling thread: starting another costs more than it saves.
const ALONE_UNITS_MAX: usize = 4;

struct Shared<U> {
    state: Mutex<State<U>>,
    changed: Condvar,
}

struct State<U> {
    units: Vec<U>,
    /// Threads that hold a unit and may still add others.
    busy: usize,
    /// A worker panicked: the others stop, and the panic goes on where the threads are joined.
    failed: bool,
}

/// Works off `units` and all that come up meanwhile, with up to `threads` threads in all.
///
/// The newest unit is taken first, which keeps the list short: a walk goes down before it goes on.
pub(super) fn run<U: Send>(
    units: Vec<U>,
    threads: usize,
    work: impl Fn(U, &mut Vec<U>, &mut Found) + Sync,
) -> Found {
    let mut found = Found::default();
    let mut units = units;
    for _ in 0..ALONE_UNITS_MAX {
        let Some(unit) = units.pop() else {
            return found;
        };
        work(unit, &mut units, &mut found);
    }
    let shared = Shared {
        state: Mutex::new(State {
            units,
            busy: 0,
            failed: false,
        }),
        changed: Condvar::new(),
    };
    thread::scope(|scope| {
        let work = &work;
        let shared = &shared;
        let helpers: Vec<_> = (1..threads)
            .filter_map(|_| {
                let body = move || {
                    let mut found = Found::default();
                    drain(shared, work, &mut found);
                    found
                };
                // Without another thread this one does all the work.
                thread::Builder::new()
                    .name("aft-capture".to_owned())
                    .spawn_scoped(scope, body)
                    .ok()
            })
            .collect();
        drain(shared, work, &mut found);
        for helper in helpers {
            match helper.join() {
                Ok(part) => found.absorb(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    found
}

fn drain<U>(shared: &Shared<U>, work: &impl Fn(U, &mut Vec<U>, &mut Found), found: &mut Found) {
    let mut more = Vec::new();
    while let Some(unit) = next(shared) {
        let turn = Turn {
            shared,
            done: false,
        };
        work(unit, &mut more, found);
        turn.end(&mut more);
    }
}

/// Waits for a unit; `None` when nothing is left and nobody can add to it.
fn next<U>(shared: &Shared<U>) -> Option<U> {
    let mut state = shared.state.lock();
    loop {
        if state.failed {
            return None;
        }
        if let Some(unit) = state.units.pop() {
            state.busy += 1;
            return Some(unit);
        }
        if state.busy == 0 {
            return None;
        }
        shared.changed.wait(&mut state);
    }
}

/// A unit in hand. Dropped without [`Turn::end`], the work on it panicked.
struct Turn<'a, U> {
    shared: &'a Shared<U>,
    done: bool,
}

impl<U> Turn<'_, U> {
    fn end(mut self, more: &mut Vec<U>) {
        self.done = true;
        let mut state = self.shared.state.lock();
        state.units.append(more);
        state.busy -= 1;
        drop(state);
        self.shared.changed.notify_all();
    }
}

impl<U> Drop for Turn<'_, U> {
    fn drop(&mut self) {
        if !self.done {
            self.shared.state.lock().failed = true;
            self.shared.changed.notify_all();
        }
    }
}
