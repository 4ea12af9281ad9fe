//! Power cuts at random moments, while agents write and are given durable answers, and a directory is rolled back to
//! and fro.
//!
//! What must hold after each: every answer that was durable restores exactly, the directory is where the last answer
//! said or where the one under way leads to, the store has no fault, and the daemon starts without help.
//!
//! An answer counts if it came before the cut began. Between its beginning and its end the kernel answers what no dead
//! machine could: a sync that ext4 was waiting for when its journal was stopped returns 0 and has synced nothing.

use std::time::Duration;

use aft_testkit::Manifest;
use aft_testkit::manifest::{Options, assert_same, diff};
use aft_testkit::sim::Rng;

use crate::e2e_real::seed;

use super::disk::{KINDS, Kind};
use super::power_rig::{PLACEMENTS, Placement, Rig};
use super::power_work::{AGENTS, Answered, ROLLED, Roll, states, work};
use super::{limit, size};

/// How many of the answers of one agent between two cuts are gone back to.
const RESTORED: usize = 3;
/// A daemon serves again.
const RECOVERY: Duration = Duration::from_secs(10);

/// What the one who rolls back knows when the disk is gone.
pub(super) struct Rolled {
    /// The point of the newest answer.
    pub(super) there: usize,
    /// Where a call that was not answered leads.
    pub(super) under_way: Option<usize>,
    pub(super) n: u64,
}

impl Rolled {
    /// From where it was, and what was asked for since.
    pub(super) fn after(there: usize, rolls: &[Roll]) -> Self {
        let answered = rolls.iter().filter(|roll| roll.answered.is_some());
        let open = rolls.iter().find(|roll| roll.answered.is_none());
        Self {
            there: answered.clone().next_back().map_or(there, |roll| roll.goal),
            under_way: open.map(|roll| roll.goal),
            n: answered.count() as u64,
        }
    }
}

/// Where the rolled directory is now; it must be in one of its states.
#[track_caller]
pub(super) fn judge_rolled(rig: &Rig, states: &[Manifest; 2], rolled: &Rolled) -> usize {
    let look = Manifest::read(&rig.root().join(ROLLED), Options::default());
    let look = look.expect("the directory");
    let there = states.iter().position(|state| *state == look);
    let allowed = |there| there == rolled.there || rolled.under_way == Some(there);
    match there {
        Some(there) if allowed(there) => there,
        _ => panic!(
            "{} is at {there:?}; answered was {}, under way {:?}\nagainst the first: {:#?}\nagainst the second: {:#?}",
            rig.root().join(ROLLED).display(),
            rolled.there,
            rolled.under_way,
            diff(&states[0], &look),
            diff(&states[1], &look),
        ),
    }
}

/// The newest answers of each agent restore exactly.
#[track_caller]
pub(super) fn judge_answered(rig: &Rig, answered: &[&Answered]) {
    for agent in 0..AGENTS {
        let dir = format!("agent{agent}");
        // The newest is the one that a missing sync loses.
        let newest = answered.iter().rev().filter(|one| one.dir == dir);
        for one in newest.take(RESTORED) {
            let went = rig.ok(&["rollback", &one.point, &dir]);
            let now = rig.look(&dir);
            if one.look != now {
                let at = rig.ok(&["rollback", "--dry-run", &one.point, &dir]);
                println!("{went}\nand again: {at}");
                println!("{}", rig.ok(&["log", "--stat", "-n", "6", &dir]));
            }
            assert_same(&one.look, &now, &one.point);
        }
    }
}

/// A workspace with two states of a directory, each a checkpoint.
struct Scene {
    rig: Rig,
    states: [Manifest; 2],
    rng: Rng,
    n_answered: usize,
    n_rolled: u64,
    slowest: Duration,
}

impl Scene {
    fn new(rig: Rig, mut rng: Rng) -> Self {
        let states = states(&rig, &mut rng);
        Self {
            rig,
            states,
            rng,
            n_answered: 0,
            n_rolled: 0,
            slowest: Duration::ZERO,
        }
    }

    /// What was answered until the power went.
    fn work(&mut self, life: u64, there: usize) -> (Vec<Answered>, Rolled) {
        let (rig, rng) = (&mut self.rig, &mut self.rng);
        let (answered, rolls) = work(rig, rng, (life, there), &|| 0, Rig::go_dark);
        (answered, Rolled::after(there, &rolls))
    }

    /// One life between two cuts; where the rolled directory is in the end.
    #[track_caller]
    fn life(&mut self, life: u64, there: usize) -> usize {
        let (answered, rolled) = self.work(life, there);
        self.n_answered += answered.len();
        self.n_rolled += rolled.n;
        let time = self.rig.come_back();
        self.slowest = self.slowest.max(time);
        assert!(
            time < limit(RECOVERY),
            "it took {time:?} until a fence was answered"
        );
        let there = judge_rolled(&self.rig, &self.states, &rolled);
        self.rig.check(life.is_multiple_of(10));
        judge_answered(&self.rig, &answered.iter().collect::<Vec<_>>());
        // The next life begins on a disk that has this one's states.
        self.rig.disk.sync();
        there
    }
}

fn cuts(kind: Kind, placement: Placement, n: u64, rng: &mut Rng) {
    let Some(rig) = Rig::new(kind, placement) else {
        return;
    };
    let mut scene = Scene::new(rig, rng.fork());
    let mut there = 1;
    for life in 0..n {
        println!("{kind:?}, {placement:?}: cut {life}");
        there = scene.life(life, there);
    }
    let Scene {
        rig,
        n_answered,
        n_rolled,
        slowest,
        ..
    } = scene;
    rig.check(true);
    rig.finish();
    println!(
        "{kind:?}, {placement:?}: {n} cuts, {n_answered} durable answers, {n_rolled} rollbacks, slowest start until a fence {slowest:?}"
    );
}

#[test]
fn what_was_answered_as_durable_survives_every_power_cut() {
    let mut rng = Rng::new(seed("power cuts"));
    let n = size("AFT_CUTS", 1, 200);
    let only = std::env::var("AFT_DISK").ok();
    let is_wanted = |kind: &Kind| {
        only.as_ref()
            .is_none_or(|only| *only == format!("{kind:?}"))
    };
    for kind in KINDS.into_iter().filter(is_wanted) {
        for placement in PLACEMENTS {
            cuts(kind, placement, n, &mut rng);
        }
    }
}
