//! The short retention of secrets: what one held is let go some time after it was changed or deleted.
//!
//! Does: find what is over in short steps and have it put once more without its contents, before a collection begins.
//! Does not: remove anything by itself, or touch what is at hand in the ring, not over, or named.

use aft_model::OperationId;
use aft_store::{SecretsFound, SecretsOver, StoreError};
use tracing::info;

use super::retention::nanoseconds;
use super::writer::Scribe;

/// The last operations that stay whatever the clock says.
const LAST: u64 = 50;

/// How far a round has come.
#[derive(Default)]
pub(super) struct LettingGo {
    found: SecretsFound,
    is_found: bool,
    n: usize,
}

impl Scribe {
    /// One step of it; `None` where there is nothing left to do.
    pub(super) fn let_secrets_go(
        &mut self,
        mut going: LettingGo,
    ) -> Result<Option<LettingGo>, StoreError> {
        if self.shared.secrets.is_none() {
            return Ok(None);
        }
        if going.is_found {
            let works = self.store.let_go(&mut going.found)?;
            if !works && going.n > 0 {
                info!(workspace = %self.shared.id, operations = going.n, "secrets of the past are let go");
            }
            return Ok(works.then_some(going));
        }
        let keep = nanoseconds(self.state.keeping.config().secret_keep);
        let secrets = &self.shared.secrets;
        let over = SecretsOver {
            is_secret: &|path| secrets.is_secret_bytes(path),
            before_ns: self.clock.wall_ns().saturating_sub(keep),
            until: self.oldest_needed(),
        };
        let found = self.reader.find_secrets_over(over, &mut going.found);
        going.is_found = !found.map_err(StoreError::Read)?;
        going.n = going.found.len();
        Ok(Some(going))
    }

    /// The last operation that is neither in the ring, nor one of the last, nor in something that is not over.
    fn oldest_needed(&self) -> OperationId {
        let head = self.shared.head.borrow().0;
        let mut kept = head.saturating_sub(LAST - 1);
        if let Some(slot) = self.shared.ring.read().newest_first().last() {
            kept = kept.min(slot.operation.id.0);
        }
        if let Some(open) = self.open_since() {
            kept = kept.min(open.0);
        }
        OperationId(kept.saturating_sub(1))
    }
}
