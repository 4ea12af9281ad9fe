//! How soon somebody hears of a write, and what listening costs.
//!
//! Does: wait for events of observed and of bracketed writes; poll when there is nothing new, alone and as fifty editors.
//! Does not: look at what the events say beyond that they are of the write.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::Agents;
use crate::bench::edits::{Random, edit};
use crate::bench::process;
use crate::bench::sample::Sample;
use crate::bench::socket::Connection;
use crate::bench::table::Unit;
use crate::shell;

const N_EVENTS: usize = 200;
const N_POLLS: usize = 2000;
const N_EDITORS: usize = 50;
/// An editor that does not hold a long poll asks this often.
const ASKS_EVERY: Duration = Duration::from_secs(1);
/// So long the editors are watched.
const ROUNDS: u32 = 10;

/// Waits for the event of an operation of this kind. A state that gets a name meanwhile is an event too.
fn next_of(subscriber: &mut Connection, kind: &str) -> anyhow::Result<()> {
    while subscriber
        .event()?
        .pointer("/payload/kind")
        .and_then(Value::as_str)
        != Some(kind)
    {}
    Ok(())
}

impl Agents<'_> {
    /// From the end of the write to the line of its event.
    pub(super) fn events(&mut self) -> anyhow::Result<()> {
        let file = self.new_file()?;
        let mut subscriber = self.connect()?;
        let wanted = json!({ "workspace": self.workspace, "events": ["snapshot:created"] });
        subscriber.call("events.subscribe", &wanted)?;
        let mut random = Random::new("events");
        let mut observed = Sample::default();
        for number in 0..N_EVENTS {
            // Quiet before the write, so that it begins a burst of its own.
            shell::pause(Duration::from_millis(40));
            edit(&file, &format!("e{number}"), &mut random)?;
            let start = shell::now();
            next_of(&mut subscriber, "observed")?;
            observed.push(start.elapsed());
        }
        let mut agent = self.connect()?;
        let session = self.start_session(&mut agent)?;
        let mut bracketed = Sample::default();
        for number in 0..N_EVENTS {
            let begun = agent.call("edit.begin", &json!({ "session": session }))?;
            let id = begun.get("edit").context("no `edit`")?.clone();
            edit(&file, &format!("b{number}"), &mut random)?;
            let start = shell::now();
            agent.send("edit.end", &json!({ "edit": id }))?;
            next_of(&mut subscriber, "edit")?;
            bracketed.push(start.elapsed());
            agent.receive()?;
        }
        agent.call("session.end", &json!({ "session": session }))?;
        self.percentiles("event of an observed write to a subscriber", &observed);
        self.percentiles("event of a bracketed write to a subscriber", &bracketed);
        shell::remove_file(&file.path)?;
        self.aft.time(&["sync"]).map(drop)
    }

    /// `history.poll` on `editor.sock` that has nothing to tell.
    pub(super) fn polls(&mut self) -> anyhow::Result<()> {
        let mut editor = Editor::open(self)?;
        let mut sample = Sample::default();
        for _ in 0..N_POLLS {
            sample.push(editor.ask()?);
        }
        self.percentiles("`history.poll` with nothing new", &sample);
        Ok(())
    }

    /// Fifty editors: what the daemon spends while each asks once a second, and while each holds a long poll.
    pub(super) fn editors(&mut self) -> anyhow::Result<()> {
        self.aft.wait_until_idle()?;
        let pid = self.aft.find_daemon()?;
        let mut editors: Vec<Editor> = Vec::new();
        for _ in 0..N_EDITORS {
            editors.push(Editor::open(self)?);
        }
        let (before, start) = (process::cpu_time(pid)?, shell::now());
        for round in 1..=ROUNDS {
            for editor in &mut editors {
                editor.ask()?;
            }
            shell::pause((ASKS_EVERY * round).saturating_sub(start.elapsed()));
        }
        self.record_share(
            "50 editors that ask once a second, of one core",
            process::cpu_time(pid)?.saturating_sub(before),
            start.elapsed(),
        );
        for editor in &mut editors {
            editor.wait()?;
        }
        self.aft.wait_until_idle()?;
        let (before, start) = (process::cpu_time(pid)?, shell::now());
        shell::pause(ASKS_EVERY * ROUNDS);
        self.record_share(
            "50 editors with a long poll each, of one core",
            process::cpu_time(pid)?.saturating_sub(before),
            start.elapsed(),
        );
        Ok(())
    }

    /// Processor time as a part of the time that went by.
    fn record_share(&mut self, what: &str, used: Duration, time: Duration) {
        let percent = used.as_secs_f64() / time.as_secs_f64() * 100.0;
        self.table.record(what, Unit::Percent, "aft", percent);
    }
}

/// An editor that knows the newest clock.
struct Editor {
    connection: Connection,
    params: Value,
}

impl Editor {
    fn open(agents: &Agents<'_>) -> anyhow::Result<Self> {
        let mut connection = Connection::open(&agents.aft.editor_socket())?;
        let first = json!({ "workspace": agents.workspace, "limit": 1 });
        let answer = connection.call("history.poll", &first)?;
        let clock = answer.get("clock").context("no `clock`")?;
        let params = json!({ "workspace": agents.workspace, "clock": clock, "limit": 50 });
        Ok(Self { connection, params })
    }

    fn ask(&mut self) -> anyhow::Result<Duration> {
        let (answer, time) = self.connection.timed("history.poll", &self.params)?;
        ensure!(super::operations(&answer).is_empty(), "there was news");
        Ok(time)
    }

    /// Begins a long poll that outlives the measurement.
    fn wait(&mut self) -> anyhow::Result<()> {
        let mut params = self.params.clone();
        if let Some(fields) = params.as_object_mut() {
            fields.insert("wait_ms".to_owned(), json!(60_000));
        }
        self.connection.send("history.poll", &params)
    }
}
