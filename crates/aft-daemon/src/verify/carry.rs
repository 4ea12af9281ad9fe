//! Carrying a run out: the state, each check on it, what it said, and what is kept of that.
//!
//! Does: fence, show the state in a scratch tree, have `attempt` run what was approved, keep the verdict durably, tell
//! subscribers, note whether the state is good, tell `act`.
//! Does not: judge, or go anywhere.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use aft_model::{OperationId, Verdict, VerdictStatus};
use aft_rpc::types::acted::Acted;
use aft_store::ReadError;
use crossbeam_channel::bounded;
use tracing::{info, warn};

use super::attempt::{Attempt, Place, Tried};
use super::checks::{self, Configured};
use super::queue::{Checks, private};
use super::run::Cancel;
use super::scratch::{Lease, Wanted};
use super::trust::{Ready, Untrusted};
use super::verdicts::{self, Details};
use super::wish::{Run, Said};
use super::{act, followed, quality, state};
use crate::causes::chain;
use crate::config::{VerifyConfig, VerifyTrigger};
use crate::workspace::{Checked, Input, Order, VerifyNews, VerifyStep, Workspace, WorkspaceEvent};

/// A state that checks run on.
struct Ground {
    workspace: Arc<Workspace>,
    wanted: Wanted,
    identity: [u8; 32],
    /// It is the present state.
    is_present: bool,
}

/// Why a check says nothing.
enum NotRun {
    Untrusted(Untrusted),
    Failed(String),
}

impl From<Untrusted> for NotRun {
    fn from(untrusted: Untrusted) -> Self {
        Self::Untrusted(untrusted)
    }
}

impl Checks {
    /// Runs what was wished.
    pub(super) fn carry_out(self: &Arc<Self>, run: &Arc<Run>) {
        if let Err(reason) = self.try_out(run) {
            warn!(workspace = %self.ground.shared.id, reason, "checks did not run");
            run.progress.lock().failure = Some(reason);
        }
    }

    fn try_out(self: &Arc<Self>, run: &Arc<Run>) -> Result<(), String> {
        let configured = self.configured().map_err(|error| chain(&error))?;
        let chosen = match &run.wish.names {
            Some(names) => configured.named(names).map_err(|error| chain(&error))?,
            None if run.wish.cause.trigger == VerifyTrigger::Manual => configured.all().to_vec(),
            None => configured.on(run.wish.cause.trigger),
        };
        if chosen.is_empty() {
            return Ok(());
        }
        let ground = self.stand(run)?;
        run.progress.lock().operation = Some(ground.wanted.operation);
        let mut lease = None;
        let mut judged = Vec::new();
        let mut is_new = false;
        for check in &chosen {
            if run.cancel.is_cancelled() {
                break;
            }
            let said = self.say(run, &ground, (&configured, check), &mut lease)?;
            if let Said::Now(verdict) | Said::Before(verdict) = &said {
                judged.push(act::Judged {
                    check: check.name.clone(),
                    action: check.action,
                    judgement: verdicts::judgement(verdict),
                });
            }
            is_new |= matches!(said, Said::Now(_));
            run.progress.lock().said.push(said);
        }
        drop(lease);
        self.note_standing(&ground, &configured)?;
        self.forget(configured.config.store.verdicts);
        // What follows from a verdict followed when it was given, unless somebody asks or a turn ended with it.
        let is_asked = matches!(
            run.wish.cause.trigger,
            VerifyTrigger::TurnEnd | VerifyTrigger::Manual
        );
        if !(ground.is_present && (is_asked || is_new))
            || judged.is_empty()
            || run.cancel.is_cancelled()
        {
            return Ok(());
        }
        let required = configured.required();
        let is_there = |name: &str| {
            judged
                .iter()
                .any(|judged: &act::Judged| judged.check == name)
        };
        let is_whole = required.iter().all(|check| is_there(&check.name));
        let good = self.ground.reader.last_good();
        let finished = act::Finished {
            operation: ground.wanted.operation,
            judgements: judged,
            is_whole,
            good: good.map_err(|error| chain(&error))?,
            turn: run.wish.cause.turn.clone(),
            session: run.wish.cause.session.clone(),
        };
        let acted = act::finished(&ground.workspace, &finished);
        let acted = acted.map(|acted| self.with_culprit(run, &ground.workspace, configured, acted));
        if let Some(acted) = &acted {
            self.keep_followed(run, &ground.workspace, acted)?;
        }
        run.progress.lock().acted = acted;
        Ok(())
    }

    /// Puts what followed into the verdict that it followed from.
    fn keep_followed(&self, run: &Run, workspace: &Workspace, acted: &Acted) -> Result<(), String> {
        let said = run.progress.lock().said.clone();
        let verdicts = said.iter().filter_map(|said| match said {
            Said::Now(verdict) | Said::Before(verdict) => Some(verdict),
            Said::Untrusted(..) => None,
        });
        let mut with = verdicts.filter_map(|verdict| followed::with(verdict, acted));
        with.try_for_each(|verdict| self.keep(workspace, Checked::Verdict(verdict)))
    }

    /// A run of a check in a directory that shows a state.
    pub(super) fn attempt<'a>(
        &'a self,
        check: &'a VerifyConfig,
        argv: Vec<OsString>,
        (wanted, root): (&Wanted, PathBuf),
        cancel: &Cancel,
    ) -> Result<Attempt<'a>, ReadError> {
        Ok(Attempt {
            check,
            argv,
            root,
            hidden: &self.ground.hidden,
            private: private(&self.ground.store),
            metrics: quality::of(check, &self.ground.reader, wanted, cancel),
            last_good: verdicts::last_good_report(&self.ground.reader, check)?,
        })
    }

    /// The state that is meant, after a fence.
    fn stand(&self, run: &Run) -> Result<Ground, String> {
        let workspace = self.workspace().ok_or("the workspace is being closed")?;
        let head = fence(&workspace)?;
        let operation = run.wish.at.unwrap_or(head);
        let wanted = self.scratches.state(operation);
        let wanted = wanted.map_err(|error| chain(&error))?;
        let identity = state::identity(&wanted.entries);
        Ok(Ground {
            workspace,
            wanted,
            identity,
            is_present: operation == head,
        })
    }

    fn say(
        self: &Arc<Self>,
        run: &Run,
        ground: &Ground,
        (configured, check): (&Configured, &VerifyConfig),
        lease: &mut Option<Lease>,
    ) -> Result<Said, String> {
        if !run.wish.again {
            let before = verdicts::said_before(&self.ground.reader, check, &ground.identity);
            if let Some(before) = before.map_err(|error| chain(&error))? {
                return Ok(Said::Before(before));
            }
        }
        run.progress.lock().check = Some(check.name.clone());
        let started_ns = self.ground.clock.wall_ns();
        let (dir, place, ready) = match self.prepare(ground, (configured, check), lease) {
            Ok(prepared) => prepared,
            Err(NotRun::Failed(reason)) => return Err(reason),
            Err(NotRun::Untrusted(untrusted)) => {
                let reason = chain(&untrusted);
                info!(workspace = %self.ground.shared.id, check = check.name, reason, "check may not run");
                return Ok(Said::Untrusted(check.name.clone(), reason));
            }
        };
        self.tell(VerifyStep::Started, started(run, ground, check));
        let attempt = self.attempt(
            check,
            ready.argv.clone(),
            (&ground.wanted, dir),
            &run.cancel,
        );
        let attempt = attempt.map_err(|error| chain(&error))?;
        let mut on_line = |line: &[u8]| run.progress.lock().print(line);
        let mut tried = attempt.run(&run.cancel, &mut on_line);
        if place == Place::Workspace && fence(&ground.workspace)? != ground.wanted.operation {
            tried.void("files changed while it ran in the workspace");
        }
        let verdict = self.verdict(
            (run, ground, check),
            started_ns,
            tried,
            lease.as_ref().filter(|_| place == Place::Scratch),
        )?;
        self.keep(&ground.workspace, Checked::Verdict(verdict.clone()))?;
        self.tell(VerifyStep::Finished, verdict_news(run, &verdict));
        Ok(Said::Now(verdict))
    }

    /// Where it runs, and the words that were approved for what is there.
    fn prepare(
        self: &Arc<Self>,
        ground: &Ground,
        (configured, check): (&Configured, &VerifyConfig),
        lease: &mut Option<Lease>,
    ) -> Result<(PathBuf, Place, Ready), NotRun> {
        let root = self.root();
        let approved = self.trust.check(&root, configured, check)?;
        if !checks::is_in_workspace(check) {
            let tree = self.tree(ground, lease).map_err(NotRun::Failed)?;
            let dir = tree.dir().to_path_buf();
            let ready = approved.in_scratch(&dir)?;
            return Ok((dir, Place::Scratch, ready));
        }
        if !ground.is_present {
            return Err(NotRun::Failed(format!(
                "the check `{}` runs in the workspace, which shows another state",
                check.name
            )));
        }
        let ready = approved.in_workspace(&private(&self.ground.store))?;
        Ok((root, Place::Workspace, ready))
    }

    fn tree<'a>(
        self: &Arc<Self>,
        ground: &Ground,
        lease: &'a mut Option<Lease>,
    ) -> Result<&'a Lease, String> {
        if let Some(before) = lease.take() {
            // What the check before did in it is undone.
            drop(before);
        }
        let made = self.scratches.showing(&ground.wanted);
        Ok(lease.insert(made.map_err(|error| chain(&error))?))
    }

    fn verdict(
        &self,
        (run, ground, check): (&Run, &Ground, &VerifyConfig),
        started_ns: i64,
        tried: Tried,
        lease: Option<&Lease>,
    ) -> Result<Verdict, String> {
        let newest = self.ground.reader.verdicts(None, 1);
        let newest = newest.map_err(|error| chain(&error))?;
        let number = newest.first().map_or(0, |verdict| verdict.number) + 1;
        let status = verdicts::status(tried.judgement.status);
        let details = Details {
            flaky: tried.flaky,
            cause: checks::trigger_name(run.wish.cause.trigger).to_owned(),
            n_missing: lease.map_or(0, |lease| lease.missing.len() as u64),
            scratch_ms: lease.map(|lease| lease.took.as_secs_f64() * 1e3),
            environment: tried.environment,
            ..verdicts::judged(&tried.judgement)
        };
        let details = details.with_report(tried.report);
        let details = match status {
            VerdictStatus::Passed => details,
            _ => details.with_output(&tried.stdout, &tried.stderr),
        };
        let took_ns = u64::try_from(tried.took.as_nanos()).unwrap_or(u64::MAX);
        info!(workspace = %self.ground.shared.id, check = check.name, operation = ground.wanted.operation.0,
            status = status.as_str(), took_ms = took_ns / 1_000_000, "check ran");
        Ok(Verdict {
            number,
            check: check.name.clone(),
            definition: checks::definition(check),
            operation: ground.wanted.operation,
            state: ground.identity,
            status,
            started_ns,
            took_ns,
            details: details.text(),
        })
    }

    /// Notes whether every check passed on this state, and tells.
    fn note_standing(&self, ground: &Ground, configured: &Configured) -> Result<(), String> {
        let reader = &self.ground.reader;
        let required = configured.required();
        let is_good = verdicts::standing(reader, &required, &ground.identity);
        let is_good = is_good.map_err(|error| chain(&error))?;
        let at = (ground.wanted.operation, ground.identity);
        let now_ns = self.ground.clock.wall_ns();
        let noted = verdicts::noted(reader, at, is_good, now_ns).map_err(|error| chain(&error))?;
        if let Some(noted) = noted {
            self.keep(&ground.workspace, noted)?;
        }
        Ok(())
    }

    /// Gives it to the history, and waits until that has it on the disk.
    fn keep(&self, workspace: &Workspace, checked: Checked) -> Result<(), String> {
        let gone = || "the workspace is being closed".to_owned();
        let (tell, told) = bounded(1);
        if !workspace.write(Order::Checked(Box::new(checked))) {
            return Err(gone());
        }
        let flush = Order::Flush(Box::new(move |done| drop(tell.send(done))));
        if !workspace.write(flush) {
            return Err(gone());
        }
        match told.recv() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(failure)) => Err(format!("the verdict is not kept: {failure:?}")),
            Err(_) => Err(gone()),
        }
    }

    /// Lets go of what is old.
    fn forget(&self, kept: u64) {
        let Some(workspace) = self.workspace() else {
            return;
        };
        match verdicts::too_many(&self.ground.reader, kept) {
            Ok(gone) => {
                for one in gone {
                    workspace.write(Order::Checked(Box::new(one)));
                }
            }
            Err(error) => warn!(error = %chain(&error), "old verdicts stay"),
        }
    }

    pub(super) fn tell(&self, step: VerifyStep, payload: serde_json::Value) {
        let news = VerifyNews { step, payload };
        self.ground
            .shared
            .publish(WorkspaceEvent::Verify(Arc::new(news)));
    }
}

fn started(run: &Run, ground: &Ground, check: &VerifyConfig) -> serde_json::Value {
    serde_json::json!({
        "run": run.number,
        "check": check.name,
        "operation": ground.wanted.operation.0,
        "cause": checks::trigger_name(run.wish.cause.trigger),
    })
}

fn verdict_news(run: &Run, verdict: &Verdict) -> serde_json::Value {
    let details = Details::of(verdict);
    serde_json::json!({
        "run": run.number,
        "verdict": verdict.number,
        "check": verdict.check,
        "operation": verdict.operation.0,
        "status": verdict.status.as_str(),
        "acts": details.acts,
        "reason": details.reason,
        "failing": details.failing,
        "took_ms": verdict.took_ns as f64 / 1e6,
    })
}

/// Everything written before this is in the history; the newest operation.
fn fence(workspace: &Workspace) -> Result<OperationId, String> {
    let (fence, told) = Input::fence();
    if workspace.ask(fence).is_err() {
        return Err("the workspace is busy".to_owned());
    }
    match told.recv() {
        Ok(Ok(synced)) => Ok(synced.head),
        Ok(Err(failure)) => Err(format!("the workspace did not answer: {failure:?}")),
        Err(_) => Err("the workspace is being closed".to_owned()),
    }
}
