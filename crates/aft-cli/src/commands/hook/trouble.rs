//! What went wrong in hooks, which must not bother the agent: a log of lines in the store, for `aft doctor` and people.
//!
//! Does not: grow without end, or make a store where there is none.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use aft_rpc::{Paths, WireTime};

/// The log begins anew when it is longer than this.
const LOG_MAX: u64 = 256 * 1024;
/// Longest sentence that is kept.
const SENTENCE_MAX: usize = 400;
const NS: i64 = 1_000_000_000;
/// What is older than this is not worth telling.
const RECENT_NS: i64 = 24 * 3600 * NS;

/// What `aft doctor` tells of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recent {
    /// Lines of the last day.
    pub(crate) count: usize,
    /// The newest.
    pub(crate) last: String,
}

pub(crate) fn log_file(paths: &Paths) -> PathBuf {
    paths.log_dir().join("hook.log")
}

/// Adds a line. That it cannot be added is nothing that could be told anybody.
pub(super) fn note(paths: Option<&Paths>, agent: &str, event: &str, sentence: &str) {
    let own;
    let paths = match paths {
        Some(paths) => paths,
        None => match Paths::from_env() {
            Ok(found) => {
                own = found;
                &own
            }
            Err(_) => return,
        },
    };
    let shown: String = sentence
        .chars()
        .take(SENTENCE_MAX)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let event: String = event
        .chars()
        .take(40)
        .map(|c| if c.is_ascii_graphic() { c } else { '?' })
        .collect();
    let line = format!("{} {agent} {event} {shown}\n", WireTime(now_ns()));
    let opened = File::options()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(log_file(paths));
    if let Ok(mut file) = opened {
        if file.metadata().is_ok_and(|meta| meta.len() > LOG_MAX) {
            let _cut = file.set_len(0);
        }
        let _written = file.write_all(line.as_bytes());
    }
}

/// What happened within the last day; `None` where nothing did.
pub(crate) fn recent(paths: &Paths) -> Option<Recent> {
    let text = std::fs::read_to_string(log_file(paths)).ok()?;
    of_last_day(&text, now_ns())
}

fn of_last_day(text: &str, now_ns: i64) -> Option<Recent> {
    let is_recent = |line: &&str| {
        let time = line.split(' ').next().unwrap_or_default();
        time.parse::<jiff::Timestamp>()
            .is_ok_and(|time| time.as_nanosecond() >= i128::from(now_ns.saturating_sub(RECENT_NS)))
    };
    let lines: Vec<&str> = text.lines().filter(is_recent).collect();
    Some(Recent {
        count: lines.len(),
        last: (*lines.last()?).to_owned(),
    })
}

fn now_ns() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    now.tv_sec.saturating_mul(NS).saturating_add(now.tv_nsec)
}

#[cfg(test)]
mod tests;
