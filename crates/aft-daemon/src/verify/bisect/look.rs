//! A look at one state: the check or the command runs in a tree that shows it.
//!
//! Does: look at several at once, each on a thread of its own; say nothing twice that a verdict says already; stop when the time of
//! the search is over.
//! Does not: choose the states.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aft_engine::bisect::Seen;
use aft_model::{OperationId, VerdictStatus};
use aft_verify::{Ending, Status};

use super::{Failed, Look, Question, Search};
use crate::causes::chain;
use crate::config::{Period, VerifyConfig};
use crate::verify::checks::Configured;
use crate::verify::queue::{Checks, private};
use crate::verify::run::{Cancel, Order, contained};
use crate::verify::scratch::Wanted;
use crate::verify::{state, verdicts};

/// Bytes of a command's output that are kept, for the reason that is told.
const OUTPUT_MAX: usize = 64 << 10;

impl Checks {
    /// Looks at several states at once.
    pub(super) fn looks(
        self: &Arc<Self>,
        search: &Search,
        wanted: &[(usize, Wanted)],
        cancel: &Cancel,
    ) -> Result<Vec<(usize, Look)>, Failed> {
        if let [(at, wanted)] = wanted {
            return Ok(vec![(*at, self.look_at(search, wanted, cancel)?)]);
        }
        std::thread::scope(|scope| {
            let begun = wanted.iter().map(|(at, wanted)| {
                let look = scope.spawn(move || self.look_at(search, wanted, cancel));
                (*at, wanted.operation, look)
            });
            // All of them begin before one is waited for.
            let begun: Vec<_> = begun.collect();
            let ended = begun.into_iter().map(|(at, operation, look)| {
                let look = look.join().unwrap_or_else(|_| {
                    let reason = "the look at it broke off".to_owned();
                    Err(Failed::State { operation, reason })
                });
                Ok((at, look?))
            });
            ended.collect()
        })
    }

    pub(super) fn look_at(
        self: &Arc<Self>,
        search: &Search,
        wanted: &Wanted,
        cancel: &Cancel,
    ) -> Result<Look, Failed> {
        if cancel.is_cancelled() {
            return Err(Failed::Cancelled);
        }
        if let Some(known) = self.known(search, wanted)? {
            return Ok(known);
        }
        let operation = wanted.operation;
        let failed = |reason: String| Failed::State { operation, reason };
        let began_ns = self.ground.clock.mono_ns();
        let lease = self.scratches.showing(wanted);
        let lease = lease.map_err(|error| failed(chain(&error)))?;
        let dir = lease.dir().to_path_buf();
        let left = self.left(search)?;
        let (seen, reason) = match &search.question {
            Question::Check(check, configured) => {
                let timeout = left.map_or(check.timeout.0, |left| left.min(check.timeout.0));
                let check = VerifyConfig {
                    timeout: Period(timeout),
                    ..(**check).clone()
                };
                self.by_check((configured, &check), (wanted, dir), cancel)?
            }
            Question::Command(argv, timeout) => {
                let timeout = left.map_or(*timeout, |left| left.min(*timeout));
                by_command(operation, self.order(argv.clone(), timeout, dir), cancel)?
            }
        };
        drop(lease);
        if cancel.is_cancelled() {
            return Err(Failed::Cancelled);
        }
        // What was stopped by the end of the search says nothing.
        self.left(search)?;
        let took_ns = self.ground.clock.mono_ns().saturating_sub(began_ns);
        Ok(Look {
            operation,
            seen,
            reason,
            took: Duration::from_nanos(took_ns),
            was_known: false,
        })
    }

    /// The time there is; `None` where there is no end.
    fn left(&self, search: &Search) -> Result<Option<Duration>, Failed> {
        let Some(until_ns) = search.until_ns else {
            return Ok(None);
        };
        let left_ns = until_ns.saturating_sub(self.ground.clock.mono_ns());
        match left_ns {
            0 => Err(Failed::OutOfTime),
            left_ns => Ok(Some(Duration::from_nanos(left_ns))),
        }
    }

    /// What the check said of this very state before.
    fn known(&self, search: &Search, wanted: &Wanted) -> Result<Option<Look>, Failed> {
        let Question::Check(check, _) = &search.question else {
            return Ok(None);
        };
        let identity = state::identity(&wanted.entries);
        let verdict = verdicts::said_before(&self.ground.reader, check, &identity)?;
        let look = verdict.map(|verdict| Look {
            operation: wanted.operation,
            seen: match verdict.status {
                VerdictStatus::Passed => Seen::Good,
                VerdictStatus::Failed => Seen::Bad,
                VerdictStatus::Error => Seen::Nothing,
            },
            reason: verdicts::judgement(&verdict).reason,
            took: Duration::ZERO,
            was_known: true,
        });
        Ok(look)
    }

    fn by_check(
        &self,
        (configured, check): (&Configured, &VerifyConfig),
        (wanted, dir): (&Wanted, PathBuf),
        cancel: &Cancel,
    ) -> Result<(Seen, String), Failed> {
        let approved = self.trust.check(&self.root(), configured, check)?;
        let ready = match approved.in_scratch(&dir) {
            Ok(ready) => ready,
            // What was called there then is not what is called now.
            Err(untrusted) => return Ok((Seen::Nothing, chain(&untrusted))),
        };
        let attempt = self.attempt(check, ready.argv.clone(), (wanted, dir), cancel)?;
        let tried = attempt.run(cancel, &mut |_| ());
        let seen = match tried.judgement.status {
            Status::Passed => Seen::Good,
            Status::Failed => Seen::Bad,
            Status::Error => Seen::Nothing,
        };
        Ok((seen, tried.judgement.reason))
    }

    fn order(&self, argv: Vec<OsString>, timeout: Duration, dir: PathBuf) -> Order {
        Order {
            argv,
            writable: vec![dir.clone()],
            dir,
            env: Vec::new(),
            timeout,
            output_max: OUTPUT_MAX,
            hidden: self.ground.hidden.clone(),
            private: private(&self.ground.store),
            unix_sockets: false,
        }
    }
}

fn by_command(
    operation: OperationId,
    order: Order,
    cancel: &Cancel,
) -> Result<(Seen, String), Failed> {
    let ran = contained(order, cancel, &mut |_| ());
    let ended = |reason: String| Err(Failed::Ended { operation, reason });
    match ran.ending {
        Ending::Code(0) => Ok((Seen::Good, "exit 0".to_owned())),
        Ending::Code(code @ 125..=127) => Ok((Seen::Nothing, format!("exit {code}"))),
        Ending::Code(code) if (1..125).contains(&code) => Ok((Seen::Bad, format!("exit {code}"))),
        Ending::Code(code) => ended(format!("the command ended with {code}")),
        Ending::Signal(signal) => ended(format!("signal {signal} ended the command")),
        Ending::TimedOut => Ok((Seen::Nothing, "its time was over".to_owned())),
        Ending::Cancelled => Err(Failed::Cancelled),
        Ending::NotStarted(why) => ended(why),
    }
}
