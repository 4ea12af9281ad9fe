//! A milestone of the tree: made, shown, verified, written into a file, and restored from it.
//!
//! Does: time whole commands and answers, and look at the daemon's memory meanwhile.
//! Does not: compare what arrived; tests do.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::{Tiers, float, number};
use crate::bench::process;
use crate::bench::sample::Sample;
use crate::bench::table::Unit;
use crate::shell;

const NAME: &str = "bench-milestone";
const N_SHOWS: usize = 500;
const PATIENCE: Duration = Duration::from_secs(300);
/// How often is asked whether it is made.
const ASKED_EVERY: Duration = Duration::from_millis(20);

impl Tiers<'_> {
    /// Made, in front and behind; shown; verified.
    pub(super) fn milestone(&mut self) -> anyhow::Result<()> {
        self.aft.rest()?;
        let start = shell::now();
        let answered = self.aft.time(&["milestone", "create", NAME])?;
        self.record(
            "a milestone, answered",
            Unit::Seconds,
            answered.as_secs_f64(),
        );
        let mut connection = self.connect()?;
        let named = self.params(json!({ "name": NAME }));
        loop {
            let shown = connection.call("milestone.show", &named)?;
            let status = shown.get("status").and_then(Value::as_str);
            if status == Some("completed") {
                break;
            }
            ensure!(status == Some("generating"), "it came to {shown}");
            ensure!(start.elapsed() < PATIENCE, "it takes too long");
            shell::pause(ASKED_EVERY);
        }
        let what = "a milestone, read back and completed in the background";
        self.record(what, Unit::Seconds, start.elapsed().as_secs_f64());
        let mut sample = Sample::default();
        for _ in 0..N_SHOWS {
            sample.push(connection.timed("milestone.show", &named)?.1);
        }
        for percent in [50.0, 99.0] {
            if let Some(value) = sample.percentile(percent) {
                let what = format!("a milestone's summary over the socket, p{percent}");
                self.record(&what, Unit::Seconds, value);
            }
        }
        let verified = connection.call("milestone.verify", &named)?;
        ensure!(
            verified.get("ok") == Some(&json!(true)),
            "it is not whole: {verified}"
        );
        let seconds = verified.get("took_ms").and_then(Value::as_f64);
        let seconds = seconds.context("no `took_ms`")? / 1e3;
        self.record_rate(
            "a milestone verified",
            number(&verified, "n_bytes")?,
            seconds,
        );
        Ok(())
    }

    /// Into a file, and from it into another directory, which is then watched as well.
    pub(super) fn carried(&mut self) -> anyhow::Result<()> {
        let beside = |end: &str| {
            let path = self.tree.root.with_extension(end);
            path.to_string_lossy().into_owned()
        };
        let (file, place) = (beside("aftm"), beside("imported"));
        shell::remove_tree(place.as_ref())?;
        self.aft.rest()?;
        let pid = self.aft.find_daemon()?;
        let export = self
            .aft
            .time(&["milestone", "export", NAME, &file, "--force"])?;
        self.record_rate(
            "a milestone exported",
            self.tree.bytes,
            export.as_secs_f64(),
        );
        let part = std::fs::metadata(&file).context("there is no file")?.len();
        self.record(
            "its file, of the tree's bytes",
            Unit::Ratio,
            float(part) / float(self.tree.bytes.max(1)),
        );
        self.aft.rest()?;
        process::forget_peak(pid)?;
        let import = self.aft.time(&["milestone", "import", &file, &place])?;
        self.record_rate(
            "a milestone imported",
            self.tree.bytes,
            import.as_secs_f64(),
        );
        let peak = process::memory(pid, "VmHWM")?;
        self.record(
            "largest memory of the daemon meanwhile",
            Unit::Bytes,
            float(peak),
        );
        self.record_resident("resident memory of the daemon with both trees, idle")?;
        self.aft.time(&["unwatch", "--purge", "--yes", &place])?;
        shell::remove_tree(place.as_ref())?;
        shell::remove_file(file.as_ref())
    }
}
