//! What checks said.

#[cfg(test)]
mod tests;

use aft_rpc::types::verify::{
    Finding, VerdictStatus, VerdictView, VerifyCancelResult, VerifyListResult, VerifyRunResult,
};

use super::text::{count, shown};
use super::time::Now;
use crate::color::{Paint, Style};

/// Lines of a message, and of what was printed, that are shown.
const LINES_MAX: usize = 12;
/// Names of failing tests that are shown.
const NAMES_MAX: usize = 10;

/// The verdicts of a run.
pub(crate) fn verdicts(result: &VerifyRunResult, style: Style) -> String {
    let mut text = String::new();
    for verdict in &result.verdicts {
        text.push_str(&line(verdict, style));
        text.push_str(&more(verdict));
    }
    if result.running {
        text.push_str(&format!("Run {} goes on.\n", result.run));
    }
    if let Some(acted) = &result.acted {
        text.push_str(&format!("{}\n", shown(&acted.message)));
    }
    text
}

/// `tests  passed  12 tests  in 1.2 s`.
pub(crate) fn line(verdict: &VerdictView, style: Style) -> String {
    let paint = match verdict.status {
        VerdictStatus::Passed => Paint::Green,
        VerdictStatus::Failed => Paint::Red,
        VerdictStatus::Error => Paint::Yellow,
    };
    let mut parts = vec![
        shown(&verdict.check).into_owned(),
        style.paint(paint, verdict.status.as_str()),
    ];
    let cases = verdict.cases;
    if cases.failed > 0 {
        let all = cases.passed + cases.failed;
        parts.push(format!(
            "{} of {}",
            cases.failed,
            count(all, "test", "tests")
        ));
    } else if cases.passed > 0 {
        parts.push(count(cases.passed, "test", "tests"));
    }
    if verdict.untrusted {
        parts.push("not approved".to_owned());
    } else if verdict.reused {
        parts.push("as before".to_owned());
    } else {
        parts.push(format!("in {}", took(verdict.took_ms)));
    }
    parts.push(format!("#{}", verdict.operation));
    parts.join("  ") + "\n"
}

fn took(ms: f64) -> String {
    if ms < 1000.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{:.1} s", ms / 1000.0)
    }
}

/// Why, and what failed.
fn more(verdict: &VerdictView) -> String {
    let mut text = String::new();
    if verdict.status != VerdictStatus::Passed && !verdict.reason.is_empty() {
        text.push_str(&format!("  {}\n", shown(&verdict.reason)));
    }
    for name in verdict.flaky.iter().take(NAMES_MAX) {
        text.push_str(&format!(
            "  {} failed, and passed when it was run again\n",
            shown(name)
        ));
    }
    if verdict.status == VerdictStatus::Passed {
        return text;
    }
    for finding in verdict.findings.iter().take(NAMES_MAX) {
        text.push_str(&found(finding));
    }
    if verdict.findings.is_empty() {
        for name in verdict.failing.iter().take(NAMES_MAX) {
            text.push_str(&format!("  {}\n", shown(name)));
        }
        let output = verdict.output.as_deref().unwrap_or_default();
        text.push_str(&last_lines(output));
    }
    text
}

fn found(finding: &Finding) -> String {
    let mut text = format!("  {}", shown(&finding.name));
    if let Some(line) = finding.line {
        text.push_str(&format!(":{line}"));
    }
    text.push('\n');
    let message = finding.message.as_deref().unwrap_or_default();
    for line in message.lines().take(LINES_MAX) {
        text.push_str(&format!("    {}\n", shown(line)));
    }
    text
}

fn last_lines(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let skipped = lines.len().saturating_sub(LINES_MAX);
    let last = lines.iter().skip(skipped);
    last.map(|line| format!("    {}\n", shown(line))).collect()
}

/// What checks said, newest first.
pub(crate) fn list(result: &VerifyListResult, now: &Now, style: Style) -> String {
    let mut text = String::new();
    for check in &result.checks {
        let on = check.on.join(" ");
        text.push_str(&format!(
            "{}  {on}  {}\n",
            shown(&check.name),
            shown(&check.command)
        ));
    }
    match result.last_good {
        Some(good) => text.push_str(&format!("last good state  #{good}\n")),
        None => text.push_str("no state is known to be good\n"),
    }
    if let Some(check) = result.running.as_ref().and_then(|run| run.check.as_deref()) {
        text.push_str(&format!("running  {}\n", shown(check)));
    }
    for verdict in &result.verdicts {
        text.push_str(&format!(
            "{}  {}",
            now.brief(verdict.started),
            line(verdict, style)
        ));
        if let Some(acted) = &verdict.acted {
            text.push_str(&format!("  {}\n", shown(&acted.message)));
        }
    }
    text
}

/// Text of several lines, of which nothing moves the cursor.
pub(crate) fn shown_lines(text: &str) -> String {
    text.lines()
        .map(|line| format!("{}\n", shown(line)))
        .collect()
}

/// What was ended.
pub(crate) fn cancelled(result: &VerifyCancelResult) -> String {
    format!(
        "Ended {}.\n",
        count(result.cancelled.len() as u64, "run", "runs")
    )
}
