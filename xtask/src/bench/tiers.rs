//! What a long history costs: growth, a session's view, any version, milestones, memory, collection, restart.
//!
//! Does: give `aft` a history of as many operations as it is told to, and measure what lies on top of it.
//! Does not: compare; what the peers have of this kind is in the other lines.

mod carried;
mod history;
mod session;
mod upkeep;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::edits::put_back;
use super::peer::aft::Aft;
use super::process;
use super::socket::Connection;
use super::table::{Table, Unit, measure_each};
use super::tree::Tree;
use history::Written;

/// A daemon whose history grows.
pub(crate) struct Tiers<'a> {
    aft: &'a mut Aft,
    tree: &'a Tree,
    table: &'a mut Table,
    workspace: String,
    /// Operations that the history is to have.
    n_operations: usize,
    /// What was written by [`Tiers::operations`].
    written: Written,
}

impl<'a> Tiers<'a> {
    /// The daemon must be armed.
    pub(crate) fn new(
        aft: &'a mut Aft,
        tree: &'a Tree,
        table: &'a mut Table,
        n_operations: usize,
    ) -> Self {
        let workspace = tree.root.to_string_lossy().into_owned();
        Self {
            aft,
            tree,
            table,
            workspace,
            n_operations,
            written: Written::default(),
        }
    }

    /// Measures everything that can be had.
    pub(crate) fn run(&mut self) -> anyhow::Result<()> {
        measure_each::<Self>(
            self,
            |this| this.table,
            &[
                ("growth after gc", Self::growth),
                ("a long session", Self::long_session),
                ("many operations", Self::operations),
                ("any version", Self::any_version),
                ("a milestone", Self::milestone),
                ("export and import", Self::carried),
                ("restart with all that", Self::restart),
                ("collection", Self::collection),
            ],
        );
        put_back(&self.written.originals)?;
        self.aft.time(&["sync"]).map(drop)
    }

    fn connect(&self) -> anyhow::Result<Connection> {
        Connection::open(&self.aft.agent_socket())
    }

    fn call(
        &self,
        connection: &mut Connection,
        method: &str,
        more: Value,
    ) -> anyhow::Result<Value> {
        connection.call(method, &self.params(more))
    }

    /// Parameters that name the workspace.
    fn params(&self, more: Value) -> Value {
        let mut params = json!({ "workspace": self.workspace });
        if let (Some(all), Value::Object(more)) = (params.as_object_mut(), more) {
            all.extend(more);
        }
        params
    }

    fn record(&mut self, what: &str, unit: Unit, value: f64) {
        self.table.record(what, unit, "aft", value);
    }

    /// Resident memory of the daemon when it is at rest and has given back what it held for what might have come.
    fn record_resident(&mut self, what: &str) -> anyhow::Result<()> {
        self.aft.rest()?;
        let pid = self.aft.find_daemon()?;
        self.record(what, Unit::Bytes, float(process::memory(pid, "VmRSS")?));
        Ok(())
    }

    /// Bytes of the tree for each second.
    fn record_rate(&mut self, what: &str, bytes: u64, seconds: f64) {
        self.record(what, Unit::Rate, float(bytes) / seconds.max(1e-9));
    }
}

fn number(answer: &Value, name: &str) -> anyhow::Result<u64> {
    let found = answer.get(name).and_then(Value::as_u64);
    found.with_context(|| format!("no `{name}` in the answer"))
}

#[expect(clippy::cast_precision_loss, reason = "figures are rounded for people")]
fn float(number: u64) -> f64 {
    number as f64
}
