//! The repository's rules that neither the compiler nor clippy can check, run as a command and as a test.
//!
//! Does: read the sources and `cargo metadata`, and list every broken rule with its place.
//! Does not: change a file; check what a lint already checks.
//!
//! A rule has an exception only in `config/tidy.toml`, with a reason.

mod allow;
mod edges;
mod lexer;
pub(crate) mod licences;
mod methods;
mod sources;
mod text;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::{mutants, shell};
pub(crate) use allow::Allowed;

/// What tools leave in the tree and nobody wrote; in a linked work tree `.git` is a file.
const MADE: [&str; 6] = [
    ".git",
    ".jj",
    "target",
    "node_modules",
    "out",
    "__pycache__",
];

/// What the checks found.
#[derive(Default)]
pub(crate) struct Report {
    /// Broken rules: the check fails.
    pub(crate) errors: Vec<String>,
    /// Worth a look: the check passes.
    pub(crate) warnings: Vec<String>,
}

impl Report {
    fn error(&mut self, place: impl std::fmt::Display, message: impl std::fmt::Display) {
        self.errors.push(format!("{place}: {message}"));
    }

    fn warn(&mut self, place: impl std::fmt::Display, message: impl std::fmt::Display) {
        self.warnings.push(format!("{place}: {message}"));
    }
}

/// One file of the repository: its path relative to the root, with `/`, and its text.
pub(crate) struct SourceFile {
    /// Relative path.
    pub(crate) path: String,
    /// Contents.
    pub(crate) text: String,
}

/// Runs every check and prints what it found. `true` when nothing is wrong.
pub(crate) fn run(root: &Path) -> anyhow::Result<bool> {
    let report = check(root)?;
    for warning in &report.warnings {
        shell::say(&format!("warning: {warning}"));
    }
    for error in &report.errors {
        shell::say(&format!("error: {error}"));
    }
    shell::say(&format!(
        "tidy: {} errors, {} warnings",
        report.errors.len(),
        report.warnings.len()
    ));
    Ok(report.errors.is_empty())
}

/// Runs every check.
pub(crate) fn check(root: &Path) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let allowed = Allowed::load(root)?;
    let files = load_files(root)?;
    for file in &files {
        text::check(file, &allowed, &mut report);
        if file.path.ends_with(".rs") {
            sources::check(file, &allowed, &mut report);
        }
    }
    sources::check_writers(&files, &mut report);
    methods::check(&files, &allowed, &mut report);
    allowed.check_unused(&files, &mut report);
    edges::check(&edges::load(root)?, &mut report);
    for rotten in mutants::unplantable(root)? {
        report.error("config/mutants.toml", rotten);
    }
    Ok(report)
}

/// Every text file that belongs to the repository. Build output and git's own files are none of them.
fn load_files(root: &Path) -> anyhow::Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    let mut pending: Vec<PathBuf> = vec![root.to_path_buf()];
    while let Some(dir) = pending.pop() {
        let entries =
            std::fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot list {}", dir.display()))?;
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry
                .file_type()
                .with_context(|| format!("cannot stat {}", path.display()))?;
            if MADE.contains(&name.as_str()) {
                continue;
            }
            if kind.is_dir() {
                pending.push(path);
            } else if kind.is_file()
                && !name.ends_with(".swp")
                && let Ok(text) = std::fs::read_to_string(&path)
            {
                let relative = path.strip_prefix(root).unwrap_or(&path);
                files.push(SourceFile {
                    path: relative.to_string_lossy().into_owned(),
                    text,
                });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}
