//! The trees that are measured on.
//!
//! Does: fetch the default one, copy a given one, and say what is in it.
//! Does not: change a tree that was given; all work happens on a copy.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::process::Runner;
use crate::shell;

/// The package of the default tree, pinned so that figures can be compared.
const DEFAULT_PACKAGE: &str = "django==5.2.7";

/// Kinds of files that people edit.
const SOURCE_ENDINGS: [&str; 17] = [
    "c", "css", "dts", "h", "html", "js", "json", "md", "po", "py", "rs", "rst", "S", "sh", "toml",
    "txt", "yaml",
];

/// A copy to work on.
pub(crate) struct Tree {
    /// What it is called in the table.
    pub(crate) name: String,
    /// Where the copy is.
    pub(crate) root: PathBuf,
    /// Regular files in it.
    pub(crate) n_files: usize,
    /// Directories in it.
    pub(crate) n_dirs: usize,
    /// Bytes in its files.
    pub(crate) bytes: u64,
    /// Files worth editing, sorted.
    pub(crate) sources: Vec<PathBuf>,
}

impl Tree {
    /// Copies `from` to `root` and looks at it.
    pub(crate) fn copy(from: &Path, name: &str, root: &Path) -> anyhow::Result<Self> {
        ensure!(from.is_dir(), "{} is not a directory", from.display());
        shell::remove_tree(root)?;
        if let Some(parent) = root.parent() {
            shell::make_dir(parent)?;
        }
        let status = shell::command("cp")
            .arg("-a")
            .arg(from)
            .arg(root)
            .status()
            .context("cannot run cp")?;
        ensure!(status.success(), "cannot copy {}", from.display());
        let mut tree = Self {
            name: name.to_owned(),
            root: root.to_path_buf(),
            n_files: 0,
            n_dirs: 0,
            bytes: 0,
            sources: Vec::new(),
        };
        tree.look()?;
        Ok(tree)
    }

    /// A large tree has its own goals.
    pub(crate) fn is_large(&self) -> bool {
        self.n_files > 20_000
    }

    fn look(&mut self) -> anyhow::Result<()> {
        let mut pending = vec![self.root.clone()];
        while let Some(dir) = pending.pop() {
            self.n_dirs += 1;
            for entry in
                std::fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))?
            {
                let entry = entry.with_context(|| format!("cannot list {}", dir.display()))?;
                let path = entry.path();
                let meta = entry
                    .metadata()
                    .with_context(|| format!("cannot stat {}", path.display()))?;
                if meta.is_dir() {
                    pending.push(path);
                } else if meta.is_file() {
                    self.n_files += 1;
                    self.bytes += meta.len();
                    let source = path
                        .extension()
                        .is_some_and(|end| SOURCE_ENDINGS.iter().any(|known| end == *known));
                    let hidden = entry.file_name().to_string_lossy().starts_with('.');
                    if source && !hidden && (400..=200_000).contains(&meta.len()) {
                        self.sources.push(path);
                    }
                }
            }
        }
        self.sources.sort();
        Ok(())
    }
}

/// The default tree, fetched once into `work`.
pub(crate) fn fetch_default(work: &Path) -> anyhow::Result<PathBuf> {
    let tree = work.join(format!("corpus-{}", DEFAULT_PACKAGE.replace("==", "-")));
    if tree.is_dir() {
        return Ok(tree);
    }
    let download = work.join("download");
    shell::remove_tree(&download)?;
    shell::make_dir(&download)?;
    let runner = Runner {
        dir: download.clone(),
        env: Vec::new(),
        log: work.join("log"),
    };
    let python = Path::new("python3");
    runner
        .output(
            python,
            &[
                "-m",
                "pip",
                "download",
                "-q",
                "--no-deps",
                "--only-binary",
                ":all:",
                "-d",
                ".",
                DEFAULT_PACKAGE,
            ],
        )
        .context("cannot fetch the default tree; give one with --tree")?;
    let wheel = std::fs::read_dir(&download)
        .context("cannot list the download")?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "whl"))
        .context("pip downloaded no wheel")?;
    let part = work.join("corpus-part");
    shell::remove_tree(&part)?;
    runner.output(
        python,
        &[
            "-m",
            "zipfile",
            "-e",
            &wheel.to_string_lossy(),
            &part.to_string_lossy(),
        ],
    )?;
    #[expect(
        clippy::disallowed_methods,
        reason = "a tree under its final name is a whole tree"
    )]
    std::fs::rename(&part, &tree).context("cannot name the unpacked tree")?;
    Ok(tree)
}

/// Bytes that a directory takes on disk, what hard links share counted once.
pub(crate) fn disk_use(dir: &Path) -> anyhow::Result<u64> {
    let mut seen = BTreeSet::new();
    let mut total = 0;
    let mut pending = vec![dir.to_path_buf()];
    while let Some(dir) = pending.pop() {
        for entry in
            std::fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))?
        {
            // A store at work makes and removes files while it is looked at.
            let Ok(entry) = entry else { continue };
            let Ok(meta) = entry.metadata() else { continue };
            if seen.insert((meta.dev(), meta.ino())) {
                total += meta.blocks() * 512;
            }
            if meta.is_dir() {
                pending.push(entry.path());
            }
        }
    }
    Ok(total)
}
