//! A planned operation in the words of the applier, and the applier's report in those of the engine.
//!
//! Does not: touch anything.

use std::collections::HashMap;

use aft_apply::{OnConflict, Report, SetIdBits, StepOutcome, Task};
use aft_engine::{Applied, StepFate};
use aft_model::{Change, FileState, Operation, RelPath, StatSig};

/// An operation as the task of an applier.
pub(crate) fn task_of<'a>(
    operation: &'a Operation,
    force: bool,
    stats: &'a (dyn Fn(&RelPath) -> Option<StatSig> + Sync),
) -> Task<'a> {
    Task {
        operation,
        policy: if force {
            OnConflict::Force
        } else {
            OnConflict::Keep
        },
        set_id: SetIdBits::Drop,
        stats,
    }
}

/// The signatures of an operation's paths, which come in the order of its changes.
pub(super) fn by_path<'a>(
    operation: &'a Operation,
    stats: &[Option<StatSig>],
) -> HashMap<&'a RelPath, StatSig> {
    let paths = operation.changes.iter().map(|change| &change.path);
    paths
        .zip(stats)
        .filter_map(|(path, stat)| Some((path, (*stat)?)))
        .collect()
}

pub(super) fn to_applied(
    report: &Report,
    operation: &Operation,
    is_settled: &dyn Fn(&StatSig) -> bool,
) -> Applied {
    let fate = |result: &aft_apply::StepResult| StepFate {
        path: result.path.clone(),
        result: match &result.outcome {
            StepOutcome::Done { stat } | StepOutcome::AlreadyThere { stat } => {
                Ok(stat.filter(is_settled))
            }
            StepOutcome::Conflict { reason, .. } => Err(reason.as_str().to_owned()),
            StepOutcome::Failed(reason) => Err(reason.clone()),
            StepOutcome::NotReached => Err("not reached".to_owned()),
            StepOutcome::Skipped => Err("skipped".to_owned()),
        },
    };
    let before = |path: &RelPath| {
        let change = operation.changes.iter().find(|change| change.path == *path);
        change.map_or(FileState::Absent, |change| change.before)
    };
    let late = report.late.iter().map(|late| Change {
        path: late.path.clone(),
        before: before(&late.path),
        after: late.state,
        renamed_from: None,
    });
    Applied {
        steps: report.results.iter().map(fate).collect(),
        late: late.collect(),
        refused: Vec::new(),
        error: None,
    }
}
