//! Numbers that retention merged into later ones.
//!
//! Does: tell which operation stands for a number.
//! Does not: merge.

use aft_model::OperationId;

use super::Reader;
use crate::error::ReadError;
use crate::index::Index;

impl Reader {
    /// The operation that retention merged `number` into; `None` where it was not.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn merged_into(&self, number: OperationId) -> Result<Option<OperationId>, ReadError> {
        let shared = self.shared();
        let in_tail = {
            let tail = shared.tail.read();
            let runs = tail.composed.iter().rev();
            let mut around = runs.filter(|(first, last)| (*first..*last).contains(&number.0));
            around.next().map(|(_, last)| *last)
        };
        if let Some(last) = in_tail {
            return Ok(Some(OperationId(last)));
        }
        let found = shared
            .index
            .read(|connection| Ok::<_, ReadError>(Index::merged_into(connection, number.0)?))?;
        Ok(found.map(OperationId))
    }

    /// How many operations of a run would be part of another.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn count_operations(&self, run: crate::Run) -> Result<u64, ReadError> {
        let count: i64 = self.shared().index.read(|connection| {
            Ok::<_, ReadError>(connection.query_row(
                "SELECT count(*) FROM ops WHERE op >= ?1 AND op < ?2",
                [run.first.0 as i64, run.last.0 as i64],
                |row| row.get(0),
            )?)
        })?;
        Ok(count as u64)
    }

    /// The first of the operations that `operation` stands for: itself, unless others were merged into it.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn first_merged(&self, operation: OperationId) -> Result<OperationId, ReadError> {
        let first = self
            .shared()
            .index
            .read(|connection| Ok::<_, ReadError>(Index::first_of(connection, operation.0)?))?;
        Ok(OperationId(first))
    }
}
