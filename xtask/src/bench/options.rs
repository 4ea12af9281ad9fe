//! The options of `cargo xtask bench`.
//!
//! Does: parse them, and say what is wrong with one.
//! Does not: look at the machine.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

/// Shown by `--help`.
pub(crate) const HELP: &str = "\
usage: cargo xtask bench [OPTIONS]

Measures the release build of `aft` beside git (its own GIT_DIR, feature.manyFiles, untracked cache, index.skipHash) and jj,
the same seeded work on the same copy of a tree, one after the other.

  --tree DIR      a tree to copy and measure on; may be given more than once (default: Django's wheel, from the package index)
  --work DIR      where trees and stores are made (default: target/bench). Use a journaled file system or tmpfs: an ext4 without a
                  journal makes every program that creates many files slow
  --peers LIST    of aft,git,jj (default: all that are installed)
  --ops LIST      of baseline,nochange,edit,restore,growth,live,agents,tiers,verify (default: all)
  --ns LIST       numbers of files to change (default: 1,10,100,1000)
  --runs N        runs of each short operation (default: 7); a baseline is run at most three times
  --operations N  operations that the history has for the lines of `tiers` (default: 10000; up to 1000000, a minute for 40000)
  --aft PATH      a binary to measure instead of building one
  --write         write docs/BENCHMARKS.md
  --keep          leave trees and stores in the work directory
";

/// What to measure, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Trees to copy; empty means the default one.
    pub(crate) trees: Vec<PathBuf>,
    /// Work directory.
    pub(crate) work: Option<PathBuf>,
    /// Peers to measure.
    pub(crate) peers: Vec<String>,
    /// Operations to measure.
    pub(crate) ops: Vec<String>,
    /// Numbers of changed files.
    pub(crate) counts: Vec<usize>,
    /// Runs of each short operation.
    pub(crate) runs: usize,
    /// Operations in the history of `tiers`.
    pub(crate) operations: usize,
    /// A binary that is already there.
    pub(crate) aft: Option<PathBuf>,
    /// Write the document.
    pub(crate) write: bool,
    /// Leave the work directory as it is at the end.
    pub(crate) keep: bool,
}

impl Default for Options {
    fn default() -> Self {
        let words = |text: &str| text.split(',').map(str::to_owned).collect();
        Self {
            trees: Vec::new(),
            work: None,
            peers: words("aft,git,jj"),
            ops: words("baseline,nochange,edit,restore,growth,live,agents,tiers,verify"),
            counts: vec![1, 10, 100, 1000],
            runs: 7,
            operations: 10_000,
            aft: None,
            write: false,
            keep: false,
        }
    }
}

impl Options {
    /// Parses the arguments.
    pub(crate) fn parse(arguments: &[String]) -> anyhow::Result<Self> {
        let mut options = Self::default();
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            let mut value = || {
                rest.next()
                    .cloned()
                    .with_context(|| format!("`{name}` needs a value"))
            };
            match name.as_str() {
                "--tree" => options.trees.push(value()?.into()),
                "--work" => options.work = Some(value()?.into()),
                "--peers" => options.peers = list(&value()?, &["aft", "git", "jj"])?,
                "--ops" => {
                    options.ops = list(
                        &value()?,
                        &[
                            "baseline", "nochange", "edit", "restore", "growth", "live", "agents",
                            "tiers", "verify",
                        ],
                    )?
                }
                "--ns" => {
                    options.counts = value()?
                        .split(',')
                        .map(number)
                        .collect::<anyhow::Result<_>>()?
                }
                "--runs" => options.runs = number(&value()?)?,
                "--operations" => options.operations = number(&value()?)?,
                "--aft" => options.aft = Some(value()?.into()),
                "--write" => options.write = true,
                "--keep" => options.keep = true,
                other => bail!("no option `{other}`\n\n{HELP}"),
            }
        }
        Ok(options)
    }

    /// True where `op` is to be measured.
    pub(crate) fn has_op(&self, op: &str) -> bool {
        self.ops.iter().any(|name| name == op)
    }
}

fn list(text: &str, known: &[&str]) -> anyhow::Result<Vec<String>> {
    let words: Vec<String> = text.split(',').map(str::to_owned).collect();
    match words.iter().find(|word| !known.contains(&word.as_str())) {
        Some(word) => bail!("no `{word}`; there are {}", known.join(", ")),
        None => Ok(words),
    }
}

fn number(text: &str) -> anyhow::Result<usize> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => bail!("`{text}` is not a number above zero"),
    }
}

#[cfg(test)]
mod tests;
