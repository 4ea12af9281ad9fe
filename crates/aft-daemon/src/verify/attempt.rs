//! One check on one directory: run, read, judged; run again where tests failed, before they count.
//!
//! Does: say what the check said. Does not: know a history, keep anything, or choose the directory.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use aft_verify::metrics::Metrics;
use aft_verify::{Ending, Judgement, Output, Report, Status, Unreadable};

use super::checks;
use super::run::{Cancel, Order, Ran, contained};
use crate::config::VerifyConfig;

/// Bytes of each stream that are read for the report.
const OUTPUT_MAX: usize = 1 << 20;

/// Where a check runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Scratch,
    Workspace,
}

/// What is to be run.
pub(super) struct Attempt<'a> {
    pub(super) check: &'a VerifyConfig,
    /// What was approved.
    pub(super) argv: Vec<OsString>,
    /// The root of what it is run on.
    pub(super) root: PathBuf,
    pub(super) hidden: &'a [PathBuf],
    /// Where its private directory is made.
    pub(super) private: PathBuf,
    /// What was measured of the state, where its rule looks at that.
    pub(super) metrics: Option<Metrics>,
    /// What it is held against.
    pub(super) last_good: Option<Report>,
}

/// What came of it.
pub(super) struct Tried {
    pub(super) judgement: Judgement,
    pub(super) report: Option<Report>,
    /// Tests that failed first and passed then.
    pub(super) flaky: Vec<String>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// How long it ran, both times where it was run again.
    pub(super) took: Duration,
    pub(super) environment: BTreeMap<String, String>,
}

impl Tried {
    /// It says nothing about the state.
    pub(super) fn void(&mut self, reason: &str) {
        self.judgement = Judgement {
            status: Status::Error,
            acts: false,
            reason: reason.to_owned(),
            failing: Vec::new(),
        };
    }
}

impl Attempt<'_> {
    /// `on_line` is told each line as it is printed.
    pub(super) fn run(&self, cancel: &Cancel, on_line: &mut dyn FnMut(&[u8])) -> Tried {
        let first = self.once(cancel, on_line);
        let report = self.read(&first);
        let judgement = self.judge(&first.ending, report.as_ref());
        let has_errors = |report: &Report| report.errors().next().is_some();
        let is_certain = judgement.status != Status::Failed
            || report.as_ref().is_ok_and(has_errors)
            || cancel.is_cancelled();
        if is_certain {
            let took = first.took;
            return self.tried((first, took), report.ok(), judgement, Vec::new());
        }
        // A failing test is run again before it counts.
        let second = self.once(cancel, on_line);
        let took = first.took + second.took;
        let again = self.read(&second);
        let judged_again = self.judge(&second.ending, again.as_ref());
        match (report, again) {
            _ if judged_again.status == Status::Error => {
                let judgement = Judgement {
                    acts: false,
                    reason: format!(
                        "{}; run again, the check broke: {}",
                        judgement.reason, judged_again.reason
                    ),
                    ..judgement
                };
                self.tried((first, took), None, judgement, Vec::new())
            }
            (Ok(report), Ok(again)) => {
                let merged = aft_verify::rerun(&report, &again);
                let judgement = self.judge(&second.ending, Ok(&merged));
                let still: Vec<&str> = merged.failed().map(|case| case.name.as_str()).collect();
                let flaky = report.failed().map(|case| &case.name);
                let flaky = flaky.filter(|name| !still.contains(&name.as_str()));
                let flaky = flaky.cloned().collect();
                self.tried((second, took), Some(merged), judgement, flaky)
            }
            (_, again) => self.tried((second, took), again.ok(), judged_again, Vec::new()),
        }
    }

    fn once(&self, cancel: &Cancel, on_line: &mut dyn FnMut(&[u8])) -> Ran {
        let mut env = checks::environment(self.check);
        env.push(("AFT_CHECK".into(), self.check.name.clone().into()));
        let dir = match self.check.dir.as_str() {
            "" => self.root.clone(),
            beneath => self.root.join(beneath),
        };
        let mut writable = match checks::writable(self.check, self.hidden) {
            Ok(places) => places,
            Err(why) => return Ran::not_started(why),
        };
        writable.push(self.root.clone());
        let order = Order {
            argv: self.argv.clone(),
            dir,
            env,
            timeout: self.check.timeout.0,
            output_max: OUTPUT_MAX,
            writable,
            hidden: self.hidden.to_vec(),
            private: self.private.clone(),
            unix_sockets: self.check.sockets,
        };
        contained(order, cancel, on_line)
    }

    fn read(&self, ran: &Ran) -> Result<Report, Unreadable> {
        let output = Output {
            ending: ran.ending.clone(),
            stdout: &ran.stdout,
            stderr: &ran.stderr,
            report: ran.report.as_deref(),
            cut: ran.cut,
        };
        let mut report = aft_verify::read(&checks::format(self.check), &output)?;
        report.metrics = report.metrics.or_else(|| self.metrics.clone());
        Ok(report)
    }

    fn judge(&self, ending: &Ending, report: Result<&Report, &Unreadable>) -> Judgement {
        let rule = checks::rule(self.check);
        let threshold = checks::threshold(self.check);
        aft_verify::judge(rule, threshold, ending, report, self.last_good.as_ref())
    }

    fn tried(
        &self,
        (ran, took): (Ran, Duration),
        report: Option<Report>,
        judgement: Judgement,
        flaky: Vec<String>,
    ) -> Tried {
        Tried {
            judgement,
            report,
            flaky,
            stdout: ran.stdout,
            stderr: ran.stderr,
            took,
            environment: self.environment(ran.survivors),
        }
    }

    /// What was around it, without a value that might be a secret.
    fn environment(&self, survivors: u32) -> BTreeMap<String, String> {
        let mut told = BTreeMap::new();
        if survivors > 0 {
            told.insert("survivors".to_owned(), survivors.to_string());
        }
        told.insert("aft".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        told.insert("system".to_owned(), std::env::consts::OS.to_owned());
        told.insert("machine".to_owned(), std::env::consts::ARCH.to_owned());
        if let Some(path) = std::env::var_os("PATH") {
            told.insert("PATH".to_owned(), path.to_string_lossy().into_owned());
        }
        if !self.check.env.is_empty() {
            told.insert("env".to_owned(), self.check.env.join(" "));
        }
        told
    }
}
