//! The raw protocol, so that what is measured is the daemon and not a client library.
//!
//! Does: write a JSON-RPC line and read the answer.
//! Does not: know methods or types.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use crate::shell;

/// An answer that takes longer is a hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection to the daemon.
pub(crate) struct Connection {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
    next_id: u64,
}

impl Connection {
    /// Connects.
    pub(crate) fn open(socket: &Path) -> anyhow::Result<Self> {
        let writer = UnixStream::connect(socket)
            .with_context(|| format!("cannot connect to {}", socket.display()))?;
        writer
            .set_read_timeout(Some(PATIENCE))
            .context("cannot set a timeout")?;
        let reader = BufReader::new(writer.try_clone().context("cannot share the connection")?);
        Ok(Self {
            reader,
            writer,
            next_id: 0,
        })
    }

    /// Sends a request.
    pub(crate) fn send(&mut self, method: &str, params: &Value) -> anyhow::Result<()> {
        self.next_id += 1;
        let mut line =
            json!({ "jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params })
                .to_string();
        line.push('\n');
        self.writer
            .write_all(line.as_bytes())
            .with_context(|| format!("cannot send `{method}`"))
    }

    /// Reads lines until the answer to the last request comes.
    pub(crate) fn receive(&mut self) -> anyhow::Result<Value> {
        loop {
            let mut line = String::new();
            let n_bytes = self.reader.read_line(&mut line).context("no answer")?;
            ensure!(n_bytes > 0, "the daemon closed the connection");
            if let Some(result) = self.result(&line)? {
                return Ok(result);
            }
        }
    }

    /// Reads lines until an event comes.
    pub(crate) fn event(&mut self) -> anyhow::Result<Value> {
        loop {
            let mut line = String::new();
            let n_bytes = self.reader.read_line(&mut line).context("no event")?;
            ensure!(n_bytes > 0, "the daemon closed the connection");
            let mut message: Value = serde_json::from_str(&line).context("a line is not JSON")?;
            if message.get("method").and_then(Value::as_str) == Some("event") {
                let event = message.get_mut("params").map(Value::take);
                return event.context("an event without `params`");
            }
        }
    }

    /// The result in a line, if it answers the last request.
    fn result(&self, line: &str) -> anyhow::Result<Option<Value>> {
        let mut answer: Value = serde_json::from_str(line).context("the answer is not JSON")?;
        if answer.get("id").and_then(Value::as_u64) != Some(self.next_id) {
            return Ok(None);
        }
        if let Some(error) = answer.get("error") {
            bail!("the daemon answered {error}");
        }
        let result = answer.get_mut("result").map(Value::take);
        result.context("the answer has no result").map(Some)
    }

    /// Sends a request; its answer, and the time until the last byte of it was here. What understanding it takes
    /// is the client's.
    pub(crate) fn timed(
        &mut self,
        method: &str,
        params: &Value,
    ) -> anyhow::Result<(Value, Duration)> {
        let start = shell::now();
        self.send(method, params)?;
        let mut line = String::new();
        self.reader.read_line(&mut line).context("no answer")?;
        let time = start.elapsed();
        Ok((self.result(&line)?.context("an answer to nothing")?, time))
    }

    /// Sends a request and reads its answer.
    pub(crate) fn call(&mut self, method: &str, params: &Value) -> anyhow::Result<Value> {
        self.send(method, params)?;
        self.receive().with_context(|| format!("`{method}` failed"))
    }
}
