//! git, tuned: a store of its own beside the tree, no commit, no hook, every documented accelerator that needs no daemon.
//!
//! Does: `add -A` and `write-tree` to save, `read-tree -u --reset` to go back.
//! Does not: make git durable (it is not by default), which favours git.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Peer;
use crate::bench::process::Runner;
use crate::bench::tree;
use crate::shell;

const SETTINGS: [(&str, &str); 9] = [
    ("core.bare", "false"),
    ("core.autocrlf", "false"),
    ("core.untrackedCache", "true"),
    ("feature.manyFiles", "true"),
    ("gc.auto", "0"),
    ("index.skipHash", "true"),
    ("index.threads", "true"),
    ("maintenance.auto", "false"),
    ("user.name", "bench"),
];

/// Tuned git on one tree.
pub(crate) struct Git {
    program: PathBuf,
    store: PathBuf,
    runner: Runner,
}

impl Git {
    /// Nothing is started yet.
    pub(crate) fn new(program: PathBuf, tree: &Path, store: PathBuf) -> Self {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let env = vec![
            ("GIT_DIR".to_owned(), text(store.join("git"))),
            ("GIT_WORK_TREE".to_owned(), text(tree.to_path_buf())),
            ("GIT_CONFIG_GLOBAL".to_owned(), "/dev/null".to_owned()),
            ("GIT_CONFIG_SYSTEM".to_owned(), "/dev/null".to_owned()),
        ];
        let runner = Runner {
            dir: tree.to_path_buf(),
            env,
            log: store.with_extension("log"),
        };
        Self {
            program,
            store,
            runner,
        }
    }

    fn add_and_write(&self) -> anyhow::Result<Duration> {
        let add = self.runner.time(&self.program, &["add", "-A", "."])?;
        Ok(add + self.runner.time(&self.program, &["write-tree"])?)
    }
}

impl Peer for Git {
    fn name(&self) -> &'static str {
        "git"
    }

    fn method(&self) -> String {
        "git: a GIT_DIR of its own, `feature.manyFiles`, `core.untrackedCache`, `index.skipHash`; `add -A` + `write-tree`; \
         `read-tree -u --reset`; not durable"
            .to_owned()
    }

    fn prepare(&mut self) -> anyhow::Result<()> {
        shell::remove_tree(&self.store)?;
        shell::make_dir(&self.store.join("git"))?;
        self.runner.output(&self.program, &["init", "-q"])?;
        for (name, value) in SETTINGS {
            self.runner
                .output(&self.program, &["config", name, value])?;
        }
        Ok(())
    }

    fn baseline(&mut self) -> anyhow::Result<Duration> {
        self.add_and_write()
    }

    fn save(&mut self) -> anyhow::Result<Duration> {
        self.add_and_write()
    }

    fn mark(&mut self) -> anyhow::Result<String> {
        self.runner.output(&self.program, &["write-tree"])
    }

    fn restore(&mut self, mark: &str) -> anyhow::Result<Duration> {
        self.runner
            .time(&self.program, &["read-tree", "-u", "--reset", mark])
    }

    fn disk_use(&self) -> anyhow::Result<u64> {
        tree::disk_use(&self.store)
    }

    fn daemon(&self) -> Option<u32> {
        None
    }

    fn close(&mut self) -> anyhow::Result<()> {
        Ok(())
    }
}
