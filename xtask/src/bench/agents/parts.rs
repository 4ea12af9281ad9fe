//! One operation taken back from the middle of a history.
//!
//! Does: edit a file, let a thousand later operations follow, some of them in that file, and undo the one edit.
//! Does not: look at conflicts; what is undone here merges.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::Agents;
use crate::bench::edits::{Original, Random, edit, put_back, remember, rewrite};
use crate::bench::sample::Sample;
use crate::bench::socket::Connection;
use crate::bench::table::Unit;

/// Operations that are taken back, each in a file of its own.
const N_UNDONE: usize = 20;
/// Operations that come after the last of them.
const N_LATER: usize = 1000;
/// One in so many of those is in a file where something is taken back.
const SAME_FILE: usize = 10;
/// Files among which the others go about.
const N_FILES: usize = 100;
/// A file with less has no room for two edits apart.
const N_LINES_MIN: usize = 60;

impl Agents<'_> {
    /// Whole processes of `aft undo OPERATION`.
    pub(super) fn part_undo(&mut self) -> anyhow::Result<()> {
        let mut random = Random::new("part-undo");
        let chosen: Vec<_> = random.choose(&self.tree.sources, 10 * N_FILES);
        let mut all = remember(&chosen)?;
        all.retain(|file| lines(&file.bytes).len() >= N_LINES_MIN);
        ensure!(all.len() > N_UNDONE, "the tree has too few files with text");
        all.truncate(N_FILES + N_UNDONE);
        let others = all.split_off(N_UNDONE);
        let mut connection = self.connect()?;
        let mut undone = Vec::new();
        for file in &all {
            rewrite(&file.path, &with_line(&file.bytes, 5, "to be taken back"))?;
            undone.push(self.synced(&mut connection)?);
        }
        for number in 0..N_LATER {
            if number % SAME_FILE == 0 {
                later(&all, number / SAME_FILE)?;
            } else {
                let at = random.below(others.len());
                let file = others.get(at).context("no such file")?;
                edit(file, &format!("p{number}"), &mut random)?;
            }
            self.synced(&mut connection)?;
        }
        let mut sample = Sample::default();
        for (file, operation) in all.iter().zip(&undone) {
            sample.push(self.aft.time(&["undo", &operation.to_string()])?);
            let text = std::fs::read(&file.path).context("cannot read a file")?;
            let text = String::from_utf8_lossy(&text);
            ensure!(
                !text.contains("to be taken back") && text.contains("a later edit"),
                "the operation was not taken back, or a later one with it"
            );
        }
        for (percent, name) in [(50.0, "p50"), (100.0, "longest of 20")] {
            if let Some(value) = sample.percentile(percent) {
                let what = format!("one operation undone among 1000 later ones, {name}");
                self.table.record(&what, Unit::Seconds, "aft", value);
            }
        }
        put_back(&all)?;
        put_back(&others)
    }

    /// The number of the operation that was just made.
    fn synced(&self, connection: &mut Connection) -> anyhow::Result<u64> {
        let answer = connection.call("sync", &json!({ "workspace": self.workspace }))?;
        let head = answer.get("head").and_then(Value::as_u64);
        head.context("no `head` in the answer to `sync`")
    }
}

/// A line at the end of one of the files, in which the edit that is to be taken back is at the beginning.
fn later(files: &[Original], number: usize) -> anyhow::Result<()> {
    let file = files.get(number % files.len()).context("no such file")?;
    let now = std::fs::read(&file.path).context("cannot read a file")?;
    let at = lines(&now).len().saturating_sub(5);
    rewrite(
        &file.path,
        &with_line(&now, at, &format!("a later edit {number}")),
    )
}

fn with_line(bytes: &[u8], at: usize, text: &str) -> Vec<u8> {
    let mut lines = lines(bytes);
    let line = format!("// {text}\n");
    lines.insert(at.min(lines.len()), line.as_bytes());
    lines.concat()
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

#[cfg(test)]
mod tests;
