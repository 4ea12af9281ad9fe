//! Rule `quality`: functions that became complex, files that became hard to keep.
//!
//! Does: compare by file and function. A function that rose above the line is flagged, and the check has failed; past the
//! threshold it is a reason to act, as is a file whose maintainability fell by more than the threshold.
//! Does not: hold against a change what was complex before; measure ([`crate::metrics`]).

use std::collections::HashMap;

use super::Judgement;
use crate::metrics::{COMPLEXITY_FLAG, FileMetrics, FunctionMetrics, Metrics};
use crate::report::Report;
use crate::rules::Status;

/// A file shorter than this has a maintainability that jumps with every line.
const LINES_MIN: u32 = 20;

/// Nothing where nothing got worse past the line.
pub(super) fn judge(threshold: f64, report: &Report, good: &Report) -> Option<Judgement> {
    let now = report.metrics.as_ref()?;
    let known = good.metrics.is_some();
    let nothing = Metrics::default();
    let before = Known::of(good.metrics.as_ref().unwrap_or(&nothing));
    let limit = f64::from(COMPLEXITY_FLAG) * (1.0 + threshold);
    let mut found: Vec<(bool, String)> = Vec::new();
    for file in &now.files {
        for function in file.functions.iter().filter(|one| one.is_flagged()) {
            let was = before.complexity(file, function);
            if was.is_none_or(|was| function.complexity > was) {
                let acts = known && f64::from(function.complexity) > limit;
                found.push((acts, complaint(file, function, was)));
            }
        }
        if let Some(was) = before.files.get(file.path.as_str())
            && file.maintainability < was.maintainability
        {
            let fell = 1.0 - file.maintainability / was.maintainability;
            if fell > threshold && file.code_lines.max(was.code_lines) >= LINES_MIN {
                let (path, from, to) = (&file.path, was.maintainability, file.maintainability);
                let text = format!("{path}: maintainability fell from {from:.0} to {to:.0}");
                found.push((true, text));
            }
        }
    }
    found.sort_by_key(|(acts, _)| !acts);
    let (acts, first) = found.first()?;
    let more = match found.len() {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    let verdict = Judgement::new(Status::Failed, *acts, format!("{first}{more}"));
    Some(verdict.naming(found.iter().map(|(_, text)| text.as_str())))
}

fn complaint(file: &FileMetrics, function: &FunctionMetrics, was: Option<u32>) -> String {
    let (path, line, name) = (&file.path, function.line, &function.name);
    let was = was.map_or(String::new(), |was| format!(", was {was}"));
    let complexity = function.complexity;
    format!("{path}:{line}: `{name}` has a complexity of {complexity}{was}")
}

/// The last good state's metrics, to look up in.
struct Known<'a> {
    files: HashMap<&'a str, &'a FileMetrics>,
    /// The most complex of a name counts, where a file has several.
    functions: HashMap<(&'a str, &'a str), u32>,
}

impl<'a> Known<'a> {
    fn of(metrics: &'a Metrics) -> Self {
        let mut functions: HashMap<(&str, &str), u32> = HashMap::new();
        for file in &metrics.files {
            for function in &file.functions {
                let most = functions.entry((&file.path, &function.name)).or_default();
                *most = function.complexity.max(*most);
            }
        }
        let files = metrics.files.iter().map(|file| (file.path.as_str(), file));
        Self {
            files: files.collect(),
            functions,
        }
    }

    fn complexity(&self, file: &FileMetrics, function: &FunctionMetrics) -> Option<u32> {
        let key = (file.path.as_str(), function.name.as_str());
        self.functions.get(&key).copied()
    }
}
