//! Many operations: what each adds to the store, what they leave in memory, and how soon any version is read.
//!
//! Does: make them by real edits, one operation each, and read versions back at random, comparing what they hold.
//! Does not: put the files back; who began this does.

use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::{Tiers, float, number};
use crate::bench::edits::{Original, Random, edit, remember, rewrite};
use crate::bench::peer::Peer as _;
use crate::bench::sample::Sample;
use crate::bench::table::Unit;
use crate::shell;

/// Of all operations so many are edits of one file, each with its checkpoint.
const GROWTH_PART: usize = 5;
/// Edits over which growth is measured.
const WINDOW: usize = 100;
/// Files among which the other edits go about.
const N_FILES: usize = 500;
const N_READS: usize = 1000;
const GROWING: &str = "aft-bench-tiers.txt";
const N_LINES: usize = 450;

/// What was written, so that any of it can be asked for.
#[derive(Default)]
pub(super) struct Written {
    /// The files that were edited, as they were.
    pub(super) originals: Vec<Original>,
    /// File, operation and number of each edit.
    edits: Vec<(usize, u64, usize)>,
}

impl Tiers<'_> {
    /// One line of a 20 KB file and a checkpoint, again and again: the first hundred and the last, each after a collection.
    pub(super) fn growth(&mut self) -> anyhow::Result<()> {
        let n_edits = (self.n_operations / GROWTH_PART).max(2 * WINDOW);
        let path = self.tree.root.join(GROWING);
        let mut lines: Vec<String> = (0..N_LINES)
            .map(|line| {
                format!(
                    "line {line}: {:024x}\n",
                    (line as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
                )
            })
            .collect();
        rewrite(&path, lines.concat().as_bytes())?;
        self.aft.time(&["sync"])?;
        let mut before = self.collected_size()?;
        for number in 0..n_edits {
            if number == n_edits - WINDOW {
                before = self.collected_size()?;
            }
            self.edit_and_name(&path, &mut lines, number)?;
            let done = number + 1;
            if done == WINDOW || done == n_edits {
                let each = self.collected_size()?.saturating_sub(before);
                let which = if done == WINDOW { "first" } else { "last" };
                self.record(
                    &format!("growth for a one-line edit and its checkpoint, after gc, the {which} hundred"),
                    Unit::Bytes,
                    float(each) / float(WINDOW as u64),
                );
            }
        }
        let what = "of so many";
        self.record(what, Unit::Count, float(n_edits as u64));
        shell::remove_file(&path)
    }

    fn edit_and_name(
        &mut self,
        path: &Path,
        lines: &mut [String],
        number: usize,
    ) -> anyhow::Result<()> {
        if let Some(line) = lines.get_mut(number * 7 % N_LINES) {
            *line = format!("changed in edit {number}\n");
        }
        rewrite(path, lines.concat().as_bytes())?;
        let mut connection = self.connect()?;
        let name = json!({ "name": format!("growth-{number}") });
        self.call(&mut connection, "checkpoint.create", name)?;
        Ok(())
    }

    /// Bytes on disk when everything in the background is done and nothing dead is left.
    fn collected_size(&mut self) -> anyhow::Result<u64> {
        self.aft.rest()?;
        self.aft.time(&["gc"])?;
        self.aft.rest()?;
        self.aft.disk_use()
    }

    /// Edits until the history has as many operations as were asked for.
    pub(super) fn operations(&mut self) -> anyhow::Result<()> {
        let mut connection = self.connect()?;
        let made = connection.call("store.stats", &json!({}))?;
        let mut random = Random::new("operations");
        let mut files = remember(&random.choose(&self.tree.sources, N_FILES))?;
        self.written.originals.append(&mut files);
        let wanted = self.n_operations as u64;
        let mut n_made = number(&made, "n_operations")?;
        let mut which = 0;
        while n_made < wanted || which < 2 * WINDOW {
            let at = random.below(self.written.originals.len());
            let file = self
                .written
                .originals
                .get(at)
                .context("the tree has no source file")?;
            edit(file, &format!("t{which}"), &mut random)?;
            let answer = self.call(&mut connection, "sync", Value::Null)?;
            let head = number(&answer, "head")?;
            self.written.edits.push((at, head, which));
            which += 1;
            n_made += 1;
        }
        self.record("operations in the history", Unit::Count, float(n_made));
        self.record_resident("resident memory of the daemon after all of them, idle")
    }

    /// Versions drawn at random from all that were written.
    pub(super) fn any_version(&mut self) -> anyhow::Result<()> {
        ensure!(!self.written.edits.is_empty(), "nothing was written");
        let mut connection = self.connect()?;
        let mut random = Random::new("any version");
        let mut sample = Sample::default();
        for _ in 0..N_READS {
            let drawn = random.below(self.written.edits.len());
            let (file, head, which) = *self.written.edits.get(drawn).context("no such edit")?;
            let file = self.written.originals.get(file).context("no such file")?;
            let relative = file.path.strip_prefix(&self.tree.root)?.to_string_lossy();
            let params = json!({ "path": relative, "at": head.to_string(), "length": 1 << 20 });
            let (answer, time) = connection.timed("file.read", &self.params(params))?;
            sample.push(time);
            // A text that is not UTF-8 is in another form; then the answer itself is all there is to judge.
            if let Some(text) = answer.get("content").and_then(Value::as_str) {
                ensure!(
                    text.contains(&format!("edit t{which} ")),
                    "{relative} at {head} is another version"
                );
            }
        }
        for percent in [50.0, 99.0] {
            if let Some(value) = sample.percentile(percent) {
                let what = format!("any version of a file over the socket, p{percent}");
                self.record(&what, Unit::Seconds, value);
            }
        }
        Ok(())
    }
}
