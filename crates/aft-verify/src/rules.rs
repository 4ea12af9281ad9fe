//! How a check ended, what it left behind, and what a rule makes of it: the words.
//!
//! Does: name them, as the configuration does too.
//! Does not: decide anything ([`mod@crate::judge`]).

use serde::{Deserialize, Serialize};

/// How the process of a check ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// It ended by itself, with this code.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
    /// It was ended because its time was up.
    TimedOut,
    /// It was ended because somebody asked for that.
    Cancelled,
    /// It never ran, and why.
    NotStarted(String),
}

/// What a check left behind.
#[derive(Clone, Debug)]
pub struct Output<'a> {
    pub ending: Ending,
    pub stdout: &'a [u8],
    pub stderr: &'a [u8],
    /// The file at `$AFT_REPORT`, if the check wrote one.
    pub report: Option<&'a [u8]>,
    /// Whether there was more of `stdout` or `stderr` than is here.
    pub cut: bool,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    Passed,
    Failed,
    /// The check itself broke, which says nothing about the state it ran on: never a reason to go back.
    Error,
}

/// What makes a failed check a reason to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A compiler reported an error.
    CompileError,
    /// A larger share of the tests fails than the threshold allows, not counting what failed in the last good state too.
    FailureRate,
    /// A benchmark is slower than in the last good state by more than the threshold, and by more than noise explains.
    Slower,
    /// A function's complexity or a file's maintainability went past the threshold.
    Quality,
    /// The check says no by its exit code.
    Exit,
}

impl Rule {
    /// Every rule with its name in a configuration.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("compile-error", Self::CompileError),
        ("failure-rate", Self::FailureRate),
        ("slower", Self::Slower),
        ("quality", Self::Quality),
        ("exit", Self::Exit),
    ];

    /// The rule of that name.
    pub fn named(name: &str) -> Option<Self> {
        let (_, rule) = Self::NAMES.iter().find(|(known, _)| *known == name)?;
        Some(*rule)
    }

    /// The threshold where a configuration names none. Rules that have no use for one have 0.
    pub const fn default_threshold(self) -> f64 {
        match self {
            Self::FailureRate => 0.3,
            Self::Slower | Self::Quality => 0.2,
            Self::CompileError | Self::Exit => 0.0,
        }
    }
}
