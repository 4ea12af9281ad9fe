//! What keeps a long history small and comes back after a stop.
//!
//! Does: time restarts and a collection, and how long it keeps others waiting.
//! Does not: judge what was collected.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;

use super::Tiers;
use crate::bench::sample::Sample;
use crate::bench::socket::Connection;
use crate::bench::table::Unit;
use crate::shell;

const N_RESTARTS: usize = 3;
/// Between two fences, so that what is measured is the collection and not the fences.
const BREATH: Duration = Duration::from_millis(2);

impl Tiers<'_> {
    /// From a stopped daemon to the answer of a command that needs an armed workspace.
    pub(super) fn restart(&mut self) -> anyhow::Result<()> {
        let mut sample = Sample::default();
        for _ in 0..N_RESTARTS {
            self.aft.stop()?;
            sample.push(self.aft.time(&["sync"])?);
            self.aft.find_daemon()?;
        }
        if let Some(median) = sample.median() {
            self.record("restart to armed with all that", Unit::Seconds, median);
        }
        Ok(())
    }

    /// Fences go on while everything dead is removed; the longest of them is what it costs others.
    pub(super) fn collection(&mut self) -> anyhow::Result<()> {
        self.aft.rest()?;
        let mut connection = self.connect()?;
        let sync = json!({ "workspace": self.workspace });
        let over = AtomicBool::new(false);
        let (collected, fences) = std::thread::scope(|scope| {
            let fencing = scope.spawn(|| fences(&mut connection, &sync, &over));
            let collected = self.aft.time(&["gc"]);
            over.store(true, Ordering::Relaxed);
            (collected, fencing.join())
        });
        let fences = fences.ok().context("the fences ended in a panic")??;
        self.record(
            "collection of it, from asked to done",
            Unit::Seconds,
            collected?.as_secs_f64(),
        );
        for (percent, which) in [(99.0, "p99"), (100.0, "longest")] {
            if let Some(value) = fences.percentile(percent) {
                let what = format!("a fence meanwhile, {which}");
                self.record(&what, Unit::Seconds, value);
            }
        }
        Ok(())
    }
}

fn fences(
    connection: &mut Connection,
    sync: &serde_json::Value,
    over: &AtomicBool,
) -> anyhow::Result<Sample> {
    let mut sample = Sample::default();
    while !over.load(Ordering::Relaxed) {
        sample.push(connection.timed("sync", sync)?.1);
        shell::pause(BREATH);
    }
    Ok(sample)
}
