//! What checks cost: a scratch state, the way back after a verdict, and what a check that runs does to whoever works meanwhile.
//!
//! Does: give `aft` checks of its own, break and mend the tree as an agent does in turns, and measure.
//! Does not: compare; the peers have nothing of the kind.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::edits::{Original, Random, edit, put_back, remember, rewrite};
use super::peer::aft::Aft;
use super::sample::Sample;
use super::socket::Connection;
use super::table::{Table, Unit, measure_each};
use super::tree::Tree;
use crate::shell;

/// Scratch states.
const N_STATES: usize = 20;
/// Ways back; a rule goes three in ten minutes.
const N_BACK: usize = 3;
/// Windows with a check and without one, in turn, so that what else the machine does is in both; fences and edits in each.
const N_WINDOWS: usize = 10;
const N_FENCES: usize = 200;
const N_WRITES: usize = 200;
/// Larger trees are not what is promised; the lines say how many files there were.
const FILE: &str = "aft-bench-state";

/// Reads the whole tree again and again, with the lowest priority as every check, until it is stopped.
const LOAD: &str = "while :; do find . -type f -exec cat {} + | cksum > /dev/null; done";

/// A daemon with checks.
pub(crate) struct Verify<'a> {
    aft: &'a mut Aft,
    tree: &'a Tree,
    table: &'a mut Table,
}

impl<'a> Verify<'a> {
    /// The daemon must be armed.
    pub(crate) fn new(aft: &'a mut Aft, tree: &'a Tree, table: &'a mut Table) -> Self {
        Self { aft, tree, table }
    }

    /// Measures everything that can be had.
    pub(crate) fn run(&mut self) -> anyhow::Result<()> {
        measure_each::<Self>(
            self,
            |this| this.table,
            &[
                ("scratch states", Self::states),
                ("ways back", Self::ways_back),
                ("work beside a check", Self::beside),
            ],
        );
        shell::write(&self.aft.config(), b"")?;
        let state = self.tree.root.join(FILE);
        if state.exists() {
            shell::remove_file(&state)?;
        }
        self.aft.time(&["sync"]).map(drop)
    }

    fn configure(&self, run: &str, more: &str) -> anyhow::Result<()> {
        let run = serde_json::to_string(&["sh", "-c", run])?;
        let text = format!("[[verify]]\nname = \"bench\"\nrun = {run}\nrule = \"exit\"\n{more}\n");
        shell::write(&self.aft.config(), text.as_bytes())
    }

    /// From the state that is wanted to a tree that shows it: the first, and with one file changed between.
    fn states(&mut self) -> anyhow::Result<()> {
        self.configure("true", "on = [\"manual\"]")?;
        let mut random = Random::new("states");
        let files = remember(&random.choose(&self.tree.sources, N_STATES))?;
        let cold = self.state()?;
        let mut sample = Sample::default();
        for (number, file) in files.iter().enumerate() {
            edit(file, &format!("v{number}"), &mut random)?;
            sample.push(self.state()?);
        }
        self.record("a scratch state, the first", Some(cold.as_secs_f64()));
        self.record("a scratch state, one file changed", sample.median());
        put_back(&files)
    }

    /// Runs the check, and says how long its tree took.
    fn state(&self) -> anyhow::Result<Duration> {
        let said = self.aft.json(&["verify", "bench", "--json"])?;
        let took = said
            .pointer("/verdicts/0/scratch_ms")
            .and_then(Value::as_f64);
        Ok(Duration::from_secs_f64(
            took.context("no `scratch_ms`")? / 1e3,
        ))
    }

    /// The whole of it, from an agent's failing turn.
    fn ways_back(&mut self) -> anyhow::Result<()> {
        let check = format!("! grep -q broken {FILE}");
        self.configure(&check, "action = \"rollback\"\non = [\"turn-end\"]")?;
        let mut longest = 0.0_f64;
        for number in 0..N_BACK {
            self.turn(&format!("good {number}"))?;
            let ended = self.turn(&format!("broken {number}"))?;
            let kind = ended.pointer("/acted/kind").and_then(Value::as_str);
            ensure!(kind == Some("rolled_back"), "nothing went back: {ended:#}");
            let began = ended.pointer("/acted/started_ms").and_then(Value::as_f64);
            longest = longest.max(began.context("no `started_ms`")? / 1e3);
        }
        self.record(
            "from a verdict to the beginning of the way back, longest of 3",
            Some(longest),
        );
        Ok(())
    }

    fn turn(&self, text: &str) -> anyhow::Result<Value> {
        self.aft.time(&["turn", "start"])?;
        rewrite(&self.tree.root.join(FILE), text.as_bytes())?;
        self.aft.json(&["turn", "end", "--json"])
    }

    /// The same fences and edits without a check and beside one, window by window.
    fn beside(&mut self) -> anyhow::Result<()> {
        self.configure(LOAD, "timeout = \"10m\"\non = [\"turn-end\"]")?;
        let (mut idle, mut busy) = <((Sample, Sample), (Sample, Sample))>::default();
        for number in 0..N_WINDOWS {
            let (fences, edits) = self.work(&format!("idle{number}"))?;
            idle.0.join(fences);
            idle.1.join(edits);
            self.aft.time(&["turn", "start"])?;
            let text = format!("load {number}");
            rewrite(&self.tree.root.join(FILE), text.as_bytes())?;
            self.aft.time(&["turn", "end", "--no-wait"])?;
            // Until its tree is there it is no check that runs.
            shell::pause(Duration::from_secs(1));
            let window = self.work(&format!("busy{number}"));
            self.aft.time(&["verify", "--cancel"])?;
            let (fences, edits) = window?;
            busy.0.join(fences);
            busy.1.join(edits);
        }
        for (what, idle, busy) in [
            ("fence", &idle.0, &busy.0),
            ("a bracketed edit", &idle.1, &busy.1),
        ] {
            for percent in [50.0, 99.0] {
                self.record(
                    &format!("{what}, no check runs, p{percent}"),
                    idle.percentile(percent),
                );
                self.record(
                    &format!("{what}, beside a check, p{percent}"),
                    busy.percentile(percent),
                );
            }
        }
        let p99 = |sample: &Sample| sample.percentile(99.0);
        for (what, idle, busy) in [
            ("fence", &idle.0, &busy.0),
            ("bracketed edit", &idle.1, &busy.1),
        ] {
            if let (Some(idle), Some(busy)) = (p99(idle), p99(busy)) {
                let what = format!("p99 of a {what} beside a check, of its p99 without");
                self.table.record(&what, Unit::Ratio, "aft", busy / idle);
            }
        }
        Ok(())
    }

    fn work(&self, name: &str) -> anyhow::Result<(Sample, Sample)> {
        let mut connection = Connection::open(&self.aft.agent_socket())?;
        let workspace = self.tree.root.to_string_lossy();
        let about = json!({ "workspace": workspace });
        connection.call("sync", &about)?;
        let mut fences = Sample::default();
        for _ in 0..N_FENCES {
            fences.push(connection.timed("sync", &about)?.1);
        }
        let start = json!({ "workspace": workspace, "agent": "bench" });
        let session = connection.call("session.start", &start)?;
        let session = json!({ "session": session.get("session").context("no `session`")? });
        let mut random = Random::new(name);
        let chosen = random.choose(&self.tree.sources, 1);
        let file: Original = remember(&chosen)?
            .pop()
            .context("the tree has no source file")?;
        let mut edits = Sample::default();
        for number in 0..N_WRITES {
            let begun = connection.call("edit.begin", &session)?;
            let open = json!({ "edit": begun.get("edit").context("no `edit`")? });
            edit(&file, &format!("{name}{number}"), &mut random)?;
            edits.push(connection.timed("edit.end", &open)?.1);
        }
        connection.call("session.end", &session)?;
        rewrite(&file.path, &file.bytes)?;
        Ok((fences, edits))
    }

    fn record(&mut self, what: &str, seconds: Option<f64>) {
        if let Some(seconds) = seconds {
            self.table.record(what, Unit::Seconds, "aft", seconds);
        }
    }
}
