//! Refused calls, before they are in the audit log: of those that are alike one has a line at once, and the others of the
//! same second are one line together. Who is refused a thousand times a second neither fills the log nor drives out of it
//! what was done.
//!
//! Does not: hold back what succeeded; that has a line each.
//!
//! I1 Of every refused call there is a line, or it is counted in one. What is counted is written within the second, before
//!    the log is shown, and at an orderly end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aft_rpc::types::hello::Role;
use parking_lot::Mutex;

use crate::audit::Entry;
use crate::daemon::Daemon;

/// One line of a kind in so long.
const WITHIN: Duration = Duration::from_secs(1);

/// What makes refusals alike: the socket, the method, and why. Methods and reasons are ours, so that there are not many.
type Kind = (Role, String, String);

/// What was counted.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<HashMap<Kind, Window>>);

/// A kind within its second.
struct Window {
    began_ns: u64,
    /// The last that has no line, and how many came before it that have none.
    held: Option<(Entry, u64)>,
    /// Something looks after it when its second is over.
    is_awaited: bool,
}

impl Refusals {
    /// Whether this one has a line of its own; else it is counted, and written later.
    pub(crate) fn take(&self, daemon: &Arc<Daemon>, entry: &Entry) -> bool {
        let now_ns = daemon.clock.mono_ns();
        let (is_first, is_to_be_awaited) = self.count(entry, now_ns);
        if is_to_be_awaited {
            let daemon = Arc::clone(daemon);
            tokio::spawn(async move {
                tokio::time::sleep(WITHIN).await;
                daemon.refusals.write_over(&daemon);
            });
        }
        is_first
    }

    /// Whether it has a line of its own, and whether somebody must look after the kind from now on.
    fn count(&self, entry: &Entry, now_ns: u64) -> (bool, bool) {
        let kind = (entry.socket, entry.method.clone(), entry.outcome.clone());
        let mut windows = self.0.lock();
        let fresh = || Window {
            began_ns: now_ns,
            held: None,
            is_awaited: false,
        };
        let mut is_first = false;
        let window = windows.entry(kind).or_insert_with(|| {
            is_first = true;
            fresh()
        });
        if !is_first && window.held.is_none() && window.is_over(now_ns) {
            is_first = true;
            window.began_ns = now_ns;
        }
        if is_first {
            return (true, false);
        }
        let before = window.held.as_ref().map_or(0, |(_, before)| before + 1);
        window.held = Some((entry.clone(), before));
        (false, !std::mem::replace(&mut window.is_awaited, true))
    }

    /// Writes what was counted in seconds that are over. A kind that goes on begins its next second with that.
    fn write_over(&self, daemon: &Arc<Daemon>) {
        let now_ns = daemon.clock.mono_ns();
        for entry in self.due(now_ns, false) {
            daemon.audit.tell_soon(&entry);
        }
    }

    /// Writes everything that was counted.
    pub(crate) fn write_all(&self, daemon: &Daemon) {
        for entry in self.due(daemon.clock.mono_ns(), true) {
            daemon.audit.tell_soon(&entry);
        }
    }

    /// Takes what is to be written; kinds of which there is nothing more are forgotten.
    fn due(&self, now_ns: u64, is_all: bool) -> Vec<Entry> {
        let mut due = Vec::new();
        self.0.lock().retain(|_, window| {
            let is_over = window.is_over(now_ns);
            if !is_over && !is_all {
                return true;
            }
            let held = window.held.take();
            let is_quiet = held.is_none() && is_over;
            due.extend(held.map(|(last, before)| Entry {
                repeated: (before > 0).then_some(before),
                ..last
            }));
            if is_over {
                window.began_ns = now_ns;
                window.is_awaited = false;
            }
            !is_quiet
        });
        due.sort_by_key(|entry: &Entry| entry.time);
        due
    }
}

impl Window {
    fn is_over(&self, now_ns: u64) -> bool {
        u128::from(now_ns.saturating_sub(self.began_ns)) >= WITHIN.as_nanos()
    }
}

#[cfg(test)]
mod tests;
