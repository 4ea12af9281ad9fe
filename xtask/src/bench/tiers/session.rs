//! A session of a thousand edits: how much smaller its view is than the diffs of its operations, and how soon it comes.
//!
//! Does: edit as an agent does, in spells at one file, with attempts that are taken back and white space put right.
//! Does not: look at single steps; tests do.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{Tiers, float};
use crate::bench::edits::{Random, put_back, remember, rewrite};
use crate::bench::socket::Connection;
use crate::bench::table::Unit;

const N_EDITS: usize = 1000;
/// Edits in a row at one file.
const SPELL: usize = 8;
const N_FILES: usize = 50;

impl Tiers<'_> {
    /// Its net view against the sum of its operations' diffs.
    pub(super) fn long_session(&mut self) -> anyhow::Result<()> {
        let mut connection = self.connect()?;
        let agent = json!({ "agent": "bench" });
        let started = self.call(&mut connection, "session.start", agent)?;
        let session = started.get("session").context("no `session`")?.clone();
        let mut random = Random::new("a long session");
        let files = remember(&random.choose(&self.tree.sources, N_FILES))?;
        let mut raw = 0;
        for number in 0..N_EDITS / SPELL {
            let file = files
                .get(random.below(files.len()))
                .context("no source file")?;
            let mut text = std::fs::read(&file.path).context("cannot read a file")?;
            for step in 0..SPELL {
                let begun = json!({ "session": session });
                let begun = connection.call("edit.begin", &begun)?;
                attempt(&mut text, number, step, &mut random);
                rewrite(&file.path, &text)?;
                let ended = json!({ "edit": begun.get("edit").context("no `edit`")? });
                let ended = connection.call("edit.end", &ended)?;
                raw += self.diffs(&mut connection, &ended)?;
            }
        }
        connection.call("session.end", &json!({ "session": session }))?;
        let (bytes, time) = self.view(&mut connection, &session)?;
        self.record(
            "view of a session of 1000 edits, of the bytes of its diffs",
            Unit::Ratio,
            float(bytes) / float(raw),
        );
        self.record(
            "the time of that view over the socket",
            Unit::Seconds,
            time.as_secs_f64(),
        );
        put_back(&files)?;
        self.aft.time(&["sync"]).map(drop)
    }

    /// Bytes of the diffs of the operations that a bracket made.
    fn diffs(&self, connection: &mut Connection, ended: &Value) -> anyhow::Result<u64> {
        let made = ended.get("operations").and_then(Value::as_array);
        let mut bytes = 0;
        for id in made.context("no `operations`")? {
            let params = json!({ "operation": id.to_string(), "diff": "unified" });
            let shown = self.call(connection, "operation.show", params)?;
            let shown = shown.get("operation").unwrap_or(&shown);
            bytes += diff_bytes(shown.get("changes"));
        }
        Ok(bytes)
    }

    /// Bytes of the view's diffs, and the time of all of its pages.
    fn view(
        &self,
        connection: &mut Connection,
        session: &Value,
    ) -> anyhow::Result<(u64, Duration)> {
        let (mut bytes, mut time) = (0, Duration::ZERO);
        let mut cursor = Value::Null;
        loop {
            let mut params = json!({ "session": session, "view": "unified", "limit": 1000 });
            if let Some(fields) = params.as_object_mut()
                && !cursor.is_null()
            {
                fields.insert("cursor".to_owned(), cursor);
            }
            let (shown, page) = connection.timed("session.show", &self.params(params))?;
            time += page;
            let view = shown.get("view").context("no `view`")?;
            bytes += diff_bytes(view.get("entries"));
            cursor = view.get("cursor").cloned().unwrap_or(Value::Null);
            if cursor.is_null() {
                return Ok((bytes, time));
            }
        }
    }
}

/// What an agent does to a file in one step of a spell.
fn attempt(text: &mut Vec<u8>, number: usize, step: usize, random: &mut Random) {
    let mut lines: Vec<Vec<u8>> = text
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    let at = random.below(lines.len());
    match step % 4 {
        // A few lines are put in, then rewritten, then indented anew; the last of them is taken out again.
        0 => {
            for line in 0..5 {
                let new = format!("added {number}.{step}.{line} {:08x}\n", random.next() >> 32);
                lines.insert(at.min(lines.len()), new.into_bytes());
            }
        }
        1 | 2 => {
            let begin = format!("added {number}.");
            for line in &mut lines {
                if step % 4 == 1 && line.starts_with(begin.as_bytes()) {
                    *line =
                        format!("added {number}.{step} {:08x}\n", random.next() >> 32).into_bytes();
                } else if step % 4 == 2 && line.starts_with(begin.as_bytes()) {
                    line.splice(0..0, *b"    ");
                }
            }
        }
        _ => {
            let found = lines
                .iter()
                .rposition(|line| line.starts_with(b"    added "));
            if let Some(found) = found {
                lines.remove(found);
            }
        }
    }
    *text = lines.concat();
}

fn diff_bytes(changes: Option<&Value>) -> u64 {
    let changes = changes.and_then(Value::as_array);
    changes.map_or(0, |changes| {
        let diffs = changes.iter().filter_map(|change| change.get("diff"));
        diffs
            .map(|diff| diff.as_str().map_or(0, str::len) as u64)
            .sum()
    })
}
