//! Which workspaces there are, for who asks and for who follows them.
//!
//! Does not: add, open or remove one.

use std::sync::Arc;

use super::{Closed, Daemon, Entry};
use crate::registry::{self, Record};
use crate::workspace::Workspace;

impl Daemon {
    /// The workspace of this id, or the deepest one whose root holds this path.
    pub(crate) fn resolve(
        &self,
        wanted: &[u8],
    ) -> Option<(Record, Result<Arc<Workspace>, Closed>)> {
        let entries = self.entries.read();
        let found = registry::meant(entries.values().map(|entry| &entry.record), wanted);
        let entry = entries.get(&found?.workspace_id())?;
        let open = entry.open.as_ref().map(Arc::clone).map_err(Clone::clone);
        Some((entry.record.clone(), open))
    }

    /// Every workspace, open or not.
    pub(crate) fn all(&self) -> Vec<(Record, Result<Arc<Workspace>, Closed>)> {
        let entries = self.entries.read();
        let view = |entry: &Entry| {
            (
                entry.record.clone(),
                entry.open.as_ref().map(Arc::clone).map_err(Clone::clone),
            )
        };
        entries.values().map(view).collect()
    }

    /// Who follows all workspaces looks again.
    pub(super) fn tell_registered(&self) {
        self.registered.send_modify(|number| *number += 1);
    }

    /// Every workspace, when none is just being opened or removed. Blocks until then.
    pub(crate) fn all_at_rest(&self) -> Vec<(Record, Result<Arc<Workspace>, Closed>)> {
        let _changing = self.changing.lock();
        self.all()
    }
}
