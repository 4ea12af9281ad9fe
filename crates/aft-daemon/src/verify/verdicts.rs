//! The verdicts of a workspace: kept in its history, found again, let go of.
//!
//! Does: turn what was judged into a verdict and keep it durably; find what was said of the same state by the same check;
//! say which states are good; keep the newest of each check and those on points with a name.
//! Does not: run or judge anything.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use aft_model::{OperationId, Standing, Verdict, VerdictStatus};
use aft_rpc::WireTime;
use aft_rpc::types::acted::Acted;
use aft_rpc::types::verify::{CaseCounts, Finding, VerdictView};
use aft_store::{ReadError, Reader};
use aft_verify::metrics::COMPLEXITY_FLAG;
use aft_verify::{CaseOutcome, Judgement, Report, Status};
use serde::{Deserialize, Serialize};

use super::checks;
use crate::config::VerifyConfig;
use crate::workspace::Checked;

/// Verdicts read at once.
const PAGE: usize = 100;
/// Passing and skipped cases that are kept of a report by name.
const CASES_KEPT: usize = 200;
/// Failing names that are kept, and findings that are shown.
const FAILING_KEPT: usize = 200;
const FINDINGS: usize = 20;
/// Bytes of what a check printed that are kept: its end.
const OUTPUT_KEPT: usize = 8 * 1024;
/// Bytes of everything that is kept with a verdict.
const DETAILS_MAX: usize = 1 << 20;
/// Good states of which is kept that they are, the newest ones.
const STANDINGS_KEPT: usize = 500;

/// What is kept with a verdict besides what it is found by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Details {
    pub(crate) acts: bool,
    pub(crate) reason: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) failing: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) flaky: Vec<String>,
    pub(crate) cause: String,
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    pub(crate) n_missing: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scratch_ms: Option<f64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) output: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) report: Option<Report>,
    /// What followed, the newest last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) acted: Vec<Acted>,
    pub(crate) environment: BTreeMap<String, String>,
}

impl Details {
    /// Those of a kept verdict; empty where they do not read.
    pub(crate) fn of(verdict: &Verdict) -> Self {
        serde_json::from_str(&verdict.details).unwrap_or_default()
    }

    /// With what a report says, shortened to what is worth keeping.
    pub(crate) fn with_report(mut self, report: Option<Report>) -> Self {
        let Some(mut report) = report else {
            return self;
        };
        let count = |outcome| {
            let found = report.cases.iter().filter(|case| case.outcome == outcome);
            found.count() as u64
        };
        self.passed = count(CaseOutcome::Passed);
        self.failed = count(CaseOutcome::Failed);
        self.skipped = count(CaseOutcome::Skipped);
        let mut others = 0;
        report.cases.retain(|case| {
            others += usize::from(case.outcome != CaseOutcome::Failed);
            case.outcome == CaseOutcome::Failed || others <= CASES_KEPT
        });
        report.cases.truncate(CASES_KEPT + FAILING_KEPT);
        report.diagnostics.sort_by_key(|one| !one.is_error);
        report.diagnostics.truncate(FAILING_KEPT);
        self.report = Some(report);
        self
    }

    /// With the end of what was printed.
    pub(crate) fn with_output(mut self, stdout: &[u8], stderr: &[u8]) -> Self {
        let tail = |bytes: &[u8]| {
            let start = bytes.len().saturating_sub(OUTPUT_KEPT);
            String::from_utf8_lossy(bytes.get(start..).unwrap_or_default()).into_owned()
        };
        self.output = tail(stdout);
        if !stderr.is_empty() {
            if !self.output.is_empty() && !self.output.ends_with('\n') {
                self.output.push('\n');
            }
            self.output.push_str(&tail(stderr));
        }
        self
    }

    /// As it is kept: what is longest is left out of what would be too long.
    pub(crate) fn text(mut self) -> String {
        let text = |details: &Self| serde_json::to_string(details).unwrap_or_default();
        let mut whole = text(&self);
        if whole.len() > DETAILS_MAX
            && let Some(metrics) = self.report.as_mut().and_then(|one| one.metrics.as_mut())
        {
            // A function that is far from too complex says little about the next state.
            for file in &mut metrics.files {
                file.functions
                    .retain(|one| one.complexity * 2 > COMPLEXITY_FLAG);
            }
            whole = text(&self);
        }
        if whole.len() > DETAILS_MAX {
            self.report = None;
            whole = text(&self);
        }
        whole
    }

    fn findings(&self) -> Vec<Finding> {
        let Some(report) = &self.report else {
            return Vec::new();
        };
        let complaints = report.diagnostics.iter().filter(|one| one.is_error);
        let complaints = complaints.map(|one| Finding {
            name: one.path.clone().unwrap_or_default(),
            line: one.line,
            message: Some(one.message.clone()),
        });
        let failed = report.failed().map(|case| Finding {
            name: case.name.clone(),
            line: None,
            message: case.message.clone(),
        });
        complaints.chain(failed).take(FINDINGS).collect()
    }
}

/// The word of `aft_verify` in the model's.
pub(crate) fn status(status: Status) -> VerdictStatus {
    match status {
        Status::Passed => VerdictStatus::Passed,
        Status::Failed => VerdictStatus::Failed,
        Status::Error => VerdictStatus::Error,
    }
}

/// What was judged, of a kept verdict.
pub(crate) fn judgement(verdict: &Verdict) -> Judgement {
    let details = Details::of(verdict);
    Judgement {
        status: match verdict.status {
            VerdictStatus::Passed => Status::Passed,
            VerdictStatus::Failed => Status::Failed,
            VerdictStatus::Error => Status::Error,
        },
        acts: details.acts,
        reason: details.reason,
        failing: details.failing,
    }
}

/// Puts what was judged into details.
pub(crate) fn judged(judgement: &Judgement) -> Details {
    Details {
        acts: judgement.acts,
        reason: judgement.reason.clone(),
        failing: judgement
            .failing
            .iter()
            .take(FAILING_KEPT)
            .cloned()
            .collect(),
        ..Details::default()
    }
}

/// A verdict as clients see it; what was printed only where `with_output`.
pub(crate) fn view(verdict: &Verdict, reused: bool, with_output: bool) -> VerdictView {
    let mut details = Details::of(verdict);
    let findings = details.findings();
    let cases = CaseCounts {
        passed: details.passed,
        failed: details.failed,
        skipped: details.skipped,
    };
    VerdictView {
        verdict: verdict.number,
        check: verdict.check.clone(),
        operation: verdict.operation.0,
        state: verdict
            .state
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        status: verdict.status.into(),
        acts: details.acts,
        reason: details.reason,
        failing: details.failing,
        flaky: details.flaky,
        cases,
        findings,
        cause: details.cause,
        untrusted: false,
        reused,
        started: WireTime(verdict.started_ns),
        took_ms: verdict.took_ns as f64 / 1e6,
        scratch_ms: details.scratch_ms,
        n_missing: details.n_missing,
        acted: details.acted.pop(),
        output: Some(details.output).filter(|output| with_output && !output.is_empty()),
    }
}

/// Every verdict, the newest first, until `found` has seen enough.
pub(super) fn each(
    reader: &Reader,
    found: &mut dyn FnMut(Verdict) -> bool,
) -> Result<(), ReadError> {
    let mut before = None;
    loop {
        let page = reader.verdicts(before, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        before = Some(last.number);
        for verdict in page {
            if !found(verdict) {
                return Ok(());
            }
        }
    }
}

/// What this check said of this very state, if it said something.
pub(crate) fn said_before(
    reader: &Reader,
    check: &VerifyConfig,
    state: &[u8; 32],
) -> Result<Option<Verdict>, ReadError> {
    let definition = checks::definition(check);
    let mut found = None;
    each(reader, &mut |verdict| {
        let fits = verdict.check == check.name
            && verdict.definition == definition
            && verdict.state == *state
            && verdict.status != VerdictStatus::Error;
        if fits {
            found = Some(verdict);
        }
        found.is_none()
    })?;
    Ok(found)
}

/// The report with which this check passed last: what the next one is held against.
pub(crate) fn last_good_report(
    reader: &Reader,
    check: &VerifyConfig,
) -> Result<Option<Report>, ReadError> {
    let mut found = None;
    each(reader, &mut |verdict| {
        if verdict.check == check.name && verdict.status == VerdictStatus::Passed {
            found = Some(Details::of(&verdict).report);
        }
        found.is_none()
    })?;
    Ok(found.flatten())
}

/// The newest verdict of each check, by name.
pub(crate) fn newest(reader: &Reader, names: &[String]) -> Result<Vec<Verdict>, ReadError> {
    let mut left: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    if left.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    each(reader, &mut |verdict| {
        if left.remove(verdict.check.as_str()) {
            found.push(verdict);
        }
        !left.is_empty()
    })?;
    found.sort_by_key(|verdict| names.iter().position(|name| *name == verdict.check));
    Ok(found)
}

/// Whether a state is good by what the required checks said of it: `None` where one has said nothing.
pub(crate) fn standing(
    reader: &Reader,
    required: &[&VerifyConfig],
    state: &[u8; 32],
) -> Result<Option<bool>, ReadError> {
    let mut all = true;
    for check in required {
        match said_before(reader, check, state)? {
            Some(verdict) if verdict.status == VerdictStatus::Passed => {}
            Some(_) => return Ok(Some(false)),
            None => all = false,
        }
    }
    Ok((all && !required.is_empty()).then_some(true))
}

/// What has to be written so that the history says whether this state is good; nothing where it says so.
pub(crate) fn noted(
    reader: &Reader,
    (operation, state): (OperationId, [u8; 32]),
    is_good: Option<bool>,
    time_ns: i64,
) -> Result<Option<Checked>, ReadError> {
    let next = OperationId(operation.0.saturating_add(1));
    let known = reader.standings(Some(next), 1)?;
    let known = known.first().filter(|known| known.operation == operation);
    let before = known.map(|known| known.is_good);
    Ok(match is_good {
        Some(is_good) if before != Some(is_good) => Some(Checked::Standing(Standing {
            operation,
            state,
            is_good,
            time_ns,
        })),
        _ => None,
    })
}

/// What is let go of: verdicts beyond the newest `kept` of each check, except those on points with a name or on the newest
/// good state; and what is known of old states.
pub(crate) fn too_many(reader: &Reader, kept: u64) -> Result<Vec<Checked>, ReadError> {
    let mut named: BTreeSet<OperationId> = reader
        .checkpoints()?
        .iter()
        .map(|checkpoint| checkpoint.operation)
        .collect();
    let last_good = reader.last_good()?;
    named.extend(last_good);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut gone = Vec::new();
    each(reader, &mut |verdict| {
        let count = counts.entry(verdict.check).or_default();
        *count += 1;
        if *count > kept && !named.contains(&verdict.operation) {
            gone.push(Checked::Forget(verdict.number));
        }
        true
    })?;
    let mut before = None;
    let mut n_standings = 0;
    loop {
        let page = reader.standings(before, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(gone);
        };
        before = Some(last.operation);
        for standing in page {
            n_standings += 1;
            if n_standings > STANDINGS_KEPT && Some(standing.operation) != last_good {
                gone.push(Checked::ForgetStanding(standing.operation));
            }
        }
    }
}
