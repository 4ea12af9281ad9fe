//! `[[verify]]`: a check, as it is configured.
//!
//! Does not: check values (`layers` does), or run anything.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Period;

/// One `[[verify]]`: a check that tells whether a state is good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyConfig {
    /// Its name, unique.
    pub name: String,
    /// The command. A list runs as it stands, a string goes through `sh -c`.
    pub run: RunCommand,
    /// How its report is read.
    #[serde(default = "default_parse")]
    pub parse: ReportFormat,
    /// When it runs.
    #[serde(default = "default_on")]
    pub on: Vec<VerifyTrigger>,
    /// Where it runs.
    #[serde(default = "default_where")]
    pub r#where: Place,
    /// After this it is stopped, which is an error and never a failure.
    #[serde(default = "default_timeout")]
    pub timeout: Period,
    /// What decides.
    #[serde(default = "default_rule")]
    pub rule: Rule,
    /// The rule's threshold: a rate or a share. Without it 0.3 for `failure-rate`, 0.2 for `slower` and `quality`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// What happens when the rule says so.
    #[serde(default = "default_action")]
    pub action: Action,
    /// The directory in which it runs, beneath the root.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dir: String,
    /// Environment variables it is given besides `PATH`, `HOME`, `LANG`, `TERM` and their like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// With `parse = "regex"`: the expression, with groups `name`, `failed`, `passed` or `seconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Directories of these names stay in the scratch copy from one state to the next, where the history has nothing
    /// of that name.
    #[serde(default = "default_keep_warm")]
    pub keep_warm: Vec<String>,
    /// With `on = ["idle"]`: so long nothing has changed.
    #[serde(default = "default_quiet")]
    pub quiet: Period,
    /// When its rule acted, so long the operation that broke it is looked for; `0s` looks for none.
    #[serde(default = "default_find_within")]
    pub find_within: Period,
    /// Directories outside of the tree it runs on in which it may write, by absolute paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writable: Vec<String>,
    /// Whether it may open Unix sockets.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sockets: bool,
}

fn default_parse() -> ReportFormat {
    ReportFormat::Exit
}

fn default_on() -> Vec<VerifyTrigger> {
    vec![VerifyTrigger::TurnEnd]
}

fn default_where() -> Place {
    Place::Scratch
}

fn default_timeout() -> Period {
    Period(Duration::from_secs(60))
}

fn default_rule() -> Rule {
    Rule::FailureRate
}

fn default_keep_warm() -> Vec<String> {
    // Not `__pycache__`: Python takes a compiled file for that of any source with the same size and whole second of
    // time, and two states come into a copy within a second.
    let names = ["target", "node_modules", ".venv", ".gradle"];
    names.map(str::to_owned).to_vec()
}

fn default_quiet() -> Period {
    Period(Duration::from_secs(10))
}

fn default_find_within() -> Period {
    Period(Duration::from_secs(30))
}

fn default_action() -> Action {
    Action::Suggest
}

/// A command of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a command: a list of words, or a string for `sh -c`"
)]
pub enum RunCommand {
    /// Goes through `sh -c`.
    Shell(String),
    /// Runs as it stands.
    Words(Vec<String>),
}

/// How a check's report is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReportFormat {
    Exit,
    Cargo,
    Junit,
    Libtest,
    Nextest,
    Pytest,
    Go,
    Tap,
    Criterion,
    Hyperfine,
    Regex,
}

/// When a check runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerifyTrigger {
    /// An agent's turn ended.
    TurnEnd,
    /// Things have been quiet.
    Idle,
    /// A checkpoint was made.
    Checkpoint,
    /// After each operation.
    Operation,
    /// Only by hand.
    Manual,
}

/// Where a check runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// In a copy.
    Scratch,
    /// In the workspace itself.
    Workspace,
}

/// What decides whether a check's outcome is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// It does not compile.
    CompileError,
    /// Too many tests fail.
    FailureRate,
    /// It got slower.
    Slower,
    /// Complexity or maintainability got worse.
    Quality,
    /// The exit code alone.
    Exit,
}

/// What happens when a rule says that a state is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Say so.
    Suggest,
    /// Go back to the last good state.
    Rollback,
    /// Nothing.
    Off,
}
