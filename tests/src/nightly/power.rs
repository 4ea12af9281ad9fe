//! Power cuts at random moments, while agents write and are given durable answers, and a directory is rolled back to
//! and fro.
//!
//! What must hold after each: every answer that was durable restores exactly, the directory is where the last answer
//! said or where the one under way leads to, the store has no fault, and the daemon starts without help.
//!
//! An answer counts if it came before the cut began. Between its beginning and its end the kernel answers what no dead
//! machine could: a sync that ext4 was waiting for when its journal was stopped returns 0 and has synced nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use aft_testkit::Manifest;
use aft_testkit::daemon::Connection;
use aft_testkit::manifest::{Options, assert_same, diff};
use aft_testkit::sim::Rng;
use serde_json::json;

use crate::e2e_real::seed;

use super::disk::{KINDS, Kind};
use super::power_rig::{PLACEMENTS, Placement, Rig};
use super::{limit, size};

const AGENTS: usize = 2;
/// How many of the answers of one agent between two cuts are gone back to.
const RESTORED: usize = 3;
/// A daemon serves again.
const RECOVERY: Duration = Duration::from_secs(10);

/// A point that was answered, and how its agent's directory was.
struct Answered {
    point: String,
    dir: String,
    look: Manifest,
}

/// An agent: a directory of its own, until its disk is gone.
struct Agent<'a> {
    dir: String,
    stop: &'a AtomicBool,
    life: u64,
    name: String,
    root: PathBuf,
    rng: Rng,
}

/// What the one who rolls back knows when the disk is gone.
struct Rolled {
    /// The point of the newest answer.
    there: usize,
    /// Where a call that was not answered leads.
    under_way: Option<usize>,
    n: u64,
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

const POINTS: [&str; 2] = ["one", "other"];
const ROLLED: &str = "rolled";

fn states(rig: &Rig, rng: &mut Rng) -> [Manifest; 2] {
    for n in 0..40 {
        let len = 500 + rng.index(9000);
        rig.project
            .write(format!("{ROLLED}/d{}/f{n}", n % 4), rng.bytes(len));
    }
    rig.project.symlink(format!("{ROLLED}/link"), "d0/f0");
    for agent in 0..AGENTS {
        rig.project.write(format!("agent{agent}/start"), "start\n");
    }
    rig.ok(&["watch", "--detach"]);
    rig.ok(&["checkpoint", POINTS[0]]);
    let one = rig.look(ROLLED);
    for n in 0..24 {
        let len = 500 + rng.index(9000);
        rig.project
            .write(format!("{ROLLED}/d{}/f{n}", n % 4), rng.bytes(len));
    }
    for n in 24..30 {
        rig.project.remove(format!("{ROLLED}/d{}/f{n}", n % 4));
        rig.project
            .write(format!("{ROLLED}/new/f{n}"), rng.bytes(700));
    }
    rig.project.chmod(format!("{ROLLED}/d3/f31"), 0o755);
    rig.project.symlink(format!("{ROLLED}/new/link"), "../d1");
    rig.ok(&["checkpoint", POINTS[1]]);
    // What the tester wrote is the tester's to make durable.
    rig.disk.sync();
    [one, rig.look(ROLLED)]
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

    /// Agents and a roller at work until the power goes; what they were answered.
    fn work(&mut self, life: u64, there: usize) -> (Vec<Answered>, Rolled) {
        let stop = &AtomicBool::new(false);
        let rig = &mut self.rig;
        let mut control = rig.control();
        let calls = POINTS.map(|point| rig.to(point, &[ROLLED]));
        let agents: Vec<Agent<'_>> = (0..AGENTS)
            .map(|n| Agent {
                dir: format!("agent{n}"),
                stop,
                life,
                name: rig.name().to_owned(),
                root: rig.root().to_owned(),
                rng: self.rng.fork(),
            })
            .collect();
        let socket = rig.socket();
        let after = Duration::from_millis(5 + self.rng.below(500));
        thread::scope(|scope| {
            let socket = &socket;
            let agents: Vec<_> = agents
                .into_iter()
                .map(|agent| scope.spawn(move || agent.run(socket)))
                .collect();
            let roller = scope.spawn(move || {
                let mut rolled = Rolled {
                    there,
                    under_way: None,
                    n: 0,
                };
                while !stop.load(Ordering::SeqCst) {
                    let goal = 1 - rolled.there;
                    rolled.under_way = Some(goal);
                    let sent = control.send("rollback.apply", &calls[goal]);
                    let Ok(Ok(_)) = sent.and_then(|id| control.answer(id)) else {
                        break;
                    };
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    rolled = Rolled {
                        there: goal,
                        under_way: None,
                        n: rolled.n + 1,
                    };
                }
                rolled
            });
            moment(after);
            stop.store(true, Ordering::SeqCst);
            rig.go_dark();
            let answered = agents
                .into_iter()
                .flat_map(|agent| agent.join().expect("an agent"));
            let answered = answered.collect();
            (answered, roller.join().expect("the roller"))
        })
    }

    /// Where the rolled directory is now; it must be in one of its states.
    #[track_caller]
    fn judge_rolled(&self, rolled: &Rolled) -> usize {
        let look = Manifest::read(&self.rig.root().join(ROLLED), Options::default());
        let look = look.expect("the directory");
        let there = self.states.iter().position(|state| *state == look);
        let allowed = |there| there == rolled.there || rolled.under_way == Some(there);
        match there {
            Some(there) if allowed(there) => there,
            _ => panic!(
                "{} is at {there:?}; answered was {}, under way {:?}\nagainst the first: {:#?}\nagainst the second: {:#?}",
                self.rig.root().join(ROLLED).display(),
                rolled.there,
                rolled.under_way,
                diff(&self.states[0], &look),
                diff(&self.states[1], &look),
            ),
        }
    }

    /// One life between two cuts; where the rolled directory is in the end.
    #[track_caller]
    fn life(&mut self, life: u64, there: usize) -> usize {
        let (mut answered, rolled) = self.work(life, there);
        self.n_answered += answered.len();
        self.n_rolled += rolled.n;
        let time = self.rig.come_back();
        self.slowest = self.slowest.max(time);
        assert!(
            time < limit(RECOVERY),
            "it took {time:?} until a fence was answered"
        );
        let there = self.judge_rolled(&rolled);
        self.rig.check(life.is_multiple_of(10));
        for agent in 0..AGENTS {
            let dir = format!("agent{agent}");
            // The newest is the one that a missing sync loses.
            for _ in 0..RESTORED {
                let Some(at) = answered.iter().rposition(|answered| answered.dir == dir) else {
                    break;
                };
                let answered = answered.remove(at);
                self.rig.ok(&["rollback", &answered.point, &dir]);
                assert_same(&answered.look, &self.rig.look(&dir), &answered.point);
            }
        }
        // The next life begins on a disk that has this one's states.
        self.rig.disk.sync();
        there
    }
}

/// Lets some time pass: it picks the moment of a cut, and nothing is waited for by it.
fn moment(time: Duration) {
    let (_held, never) = channel::<()>();
    never.recv_timeout(time).unwrap_or_default();
}

impl Agent<'_> {
    fn run(mut self, socket: &Path) -> Vec<Answered> {
        let mut answered = Vec::new();
        let Ok(mut connection) = Connection::open(socket) else {
            return answered;
        };
        let mut n = 0;
        while !self.stop.load(Ordering::SeqCst) {
            n += 1;
            match self.turn(n, &mut connection) {
                Ok(Some(one)) => answered.push(one),
                Ok(None) => {}
                // The disk or the daemon is gone.
                Err(_) => break,
            }
        }
        answered
    }

    /// Changes some files and has it made durable; `None` where that was refused.
    fn turn(&mut self, n: u64, connection: &mut Connection) -> io::Result<Option<Answered>> {
        self.change()?;
        let look = Manifest::read(&self.root.join(&self.dir), Options::default())?;
        let name = format!("{}-{}-{n}", self.dir, self.life);
        let by_name = self.rng.chance(500);
        let id = if by_name {
            let params = json!({"workspace": self.name, "name": name});
            connection.send("checkpoint.create", &params)?
        } else {
            let params = json!({"workspace": self.name, "durable": true});
            connection.send("sync", &params)?
        };
        let answer = connection.answer(id)?;
        if self.stop.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let point = match answer {
            Ok(_) if by_name => name,
            Ok(synced) if synced["durable"] == json!(true) => {
                synced["head"].as_u64().expect("a head").to_string()
            }
            Ok(synced) => panic!("no durable answer, and no error: {synced}"),
            Err(_) => return Ok(None),
        };
        Ok(Some(Answered {
            point,
            dir: self.dir.clone(),
            look,
        }))
    }

    fn change(&mut self) -> io::Result<()> {
        let dir = self.root.join(&self.dir);
        for _ in 0..1 + self.rng.index(6) {
            let sub = dir.join(format!("d{}", self.rng.index(3)));
            let path = sub.join(format!("f{}", self.rng.index(12)));
            std::fs::create_dir_all(&sub)?;
            let len = self.rng.index(12_000);
            let bytes = self.rng.bytes(len);
            match self.rng.index(10) {
                0..=4 => std::fs::write(&path, bytes)?,
                5..=7 => {
                    let temporary = path.with_extension("tmp");
                    std::fs::write(&temporary, bytes)?;
                    std::fs::rename(&temporary, &path)?;
                }
                8 => match std::fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                },
                _ => std::fs::remove_dir_all(&sub)?,
            }
        }
        Ok(())
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
    for kind in KINDS {
        for placement in PLACEMENTS {
            cuts(kind, placement, n, &mut rng);
        }
    }
}
