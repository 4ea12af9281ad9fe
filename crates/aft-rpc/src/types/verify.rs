//! `verify.*`: running checks on exact states, and what they said.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::acted::Acted;
use crate::{WirePath, WirePoint, WireTime};

/// Parameters of `verify.run`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyRunParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// Which checks; all that are configured without it, whatever their `on`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
    /// The state; the present one without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<WirePoint>,
    /// Answer after this time though it is still running; 0 answers at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// Run checks again that have said something about this state.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

/// Result of `verify.run`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyRunResult {
    /// Number of the run; `verify.cancel` takes it.
    pub run: u64,
    /// The state right after this operation; absent while the run waits for its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<u64>,
    /// It had not ended when this was answered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub running: bool,
    /// What the checks said, in the configuration's order.
    pub verdicts: Vec<VerdictView>,
    /// What followed from that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acted: Option<Acted>,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictStatus {
    /// The state is good by this check.
    Passed,
    /// The state is not.
    Failed,
    /// The check itself broke, which says nothing about the state.
    Error,
}

impl VerdictStatus {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Error => "error",
        }
    }
}

impl From<aft_model::VerdictStatus> for VerdictStatus {
    fn from(status: aft_model::VerdictStatus) -> Self {
        match status {
            aft_model::VerdictStatus::Passed => Self::Passed,
            aft_model::VerdictStatus::Failed => Self::Failed,
            aft_model::VerdictStatus::Error => Self::Error,
        }
    }
}

/// How many tests there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseCounts {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that were left out.
    pub skipped: u64,
}

/// A complaint, or a test that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The test, or the file.
    pub name: String,
    /// The line in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What one check said about one state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VerdictView {
    /// Its number; 0 where it is not kept, because the check never ran.
    pub verdict: u64,
    /// Name of the check.
    pub check: String,
    /// The state right after this operation.
    pub operation: u64,
    /// Hash of that state: paths, modes, contents.
    pub state: String,
    /// How it ended.
    pub status: VerdictStatus,
    /// It is past the threshold of its rule.
    pub acts: bool,
    /// Why, in words.
    pub reason: String,
    /// What failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failing: Vec<String>,
    /// Tests that failed and passed when they were run again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flaky: Vec<String>,
    /// How many tests there were.
    #[serde(default)]
    pub cases: CaseCounts,
    /// The first complaints and failures, with what was said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// What made it run: `turn-end`, `idle`, `checkpoint`, `operation`, `manual`.
    pub cause: String,
    /// The command has not been approved, and did not run: `aft trust` shows it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub untrusted: bool,
    /// It was found before, on the same state, and not run now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reused: bool,
    /// When it began.
    pub started: WireTime,
    /// How long it took.
    pub took_ms: f64,
    /// How long the scratch copy took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scratch_ms: Option<f64>,
    /// Files of the state that the history does not hold and the scratch copy does not have.
    #[serde(default)]
    pub n_missing: u64,
    /// What followed from it last, with the operation that broke the state as far as that was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acted: Option<Acted>,
    /// The end of what it printed; on `control.sock` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

/// Parameters of `verify.list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyListParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// Only those of this check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Only those of this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<WirePoint>,
    /// Most verdicts in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// From the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// `running` is this run, also when it is the one that ended last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
}

/// Result of `verify.list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyListResult {
    /// The checks that are configured.
    pub checks: Vec<CheckView>,
    /// The newest good state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_good: Option<u64>,
    /// Newest first.
    pub verdicts: Vec<VerdictView>,
    /// Pass it to get older ones; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// The run that is under way, or the one that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<RunView>,
}

/// A check of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckView {
    /// Its name.
    pub name: String,
    /// Its command, for people.
    pub command: String,
    /// When it runs.
    pub on: Vec<String>,
}

/// A run that is under way, or that ended last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunView {
    /// Its number.
    pub run: u64,
    /// The check that runs now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// The state it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<u64>,
    /// How many lines its checks have printed. On `control.sock` only.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub n_lines: u64,
    /// The last of them, the newest last; long ones are cut.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_none_yet(n_lines: &u64) -> bool {
    *n_lines == 0
}

/// Parameters of `verify.cancel`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyCancelParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// The run; all that run or wait without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
}

/// Result of `verify.cancel`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyCancelResult {
    /// The runs that were ended.
    pub cancelled: Vec<u64>,
}

/// Parameters of `verify.suggest`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifySuggestParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
}

/// Result of `verify.suggest`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifySuggestResult {
    /// Names of the checks that fit a project of this kind.
    pub names: Vec<String>,
    /// All of them as they would stand in `.afterimage.toml`.
    pub toml: String,
}

/// The last word of the checks, in a workspace's status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GoodView {
    /// The newest good state, right after this operation.
    pub operation: u64,
    /// Operations since, at most.
    pub n_operations: u64,
    /// Paths that are not as they were then; absent where that would take long to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_changed: Option<u64>,
}
