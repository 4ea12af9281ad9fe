//! What agents and editors pay: hooks, brackets, events, polls, and taking one operation back from the middle.
//!
//! Does: play an agent and editors against the daemon, over its sockets and by `aft hook`.
//! Does not: compare; the peers know neither agents nor events, so that their columns stay empty.

mod news;
mod parts;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::edits::{Original, Random, edit, remember, rewrite};
use super::peer::aft::Aft;
use super::sample::Sample;
use super::socket::Connection;
use super::table::{Table, Unit, measure_each};
use super::tree::Tree;
use crate::shell;

/// Calls of the hook for each announced command.
const N_HOOKS: usize = 300;
const N_EDITS: usize = 300;
/// A file of this size is what a tool rewrites.
const EDIT_BYTES: usize = 20_000;
const EDITED: &str = "aft-bench-agents.txt";

/// A daemon with agents and editors at it.
pub(crate) struct Agents<'a> {
    aft: &'a mut Aft,
    tree: &'a Tree,
    table: &'a mut Table,
    workspace: String,
}

impl<'a> Agents<'a> {
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
                ("hook", Self::hooks),
                ("tool call", Self::tool_calls),
                ("event", Self::events),
                ("poll", Self::polls),
                ("editors", Self::editors),
                ("one operation of many", Self::part_undo),
            ],
        );
        self.aft.time(&["sync"]).map(drop)
    }

    fn connect(&self) -> anyhow::Result<Connection> {
        Connection::open(&self.aft.agent_socket())
    }

    /// The hook before a shell command and the one after it, in turns, where the command writes nothing. The two commands
    /// take turns too, so that what the machine does otherwise meets both.
    fn hooks(&mut self) -> anyhow::Result<()> {
        let mut samples = [("ls", Sample::default()), ("cargo test", Sample::default())];
        self.hook("SessionStart", "", 0)?;
        self.hook("UserPromptSubmit", "", 0)?;
        for number in 0..N_HOOKS / 2 {
            for (command, sample) in &mut samples {
                for event in ["PreToolUse", "PostToolUse"] {
                    sample.push(self.hook(event, command, number)?);
                }
            }
        }
        self.hook("Stop", "", 0)?;
        self.hook("SessionEnd", "", 0)?;
        for (command, sample) in &samples {
            let what = format!("a hook's call with nothing to save, before and after `{command}`");
            self.percentiles(&what, sample);
        }
        Ok(())
    }

    /// A line as Claude Code writes it, with the fields that it has.
    fn hook(
        &self,
        event: &str,
        command: &str,
        number: usize,
    ) -> anyhow::Result<std::time::Duration> {
        let mut line = json!({
            "session_id": "0b51c2aa-7d0e-4c39-9a55-bench0000001",
            "transcript_path": format!("{}/.transcript.jsonl", self.workspace),
            "cwd": self.workspace,
            "hook_event_name": event,
        });
        if let Some(fields) = line.as_object_mut() {
            match event {
                "UserPromptSubmit" => {
                    fields.insert("prompt".to_owned(), json!("look around"));
                }
                "PreToolUse" | "PostToolUse" => {
                    fields.insert("tool_name".to_owned(), json!("Bash"));
                    fields.insert("tool_input".to_owned(), json!({ "command": command }));
                    let id = format!("toolu_{command}_{number}");
                    fields.insert("tool_use_id".to_owned(), json!(id));
                }
                _ => {}
            }
            if event == "PostToolUse" {
                let response = json!({ "stdout": "a\nb\n", "stderr": "", "interrupted": false });
                fields.insert("tool_response".to_owned(), response);
            }
        }
        self.aft
            .time_fed(&["hook", "claude-code"], line.to_string().as_bytes())
    }

    /// What the two calls around a tool's edit of a 20 KB file take together; the edit itself is not in it.
    fn tool_calls(&mut self) -> anyhow::Result<()> {
        let mut connection = self.connect()?;
        let session = self.start_session(&mut connection)?;
        let file = self.new_file()?;
        let mut random = Random::new("tool calls");
        let mut sample = Sample::default();
        for number in 0..N_EDITS {
            let begin = json!({ "session": session, "tool": "Edit", "paths": [EDITED] });
            let start = shell::now();
            let begun = connection.call("edit.begin", &begin)?;
            let mut time = start.elapsed();
            let edit_id = begun.get("edit").context("no `edit`")?.clone();
            edit(&file, &format!("a{number}"), &mut random)?;
            let start = shell::now();
            let ended = connection.call("edit.end", &json!({ "edit": edit_id }))?;
            time += start.elapsed();
            sample.push(time);
            ensure!(
                !operations(&ended).is_empty(),
                "a bracket ended without its edit"
            );
        }
        connection.call("session.end", &json!({ "session": session }))?;
        self.percentiles(
            "`edit.begin` and `edit.end` around an edit of 20 KB",
            &sample,
        );
        shell::remove_file(&file.path)?;
        self.aft.time(&["sync"]).map(drop)
    }

    fn start_session(&self, connection: &mut Connection) -> anyhow::Result<Value> {
        let start = json!({ "workspace": self.workspace, "agent": "bench" });
        let started = connection.call("session.start", &start)?;
        Ok(started.get("session").context("no `session`")?.clone())
    }

    /// A file of the size that a tool's edit is measured with, in the history.
    fn new_file(&self) -> anyhow::Result<Original> {
        let path = self.tree.root.join(EDITED);
        let mut random = Random::new(EDITED);
        let mut text = String::new();
        while text.len() < EDIT_BYTES {
            text.push_str(&format!("let x = {:032x};\n", random.next()));
        }
        rewrite(&path, text.as_bytes())?;
        self.aft.time(&["sync"])?;
        remember(&[&path])?.pop().context("the file is gone")
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

fn operations(answer: &Value) -> &[Value] {
    let operations = answer.get("operations").and_then(Value::as_array);
    operations.map_or(&[], Vec::as_slice)
}
