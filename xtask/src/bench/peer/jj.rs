//! jj, without a watcher: a repository in the tree, one snapshot a save.
//!
//! Does: `util snapshot` to save, `op restore` to go back.
//! Does not: set up Watchman for it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Peer;
use crate::bench::process::Runner;
use crate::bench::tree;
use crate::shell;

/// jj on one tree.
pub(crate) struct Jj {
    program: PathBuf,
    tree: PathBuf,
    store: PathBuf,
    runner: Runner,
}

impl Jj {
    /// Nothing is started yet.
    pub(crate) fn new(program: PathBuf, tree: &Path, store: PathBuf) -> Self {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let env = vec![
            ("JJ_CONFIG".to_owned(), text(store.join("config.toml"))),
            ("HOME".to_owned(), text(store.clone())),
            ("GIT_CONFIG_GLOBAL".to_owned(), "/dev/null".to_owned()),
        ];
        let runner = Runner {
            dir: tree.to_path_buf(),
            env,
            log: store.with_extension("log"),
        };
        Self {
            program,
            tree: tree.to_path_buf(),
            store,
            runner,
        }
    }
}

impl Peer for Jj {
    fn name(&self) -> &'static str {
        "jj"
    }

    fn method(&self) -> String {
        "jj: `util snapshot`; `op restore`; no watcher".to_owned()
    }

    fn prepare(&mut self) -> anyhow::Result<()> {
        shell::remove_tree(&self.store)?;
        shell::remove_tree(&self.tree.join(".jj"))?;
        let config = "user.name = \"bench\"\nuser.email = \"bench@localhost\"\nui.paginate = \"never\"\nui.color = \"never\"\n\
                      snapshot.max-new-file-size = 0\n";
        shell::write(&self.store.join("config.toml"), config.as_bytes())
    }

    fn baseline(&mut self) -> anyhow::Result<Duration> {
        let init = self.runner.time(
            &self.program,
            &["git", "init", "--no-colocate", "--quiet", "."],
        )?;
        Ok(init + self.save()?)
    }

    fn save(&mut self) -> anyhow::Result<Duration> {
        self.runner.time(&self.program, &["util", "snapshot"])
    }

    fn mark(&mut self) -> anyhow::Result<String> {
        self.runner.output(
            &self.program,
            &[
                "op",
                "log",
                "--no-graph",
                "-n1",
                "-T",
                "id.short(20)",
                "--ignore-working-copy",
            ],
        )
    }

    fn restore(&mut self, mark: &str) -> anyhow::Result<Duration> {
        self.runner
            .time(&self.program, &["op", "restore", "--quiet", mark])
    }

    fn disk_use(&self) -> anyhow::Result<u64> {
        tree::disk_use(&self.tree.join(".jj"))
    }

    fn daemon(&self) -> Option<u32> {
        None
    }

    fn close(&mut self) -> anyhow::Result<()> {
        shell::remove_tree(&self.tree.join(".jj"))
    }
}
