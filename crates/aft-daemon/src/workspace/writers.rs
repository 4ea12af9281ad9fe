//! Which session's process wrote, where the kernel says so.
//!
//! Does: have the processes of open sessions followed, and keep of each path who wrote it until it is looked at.
//! Does not: decide whose a change is (`aft_engine::Claims` does), or know processes (`aft_os::writers` does).
//!
//! I1 What was written before a look began counts for what that look brings, and for nothing later.

mod following;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aft_engine::{Evidence, How, JobId, Outcome, RequestId, Seen, WorkItem};
use aft_model::{RelPath, SessionId};
use aft_os::writers::{By, Whose, Wrote, Wrought};
use tracing::debug;

pub(crate) use following::Following;

/// Paths that wait to be looked at; with more, nobody knows who wrote.
const PATHS_MAX: usize = 50_000;
/// Different writers remembered of a path.
const WRITERS_MAX: usize = 64;
/// Names remembered that are not there any more, with the directory they were in.
const GONE_MAX: usize = 4096;
/// What nobody has looked at for so long is of a path that is not covered, if nothing is to be looked at either.
const STALE_NS: u64 = 2_000_000_000;
/// How often what happens where nothing is covered is taken up, and sessions are looked at whose process has ended.
const REST_NS: u64 = 500_000_000;

/// Who wrote what nobody has looked at yet.
#[derive(Default)]
pub(crate) struct Trail {
    paths: BTreeMap<RelPath, Vec<Step>>,
    /// By name, what was in a directory that is not there any more, here or elsewhere.
    gone: Vec<(Vec<u8>, Step)>,
    /// There were too many of them, until a fence is true that was asked for after this request.
    gone_lost_since: Option<u64>,
    looks: HashMap<JobId, Look>,
    n_steps: u64,
    rested_ns: u64,
    /// Something is missing until a fence is true that was asked for after this request.
    lost_since: Option<u64>,
}

#[derive(Clone)]
struct Step {
    number: u64,
    at_ns: u64,
    by: Arc<By>,
    how: Wrought,
}

/// A look under way.
struct Look {
    /// Everything up to this step was done before it began.
    through: u64,
    /// What is looked at; everything where it is a walk.
    items: Option<Vec<(RelPath, bool)>>,
}

impl Trail {
    /// A look begins.
    pub(crate) fn look_begins(
        &mut self,
        following: &Following,
        job: JobId,
        items: Option<&[WorkItem]>,
        now: (u64, u64),
    ) {
        if !following.is_used.load(Ordering::Acquire) {
            return;
        }
        self.take_up(following, now);
        let items = items.map(|items| {
            let items = items.iter();
            items
                .map(|item| (item.path.clone(), item.how == How::Subtree))
                .collect()
        });
        let through = self.n_steps;
        self.looks.insert(job, Look { through, items });
    }

    /// A look has ended: who wrote what it saw.
    pub(crate) fn look_ended(
        &mut self,
        following: &Following,
        job: JobId,
        seen: &[Seen],
        now: (u64, u64),
    ) -> Vec<(RelPath, Evidence)> {
        let Some(look) = self.looks.remove(&job) else {
            return Vec::new();
        };
        self.take_up(following, now);
        let mut found = Vec::new();
        let differs = |seen: &&Seen| {
            !matches!(
                seen.outcome,
                Outcome::Unchanged(_) | Outcome::Skipped | Outcome::Behind
            )
        };
        if self.lost_since.is_none() && !(self.paths.is_empty() && self.gone.is_empty()) {
            let known = following.known();
            let gone = seen.iter().filter(|seen| seen.outcome == Outcome::Gone);
            let gone: HashSet<&RelPath> = gone.map(|seen| &seen.path).collect();
            for seen in seen.iter().filter(differs) {
                let dir = seen.path.parent();
                let went_with_dir =
                    gone.contains(&seen.path) && dir.is_some_and(|dir| gone.contains(&dir));
                let steps = self.steps_of(&seen.path, went_with_dir);
                if !steps.is_empty() {
                    let evidence = evidence(following, &steps, &known);
                    found.push((seen.path.clone(), evidence));
                }
            }
        }
        self.forget(&look, seen);
        found
    }

    /// Nothing is to be looked at: what is left is of no path that is covered.
    pub(crate) fn rest(&mut self, following: &Following, now: (u64, u64)) {
        let (now_ns, _) = now;
        if !following.is_used.load(Ordering::Acquire)
            || now_ns.saturating_sub(self.rested_ns) < REST_NS
        {
            return;
        }
        self.rested_ns = now_ns;
        self.take_up(following, now);
        following.leave_the_dead(now_ns);
        if self.paths.is_empty() && self.gone.is_empty() {
            return;
        }
        let is_fresh = |step: &Step| now_ns.saturating_sub(step.at_ns) < STALE_NS;
        self.paths.retain(|_, steps| {
            steps.retain(is_fresh);
            !steps.is_empty()
        });
        self.gone.retain(|(_, step)| is_fresh(step));
    }

    /// A fence is true: everything before it has been looked at.
    pub(crate) fn fence_is_true(&mut self, request: RequestId) {
        for lost in [&mut self.lost_since, &mut self.gone_lost_since] {
            if lost.is_some_and(|since| request.0 > since) {
                *lost = None;
            }
        }
    }

    fn take_up(&mut self, following: &Following, (now_ns, n_requests): (u64, u64)) {
        let told = following.source.told();
        if told.lost {
            debug!("it is not known who wrote, until the next fence");
            self.lose(n_requests);
        }
        for wrote in told.wrote {
            self.add(wrote, now_ns);
        }
        if self.paths.len() > PATHS_MAX {
            self.lose(n_requests);
        }
        if self.gone.len() > GONE_MAX {
            self.gone.clear();
            self.gone_lost_since = Some(n_requests);
        }
    }

    fn lose(&mut self, n_requests: u64) {
        self.paths.clear();
        self.gone.clear();
        self.lost_since = Some(n_requests);
    }

    fn add(&mut self, wrote: Wrote, at_ns: u64) {
        self.n_steps += 1;
        let step = Step {
            number: self.n_steps,
            at_ns,
            by: wrote.by,
            how: wrote.how,
        };
        if wrote.dir_is_gone {
            self.gone.push((wrote.path.file_name().to_vec(), step));
            return;
        }
        let steps = self.paths.entry(wrote.path).or_default();
        // The same again: only the last counts.
        let is_same = |held: &Step| {
            held.how == step.how && held.by.pid == step.by.pid && held.by.whose == step.by.whose
        };
        steps.retain(|held| !is_same(held));
        if steps.len() >= WRITERS_MAX {
            // Too many to tell apart.
            let unknown = By {
                pid: 0,
                name: None,
                whose: Whose::Unknown,
            };
            steps.clear();
            steps.push(Step {
                by: Arc::new(unknown),
                how: Wrought::Changed,
                ..step.clone()
            });
        }
        steps.push(step);
    }

    /// Who wrote a path: itself, or a directory that it is in by moving that; of one that went with its directory whoever removed
    /// something of that name in such a one.
    fn steps_of(&self, path: &RelPath, went_with_dir: bool) -> Vec<&Step> {
        let mut all: Vec<&Step> = self.paths.get(path).into_iter().flatten().collect();
        let mut dir = path.parent();
        while let Some(above) = dir {
            let steps = self.paths.get(&above).into_iter().flatten();
            all.extend(steps.filter(|step| step.how == Wrought::Tree));
            dir = above.parent();
        }
        if all.is_empty() && went_with_dir && self.gone_lost_since.is_none() {
            let gone = self.gone.iter();
            let same = gone.filter(|(name, _)| name == path.file_name());
            all.extend(same.map(|(_, step)| step));
        }
        // Who closed a file has not written it, if somebody else has.
        if all.iter().any(|step| step.how != Wrought::Closed) {
            all.retain(|step| step.how != Wrought::Closed);
        }
        all
    }

    fn forget(&mut self, look: &Look, seen: &[Seen]) {
        let is_later = |step: &Step| step.number > look.through;
        let Some(items) = &look.items else {
            self.paths.retain(|_, steps| {
                steps.retain(is_later);
                !steps.is_empty()
            });
            self.gone.retain(|(_, step)| is_later(step));
            return;
        };
        // That is looked at once more.
        let is_behind = |path: &RelPath| {
            let mut behind = seen.iter().filter(|seen| seen.outcome == Outcome::Behind);
            behind.any(|seen| seen.path == *path)
        };
        let mut forget = |path: &RelPath| {
            if is_behind(path) {
                return;
            }
            if let Some(steps) = self.paths.get_mut(path) {
                steps.retain(is_later);
                if steps.is_empty() {
                    self.paths.remove(path);
                }
            }
        };
        items.iter().for_each(|(path, _)| forget(path));
        seen.iter().for_each(|seen| forget(&seen.path));
        for (dir, _) in items.iter().filter(|(_, is_subtree)| *is_subtree) {
            self.paths.retain(|path, steps| {
                if path.is_within(dir) && !is_behind(path) {
                    steps.retain(is_later);
                }
                !steps.is_empty()
            });
        }
    }
}

fn evidence(following: &Following, steps: &[&Step], known: &Arc<[SessionId]>) -> Evidence {
    let mut evidence = Evidence {
        known: Arc::clone(known),
        ..Evidence::default()
    };
    for step in steps {
        let By { pid, name, .. } = &*step.by;
        let process = match name {
            Some(name) => format!("{name} ({pid})"),
            None => format!("process {pid}"),
        };
        evidence.add(following.writer(&step.by), (*pid != 0).then_some(process));
    }
    evidence
}
