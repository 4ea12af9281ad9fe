//! Smart checkpoints: which states get a name without anybody asking.
//!
//! Does: say of an operation, a command or a verdict which state before it (or at it) is worth a name, at most once for
//! each cause within its window.
//! Does not: look at contents; lines are counted by whoever tells of an operation.

use std::collections::{BTreeMap, HashSet, VecDeque};

use aft_model::{Author, Keep, Operation, OperationId, OperationKind, RelPath, SessionId};

use super::{Decision, Outcome, Rules, Verdict, command, manifest};

/// Stretches of work followed at once; the oldest goes.
const STRETCHES_MAX: usize = 16;

/// Why a state gets a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// Every check passed.
    AllPassed,
    /// Many files or lines changed within a window.
    LargeRefactor,
    /// A dependency manifest or lock file changed.
    DependencyChange,
    /// A command that takes away was announced.
    DestructiveCommand,
    /// A function became too complex.
    Complexity,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 5] = [
        Self::AllPassed,
        Self::LargeRefactor,
        Self::DependencyChange,
        Self::DestructiveCommand,
        Self::Complexity,
    ];

    /// The word used on every surface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllPassed => "all-passed",
            Self::LargeRefactor => "large-refactor",
            Self::DependencyChange => "dependency-change",
            Self::DestructiveCommand => "destructive-command",
            Self::Complexity => "complexity",
        }
    }

    /// The name of the state `number` was before, or of the state it is.
    fn name(self, number: OperationId) -> String {
        match self {
            Self::AllPassed => format!("all-passed-{number}"),
            before => format!("before-{}-{number}", before.as_str()),
        }
    }
}

/// A name for a state that is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naming {
    /// The state right after this operation.
    pub at: OperationId,
    /// The name: readable, and unique as the operation in it is.
    pub name: String,
    /// How long it is kept.
    pub keep: Keep,
    /// Why.
    pub cause: Cause,
    /// Why, for people.
    pub why: String,
}

/// Who works: what one of them does belongs together.
type Who = (Author, Option<SessionId>);

/// One stretch of somebody's work.
#[derive(Debug)]
struct Stretch {
    who: Who,
    /// What was done, oldest first: the state before it, when, and how many lines.
    steps: VecDeque<(OperationId, i64, Vec<RelPath>, u64)>,
}

/// What the rules for names remember.
#[derive(Debug)]
pub(super) struct Names {
    rules: Rules,
    newest: OperationId,
    last: BTreeMap<Cause, i64>,
    stretches: VecDeque<Stretch>,
}

impl Names {
    pub(super) fn new(rules: Rules, head: OperationId) -> Self {
        Self {
            rules,
            newest: head,
            last: BTreeMap::new(),
            stretches: VecDeque::new(),
        }
    }

    pub(super) fn wants(&self, cause: Cause, now_ns: i64) -> bool {
        let last = self.last.get(&cause).copied();
        self.rules
            .get(cause)
            .is_some_and(|rule| last.is_none_or(|last| !within(last, now_ns, rule.window_ns)))
    }

    pub(super) fn newest(&self) -> OperationId {
        self.newest
    }

    pub(super) fn recorded(&mut self, operation: &Operation, lines: u64) -> Vec<Decision> {
        let before = std::mem::replace(&mut self.newest, operation.id);
        let is_work = matches!(
            operation.kind,
            OperationKind::Observed | OperationKind::Edit
        );
        // Before the first operation there is nothing to name.
        if !is_work || before == OperationId::NONE || operation.author == Author::Afterimage {
            return Vec::new();
        }
        let dependency = self.dependency(operation, before);
        let refactor = self.refactor(operation, before, lines);
        dependency.into_iter().chain(refactor).collect()
    }

    fn dependency(&mut self, operation: &Operation, before: OperationId) -> Option<Decision> {
        let found = operation.changes.iter().find_map(|change| {
            let whose = manifest::of(&change.path)?;
            Some((whose, change.path.display()))
        });
        let (whose, path) = found?;
        let why = format!("before {path} ({whose}) changed");
        let number = operation.id;
        self.name(
            Cause::DependencyChange,
            before,
            number,
            operation.time_ns,
            why,
        )
    }

    fn refactor(
        &mut self,
        operation: &Operation,
        before: OperationId,
        lines: u64,
    ) -> Option<Decision> {
        let rule = self.rules.get(Cause::LargeRefactor)?;
        let who = (operation.author.clone(), operation.session.clone());
        let at = self.stretches.iter().position(|one| one.who == who);
        let mut stretch = at
            .and_then(|at| self.stretches.remove(at))
            .unwrap_or(Stretch {
                who,
                steps: VecDeque::new(),
            });
        let now_ns = operation.time_ns;
        while stretch
            .steps
            .front()
            .is_some_and(|(_, then, ..)| !within(*then, now_ns, rule.window_ns))
        {
            stretch.steps.pop_front();
        }
        // More paths than the rule asks for say nothing more.
        let most = usize::try_from(rule.files).unwrap_or(usize::MAX);
        let paths: Vec<RelPath> = operation
            .changes
            .iter()
            .filter(|change| !(change.before.is_dir() || change.after.is_dir()))
            .take(most)
            .map(|change| change.path.clone())
            .collect();
        stretch.steps.push_back((before, now_ns, paths, lines));
        let n_files = {
            let paths = stretch.steps.iter().flat_map(|(_, _, paths, _)| paths);
            paths.collect::<HashSet<_>>().len() as u64
        };
        let n_lines: u64 = stretch.steps.iter().map(|(.., lines)| lines).sum();
        let first = stretch.steps.front().map_or(before, |(first, ..)| *first);
        if n_files >= rule.files || n_lines >= rule.lines {
            // What comes next is another one.
            let why = format!("before {n_files} files or more and {n_lines} lines changed");
            return self.name(Cause::LargeRefactor, first, operation.id, now_ns, why);
        }
        self.stretches.push_back(stretch);
        if self.stretches.len() > STRETCHES_MAX {
            self.stretches.pop_front();
        }
        None
    }

    pub(super) fn announced(
        &mut self,
        head: OperationId,
        line: &str,
        now_ns: i64,
    ) -> Vec<Decision> {
        if head == OperationId::NONE || self.rules.get(Cause::DestructiveCommand).is_none() {
            return Vec::new();
        }
        let Some(what) = command::destructive(line) else {
            return Vec::new();
        };
        let why = format!("before a command with `{what}`");
        self.name(Cause::DestructiveCommand, head, head, now_ns, why)
            .into_iter()
            .collect()
    }

    pub(super) fn too_complex(
        &mut self,
        (before, operation): (OperationId, OperationId),
        what: &str,
        now_ns: i64,
    ) -> Vec<Decision> {
        if before == OperationId::NONE {
            return Vec::new();
        }
        let why = format!("before {what}");
        self.name(Cause::Complexity, before, operation, now_ns, why)
            .into_iter()
            .collect()
    }

    /// What a verdict gives a name to, and which names it releases.
    pub(super) fn verdict(&mut self, verdict: &Verdict<'_>) -> Vec<Decision> {
        let judged = verdict.judged;
        let all_passed =
            !judged.is_empty() && judged.iter().all(|one| one.outcome == Outcome::Passed);
        if !verdict.is_whole || !all_passed {
            return Vec::new();
        }
        let mut decisions: Vec<Decision> = verdict
            .unverified
            .iter()
            .filter(|(_, at)| *at < verdict.operation)
            .map(|(name, _)| Decision::Release(name.clone()))
            .collect();
        let checks: Vec<&str> = judged.iter().map(|one| one.check.as_str()).collect();
        let why = format!("passed: {}", checks.join(", "));
        let at = verdict.operation;
        let made = self.name(Cause::AllPassed, at, at, verdict.now_ns, why);
        decisions.extend(made);
        decisions
    }

    fn name(
        &mut self,
        cause: Cause,
        at: OperationId,
        number: OperationId,
        now_ns: i64,
        why: String,
    ) -> Option<Decision> {
        let rule = self.rules.get(cause)?;
        if !self.wants(cause, now_ns) {
            return None;
        }
        self.last.insert(cause, now_ns);
        let naming = Naming {
            at,
            name: cause.name(number),
            keep: rule.keep,
            cause,
            why,
        };
        Some(match cause {
            // Only a whole is kept for ever.
            Cause::AllPassed if rule.keep == Keep::Permanent => Decision::MakeMilestone(naming),
            _ => Decision::MakeCheckpoint(naming),
        })
    }
}

/// True where `now` is less than a window after `then`. A clock that was set back begins anew.
fn within(then: i64, now: i64, window: i64) -> bool {
    (0..window).contains(&now.saturating_sub(then))
}

#[cfg(test)]
mod tests;
