//! Switching the index from segments to the one rewritten from them, in short steps.
//!
//! Does: point rows at their new places, some at a time; decide at one moment that the new segment stands for the old
//! ones; then forget what it left out. Takes all of it back where something that was left out is needed after all.
//! Does not: write segments, or remove one.
//!
//! Until the decision both hold the same records, so a row may point into either; a kill before it is taken back at the
//! next opening, and one after it is carried on (`recover::half`).

use super::Writer;
use super::rewrite::Rewrite;
use crate::error::StoreError;
use crate::index::{Drops, Move};

/// Rows that are changed in one step: a few milliseconds.
const STEP: usize = 500;

/// Segments whose rows are being pointed at the one rewritten from them.
pub(super) struct Switch {
    pub(super) sources: Vec<u32>,
    pub(super) target: u32,
    len: u64,
    moves: Vec<Move>,
    pub(super) drops: Drops,
    /// Count and frame bytes by kind, as far as they changed.
    pub(super) saved: Vec<(crate::Kind, i64, i64)>,
    stage: Stage,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// So many rows point at their new places.
    Repoint(usize),
    /// The new segment stands for the old ones; so many rows of what it left out are forgotten.
    Forget(usize),
    /// So many rows still point at their new places, and are turned back.
    TakeBack(usize),
}

impl Writer {
    /// The new segment has its name and is durable: what points into the old ones is to point into it.
    pub(super) fn begin_switch(&mut self, rewrite: Rewrite) -> Result<(), StoreError> {
        let Rewrite {
            sources,
            target,
            end,
            mut moves,
            drops,
            saved,
            ..
        } = rewrite;
        // What is to be moved must have its rows.
        self.commit(true)?;
        self.apply().map_err(StoreError::Index)?;
        self.shared
            .index
            .number_audits(&mut moves, |one| one.from)
            .map_err(StoreError::Index)?;
        // Neighbours share pages of the index.
        moves.sort_unstable();
        self.switch = Some(Box::new(Switch {
            sources,
            target,
            len: end,
            moves,
            drops,
            saved,
            stage: Stage::Repoint(0),
        }));
        Ok(())
    }

    /// One step. A step that fails is tried again, or the switch is taken back.
    pub(super) fn switch_some(&mut self, mut switch: Box<Switch>) -> Result<(), StoreError> {
        let stepped = self.switch_step(&mut switch);
        let next = match (&stepped, switch.stage) {
            (Ok(next), _) => *next,
            // What failed half way left the index as it was before.
            (Err(_), Stage::Repoint(done)) => Some(Stage::TakeBack(done)),
            (Err(_), stage) => Some(stage),
        };
        if let Some(stage) = next {
            switch.stage = stage;
            self.switch = Some(switch);
        }
        stepped.map(|_| ())
    }

    /// What comes after this step; `None` where it was the last.
    fn switch_step(&mut self, switch: &mut Switch) -> Result<Option<Stage>, StoreError> {
        let shared = self.shared.clone();
        match switch.stage {
            Stage::Repoint(done) if done >= switch.moves.len() => {
                Ok(Some(if self.decide(switch)? {
                    Stage::Forget(0)
                } else {
                    Stage::TakeBack(done)
                }))
            }
            Stage::Repoint(done) => {
                let rows = switch.moves.iter().skip(done).take(STEP).copied();
                let repointed = shared.index.repoint(switch.target, rows);
                repointed.map_err(StoreError::Index)?;
                Ok(Some(Stage::Repoint(done + STEP)))
            }
            Stage::Forget(done) if done >= switch.drops.contents.len() => {
                shared.index.end_moves().map_err(StoreError::Index)?;
                let mut left_out = shared.left_out.write();
                left_out.retain(|number| !switch.sources.contains(number));
                drop(left_out);
                self.obsolete.extend(switch.sources.iter().rev());
                tracing::debug!(from = ?switch.sources, to = switch.target, len = switch.len, "segments rewritten");
                Ok(None)
            }
            Stage::Forget(done) => {
                let gone = switch.drops.contents.iter().skip(done).take(STEP);
                let forgotten = shared.index.forget_contents(gone.copied());
                forgotten.map_err(StoreError::Index)?;
                Ok(Some(Stage::Forget(done + STEP)))
            }
            Stage::TakeBack(0) => {
                shared.index.end_moves().map_err(StoreError::Index)?;
                self.obsolete.push(switch.target);
                self.stays_after_all(&switch.sources);
                Ok(None)
            }
            Stage::TakeBack(left) => {
                let from = left.saturating_sub(STEP);
                let rows = switch.moves.iter().skip(from).take(left - from);
                let back = rows.map(|one| Move {
                    row: one.row,
                    from: one.to,
                    to: one.from,
                });
                let repointed = shared.index.repoint(switch.target, back);
                repointed.map_err(StoreError::Index)?;
                Ok(Some(Stage::TakeBack(from)))
            }
        }
    }

    /// The new segment stands for the old ones from here on; false where something that it left out is needed after
    /// all.
    fn decide(&mut self, switch: &Switch) -> Result<bool, StoreError> {
        self.commit(true)?;
        self.apply().map_err(StoreError::Index)?;
        let shared = self.shared.clone();
        // Nobody is told that a content is held while this decides what is.
        let mut vouched = shared.vouched.lock();
        if let Some(collect) = &mut self.collect {
            collect
                .keep_fresh(&shared, &mut vouched)
                .map_err(StoreError::Read)?;
            let marks = collect.marks();
            let mut left_out = switch.drops.contents.iter();
            if left_out.any(|(_, loc)| marks.has(*loc)) {
                return Ok(false);
            }
        } else if !switch.drops.contents.is_empty() {
            // Whoever collected gave up: nobody knows any more what is needed.
            return Ok(false);
        }
        let mut state = self.state.clone();
        for (kind, count, bytes) in &switch.saved {
            let sums = state.counts.entry(*kind as u8).or_default();
            sums.0 = sums.0.saturating_add_signed(*count);
            sums.1 = sums.1.saturating_add_signed(*bytes);
        }
        state.audits -= switch.drops.audits.len() as u64;
        let applied = state.to_applied(shared.store, self.log.number(), self.log.end());
        shared
            .index
            .switch(
                (&switch.sources, switch.target),
                &switch.drops.audits,
                &applied,
            )
            .map_err(StoreError::Index)?;
        self.state = state;
        shared.state.write().clone_from(&self.state);
        shared.left_out.write().extend(&switch.sources);
        let mut cache = shared.cache.lock();
        for (prefix, _) in &switch.drops.contents {
            cache.forget(*prefix);
        }
        drop(cache);
        drop(vouched);
        self.settled_bytes = None;
        let must_go = switch
            .sources
            .iter()
            .filter(|number| self.must_go.remove(number))
            .count();
        if let Some(collect) = &mut self.collect {
            collect.note_swept(switch);
        } else if must_go > 0 {
            // It was rewritten whole: what was to go is in the new one still.
            self.must_go.insert(switch.target);
        }
        Ok(true)
    }
}
