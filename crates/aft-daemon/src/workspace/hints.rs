//! From the watcher's signals to the engine's hints.

use std::sync::Arc;

use aft_engine::Hint;
use aft_model::RelPath;
use aft_os::{Signal, SignalKind, SignalSink};
use crossbeam_channel::Sender;
use parking_lot::Mutex;

use super::inbox::Input;

/// More signals than this waiting for the actor are cheaper as one walk of the tree.
const SIGNALS_MAX: usize = 200_000;

/// Where the drain thread puts signals. Never blocks it: above the bound it keeps one overflow.
#[derive(Clone)]
pub(crate) struct SignalBox {
    waiting: Arc<Mutex<Vec<Signal>>>,
    wake: Sender<Input>,
}

impl SignalBox {
    pub(crate) fn new(wake: Sender<Input>) -> Self {
        Self {
            waiting: Arc::new(Mutex::new(Vec::new())),
            wake,
        }
    }

    /// Everything that waits, in order.
    pub(crate) fn take(&self) -> Vec<Signal> {
        std::mem::take(&mut *self.waiting.lock())
    }
}

impl SignalSink for SignalBox {
    fn push(&self, batch: Vec<Signal>) {
        let was_empty = {
            let mut waiting = self.waiting.lock();
            let was_empty = waiting.is_empty();
            if waiting.len() + batch.len() > SIGNALS_MAX {
                // Cookies in what is dropped are given up for the walk that the overflow asks for.
                waiting.clear();
                waiting.push(Signal::Overflow);
            } else if was_empty {
                *waiting = batch;
            } else {
                waiting.extend(batch);
            }
            was_empty
        };
        if was_empty {
            // A full inbox means the actor is awake, and it looks here at every turn.
            drop(self.wake.try_send(Input::Wake));
        }
    }
}

/// What a signal means to the actor.
pub(crate) enum Meaning {
    /// A hint for the engine.
    Hint(Hint),
    /// An ignore rule may have changed.
    Rules(Hint),
    /// The root may be gone.
    Root,
    /// Nothing this workspace covers.
    Nothing,
}

/// Reads a signal. `is_rule` tells the names of ignore files.
pub(crate) fn meaning(signal: Signal, is_rule: &dyn Fn(&RelPath) -> bool) -> Meaning {
    let (path, kind) = match signal {
        Signal::Changed { path, kind } => (path, kind),
        Signal::Overflow => return Meaning::Hint(Hint::Overflow),
        Signal::Cookie(number) => return Meaning::Hint(Hint::Cookie(number)),
        Signal::RootGone => return Meaning::Root,
        Signal::WatchLost(dir) => return Meaning::Hint(Hint::NewDirectory(dir)),
    };
    if path.components().next() == Some(b".afterimage") {
        return Meaning::Nothing;
    }
    if path.is_git() {
        return of_repository(path, kind);
    }
    if path.is_root() {
        return Meaning::Root;
    }
    let rule = is_rule(&path);
    let hint = match kind {
        SignalKind::Created { dir: true } | SignalKind::MovedTo { dir: true, .. } => {
            Hint::NewDirectory(path)
        }
        SignalKind::Removed { dir: true } | SignalKind::MovedFrom { dir: true, .. } => {
            Hint::LostDirectory(path)
        }
        SignalKind::Created { dir: false } | SignalKind::Modified => {
            return Meaning::Hint(Hint::LookWhenQuiet(path));
        }
        SignalKind::Closed
        | SignalKind::Attributes
        | SignalKind::Removed { dir: false }
        | SignalKind::MovedFrom { dir: false, .. }
        | SignalKind::MovedTo { dir: false, .. } => Hint::Look(path),
    };
    if rule {
        Meaning::Rules(hint)
    } else {
        Meaning::Hint(hint)
    }
}

/// A repository's own data is not covered; only that it came or went is worth a look, because it is said.
fn of_repository(path: RelPath, kind: SignalKind) -> Meaning {
    let came_or_went = match kind {
        SignalKind::Created { .. }
        | SignalKind::Removed { .. }
        | SignalKind::MovedFrom { .. }
        | SignalKind::MovedTo { .. } => true,
        SignalKind::Modified | SignalKind::Closed | SignalKind::Attributes => false,
    };
    if came_or_went && path.parent().is_some_and(|parent| !parent.is_git()) {
        Meaning::Hint(Hint::Look(path))
    } else {
        Meaning::Nothing
    }
}
