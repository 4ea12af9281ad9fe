//! Power cuts as a disk with a cache of its own sees them: a disk is recorded while agents are at work, and then every
//! state is tried that it may have been left in, at each flush and with any part of what came after it.
//!
//! What must hold in each is what holds after any cut (`power`). An answer counts if it came before the flush; a call
//! may have been carried out if it was asked for before the next.

use std::collections::BTreeSet;

use aft_testkit::Manifest;
use aft_testkit::sim::Rng;

use crate::e2e_real::seed;

use super::disk::{Disk, Kind};
use super::power::{Rolled, judge_answered, judge_rolled};
use super::power_rig::{Placement, Rig};
use super::power_work::{Answered, Roll, states, work};
use super::recorder::{Recording, Wanted};
use super::size;

/// States that are tried of one recording, in each of the two ways.
const OF_ONE: u64 = 20;

/// What was recorded.
struct Replay {
    rig: Rig,
    states: [Manifest; 2],
    answered: Vec<Answered>,
    rolls: Vec<Roll>,
    recording: Recording,
    /// Flushes while they were at work, and those that something was written after, before the next.
    flushes: Vec<usize>,
    followed: Vec<usize>,
}

impl Replay {
    #[track_caller]
    fn record(kind: Kind, rng: &mut Rng) -> Option<Self> {
        let mut rig = Rig::on(Disk::recorded(kind)?, Placement::Both);
        let log = rig.disk.recorder().expect("it is recorded").log();
        let mark = move || std::fs::metadata(&log).expect("the log").len();
        let states = states(&rig, rng);
        let begun = mark();
        let (answered, rolls) = work(&mut rig, rng, (0, 1), &mark, Rig::end);
        let until = mark();
        let recording = rig.disk.end_recording();
        let flushes = recording.flushes(begun, until);
        let is_followed = |flush: &&usize| !recording.between(**flush).0.is_empty();
        let followed: Vec<usize> = flushes.iter().filter(is_followed).copied().collect();
        assert!(!followed.is_empty(), "nothing was flushed");
        Some(Self {
            rig,
            states,
            answered,
            rolls,
            recording,
            flushes,
            followed,
        })
    }

    /// A machine finds the disk so; what counts is what was answered until one length of the log and asked until the
    /// other.
    #[track_caller]
    fn judge(&mut self, wanted: &Wanted, asked_until: u64) {
        let answered_until = self.recording.end_of(wanted.flush);
        self.rig.disk.show(&self.recording, wanted);
        self.rig.start();
        self.rig.ok(&["sync"]);
        let asked = self.rolls.iter().filter(|roll| roll.sent <= asked_until);
        let rolls: Vec<Roll> = asked
            .map(|roll| Roll {
                answered: roll.answered.filter(|at| *at <= answered_until),
                ..*roll
            })
            .collect();
        judge_rolled(&self.rig, &self.states, &Rolled::after(1, &rolls));
        self.rig.check(true);
        let counting = self.answered.iter().filter(|one| one.at <= answered_until);
        judge_answered(&self.rig, &counting.collect::<Vec<_>>());
        self.rig.end();
        self.rig.disk.take_away();
    }

    fn finish(self) {
        let Self {
            rig,
            answered,
            rolls,
            flushes,
            ..
        } = self;
        println!(
            "{} flushes, {} durable answers, {} rollbacks",
            flushes.len(),
            answered.len(),
            rolls.len()
        );
        drop(rig);
    }
}

fn replay(kind: Kind, n: u64, rng: &mut Rng) -> bool {
    let Some(mut replay) = Replay::record(kind, rng) else {
        return false;
    };
    for way in 0..n {
        let flush = replay.flushes[rng.index(replay.flushes.len())];
        println!("{kind:?}: state {way}, flush {flush}");
        let nothing = Wanted {
            flush,
            later: BTreeSet::new(),
        };
        let end = replay.recording.end_of(flush);
        replay.judge(&nothing, end);
        let flush = replay.followed[rng.index(replay.followed.len())];
        let (blocks, end) = replay.recording.between(flush);
        let share = 1 + rng.index(999) as u32;
        let some = Wanted {
            flush,
            later: blocks.into_iter().filter(|_| rng.chance(share)).collect(),
        };
        println!(
            "flush {flush}, and {} blocks of what came after it",
            some.later.len()
        );
        replay.judge(&some, end);
    }
    replay.finish();
    true
}

#[test]
fn what_was_flushed_is_enough_whatever_else_a_disk_wrote() {
    let mut rng = Rng::new(seed("recorded disks"));
    let n = size("AFT_REPLAYS", 2, 200);
    for kind in [Kind::Ext4, Kind::Ext4Lazy, Kind::Xfs] {
        let mut left = n;
        while left > 0 {
            let some = left.min(OF_ONE);
            if !replay(kind, some, &mut rng) {
                return;
            }
            left -= some;
        }
    }
}
