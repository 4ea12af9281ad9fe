//! What a process takes of the machine, as the kernel tells it.
//! Does not judge.

use std::fs;
use std::time::Duration;

use aft_testkit::TestDaemon;

/// A process to look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gauge {
    pub(super) pid: i32,
}

/// One look.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// Resident memory that is its own, in KiB: what is mapped from files goes whenever the kernel wants it to.
    pub(super) rss_kib: u64,
    pub(super) n_threads: u64,
    /// Without segments of a store: a bounded number of them stays open.
    pub(super) n_fds: usize,
    pub(super) n_sockets: usize,
    /// Watches of all its inotify instances.
    pub(super) n_watches: usize,
}

impl Gauge {
    #[track_caller]
    pub(super) fn of(daemon: &TestDaemon) -> Self {
        let pid = daemon.pid().expect("a daemon that serves");
        Self { pid }
    }

    fn text(self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.pid)).unwrap_or_default()
    }

    /// Where its descriptors lead.
    pub(super) fn fds(self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(format!("/proc/{}/fd", self.pid)) else {
            return Vec::new();
        };
        let links = entries.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        links
            .map(|link| link.to_string_lossy().into_owned())
            .collect()
    }

    fn n_watches(self) -> usize {
        let Ok(entries) = fs::read_dir(format!("/proc/{}/fdinfo", self.pid)) else {
            return 0;
        };
        let texts = entries.filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok());
        texts
            .map(|text| {
                let lines = text.lines();
                lines.filter(|line| line.starts_with("inotify wd:")).count()
            })
            .sum()
    }

    /// Time on a processor.
    pub(super) fn cpu(self) -> Duration {
        let stat = self.text("stat");
        let fields = stat.rsplit(") ").next().unwrap_or_default();
        // User and system time are fields 14 and 15; what is left begins with field 3. A tick is 10 ms.
        let ticks: u64 = fields
            .split(' ')
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        Duration::from_millis(ticks * 10)
    }

    pub(super) fn read(self) -> Reading {
        let status = self.text("status");
        let number = |key: &str| -> u64 {
            let line = status.lines().find(|line| line.starts_with(key));
            let field = line.and_then(|line| line.split_whitespace().nth(1));
            field.and_then(|field| field.parse().ok()).unwrap_or(0)
        };
        let fds = self.fds();
        Reading {
            rss_kib: number("RssAnon:"),
            n_threads: number("Threads:"),
            n_fds: fds.iter().filter(|fd| !fd.ends_with(".aft")).count(),
            n_sockets: fds.iter().filter(|fd| fd.starts_with("socket:")).count(),
            n_watches: self.n_watches(),
        }
    }
}

/// The time below which so many percent of the others are.
pub(super) fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    let at = times.len() * percent / 100;
    let last = times.len().saturating_sub(1);
    times.get(at.min(last)).copied().unwrap_or_default()
}
