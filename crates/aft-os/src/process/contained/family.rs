//! All processes that descend from one, and signals to every one of them.
//!
//! Does: read `/proc`, follow parents, signal by a descriptor, so that a number that was given to somebody else
//! meanwhile is not hit. Where the line of parents was broken, find who bears the family's mark.
//! Does not: wait for anybody; keep the line of parents whole: a supervisor that adopts orphans
//! (`PR_SET_CHILD_SUBREAPER`) does that.

use std::collections::{HashMap, HashSet};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// One process, told from a later one of the same number by when it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Member {
    pub(super) pid: i32,
    started: u64,
}

struct Stat {
    parent: i32,
    started: u64,
}

/// Everybody who descends from `ancestor`, without it. What has ended and was not waited for is among them: a process
/// whose first thread has ended looks the same, and may have others that run.
pub(super) fn descendants(ancestor: i32) -> Vec<Member> {
    let mut children: HashMap<i32, Vec<Member>> = HashMap::new();
    for pid in processes() {
        let Some(stat) = stat_of(pid) else { continue };
        let member = Member {
            pid,
            started: stat.started,
        };
        children.entry(stat.parent).or_default().push(member);
    }
    let mut found = Vec::new();
    let mut next = vec![ancestor];
    while let Some(pid) = next.pop() {
        for member in children.remove(&pid).unwrap_or_default() {
            next.push(member.pid);
            found.push(member);
        }
    }
    found
}

/// Sends signals to one process, if it is still the one that was found.
pub(super) fn send(member: Member, signals: &[Signal]) {
    let Some(pid) = Pid::from_raw(member.pid) else {
        return;
    };
    // The descriptor first: from here on the number cannot mean somebody else unnoticed.
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else {
        return;
    };
    if stat_of(member.pid).is_some_and(|stat| stat.started == member.started) {
        for signal in signals {
            // It may have ended by itself, or belong to somebody else: then it counts as a survivor.
            let _sent = pidfd_send_signal(&process, *signal);
        }
    }
}

/// Asks everybody to end. Who is stopped goes on, so that it hears.
pub(super) fn ask_to_end(ancestor: i32) {
    for member in descendants(ancestor) {
        send(member, &[Signal::TERM, Signal::CONT]);
        if let Some(pid) = Pid::from_raw(member.pid) {
            let _lowered = rustix::process::setpriority_process(Some(pid), NICENESS_LAST);
        }
    }
}

/// Whoever ends them comes before them, and they still come to their end where others are busy.
const NICENESS_LAST: i32 = 19;

/// Puts this process before all others, where it may: hundreds of busy processes in sessions of their own would leave it a
/// hundredth of a processor to end them with.
pub(super) fn come_first() {
    schedule(libc::SCHED_RR, 1);
}

/// Takes that back.
pub(super) fn step_back() {
    schedule(libc::SCHED_OTHER, 0);
}

#[expect(unsafe_code, reason = "the C library's call has no safe wrapper")]
fn schedule(policy: i32, priority: i32) {
    let parameters = libc::sched_param {
        sched_priority: priority,
    };
    // SAFETY: the parameters are live. Where it is refused, ending them takes longer.
    unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) };
}

/// Stops everybody until nobody new appears, which a family that forks all the time cannot outrun, then kills
/// them. `goes_on` is asked before each round.
pub(super) fn kill_all(ancestor: i32, goes_on: &mut dyn FnMut() -> bool) {
    kill_found(&|| descendants(ancestor), goes_on);
}

/// The same for everybody whose environment holds `mark`, a name and a value that nobody else has: for a family
/// whose supervisor was killed. Who cleans its environment is not found.
pub(super) fn kill_marked(mark: &[u8], goes_on: &mut dyn FnMut() -> bool) {
    kill_found(&|| marked(mark), goes_on);
}

fn kill_found(find: &dyn Fn() -> Vec<Member>, goes_on: &mut dyn FnMut() -> bool) {
    let mut stopped: HashSet<Member> = HashSet::new();
    loop {
        let mut is_new = false;
        for member in find() {
            if stopped.insert(member) {
                is_new = true;
                send(member, &[Signal::STOP]);
            }
        }
        if !is_new || !goes_on() {
            break;
        }
    }
    for member in stopped {
        send(member, &[Signal::KILL]);
    }
}

fn marked(mark: &[u8]) -> Vec<Member> {
    let bears = |pid: i32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
        let mut pairs = environment.split(|byte| *byte == 0);
        pairs.any(|pair| pair == mark).then_some(())?;
        let started = stat_of(pid)?.started;
        Some(Member { pid, started })
    };
    processes().filter_map(bears).collect()
}

fn processes() -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Whether this child of ours has ended and waits to be waited for, or is not there at all.
pub(super) fn is_gone(pid: i32) -> bool {
    let state = std::fs::read(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|text| {
            let bracket = text.iter().rposition(|byte| *byte == b')')?;
            text.get(bracket + 2).copied()
        });
    state.is_none_or(|state| matches!(state, b'Z' | b'X'))
}

/// Kills a child of ours, which nobody else can have waited for.
pub(super) fn kill_one(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _killed = rustix::process::kill_process(pid, Signal::KILL);
    }
}

/// Parent and start time of a process: fields 4 and 22 of its `stat`. The name before them may hold anything, so they are
/// counted from the last bracket.
fn stat_of(pid: i32) -> Option<Stat> {
    let text = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let bracket = text.iter().rposition(|byte| *byte == b')')?;
    let fields = std::str::from_utf8(text.get(bracket + 1..)?).ok()?;
    let mut fields = fields.split_ascii_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let started = fields.nth(17)?.parse().ok()?;
    Some(Stat { parent, started })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_its_own_place() {
        let me = i32::try_from(std::process::id()).unwrap();
        let parent = rustix::process::getppid().unwrap().as_raw_nonzero().get();
        let stat = stat_of(me).unwrap();
        assert_eq!(stat.parent, parent);
        assert!(stat.started > 0);
        assert!(
            descendants(parent)
                .iter()
                .any(|member| member.pid == me && member.started == stat.started)
        );
    }
}
