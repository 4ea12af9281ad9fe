//! Afterimage: one process an operation, with a daemon and a store of its own for the measurement.
//!
//! Does: `watch --detach`, `checkpoint`, `rollback`; an answer is durable when the command returns.
//! Does not: touch a daemon or a history that was there before.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::Peer;
use crate::bench::process::{self, Runner};
use crate::bench::tree;
use crate::shell;

/// The daemon gives memory back that it holds for what may come next.
const GIVES_BACK_WITHIN: Duration = Duration::from_secs(16);

/// `aft` on one tree.
pub(crate) struct Aft {
    program: PathBuf,
    store: PathBuf,
    runtime: PathBuf,
    runner: Runner,
    pid: Option<u32>,
    n_checkpoints: usize,
}

impl Aft {
    /// Nothing is started yet. A socket's path is short, so the runtime directory does not lie in the work directory.
    pub(crate) fn new(program: PathBuf, tree: &Path, store: PathBuf) -> Self {
        let runtime = std::env::temp_dir().join(format!("aft-bench-{}", std::process::id()));
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let env = vec![
            ("AFT_HOME".to_owned(), text(&store.join("home"))),
            ("AFT_RUNTIME_DIR".to_owned(), text(&runtime)),
            ("AFT_CONFIG".to_owned(), text(&store.join("config.toml"))),
        ];
        let runner = Runner {
            dir: tree.to_path_buf(),
            env,
            log: store.with_extension("log"),
        };
        Self {
            program,
            store,
            runtime,
            runner,
            pid: None,
            n_checkpoints: 0,
        }
    }

    /// Runs a command of `aft` and times it.
    pub(crate) fn time(&self, words: &[&str]) -> anyhow::Result<Duration> {
        self.runner.time(&self.program, words)
    }

    /// Runs a command that prints JSON.
    pub(crate) fn json(&self, words: &[&str]) -> anyhow::Result<serde_json::Value> {
        let text = self.runner.output(&self.program, words)?;
        serde_json::from_str(&text)
            .with_context(|| format!("`aft {}` printed no JSON", words.join(" ")))
    }

    /// Its configuration, which is empty or not there yet.
    pub(crate) fn config(&self) -> PathBuf {
        self.store.join("config.toml")
    }

    /// The same with something on its standard input.
    pub(crate) fn time_fed(&self, words: &[&str], input: &[u8]) -> anyhow::Result<Duration> {
        self.runner.time_fed(&self.program, words, input)
    }

    /// Where an agent connects.
    pub(crate) fn agent_socket(&self) -> PathBuf {
        self.runtime.join("agent.sock")
    }

    /// Where an editor connects.
    pub(crate) fn editor_socket(&self) -> PathBuf {
        self.runtime.join("editor.sock")
    }

    /// Asks the daemon who it is; after this its processor time and memory can be read.
    pub(crate) fn find_daemon(&mut self) -> anyhow::Result<u32> {
        let text = self
            .runner
            .output(&self.program, &["daemon", "status", "--json"])?;
        let status: serde_json::Value =
            serde_json::from_str(&text).context("`aft daemon status --json` printed no JSON")?;
        let pid = status
            .get("pid")
            .and_then(serde_json::Value::as_u64)
            .context("no `pid` in the daemon's status")?;
        let pid = u32::try_from(pid).context("the daemon's pid is too large")?;
        self.pid = Some(pid);
        Ok(pid)
    }

    /// Waits until its work in the background is done and it has given back what it held for what might have come next.
    pub(crate) fn rest(&mut self) -> anyhow::Result<()> {
        self.wait_until_idle()?;
        shell::pause(GIVES_BACK_WITHIN);
        Ok(())
    }

    /// Waits until the work in the background is done.
    pub(crate) fn wait_until_idle(&mut self) -> anyhow::Result<()> {
        const PATIENCE_S: u32 = 120;
        let pid = self.find_daemon()?;
        for _ in 0..PATIENCE_S {
            let before = process::cpu_time(pid)?;
            shell::pause(Duration::from_secs(1));
            if process::cpu_time(pid)?.saturating_sub(before) < Duration::from_millis(20) {
                return Ok(());
            }
        }
        shell::complain("the daemon is still at work in the background");
        Ok(())
    }

    /// Stops the daemon and waits until its process is gone.
    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        if self.pid.is_none() && !self.agent_socket().exists() {
            return Ok(());
        }
        self.runner.output(&self.program, &["daemon", "stop"])?;
        let Some(pid) = self.pid.take() else {
            return Ok(());
        };
        let start = shell::now();
        let process = PathBuf::from(format!("/proc/{pid}"));
        while process.exists() {
            ensure!(
                start.elapsed() < Duration::from_secs(30),
                "the daemon still runs 30 s after `aft daemon stop`"
            );
            shell::pause(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Peer for Aft {
    fn name(&self) -> &'static str {
        "aft"
    }

    fn method(&self) -> String {
        "aft: `watch --detach`, `checkpoint NAME`, `rollback NAME`; every answer is durable; the baseline includes the daemon's start"
            .to_owned()
    }

    fn prepare(&mut self) -> anyhow::Result<()> {
        self.stop()?;
        shell::remove_tree(&self.store)?;
        shell::remove_tree(&self.runtime)?;
        shell::make_dir(&self.store)
    }

    fn baseline(&mut self) -> anyhow::Result<Duration> {
        let time = self.time(&["watch", "--detach", "."])?;
        self.find_daemon()?;
        Ok(time)
    }

    fn save(&mut self) -> anyhow::Result<Duration> {
        self.n_checkpoints += 1;
        let name = format!("bench-{}", self.n_checkpoints);
        self.time(&["checkpoint", &name])
    }

    fn mark(&mut self) -> anyhow::Result<String> {
        Ok(format!("bench-{}", self.n_checkpoints))
    }

    fn restore(&mut self, mark: &str) -> anyhow::Result<Duration> {
        self.time(&["rollback", mark])
    }

    fn disk_use(&self) -> anyhow::Result<u64> {
        tree::disk_use(&self.store.join("home"))
    }

    fn daemon(&self) -> Option<u32> {
        self.pid
    }

    fn close(&mut self) -> anyhow::Result<()> {
        self.stop()?;
        shell::remove_tree(&self.runtime)
    }
}
