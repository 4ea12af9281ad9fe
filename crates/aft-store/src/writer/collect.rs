//! Collecting what nothing retained names, beside everything else, in short steps.
//!
//! Does: mark what is named; make contents anew whose base only they need; choose segments; have them swept one after
//! the other, neighbours together where they have become small. Says what it freed.
//! Does not: decide what is retained, know the time, or remove a record itself: a sweep rewrites a segment without it.
//!
//! Segments are swept from the newest to the oldest, and what is dead in one that is not swept keeps what it is decoded
//! from: so at every moment, and after a kill, every content that is found can be read.
//!
//! What comes meanwhile is safe by three rules. Only segments that were sealed when it began are swept. What a record
//! put since names is marked with all it is decoded from. And what readers were told is held is looked at once more,
//! under their lock, before the index switches to a swept segment; what was left out and is needed makes the sweep void.

mod choice;
mod loosen;
mod report;

use std::collections::HashSet;

use parking_lot::MutexGuard;

use super::Writer;
use super::rewrite::Begun;
use super::sweep::{Forbidden, Sweep};
use super::switch::Switch;
use crate::error::{ReadError, StoreError};
use crate::marks::{Marks, Reach};
use crate::reader::Named;
use crate::recover::list_segments;
use crate::segment;
use crate::shared::Shared;
use crate::vouch::Vouched;
pub(super) use choice::Survey;
use choice::Target;
pub use report::{Collected, Collection};

/// A growing segment that is longer than this part of a full one is sealed where that is asked for; a shorter one where
/// it has so many times what a rewriting is worth.
const SEAL_PART: u64 = 256;
const SEAL_TIMES: u64 = 4;

/// A segment that is no longer has its header and no group yet. It is not sealed: the next one would begin with the same
/// group, and the two could change places when one of them is rewritten.
const BEGUN: u64 = 140;

/// A collection under way.
pub(super) struct Collect {
    options: Collection,
    /// Nothing that is not named stays, whatever that costs.
    strict: bool,
    marks: Marks,
    forbidden: Forbidden,
    stage: Stage,
    targets: Vec<Target>,
    swept: HashSet<u32>,
    /// Bytes of contents stored anew, and the first 8 bytes of their ids.
    anew: u64,
    remade: HashSet<u64>,
    report: Collected,
}

enum Stage {
    Mark(Named),
    Loosen {
        prefix: i64,
        loc: i64,
    },
    /// So many targets, from the first, are not looked at yet.
    Choose(usize),
    /// Runs of targets, as first and count, newest first.
    Sweep(std::vec::IntoIter<(usize, usize)>),
    Done,
}

impl Collect {
    pub(super) fn marks(&self) -> &Marks {
        &self.marks
    }

    pub(super) fn forbidden(&self) -> &Forbidden {
        &self.forbidden
    }

    /// Marks what was vouched for since this was last asked.
    pub(super) fn keep_fresh(
        &mut self,
        shared: &Shared,
        vouched: &mut MutexGuard<'_, Vouched>,
    ) -> Result<(), ReadError> {
        for prefix in vouched.fresh() {
            self.marks.keep(shared, prefix, Reach::Closed)?;
        }
        Ok(())
    }

    /// The index has switched.
    pub(super) fn note_swept(&mut self, switch: &Switch) {
        self.swept.extend(&switch.sources);
        self.report.swept += switch.sources.len() as u64;
        self.report.contents += switch.drops.contents.len() as u64;
        let gone = switch.saved.iter().filter(|(kind, count, _)| {
            *count < 0
                && kind.is_chained()
                && !matches!(kind, crate::Kind::Erased | crate::Kind::Tombstone)
        });
        self.report.records += gone.count() as u64;
    }
}

impl Writer {
    /// Begins to collect; [`Self::maintain`] carries it on, and [`Self::collected`] has the outcome. False while
    /// other background work is under way.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub fn begin_collection(&mut self, options: Collection) -> Result<bool, StoreError> {
        self.begin_strict(options, None)
    }

    pub(super) fn begin_strict(
        &mut self,
        options: Collection,
        forbidden: Option<Forbidden>,
    ) -> Result<bool, StoreError> {
        self.log.check()?;
        if self.collect.is_some()
            || self.rewrite.is_some()
            || self.switch.is_some()
            || !self.obsolete.is_empty()
            || !self.leaving.is_empty()
        {
            return Ok(false);
        }
        self.commit(true)?;
        let seal_min =
            (self.options.segment_max / SEAL_PART).min(SEAL_TIMES.saturating_mul(options.dead_min));
        if options.seal
            && self.log.end() > BEGUN
            && (self.log.end() >= seal_min || forbidden.is_some())
        {
            self.roll()?;
            self.commit(true)?;
        }
        self.apply().map_err(StoreError::Index)?;
        let begun = self.begin_marking(options, forbidden);
        match begun {
            Ok(collect) => self.collect = Some(collect),
            Err(error) => self.give_collection_up(&error),
        }
        Ok(true)
    }

    fn begin_marking(
        &mut self,
        options: Collection,
        forbidden: Option<Forbidden>,
    ) -> Result<Box<Collect>, ReadError> {
        self.reader().forget_unclaimed_parts()?;
        let unreadable =
            |error: crate::OpenError| ReadError::corrupt("a segment", error.to_string());
        let infos = list_segments(&*self.shared.dir).map_err(unreadable)?;
        let mut targets = Vec::new();
        let mut bytes_before = 0;
        for info in &infos {
            let len = segment::len(&*self.shared.dir, info.number).map_err(unreadable)?;
            bytes_before += len;
            if info.number != self.log.number() {
                let first_group = info.header.as_ref().map_or(0, |header| header.first_group);
                targets.push(Target::new(info.number, first_group, len));
            }
        }
        let mut collect = Box::new(Collect {
            options,
            strict: forbidden.is_some(),
            marks: Marks::default(),
            forbidden: forbidden.unwrap_or_default(),
            stage: Stage::Mark(Named::Operations { after: -1 }),
            targets,
            swept: HashSet::new(),
            anew: 0,
            remade: HashSet::new(),
            report: Collected {
                bytes_before,
                ..Collected::default()
            },
        });
        collect
            .marks
            .leave_out(collect.forbidden.dictionaries.clone());
        let vouched = self.shared.vouched.lock().begin(options.forget);
        for prefix in vouched {
            collect.marks.keep(&self.shared, prefix, Reach::Closed)?;
        }
        self.keep_contents_of(&mut collect, self.log.number())?;
        Ok(collect)
    }

    /// What the last collection did; once.
    pub fn collected(&mut self) -> Option<Collected> {
        self.collected.take()
    }

    /// True while a collection is under way.
    #[must_use]
    pub fn is_collecting(&self) -> bool {
        self.collect.is_some()
    }

    pub(super) fn give_collection_up(&mut self, error: &ReadError) {
        tracing::warn!(%error, "nothing is collected from a store that cannot be read");
        self.shared.vouched.lock().end();
        if self
            .rewrite
            .as_ref()
            .is_some_and(|rewrite| rewrite.sweep.is_some())
        {
            self.rewrite = None;
        }
        let mut report = self
            .collect
            .take()
            .map(|collect| collect.report)
            .unwrap_or_default();
        report.failure = Some(error.to_string());
        report.bytes_after = report.bytes_before;
        self.collected = Some(report);
    }

    /// One step.
    pub(super) fn collect_some(&mut self, mut collect: Box<Collect>) -> Result<(), StoreError> {
        let stepped = self.collect_step(&mut collect)?;
        let ended = matches!(collect.stage, Stage::Done);
        self.collect = Some(collect);
        if let Err(error) = stepped {
            self.give_collection_up(&error);
        } else if ended {
            self.end_collection();
        }
        Ok(())
    }

    fn collect_step(&mut self, collect: &mut Collect) -> Result<Result<(), ReadError>, StoreError> {
        let shared = self.shared.clone();
        let fresh = collect.keep_fresh(&shared, &mut shared.vouched.lock());
        if let Err(error) = fresh {
            return Ok(Err(error));
        }
        match std::mem::replace(&mut collect.stage, Stage::Done) {
            Stage::Mark(from) => {
                let marks = &mut collect.marks;
                let next = self.reader().named(from, &mut |loc, len, contents| {
                    marks.count(loc, len);
                    for prefix in contents {
                        marks.keep(&shared, prefix, Reach::Named)?;
                    }
                    Ok(())
                });
                collect.stage = match next {
                    Ok(Named::Everything) => Stage::Loosen {
                        prefix: i64::MIN,
                        loc: 0,
                    },
                    Ok(next) => Stage::Mark(next),
                    Err(error) => return Ok(Err(error)),
                };
            }
            Stage::Loosen { prefix, loc } => {
                return self.loosen_some(collect, prefix, loc);
            }
            Stage::Choose(at) => return Ok(self.choose_some(collect, at)),
            Stage::Sweep(mut runs) => {
                if let Some((first, count)) = runs.next() {
                    collect.stage = Stage::Sweep(runs);
                    return self.begin_sweep(collect, first, count);
                }
            }
            Stage::Done => {}
        }
        Ok(Ok(()))
    }

    fn begin_sweep(
        &mut self,
        collect: &mut Collect,
        first: usize,
        count: usize,
    ) -> Result<Result<(), ReadError>, StoreError> {
        let sources = collect.targets.iter().skip(first).take(count);
        let is_clean_before = sources
            .clone()
            .all(|target| self.is_clean_through(target.first_group));
        let left: u64 = sources.clone().map(Target::left).sum();
        let sources: Vec<u32> = sources.map(|target| target.number).collect();
        if left > self.spare {
            return Ok(self.stays(collect, &sources));
        }
        let sweep = Sweep { is_clean_before };
        match self.begin_rewrite(sources.clone(), Some((sweep, &collect.marks)))? {
            Begun::Rewrite(mut rewrite) => {
                rewrite.expected = left;
                self.rewrite = Some(rewrite);
                Ok(Ok(()))
            }
            Begun::Done | Begun::Damaged => Ok(self.stays(collect, &sources)),
        }
    }

    /// These segments are not swept after all.
    fn stays(&self, collect: &mut Collect, sources: &[u32]) -> Result<(), ReadError> {
        for number in sources {
            self.keep_contents_of(collect, *number)?;
        }
        Ok(())
    }

    /// As [`Self::stays`], of the collection under way.
    pub(super) fn stays_after_all(&mut self, sources: &[u32]) {
        let Some(mut collect) = self.collect.take() else {
            return;
        };
        let stays = self.stays(&mut collect, sources);
        self.collect = Some(collect);
        if let Err(error) = stays {
            self.give_collection_up(&error);
        }
    }

    fn end_collection(&mut self) {
        self.shared.vouched.lock().end();
        let Some(mut collect) = self.collect.take() else {
            return;
        };
        if !collect.options.dry_run {
            collect.report.bytes_after = self.segment_bytes(false);
            let clean = collect
                .targets
                .iter()
                .take_while(|target| collect.swept.contains(&target.number));
            self.clean_through = clean.last().map(|target| target.first_group);
        }
        tracing::debug!(report = ?collect.report, "collected");
        self.collected = Some(collect.report);
    }

    /// Bytes of all segments, with those that are about to be removed or without.
    pub(super) fn segment_bytes(&self, with_obsolete: bool) -> u64 {
        let gone = |number: &u32| {
            !with_obsolete && (self.obsolete.contains(number) || self.leaving.contains(number))
        };
        let names = self.shared.dir.list().unwrap_or_default();
        let numbers = names.iter().filter_map(|name| segment::number_of(name));
        numbers
            .filter(|number| !gone(number))
            .filter_map(|number| segment::len(&*self.shared.dir, number).ok())
            .sum()
    }

    /// A record that is being put names these contents, or stands on them.
    pub(super) fn rely_on(&mut self, prefixes: &[u64]) {
        let Some(collect) = &mut self.collect else {
            return;
        };
        for prefix in prefixes {
            if let Err(error) = collect.marks.keep(&self.shared, *prefix, Reach::Closed) {
                return self.give_collection_up(&error);
            }
        }
    }

    /// A record that is being put names these contents: from now on it keeps them.
    pub(super) fn name_contents(&mut self, prefixes: &[u64]) {
        self.rely_on(prefixes);
        let mut vouched = self.shared.vouched.lock();
        for prefix in prefixes {
            vouched.named(*prefix);
        }
    }
}
