//! What only a daemon that watches can do: fences, latencies, kept versions, idleness, restart, paging.
//!
//! Does: measure `aft` over its socket and from outside.
//! Does not: compare; the peers have nothing of the kind.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::edits::{Original, Random, edit, put_back, remember, rewrite};
use super::peer::aft::Aft;
use super::process;
use super::sample::Sample;
use super::socket::Connection;
use super::table::{Table, Unit, measure_each};
use super::tree::Tree;
use crate::shell;

const N_FENCES: usize = 2000;
const N_WRITES: usize = 200;
const N_SAVES: usize = 50;
const N_BURST_MAX: usize = 20_000;
const N_BURST_SAMPLE: usize = 500;
const N_PAGES: usize = 1000;
const IDLE_TIME: Duration = Duration::from_secs(10);

/// A daemon under observation.
pub(crate) struct Live<'a> {
    aft: &'a mut Aft,
    tree: &'a Tree,
    table: &'a mut Table,
    workspace: String,
}

impl<'a> Live<'a> {
    /// The daemon must be armed.
    pub(crate) fn new(aft: &'a mut Aft, tree: &'a Tree, table: &'a mut Table) -> Self {
        let workspace = tree.root.to_string_lossy().into_owned();
        Self {
            aft,
            tree,
            table,
            workspace,
        }
    }

    /// Measures everything that can be had.
    pub(crate) fn run(&mut self) -> anyhow::Result<()> {
        measure_each::<Self>(
            self,
            |this| this.table,
            &[
                ("fence", Self::fences),
                ("bracketed edit", Self::bracketed_edits),
                ("observed write", Self::observed_writes),
                ("versions kept", Self::saves),
                ("burst", Self::burst),
                ("idle", Self::idle),
                ("restart", Self::restart),
                ("page", Self::pages),
            ],
        );
        Ok(())
    }

    fn connect(&self) -> anyhow::Result<Connection> {
        Connection::open(&self.aft.agent_socket())
    }

    fn fences(&mut self) -> anyhow::Result<()> {
        let mut connection = self.connect()?;
        let params = json!({ "workspace": self.workspace });
        connection.call("sync", &params)?;
        let mut sample = Sample::default();
        for _ in 0..N_FENCES {
            let start = shell::now();
            connection.call("sync", &params)?;
            sample.push(start.elapsed());
        }
        self.percentiles("fence over the socket, nothing changed", &sample);
        Ok(())
    }

    /// From the write inside of a bracket to the answer of `edit.end`, which names its operation.
    fn bracketed_edits(&mut self) -> anyhow::Result<()> {
        let mut connection = self.connect()?;
        let start = json!({ "workspace": self.workspace, "agent": "bench" });
        let session = connection.call("session.start", &start)?;
        let session = session.get("session").context("no `session`")?.clone();
        let file = self.one_file("bracketed")?;
        let mut random = Random::new("bracketed");
        let mut sample = Sample::default();
        for number in 0..N_WRITES {
            let begun = connection.call("edit.begin", &json!({ "session": session }))?;
            let open = begun.get("edit").context("no `edit`")?.clone();
            edit(&file, &format!("w{number}"), &mut random)?;
            let start = shell::now();
            let answer = connection.call("edit.end", &json!({ "edit": open }))?;
            sample.push(start.elapsed());
            let newest = answer
                .get("operations")
                .and_then(Value::as_array)
                .and_then(|operations| operations.last());
            ensure!(newest.is_some(), "a bracket was closed without its write");
        }
        connection.call("session.end", &json!({ "session": session }))?;
        self.percentiles("a bracketed edit's write to its operation", &sample);
        rewrite(&file.path, &file.bytes)
    }

    fn observed_writes(&mut self) -> anyhow::Result<()> {
        let mut connection = self.connect()?;
        let file = self.one_file("observed")?;
        let mut random = Random::new("observed");
        let synced = connection.call("sync", &json!({ "workspace": self.workspace }))?;
        let mut clock = clock_of(&synced)?;
        let mut sample = Sample::default();
        for number in 0..N_WRITES {
            let params = json!({ "workspace": self.workspace, "clock": clock, "wait_ms": 5000, "limit": 10 });
            connection.send("history.poll", &params)?;
            // The daemon must be waiting, and quiet, before the write.
            shell::pause(Duration::from_millis(40));
            edit(&file, &format!("o{number}"), &mut random)?;
            let start = shell::now();
            let answer = connection.receive()?;
            sample.push(start.elapsed());
            let n_operations = answer
                .get("operations")
                .and_then(Value::as_array)
                .map_or(0, Vec::len);
            ensure!(n_operations > 0, "a write was not in the history after 5 s");
            clock = clock_of(&answer)?;
        }
        self.percentiles("an observed write to its operation", &sample);
        rewrite(&file.path, &file.bytes)
    }

    fn saves(&mut self) -> anyhow::Result<()> {
        let mut connection = self.connect()?;
        let file = self.one_file("saves")?;
        let sync = json!({ "workspace": self.workspace });
        connection.call("sync", &sync)?;
        let before = self.versions(&mut connection, &file.path)?;
        let mut random = Random::new("saves");
        for number in 0..N_SAVES {
            let start = shell::now();
            edit(&file, &format!("s{number}"), &mut random)?;
            shell::pause(Duration::from_millis(20).saturating_sub(start.elapsed()));
        }
        connection.call("sync", &sync)?;
        let kept = self
            .versions(&mut connection, &file.path)?
            .saturating_sub(before);
        self.table.record(
            "versions kept of 50 saves of one file 20 ms apart",
            Unit::Count,
            "aft",
            float(kept),
        );
        rewrite(&file.path, &file.bytes)
    }

    /// Versions of one file in the history, over all pages.
    fn versions(&self, connection: &mut Connection, path: &Path) -> anyhow::Result<u64> {
        let relative = path
            .strip_prefix(&self.tree.root)
            .context("the file is not in the tree")?;
        let mut total = 0;
        let mut cursor = Value::Null;
        loop {
            let mut params =
                json!({ "workspace": self.workspace, "path": relative.to_string_lossy() });
            if !cursor.is_null()
                && let Some(fields) = params.as_object_mut()
            {
                fields.insert("cursor".to_owned(), cursor);
            }
            let answer = connection.call("file.history", &params)?;
            total += answer
                .get("versions")
                .and_then(Value::as_array)
                .context("no `versions`")?
                .len() as u64;
            cursor = answer.get("cursor").cloned().unwrap_or(Value::Null);
            if cursor.is_null() {
                return Ok(total);
            }
        }
    }

    /// What a branch switch does: very many files rewritten as fast as the disk takes them.
    fn burst(&mut self) -> anyhow::Result<()> {
        let mut connection = self.connect()?;
        let sync = json!({ "workspace": self.workspace });
        let before = head_of(&connection.call("sync", &sync)?)?;
        let mut random = Random::new("burst");
        let files = remember(&random.choose(&self.tree.sources, N_BURST_MAX))?;
        for file in &files {
            edit(file, "burst", &mut random)?;
        }
        let start = shell::now();
        connection.call("sync", &sync)?;
        let time = start.elapsed().as_secs_f64();
        let what = "edits of as many files as a branch switch may touch (at most 20 000)";
        self.table
            .record(what, Unit::Count, "aft", float(files.len() as u64));
        self.table.record(
            "in the history so long after the last of them",
            Unit::Seconds,
            "aft",
            time,
        );
        let mut n_lost = 0;
        for file in random.choose(&files, N_BURST_SAMPLE) {
            let relative = file
                .path
                .strip_prefix(&self.tree.root)
                .context("the file is not in the tree")?;
            let params = json!({ "workspace": self.workspace, "path": relative.to_string_lossy(), "limit": 1 });
            let answer = connection.call("file.history", &params)?;
            let newest = answer
                .pointer("/versions/0/operation")
                .and_then(Value::as_u64)
                .unwrap_or(0);
            n_lost += u64::from(newest <= before);
        }
        self.table.record(
            "lost, of a sample of 500 of them",
            Unit::Count,
            "aft",
            float(n_lost),
        );
        put_back(&files)?;
        connection.call("sync", &sync)?;
        Ok(())
    }

    fn idle(&mut self) -> anyhow::Result<()> {
        self.aft.time(&["sync"])?;
        let pid = self.aft.find_daemon()?;
        self.aft.rest()?;
        let before = process::cpu_time(pid)?;
        shell::pause(IDLE_TIME);
        let used = process::cpu_time(pid)?.saturating_sub(before);
        self.table.record(
            "resident memory of the daemon, armed and idle",
            Unit::Bytes,
            "aft",
            float(process::memory(pid, "VmRSS")?),
        );
        self.table.record(
            "its largest so far",
            Unit::Bytes,
            "aft",
            float(process::memory(pid, "VmHWM")?),
        );
        let percent = used.as_secs_f64() / IDLE_TIME.as_secs_f64() * 100.0;
        self.table.record(
            "processor while idle, of one core",
            Unit::Percent,
            "aft",
            percent,
        );
        Ok(())
    }

    /// From a stopped daemon to the answer of a command that needs an armed workspace.
    fn restart(&mut self) -> anyhow::Result<()> {
        let mut sample = Sample::default();
        for _ in 0..3 {
            self.aft.stop()?;
            sample.push(self.aft.time(&["sync"])?);
            self.aft.find_daemon()?;
        }
        if let Some(median) = sample.median() {
            self.table.record(
                "restart to armed, nothing changed",
                Unit::Seconds,
                "aft",
                median,
            );
        }
        Ok(())
    }

    fn pages(&mut self) -> anyhow::Result<()> {
        let mut connection = self.connect()?;
        let head = head_of(&connection.call("sync", &json!({ "workspace": self.workspace }))?)?;
        self.aft.wait_until_idle()?;
        self.table.record(
            "operations in the history while paging",
            Unit::Count,
            "aft",
            float(head),
        );
        let mut sample = Sample::default();
        let mut cursor = Value::Null;
        for _ in 0..N_PAGES {
            let mut params = json!({ "workspace": self.workspace, "limit": 50 });
            if !cursor.is_null()
                && let Some(fields) = params.as_object_mut()
            {
                fields.insert("cursor".to_owned(), cursor);
            }
            let (answer, time) = connection.timed("history.list", &params)?;
            sample.push(time);
            cursor = answer.get("cursor").cloned().unwrap_or(Value::Null);
        }
        self.percentiles("a page of 50 operations over the socket", &sample);
        Ok(())
    }

    /// A file for one measurement, not the one of another.
    fn one_file(&self, name: &str) -> anyhow::Result<Original> {
        let mut random = Random::new(name);
        let path: &PathBuf = random
            .choose(&self.tree.sources, 1)
            .into_iter()
            .next()
            .context("the tree has no source file")?;
        remember(&[path])?.pop().context("the file is gone")
    }

    fn percentiles(&mut self, what: &str, sample: &Sample) {
        for percent in [50.0, 99.0] {
            if let Some(value) = sample.percentile(percent) {
                self.table
                    .record(&format!("{what}, p{percent}"), Unit::Seconds, "aft", value);
            }
        }
    }
}

fn head_of(answer: &Value) -> anyhow::Result<u64> {
    answer
        .get("head")
        .and_then(Value::as_u64)
        .context("no `head` in the answer to `sync`")
}

fn clock_of(answer: &Value) -> anyhow::Result<Value> {
    answer
        .get("clock")
        .cloned()
        .context("no `clock` in the answer")
}

#[expect(clippy::cast_precision_loss, reason = "figures are rounded for people")]
fn float(number: u64) -> f64 {
    number as f64
}
