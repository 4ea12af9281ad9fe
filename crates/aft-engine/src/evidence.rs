//! What the kernel said about who wrote.
//!
//! Does: hold for a path who wrote it since it was last looked at.
//! Does not: weigh that against brackets and turns ([`crate::Claims`] does), or know processes.

use std::sync::Arc;

use aft_model::{Author, Change, RelPath, SessionId};

/// Those who wrote a path; nobody where the kernel said nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Each one that differs from the others.
    pub writers: Vec<Writer>,
    /// The processes, for people.
    pub processes: Vec<String>,
    /// The sessions whose own processes are known.
    pub known: Arc<[SessionId]>,
}

/// One who wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writer {
    /// A process of one of these sessions, which share it.
    Of(Vec<(SessionId, Author)>),
    /// A process that belongs to none of the sessions whose own are known.
    Stranger,
    /// Nobody knows.
    Unknown,
}

/// Names of processes kept with one change.
const PROCESSES_MAX: usize = 4;

impl Evidence {
    /// Nobody said anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writers.is_empty()
    }

    /// One more.
    pub fn add(&mut self, writer: Writer, process: Option<String>) {
        if !self.writers.contains(&writer) {
            self.writers.push(writer);
        }
        if let Some(process) = process
            && self.processes.len() < PROCESSES_MAX
            && !self.processes.contains(&process)
        {
            self.processes.push(process);
        }
    }

    /// All of another.
    pub fn join(&mut self, other: &Self) {
        self.known = Arc::clone(&other.known);
        for writer in &other.writers {
            self.add(writer.clone(), None);
        }
        for process in &other.processes {
            if self.processes.len() < PROCESSES_MAX && !self.processes.contains(process) {
                self.processes.push(process.clone());
            }
        }
    }
}

/// What was said about paths, ordered by path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witnessed(pub(crate) std::collections::BTreeMap<RelPath, Evidence>);

impl Witnessed {
    pub(crate) fn of(&self, path: &RelPath) -> Option<&Evidence> {
        self.0.get(path).filter(|evidence| !evidence.is_empty())
    }

    pub(crate) fn add(&mut self, path: &RelPath, evidence: &Evidence) {
        self.0.entry(path.clone()).or_default().join(evidence);
    }

    /// Which processes made these changes, for people.
    pub(crate) fn processes(&self, changes: &[Change]) -> Option<String> {
        let mut all: Vec<&str> = Vec::new();
        let said = changes.iter().filter_map(|change| self.of(&change.path));
        for process in said.flat_map(|evidence| &evidence.processes) {
            if !all.contains(&process.as_str()) {
                all.push(process);
            }
        }
        let more = all.len().saturating_sub(PROCESSES_MAX);
        all.truncate(PROCESSES_MAX);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        (!all.is_empty()).then(|| format!("written by {}{more}", all.join(", ")))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
