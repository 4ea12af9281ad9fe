//! Who is at work when the power goes: agents who write and are given durable answers, and one who rolls a directory to
//! and fro between two states.
//!
//! Does: remember what was asked and answered, and how far the disk was then. Does not: cut anything, or judge.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use aft_testkit::Manifest;
use aft_testkit::daemon::Connection;
use aft_testkit::manifest::Options;
use aft_testkit::sim::Rng;
use serde_json::json;

use super::power_rig::Rig;

pub(super) const AGENTS: usize = 2;

/// Tells how much was written to the disk so far, where that is known.
pub(super) type Mark<'a> = &'a (dyn Fn() -> u64 + Sync);

/// A point that was answered, and how its agent's directory was.
pub(super) struct Answered {
    pub(super) point: String,
    pub(super) dir: String,
    pub(super) look: Manifest,
    /// How far the disk was when the answer came.
    pub(super) at: u64,
}

/// An agent: a directory of its own, until its disk is gone.
struct Agent<'a> {
    dir: String,
    stop: &'a AtomicBool,
    life: u64,
    name: String,
    root: PathBuf,
    rng: Rng,
    mark: Mark<'a>,
}

/// A call that takes the directory to one of its states.
#[derive(Clone, Copy)]
pub(super) struct Roll {
    pub(super) goal: usize,
    /// How far the disk was when it was asked for, and when the answer came.
    pub(super) sent: u64,
    pub(super) answered: Option<u64>,
}

pub(super) const POINTS: [&str; 2] = ["one", "other"];
pub(super) const ROLLED: &str = "rolled";

/// Makes the two states, each a checkpoint, and directories for the agents.
pub(super) fn states(rig: &Rig, rng: &mut Rng) -> [Manifest; 2] {
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

/// Agents and a roller at work until `end` has ended them; what they were answered.
pub(super) fn work(
    rig: &mut Rig,
    rng: &mut Rng,
    (life, there): (u64, usize),
    mark: Mark<'_>,
    end: impl FnOnce(&mut Rig),
) -> (Vec<Answered>, Vec<Roll>) {
    let stop = &AtomicBool::new(false);
    let mut control = rig.control();
    let calls = POINTS.map(|point| rig.to(point, &[ROLLED]));
    let agents: Vec<Agent<'_>> = (0..AGENTS)
        .map(|n| Agent {
            dir: format!("agent{n}"),
            stop,
            life,
            name: rig.name().to_owned(),
            root: rig.root().to_owned(),
            rng: rng.fork(),
            mark,
        })
        .collect();
    let socket = rig.socket();
    let after = Duration::from_millis(5 + rng.below(500));
    thread::scope(|scope| {
        let socket = &socket;
        let agents: Vec<_> = agents
            .into_iter()
            .map(|agent| scope.spawn(move || agent.run(socket)))
            .collect();
        let roller = scope.spawn(move || {
            let mut rolls: Vec<Roll> = Vec::new();
            let mut there = there;
            while !stop.load(Ordering::SeqCst) {
                let goal = 1 - there;
                let sent = mark();
                rolls.push(Roll {
                    goal,
                    sent,
                    answered: None,
                });
                let sent = control.send("rollback.apply", &calls[goal]);
                let Ok(Ok(_)) = sent.and_then(|id| control.answer(id)) else {
                    break;
                };
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                there = goal;
                if let Some(roll) = rolls.last_mut() {
                    roll.answered = Some(mark());
                }
            }
            rolls
        });
        moment(after);
        stop.store(true, Ordering::SeqCst);
        end(rig);
        let answered = agents
            .into_iter()
            .flat_map(|agent| agent.join().expect("an agent"));
        let answered = answered.collect();
        (answered, roller.join().expect("the roller"))
    })
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
            at: (self.mark)(),
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
