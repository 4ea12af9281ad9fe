//! Which process descends from which.
//!
//! Does: keep the processes that are, and those that ended lately, each with its ancestors as they were when it began; from
//! what the kernel tells of them ([`Forks`]), else from /proc.
//! Does not: know what is followed.
//!
//! I1 A process is a [`Process`], not a number: who inherits a number inherits nothing else.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use rustix::time::{ClockId, clock_gettime};

use super::forks::{Fork, Forks, Heard};

/// Ancestors that are remembered. A service that begins itself anew for ever must not make a line that grows for ever.
const DEPTH_MAX: u16 = 256;
/// Processes remembered after their end, until what they wrote has been read.
const ENDED_MAX: usize = 8192;
/// The ancestor of the kernel's own threads.
const KERNEL: u32 = 2;

/// A process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// When it began, in the system's ticks since the boot; 0 where only its begin was told.
    start: u64,
    depth: u16,
    up: Up,
}

/// What is above a process.
#[derive(Debug)]
enum Up {
    Parent(Arc<Process>),
    /// Nothing: it is the first.
    First,
    /// Something that is not known.
    Lost,
}

impl Process {
    /// Itself, then its ancestors, the nearest first.
    pub(super) fn line(self: &Arc<Self>) -> impl Iterator<Item = &Arc<Self>> {
        std::iter::successors(Some(self), |process| match &process.up {
            Up::Parent(parent) => Some(parent),
            Up::First | Up::Lost => None,
        })
    }

    /// Whether its ancestors are known up to the first process.
    pub(super) fn is_whole(self: &Arc<Self>) -> bool {
        let last = self.line().last();
        last.is_some_and(|last| matches!(last.up, Up::First))
    }
}

#[derive(Debug)]
struct Held {
    process: Arc<Process>,
    /// The round in which its number was given to it anew.
    replaced_in: u64,
}

/// All processes.
#[derive(Debug)]
pub(super) struct Family {
    forks: Option<Forks>,
    /// The kernel tells who began whom.
    is_told: bool,
    now: HashMap<u32, Held>,
    ended: VecDeque<Arc<Process>>,
    round: u64,
    /// Not everything was told in this round.
    is_part: bool,
    /// What began before this was found in /proc.
    seeded_ns: Option<u64>,
    /// How often what the kernel tells was subscribed to anew.
    n_subscribed: u64,
}

impl Family {
    /// Told by the kernel where it does.
    pub(super) fn start() -> Self {
        let forks = Forks::start().inspect_err(|error| {
            tracing::info!(%error, "processes that end at once cannot be told apart here");
        });
        Self::of_forks(forks.ok())
    }

    fn of_forks(forks: Option<Forks>) -> Self {
        Self {
            is_told: forks.is_some(),
            forks,
            now: HashMap::new(),
            ended: VecDeque::new(),
            round: 1,
            is_part: false,
            seeded_ns: None,
            n_subscribed: 0,
        }
    }

    /// Whether the kernel tells who began whom.
    pub(super) fn is_told(&self) -> bool {
        self.is_told
    }

    /// Changes whenever [`Self::socket`] is another one.
    pub(super) fn n_subscribed(&self) -> u64 {
        self.n_subscribed
    }

    /// To wait for news by.
    pub(super) fn socket(&self) -> Option<&OwnedFd> {
        self.forks.as_ref().map(Forks::socket)
    }

    /// Takes up the processes that are. Only what began since is told.
    pub(super) fn seed(&mut self) {
        if !self.is_told {
            return;
        }
        let Ok(entries) = std::fs::read_dir("/proc") else {
            return;
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let pids: Vec<u32> = names.filter_map(|name| name.parse().ok()).collect();
        for pid in pids {
            self.found(pid);
        }
        self.seeded_ns = Some(monotonic_ns());
    }

    /// Takes what the kernel has told since the last time; `kept` are processes that are to stay what they are if something
    /// was lost.
    pub(super) fn catch_up(&mut self, kept: &[Arc<Process>]) -> io::Result<()> {
        self.round += 1;
        self.is_part = false;
        let Some(mut forks) = self.forks.take() else {
            return Ok(());
        };
        self.is_part = match forks.read_dry(&mut |fork| self.hear(fork, kept))? {
            Heard::All => {
                self.forks = Some(forks);
                return Ok(());
            }
            Heard::Part => true,
        };
        tracing::info!("the kernel did not tell of every process; looking at those that are");
        drop(forks);
        self.forks = Some(Forks::start()?);
        self.n_subscribed += 1;
        self.now.clear();
        for process in kept {
            self.hold(Arc::clone(process), 0);
        }
        self.seed();
        Ok(())
    }

    fn hear(&mut self, fork: Fork, kept: &[Arc<Process>]) {
        match fork {
            Fork::Began {
                parent,
                child,
                at_ns,
            } => {
                let held = self.now.get(&child).map(|held| &held.process);
                // It may have been found in /proc before its begin was read here, perhaps after its parent had ended.
                let was_found = self.seeded_ns.is_none_or(|seeded| at_ns <= seeded);
                let is_held = |one: &Arc<Process>| held.is_some_and(|held| Arc::ptr_eq(held, one));
                if was_found && kept.iter().any(is_held) {
                    return;
                }
                let replaced_in = if held.is_some() && !was_found {
                    self.round
                } else {
                    0
                };
                let parent = self.found(parent);
                self.hold(below(parent, child, 0), replaced_in);
            }
            Fork::Ended(pid) => {
                let Some(held) = self.now.get(&pid) else {
                    return;
                };
                self.ended.push_back(Arc::clone(&held.process));
                if self.ended.len() > ENDED_MAX
                    && let Some(oldest) = self.ended.pop_front()
                    && let Some(held) = self.now.get(&oldest.pid)
                    && Arc::ptr_eq(&held.process, &oldest)
                {
                    self.now.remove(&oldest.pid);
                }
            }
        }
    }

    fn hold(&mut self, process: Arc<Process>, replaced_in: u64) {
        let pid = process.pid;
        self.now.insert(
            pid,
            Held {
                process,
                replaced_in,
            },
        );
    }

    /// The process that had this number when it wrote. What was told has been taken since (`catch_up`); `held` keeps its
    /// number from being given away, where the kernel does not tell of processes.
    pub(super) fn writer(&mut self, pid: u32, held: Option<&OwnedFd>) -> Option<Arc<Process>> {
        if self.is_told {
            // Both the one before and the one after may be meant.
            let held = self.now.get(&pid);
            let is_replaced = held.is_some_and(|held| held.replaced_in == self.round);
            return if is_replaced || self.is_part {
                None
            } else {
                self.found(pid)
            };
        }
        let held = held?;
        let found = self.found(pid)?;
        is_not_given_away(held).then_some(found)
    }

    /// The process that has this number now.
    pub(super) fn found(&mut self, pid: u32) -> Option<Arc<Process>> {
        if self.is_told
            && let Some(held) = self.now.get(&pid)
        {
            return Some(Arc::clone(&held.process));
        }
        self.read(pid, 0)
    }

    /// From /proc, with its ancestors as far as they are not known.
    fn read(&mut self, pid: u32, depth: u16) -> Option<Arc<Process>> {
        let (parent, start) = stat(pid)?;
        if let Some(held) = self.now.get(&pid)
            && held.process.start == start
        {
            return Some(Arc::clone(&held.process));
        }
        let process = if parent == 0 {
            let up = if pid == KERNEL { Up::Lost } else { Up::First };
            Arc::new(Process {
                pid,
                start,
                depth: 0,
                up,
            })
        } else {
            let known = match self.now.get(&parent) {
                Some(held) if self.is_told => Some(Arc::clone(&held.process)),
                _ if depth < DEPTH_MAX => self.read(parent, depth + 1),
                _ => None,
            };
            // One that began later has only inherited the number of the parent, which ended meanwhile.
            below(known.filter(|known| known.start <= start), pid, start)
        };
        if !self.is_told && self.now.len() > ENDED_MAX {
            // Whoever is alive is found again.
            self.now.clear();
        }
        self.hold(Arc::clone(&process), 0);
        Some(process)
    }
}

fn below(parent: Option<Arc<Process>>, pid: u32, start: u64) -> Arc<Process> {
    let parent = parent.filter(|parent| parent.depth < DEPTH_MAX);
    Arc::new(Process {
        pid,
        start,
        depth: parent.as_ref().map_or(0, |parent| parent.depth + 1),
        up: parent.map_or(Up::Lost, Up::Parent),
    })
}

/// The parent of a process and when it began, in ticks since the boot.
fn stat(pid: u32) -> Option<(u32, u64)> {
    let text = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, so what comes behind it is looked for from the end.
    let end = text.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(text.get(end + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let start = fields.nth(17)?.parse().ok()?;
    Some((parent, start))
}

/// The parent of a process.
pub(crate) fn parent_of(pid: u32) -> Option<u32> {
    stat(pid).map(|(parent, _)| parent)
}

/// When a process began, by the wall clock.
pub(super) fn began_ns(pid: u32) -> Option<i64> {
    let (_, start) = stat(pid)?;
    let ticks = rustix::param::clock_ticks_per_second().max(1);
    let since_boot = u128::from(start) * 1_000_000_000 / u128::from(ticks);
    let age = i128::from(nanoseconds(ClockId::Boottime)) - i128::try_from(since_boot).ok()?;
    i64::try_from(i128::from(nanoseconds(ClockId::Realtime)) - age).ok()
}

/// The name of a process.
pub(super) fn name(pid: u32) -> Option<String> {
    let text = std::fs::read(format!("/proc/{pid}/comm")).ok()?;
    let name = String::from_utf8_lossy(text.trim_ascii_end()).into_owned();
    (!name.is_empty()).then_some(name)
}

fn nanoseconds(clock: ClockId) -> i64 {
    let now = clock_gettime(clock);
    now.tv_sec
        .saturating_mul(1_000_000_000)
        .saturating_add(now.tv_nsec)
}

fn monotonic_ns() -> u64 {
    u64::try_from(nanoseconds(ClockId::Monotonic)).unwrap_or(0)
}

/// Whether the process has not been waited for yet: until then nobody else has its number.
#[expect(
    unsafe_code,
    reason = "the crate that is used here sends only real signals"
)]
fn is_not_given_away(held: &OwnedFd) -> bool {
    // SAFETY: signal 0 only asks, and no other argument is given.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            held.as_raw_fd(),
            0,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    result == 0
}

#[cfg(test)]
mod tests;
