//! Background work on sealed segments, in short steps between other work: which segment is next.
//!
//! Does: rewrite each sealed segment once, smaller; remove segments that were replaced; carry a collection on.
//! Does not: rewrite by itself; that is `rewrite`. Nor begin a collection; whoever knows the time does.

use super::Writer;
use super::rewrite::Begun;
use crate::error::StoreError;
use crate::segment;

/// Hurriedly stored bytes for which the growing segment is sealed early.
const HASTY_MIN: u64 = 256 * 1024;

/// What a step of maintenance left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maintenance {
    /// Nothing for now.
    Idle,
    /// Call again when there is time.
    Working,
}

impl Writer {
    /// Does one bounded step of background work.
    ///
    /// # Errors
    /// I/O; the step can be tried again and nothing is lost.
    pub fn maintain(&mut self) -> Result<Maintenance, StoreError> {
        self.log.check()?;
        if self.group_start.is_some() {
            self.commit(false)?;
        }
        if let Some(leaving) = self.leaving.last().copied() {
            if self.shared.holding.is_over() {
                self.remove_segment(leaving)?;
                self.leaving.pop();
            } else {
                // Whoever reads there is soon done, and nothing is rewritten meanwhile: both copies take room.
                std::thread::yield_now();
            }
            return Ok(Maintenance::Working);
        }
        if !self.obsolete.is_empty() {
            self.leaving = std::mem::take(&mut self.obsolete);
            self.shared.holding.turn();
            return Ok(Maintenance::Working);
        }
        if let Some(switch) = self.switch.take() {
            self.switch_some(switch)?;
            return Ok(Maintenance::Working);
        }
        if let Some(mut rewrite) = self.rewrite.take() {
            let sources = rewrite.sources.clone();
            let stepped = match self.rewrite_some(&mut rewrite) {
                Ok(true) => {
                    self.rewrite = Some(rewrite);
                    Ok(())
                }
                Ok(false) => self.finish_rewrite(rewrite),
                Err(error) => Err(error),
            };
            if stepped.is_err() {
                self.stays_after_all(&sources);
            }
            return stepped.map(|()| Maintenance::Working);
        }
        if let Some(collect) = self.collect.take() {
            self.collect_some(collect)?;
            return Ok(Maintenance::Working);
        }
        self.next_rewrite()
    }

    /// Removed when nobody reads there any more.
    fn remove_segment(&mut self, number: u32) -> Result<(), StoreError> {
        self.shared.index.shrink_wal().map_err(StoreError::Index)?;
        self.shared
            .dir
            .remove(&segment::file_name(number))
            .map_err(StoreError::io("remove a segment"))?;
        self.shared.forget_file(number);
        self.settled_bytes = None;
        self.surveys.remove(&number);
        Ok(())
    }

    /// Finds a sealed segment that was never rewritten; seals the growing one if it holds much that was
    /// stored in a hurry.
    fn next_rewrite(&mut self) -> Result<Maintenance, StoreError> {
        if self.hasty_bytes >= HASTY_MIN {
            self.roll()?;
            self.commit(true)?;
            return Ok(Maintenance::Working);
        }
        let dir = self.shared.dir.clone();
        let names = dir.list().map_err(StoreError::io("list the directory"))?;
        for number in names.iter().filter_map(|name| segment::number_of(name)) {
            if number == self.log.number() || self.rewritten.contains(&number) {
                continue;
            }
            // Until it is done both are there.
            let len = segment::len(&*dir, number).unwrap_or(0);
            if len > self.spare {
                continue;
            }
            self.rewritten.insert(number);
            match self.begin_rewrite(vec![number], None)? {
                Begun::Rewrite(mut rewrite) => {
                    rewrite.expected = len;
                    self.rewrite = Some(rewrite);
                }
                Begun::Done | Begun::Damaged => continue,
            }
            return Ok(Maintenance::Working);
        }
        Ok(Maintenance::Idle)
    }
}
