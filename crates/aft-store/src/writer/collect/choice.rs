//! Which segments are worth being rewritten, and which neighbours as one.
//!
//! Does: tell how much of a segment is dead, and put runs together.
//! Does not: rewrite anything.

use aft_model::ContentId;

use super::{Collect, Stage};
use crate::content::prefix_of;
use crate::entry::salted;
use crate::error::ReadError;
use crate::frame::{CrcSeed, HEADER_LEN, Kind};
use crate::marks::Reach;
use crate::segment::{self, HeaderState, Walker};
use crate::verdict::VerdictV1;
use crate::work::WorkV1;
use crate::writer::Writer;

/// Header and seal of a segment.
const ENDS: u64 = 260;
/// What stands for a row of bodies that were left out.
const ERASED: u64 = 90;
/// So many small neighbours are put together though nothing in them is dead.
const NEIGHBOURS: usize = 4;

/// A sealed segment, and what of it would be left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) number: u32,
    pub(super) first_group: u64,
    len: u64,
    /// Bytes it would have.
    left: u64,
    is_worth_it: bool,
}

/// What a sealed segment holds, which never changes.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::writer) struct Survey {
    contents: u64,
    /// Frame bytes of checkpoints.
    names: u64,
    /// Frame bytes of what takes something back.
    negative: u64,
    /// Frame bytes of what says where numbers stand.
    kept: u64,
}

fn takes_back(kind: Kind, payload: &[u8]) -> bool {
    match kind {
        Kind::Work => salted::<WorkV1>(payload).is_ok_and(|work| work.takes_back()),
        Kind::Verdict => salted::<VerdictV1>(payload).is_ok_and(|verdict| verdict.takes_back()),
        _ => false,
    }
}

impl Target {
    pub(super) fn new(number: u32, first_group: u64, len: u64) -> Self {
        Self {
            number,
            first_group,
            len,
            left: len,
            is_worth_it: false,
        }
    }

    /// Bytes it would have, beside those it has until it is switched to.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    fn dead(&self) -> u64 {
        self.len.saturating_sub(self.left)
    }
}

impl Writer {
    /// Looks at the last of the first `count` targets; after the first of all, puts runs together.
    pub(super) fn choose_some(
        &mut self,
        collect: &mut Collect,
        count: usize,
    ) -> Result<(), ReadError> {
        let Some(at) = count.checked_sub(1) else {
            self.put_runs_together(collect);
            return Ok(());
        };
        collect.stage = Stage::Choose(at);
        let Some(mut target) = collect.targets.get(at).copied() else {
            return Ok(());
        };
        let survey = self.survey(target.number)?;
        let live = collect.marks.live(target.number);
        let negative = if self.is_clean_through(target.first_group) {
            0
        } else {
            survey.negative
        };
        let other =
            survey.kept + negative + self.live_share(survey.names) + ERASED * (live.records + 1);
        target.left = (live.bytes + ENDS + other).min(target.len);
        // How much is dead is estimated low, so a small thing may not show in it.
        let must_go = self.must_go.contains(&target.number);
        target.is_worth_it =
            collect.strict || must_go || target.dead() >= collect.options.dead_min.max(1);
        if let Some(slot) = collect.targets.get_mut(at) {
            *slot = target;
        }
        if !target.is_worth_it && survey.contents > live.contents {
            // What is dead in it can be found still, so it must be readable.
            self.keep_contents_of(collect, target.number)?;
        }
        Ok(())
    }

    /// True where an earlier collection swept everything up to the segment that begins with this group.
    pub(super) fn is_clean_through(&self, first_group: u64) -> bool {
        self.clean_through
            .is_some_and(|through| first_group <= through)
    }

    /// Keeps whatever the contents of a segment are decoded from.
    pub(super) fn keep_contents_of(
        &self,
        collect: &mut Collect,
        number: u32,
    ) -> Result<(), ReadError> {
        let mut contents = Vec::new();
        self.each_in(number, &mut |kind, payload| {
            if matches!(kind, Kind::Blob | Kind::ChunkList)
                && let Some(id) = payload.first_chunk::<32>()
            {
                contents.push(prefix_of(&ContentId(*id)));
            }
        })?;
        for prefix in contents {
            collect.marks.keep(&self.shared, prefix, Reach::Closed)?;
        }
        Ok(())
    }

    fn survey(&mut self, number: u32) -> Result<Survey, ReadError> {
        if let Some(known) = self.surveys.get(&number) {
            return Ok(*known);
        }
        let mut survey = Survey::default();
        self.each_in(number, &mut |kind, payload| {
            let len = (HEADER_LEN + payload.len()) as u64;
            match kind {
                Kind::Blob | Kind::ChunkList => survey.contents += 1,
                kind if takes_back(kind, payload) => survey.negative += len,
                Kind::Checkpoint | Kind::Work | Kind::Verdict => survey.names += len,
                Kind::CheckpointDeleted | Kind::IntentDone => survey.negative += len,
                Kind::Reservation | Kind::CleanEnd => survey.kept += len,
                _ => {}
            }
        })?;
        self.surveys.insert(number, survey);
        Ok(survey)
    }

    /// Every intact record of a segment.
    fn each_in(&self, number: u32, each: &mut dyn FnMut(Kind, &[u8])) -> Result<(), ReadError> {
        let unreadable =
            |error: crate::OpenError| ReadError::corrupt("a segment", error.to_string());
        let file = self.shared.file(number)?;
        let header = segment::read_header(&*file, number).map_err(unreadable)?;
        let start = match header {
            HeaderState::Good(_, start) => start,
            HeaderState::Bad => 0,
        };
        let bytes = segment::read_rest(&*self.shared.dir, number, start).map_err(unreadable)?;
        let walker = Walker {
            segment: number,
            seed: CrcSeed::new(&self.shared.store, number),
            bytes: &bytes,
            base: start,
            vouched_whole: true,
        };
        for found in walker.walk().map_err(unreadable)?.records {
            each(found.kind, bytes.get(found.payload).unwrap_or_default());
        }
        Ok(())
    }

    /// Of so many bytes of checkpoints those that are probably live: as many of them as of all there are.
    fn live_share(&self, bytes: u64) -> u64 {
        let (all, _) = self
            .state
            .counts
            .get(&(Kind::Checkpoint as u8))
            .copied()
            .unwrap_or_default();
        let live = self
            .reader()
            .checkpoints()
            .map_or(all, |all| all.len() as u64);
        (bytes * live.min(all)).checked_div(all).unwrap_or(bytes)
    }

    fn put_runs_together(&self, collect: &mut Collect) {
        let max = self.options.segment_max;
        let mut runs = Vec::new();
        let mut first = 0;
        while first < collect.targets.len() {
            let rest = collect.targets.get(first..).unwrap_or_default();
            let count = run_length(rest, max);
            let run = rest.get(..count).unwrap_or_default();
            if run.iter().any(|target| target.is_worth_it)
                || run.len() >= NEIGHBOURS && run.iter().all(|target| target.left <= max / 8)
            {
                runs.push((first, count));
            }
            first += count;
        }
        collect.report.bytes_after = collect.report.bytes_before
            - runs
                .iter()
                .flat_map(|(first, count)| collect.targets.iter().skip(*first).take(*count))
                .map(Target::dead)
                .sum::<u64>();
        if collect.options.dry_run {
            collect.report.swept = runs.iter().map(|(_, count)| *count as u64).sum();
            collect.report.contents = self.dead_contents(collect);
            return;
        }
        runs.reverse();
        collect.stage = Stage::Sweep(runs.into_iter());
    }

    /// Contents that are held and not marked.
    fn dead_contents(&self, collect: &Collect) -> u64 {
        let held = |kind: Kind| {
            let sums = self.state.counts.get(&(kind as u8));
            sums.map_or(0, |(count, _)| *count)
        };
        let marked: u64 = collect.marks.all_live().map(|live| live.contents).sum();
        (held(Kind::Blob) + held(Kind::ChunkList)).saturating_sub(marked)
    }
}

/// How many of the first targets go together: one alone, unless it and those behind it are small.
fn run_length(rest: &[Target], max: u64) -> usize {
    let mut bytes = 0;
    let mut count = 0;
    for target in rest {
        bytes += target.left;
        // What is large and has nothing dead is not copied for the sake of its neighbours.
        let joins = target.is_worth_it || target.left <= max / 8;
        if count > 0 && (bytes > max || !joins) {
            break;
        }
        count += 1;
        if !joins {
            break;
        }
    }
    count
}
