//! What follows from the verdicts of a state: names, a suggestion, or the way back to the last state that passed.
//!
//! Does: tell [`aft_engine::policy`] what the checks said and who did what since the last state that passed; carry out
//! what it decides by the ordinary way, as `afterimage`; say what was done.
//! Does not: decide, judge what a check printed, or write in the workspace.
//!
//! Start reading at [`finished`].

mod report;
mod whose;

use std::sync::Arc;
use std::time::Duration;

use aft_engine::policy::{
    self, Decision, Good, Happened, PastRollback, RollBack, Since, Suggestion, Verdict,
};
use aft_engine::{GoBack, GoBackKind, Refusal, Selection};
use aft_model::{Author, CheckpointName, Keep, OperationId};
use aft_rpc::types::acted::{Acted, ActedKind};
use aft_verify::Judgement;
use crossbeam_channel::bounded;
use tracing::{info, warn};

use crate::config::Action;
use crate::workspace::smart::Smart;
use crate::workspace::{CheckpointDraft, Done, Failure, Input, Order, Workspace};
use whose::Known;

/// Longer than this nobody waits for a way back.
const WAIT: Duration = Duration::from_secs(600);

/// What one check said of a state, with what its rule is to do.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    /// The check's name.
    pub(crate) check: String,
    /// What its rule is to do past its threshold.
    pub(crate) action: Action,
    /// What it said.
    pub(crate) judgement: Judgement,
}

/// The checks of a state have ended.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    /// The state right after this operation.
    pub(crate) operation: OperationId,
    /// What they said.
    pub(crate) judgements: Vec<Judged>,
    /// They are all that decide whether a state is good, not some that were chosen.
    pub(crate) is_whole: bool,
    /// The last good state before it.
    pub(crate) good: Option<OperationId>,
    /// The turn that was checked, where it was one.
    pub(crate) turn: Option<String>,
    /// The session it belongs to.
    pub(crate) session: Option<String>,
}

/// Does what follows; `None` where nothing does. Returns when it is done, so that it may be told at a turn's end.
pub(crate) fn finished(workspace: &Workspace, finished: &Finished) -> Option<Acted> {
    let smart = workspace.smart()?;
    let started_ns = smart.mono_ns();
    let now_ns = smart.wall_ns();
    let judged: Vec<policy::Judged> = finished.judgements.iter().map(report::judged).collect();
    let is_bad = |one: &policy::Judged| one.acts && one.outcome == policy::Outcome::Failed;
    let may_go_back = judged.iter().any(is_bad);
    let known = if may_go_back {
        Known::of(&workspace.reader)
    } else {
        Known::default()
    };
    let good = finished.good.filter(|_| may_go_back);
    let since: Vec<Since> = good.map_or_else(Vec::new, |good| {
        whose::since(workspace, good, finished.session.as_deref())
    });
    if may_go_back && !smart.knows_past() {
        // The breaker counts what was done before this daemon began, too.
        for (at_ns, to) in whose::ways_back(workspace, now_ns) {
            let to = known.first_like(&workspace.reader, to);
            let past = PastRollback { at_ns, to };
            smart.policy.lock().handle(Happened::WentBack(past));
        }
    }
    let all_passed = judged
        .iter()
        .all(|one| one.outcome == policy::Outcome::Passed);
    let unverified = if all_passed && finished.is_whole {
        smart.unverified()
    } else {
        Vec::new()
    };
    let good = good.map(|operation| Good {
        operation,
        state: known.first_like(&workspace.reader, operation),
    });
    let verdict = Verdict {
        now_ns,
        operation: finished.operation,
        head: workspace.reader.head(),
        judged: &judged,
        is_whole: finished.is_whole,
        good,
        since: &since,
        unverified: &unverified,
    };
    if all_passed && finished.is_whole {
        forget_suggestion(workspace);
    }
    let decisions = smart.policy.lock().handle(Happened::Verdict(&verdict));
    smart.carry_out(&decisions);
    let acting = Acting {
        workspace,
        smart,
        finished,
        since: &since,
        started_ns,
        now_ns,
    };
    acting.carry_out(&decisions)
}

/// What could have been done is over, when a state has passed.
fn forget_suggestion(workspace: &Workspace) {
    let mut acted = workspace.shared.acted.lock();
    if acted
        .as_ref()
        .is_some_and(|acted| acted.kind == ActedKind::Suggested)
    {
        *acted = None;
    }
}

/// What is known of it meanwhile goes into what was said, and into the report that the attempt's name carries.
pub(super) fn add(workspace: &Workspace, acted: &Acted) {
    let mut said = workspace.shared.acted.lock();
    if said
        .as_ref()
        .is_some_and(|said| (said.time, said.checked) == (acted.time, acted.checked))
    {
        *said = Some(Arc::new(acted.clone()));
    }
    drop(said);
    let id = workspace.shared.id.clone();
    let draft = acted.kept_as.as_ref().and_then(|name| attempt(name, acted));
    if let (Some(draft), Some(smart)) = (draft, workspace.smart()) {
        smart.put(draft, OperationId(acted.checked), move |made| {
            if let Err(failure) = made {
                warn!(workspace = %id, ?failure, "what broke it is not in the report");
            }
        });
    }
}

/// What is said of an operation that went back, with what was found since; `None` of any but the last.
pub(crate) fn said_of(workspace: &Workspace, operation: OperationId) -> Option<String> {
    let said = workspace.shared.acted.lock();
    let said = said.as_ref()?;
    (said.operation == Some(operation.0)).then(|| said.message.clone())
}

/// One verdict's consequences under way.
struct Acting<'a> {
    workspace: &'a Workspace,
    smart: &'a Arc<Smart>,
    finished: &'a Finished,
    since: &'a [Since],
    started_ns: u64,
    now_ns: i64,
}

impl Acting<'_> {
    fn carry_out(&self, decisions: &[Decision]) -> Option<Acted> {
        let id = &self.workspace.shared.id;
        let mut acted = None;
        let mut breaker_opened = false;
        for decision in decisions {
            match decision {
                Decision::BreakerOpened(why) => {
                    warn!(workspace = %id, why = why.as_str(), "rules go back no more for now");
                    breaker_opened = true;
                }
                Decision::Suggest(suggestion) => acted = Some(self.suggest(suggestion)),
                Decision::RollBack(back) => acted = Some(self.roll_back(back)),
                Decision::MakeCheckpoint(_) | Decision::MakeMilestone(_) | Decision::Release(_) => {
                }
            }
        }
        let acted = acted.map(|acted| Acted {
            breaker_opened,
            ..acted
        })?;
        info!(workspace = %id, turn = self.finished.turn, kind = acted.kind.as_str(),
            message = acted.message, "a rule acted");
        *self.workspace.shared.acted.lock() = Some(Arc::new(acted.clone()));
        Some(acted)
    }

    fn suggest(&self, suggestion: &Suggestion) -> Acted {
        let report = self.report();
        report.suggested(suggestion)
    }

    fn report(&self) -> report::Report<'_> {
        report::Report {
            finished: self.finished,
            since: self.since,
            now_ns: self.now_ns,
        }
    }

    /// The attempt gets its name in the same breath: the writer takes orders in turn, so the name is durable before
    /// anything in the workspace changes.
    fn roll_back(&self, back: &RollBack) -> Acted {
        let plan = self.report().rolling_back(back);
        self.keep_attempt(back, &plan);
        let (tell, told) = bounded(1);
        let wish = Input::GoBack {
            what: Box::new(GoBack {
                kind: GoBackKind::To {
                    point: back.to.operation,
                    selection: Selection::default(),
                    restore: false,
                },
                dry_run: false,
                // What somebody writes from here on makes this a suggestion.
                expected_head: Some(back.from),
                expected_plan: None,
                keep_conflicts: false,
                force: false,
                markers: false,
                author: Author::Afterimage,
                session: None,
                note: Some(plan.message.clone()),
            }),
            reply: Box::new(move |done| drop(tell.send(done))),
        };
        let asked = self.workspace.ask(wish).is_ok();
        let started_ns = self.smart.mono_ns().saturating_sub(self.started_ns);
        let started_ms = started_ns.div_ceil(1_000_000);
        let done = asked.then(|| told.recv_timeout(WAIT).ok()).flatten();
        match done {
            Some(Ok(Done::Ran { operation, .. })) => {
                self.smart
                    .policy
                    .lock()
                    .handle(Happened::WentBack(PastRollback {
                        at_ns: self.now_ns,
                        to: back.to.state,
                    }));
                let report = report::done(plan, operation.as_deref(), started_ms);
                self.keep_report(back, &report);
                report
            }
            Some(Err(failure)) => self.refused(back, &plan, Some(failure)),
            Some(Ok(Done::Plan(_))) | None => self.refused(back, &plan, None),
        }
    }

    /// Nothing was touched; so there is no attempt to keep, and it is a suggestion.
    fn refused(&self, back: &RollBack, plan: &Acted, failure: Option<Failure>) -> Acted {
        let (word, why) = match failure {
            Some(Failure::Refused(Refusal::VersionConflict { .. })) => (
                policy::WhyNot::MovedOn.as_str(),
                policy::WhyNot::MovedOn.sentence().to_owned(),
            ),
            Some(failure) => {
                let told = crate::serve::failure::of_failure(failure);
                ("refused", told.message)
            }
            None => ("busy", "the workspace did not answer".to_owned()),
        };
        if let Ok(name) = CheckpointName::new(&back.keep_failed_as) {
            let order = Order::DropCheckpoint(name, Box::new(|_| ()));
            self.workspace.write(order);
        }
        report::not_done(plan, word, &why)
    }

    fn keep_attempt(&self, back: &RollBack, plan: &Acted) {
        let id = self.workspace.shared.id.clone();
        let Some(draft) = attempt(&back.keep_failed_as, plan) else {
            return;
        };
        self.smart.put(draft, back.from, move |made| {
            if let Err(failure) = made {
                warn!(workspace = %id, ?failure, "the failed attempt has no name");
            }
        });
    }

    /// The name's report says what was done in the end.
    fn keep_report(&self, back: &RollBack, report: &Acted) {
        self.keep_attempt(back, report);
    }
}

/// The checkpoint that keeps the attempt, with the report.
fn attempt(name: &str, report: &Acted) -> Option<CheckpointDraft> {
    let metadata = serde_json::json!({
        "by": "afterimage",
        "cause": "failed",
        "report": report,
    });
    Some(CheckpointDraft {
        name: CheckpointName::new(name).ok()?,
        message: Some(report.message.clone()),
        keep: Keep::Session,
        metadata: Some(metadata.to_string()),
        // The report of one attempt is written twice.
        force: true,
        at: None,
    })
}

#[cfg(test)]
mod tests;
