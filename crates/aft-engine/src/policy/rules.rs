//! The rules by which states get names: which are on, what they go by, and how long a name is kept.
//!
//! Does not: read a configuration; whoever does makes these from it.

use std::collections::BTreeMap;

use aft_model::Keep;

use super::{Cause, keep_of};

const MINUTE_NS: i64 = 60_000_000_000;

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// How long its names are kept.
    pub keep: Keep,
    /// What belongs together, and the least time between two of its names.
    pub window_ns: i64,
    /// For a large refactor: as many files within the window.
    pub files: u64,
    /// For a large refactor: as many lines, added and removed, within the window.
    pub lines: u64,
}

impl Rule {
    /// The rule of a cause where nothing is configured.
    #[must_use]
    pub fn of(cause: Cause) -> Self {
        let minutes = match cause {
            // A milestone is a whole and stays for ever.
            Cause::AllPassed => 60,
            Cause::LargeRefactor | Cause::DependencyChange => 10,
            Cause::DestructiveCommand => 1,
            Cause::Complexity => 10,
        };
        Self {
            keep: keep_of(cause),
            window_ns: minutes * MINUTE_NS,
            files: 20,
            lines: 1000,
        }
    }
}

/// The rules that are on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules(BTreeMap<Cause, Rule>);

impl Default for Rules {
    /// Every rule.
    fn default() -> Self {
        Self(
            Cause::ALL
                .into_iter()
                .map(|on| (on, Rule::of(on)))
                .collect(),
        )
    }
}

impl Rules {
    /// No rule at all.
    #[must_use]
    pub fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// With this rule instead of the one before.
    #[must_use]
    pub fn with(mut self, cause: Cause, rule: Rule) -> Self {
        self.0.insert(cause, rule);
        self
    }

    /// Without the rule of this cause.
    #[must_use]
    pub fn without(mut self, cause: Cause) -> Self {
        self.0.remove(&cause);
        self
    }

    /// The rule of this cause, where it is on.
    #[must_use]
    pub fn get(&self, cause: Cause) -> Option<Rule> {
        self.0.get(&cause).copied()
    }
}
