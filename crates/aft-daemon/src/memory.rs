//! The process's memory: looked at several times a second, and made less when it is short.
//!
//! Does: tell the level, let go of caches by it, give the memory back to the system, say what was freed; in between,
//! pack what comes into the session cache. One thread for the daemon.
//! Does not: hold anything back, refuse anything, or touch what is not in the store as well.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use aft_engine::session::{Freed, Pressure};
use aft_os::Clock;
use crossbeam_channel::RecvTimeoutError;
use tracing::info;

use crate::config::DaemonConfig;
use crate::daemon::Daemon;
use crate::workspace::{Cleanup, SessionCaches, Workspace, WorkspaceEvent};

/// How often memory is looked at.
const LOOK_NS: u64 = 250_000_000;
/// While memory stays short, caches are let go at most this often.
const AGAIN_NS: u64 = 1_000_000_000;
/// With less than this to let go, nothing would be gained.
const WORTH_BYTES: u64 = 4 * 1024;

/// What was last seen, and where the levels are.
#[derive(Debug)]
pub(crate) struct Memory {
    /// Warning, critical, emergency.
    limits: [u64; 3],
    level: AtomicU8,
    resident: AtomicU64,
}

impl Memory {
    pub(crate) fn new(config: &DaemonConfig) -> Self {
        Self {
            limits: [
                config.memory_warning.0,
                config.memory_critical.0,
                config.memory_emergency.0,
            ],
            level: AtomicU8::new(0),
            resident: AtomicU64::new(0),
        }
    }

    /// Looks, and remembers what it saw.
    fn look(&self) -> (Pressure, u64) {
        let resident = resident_bytes();
        let pressure = self.pressure(resident);
        self.level.store(pressure as u8, Ordering::Relaxed);
        self.resident.store(resident, Ordering::Relaxed);
        (pressure, resident)
    }

    fn pressure(&self, resident: u64) -> Pressure {
        let [warning, critical, emergency] = self.limits;
        match resident {
            _ if resident >= emergency => Pressure::Empty,
            _ if resident >= critical => Pressure::DropRedundancy,
            _ if resident >= warning => Pressure::Merge,
            _ => Pressure::None,
        }
    }

    /// The word for the level that was seen last.
    pub(crate) fn level(&self) -> &'static str {
        match self.level.load(Ordering::Relaxed) {
            0 => word(Pressure::None),
            1 => word(Pressure::Merge),
            2 => word(Pressure::DropRedundancy),
            _ => word(Pressure::Empty),
        }
    }
}

fn word(pressure: Pressure) -> &'static str {
    match pressure {
        Pressure::None => "normal",
        Pressure::Merge => "warning",
        Pressure::DropRedundancy => "critical",
        Pressure::Empty => "emergency",
    }
}

/// Resident memory of this process.
pub(crate) fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(0);
    pages * rustix::param::page_size() as u64
}

/// Starts the thread; it ends when [`SessionCaches::stop`] is called.
///
/// # Errors
/// Where no thread can be made.
pub(crate) fn start(daemon: &Arc<Daemon>) -> std::io::Result<JoinHandle<()>> {
    let keeper = Keeper {
        daemon: Arc::downgrade(daemon),
        caches: Arc::clone(&daemon.caches),
        memory: Arc::clone(&daemon.memory),
        clock: Arc::clone(&daemon.clock),
        seen: Pressure::None,
        again_ns: 0,
        stayed: 0,
    };
    std::thread::Builder::new()
        .name("aft-memory".to_owned())
        .spawn(move || keeper.run())
}

struct Keeper {
    daemon: Weak<Daemon>,
    caches: Arc<SessionCaches>,
    memory: Arc<Memory>,
    clock: Arc<dyn Clock>,
    /// The level seen before.
    seen: Pressure,
    /// Not again before this.
    again_ns: u64,
    /// Bytes that stayed in the cache when it was made smaller last: they would stay again.
    stayed: u64,
}

impl Keeper {
    fn run(mut self) {
        let jobs = self.caches.waiting();
        let mut next_ns = 0;
        loop {
            let now_ns = self.clock.mono_ns();
            if now_ns >= next_ns {
                next_ns = now_ns + LOOK_NS;
                self.look();
            }
            let patience = Duration::from_nanos(next_ns.saturating_sub(self.clock.mono_ns()));
            match jobs.recv_timeout(patience) {
                Ok(job) => {
                    if !self.caches.carry_out(job) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// At a level that was not there before, and while there is something to let go, caches are let go.
    fn look(&mut self) {
        let (pressure, resident_before) = self.memory.look();
        let rose = pressure > self.seen;
        self.seen = pressure;
        let started_ns = self.clock.mono_ns();
        if pressure == Pressure::None || (!rose && started_ns < self.again_ns) {
            return;
        }
        let workspaces = self.workspaces();
        if !rose && self.to_let_go(pressure, &workspaces) < WORTH_BYTES {
            return;
        }
        self.again_ns = started_ns + AGAIN_NS;
        let Freed { entries, bytes } = self.caches.reduce(pressure);
        self.stayed = self.caches.stats().bytes;
        let content_bytes = if pressure >= Pressure::DropRedundancy {
            cool(&workspaces)
        } else {
            0
        };
        aft_os::process::trim_memory();
        let cleanup = Cleanup {
            level: word(pressure),
            n_entries: entries,
            cache_bytes: bytes,
            content_bytes,
            resident_before,
            resident_after: resident_bytes(),
            took_us: (self.clock.mono_ns() - started_ns) / 1000,
        };
        if rose {
            info!(?cleanup, "memory is short");
        }
        if rose || bytes + content_bytes > 0 {
            let event = WorkspaceEvent::Cleanup(Arc::new(cleanup));
            for workspace in workspaces {
                workspace.shared.publish(event.clone());
            }
        }
        self.memory.look();
    }

    fn to_let_go(&self, pressure: Pressure, workspaces: &[Arc<Workspace>]) -> u64 {
        let contents: usize = workspaces
            .iter()
            .map(|workspace| workspace.reader.warm_bytes())
            .sum();
        let held = self.caches.stats().bytes.saturating_sub(self.stayed);
        match pressure {
            Pressure::None => 0,
            Pressure::Merge => held,
            Pressure::DropRedundancy | Pressure::Empty => held + contents as u64,
        }
    }

    fn workspaces(&self) -> Vec<Arc<Workspace>> {
        let daemon = self.daemon.upgrade();
        let all = daemon.map(|daemon| daemon.all()).unwrap_or_default();
        all.into_iter().filter_map(|(_, open)| open.ok()).collect()
    }
}

fn cool(workspaces: &[Arc<Workspace>]) -> u64 {
    let cooled = workspaces.iter().map(|workspace| workspace.reader.cool());
    cooled.sum::<usize>() as u64
}
