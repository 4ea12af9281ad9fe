//! `kill -9` of the daemon at random moments, while three agents write and make checkpoints over the socket.
//!
//! What must hold: every checkpoint that was answered restores its agent's files exactly, the store has no fault, and
//! every start serves again without help.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use aft_testkit::Manifest;
use aft_testkit::daemon::{Connection, Socket};
use aft_testkit::manifest::assert_same;
use aft_testkit::sim::Rng;
use serde_json::json;

use aft_testkit::StopAtEnd;

use super::rig::Rig;
use super::{option, seed};

const AGENTS: usize = 3;
/// How many checkpoints are gone back to in the end, at most, unless the kills are many too.
const RESTORED: usize = 24;

/// A checkpoint that was answered, and how its agent's directory was.
struct Answered {
    name: String,
    dir: String,
    look: Manifest,
}

/// An agent: a directory of its own, and whatever connection it can get.
struct Agent {
    number: usize,
    root: PathBuf,
    socket: PathBuf,
    rng: Rng,
}

#[test]
fn every_checkpoint_an_agent_was_answered_restores_exactly() {
    let mut rng = Rng::new(seed("agents and kills"));
    let n_kills = option("AFT_DAEMON_KILLS", 8);
    let mut rig = Rig::new();
    for number in 0..AGENTS {
        rig.project.write(format!("agent{number}/start"), "start\n");
    }
    rig.watch();
    let stop = AtomicBool::new(false);
    let mut answered = Vec::new();
    let mut slowest = Duration::ZERO;
    thread::scope(|scope| {
        let agents: Vec<_> = (0..AGENTS)
            .map(|number| {
                let agent = Agent {
                    number,
                    root: rig.root().to_owned(),
                    socket: rig.daemon.runtime_dir().join(Socket::Agent.file_name()),
                    rng: rng.fork(),
                };
                let stop = &stop;
                scope.spawn(move || agent.run(stop))
            })
            .collect();
        let stopping = StopAtEnd(&stop);
        for _ in 0..n_kills {
            moment(Duration::from_millis(10 + rng.below(490)));
            rig.daemon.kill();
            let start = Instant::now();
            rig.daemon.run();
            rig.ok(&["sync"]);
            slowest = slowest.max(start.elapsed());
        }
        drop(stopping);
        for agent in agents {
            answered.extend(agent.join().expect("an agent ends"));
        }
    });
    println!(
        "{n_kills} kills, {} checkpoints were answered, slowest start until a fence was answered {slowest:?}",
        answered.len()
    );
    assert!(answered.len() >= n_kills, "too few checkpoints to judge by");
    let checked = rig
        .daemon
        .control()
        .expect_call("store.check", &json!({"read_data": true}));
    assert_eq!(checked["ok"], json!(true), "{checked}");
    for _ in 0..RESTORED.max(n_kills).min(answered.len()) {
        let checkpoint = answered.swap_remove(rng.index(answered.len()));
        rig.ok(&["rollback", &checkpoint.name, &checkpoint.dir]);
        let now = Manifest::of(rig.root().join(&checkpoint.dir));
        assert_same(&checkpoint.look, &now, &checkpoint.name);
    }
}

/// Lets some time pass: it picks the moment of a kill, and nothing is waited for by it.
fn moment(time: Duration) {
    let (_held, never) = channel::<()>();
    never.recv_timeout(time).unwrap_or_default();
}

impl Agent {
    fn run(mut self, stop: &AtomicBool) -> Vec<Answered> {
        let mut answered = Vec::new();
        let mut connection = None;
        let dir = format!("agent{}", self.number);
        let mut n = 0;
        while !stop.load(Ordering::Relaxed) {
            self.work(&dir);
            n += 1;
            let name = format!("{dir}-{n}");
            let look = Manifest::of(self.root.join(&dir));
            if connection.is_none() {
                connection = Connection::open(&self.socket).ok();
            }
            let params = json!({"workspace": self.root.to_str().expect("UTF-8"), "name": name});
            let answer = connection.as_mut().and_then(|connection: &mut Connection| {
                let id = connection.send("checkpoint.create", &params).ok()?;
                connection.answer(id).ok()
            });
            match answer {
                Some(Ok(_)) => answered.push(Answered {
                    name,
                    dir: dir.clone(),
                    look,
                }),
                Some(Err(error)) => {
                    let kind = error["data"]["kind"]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned();
                    assert!(["busy", "not_armed"].contains(&kind.as_str()), "{error}");
                }
                // The daemon is gone; the work goes on.
                None => connection = None,
            }
        }
        answered
    }

    /// What an agent does to its files between two checkpoints.
    fn work(&mut self, dir: &str) {
        let dir = self.root.join(dir);
        for _ in 0..1 + self.rng.index(12) {
            let sub = dir.join(format!("d{}", self.rng.index(4)));
            let path = sub.join(format!("f{}", self.rng.index(20)));
            std::fs::create_dir_all(&sub).expect("made");
            let len = self.rng.index(6_000);
            let bytes = self.rng.bytes(len);
            match self.rng.index(10) {
                0..=4 => std::fs::write(&path, bytes).expect("written"),
                5..=6 => save(&path, &bytes),
                7 => drop(std::fs::remove_file(&path)),
                8 => drop(std::fs::rename(&path, sub.join("renamed"))),
                _ => std::fs::remove_dir_all(&sub).expect("removed"),
            }
        }
    }
}

fn save(path: &Path, bytes: &[u8]) {
    let temporary = path.with_extension("tmp");
    std::fs::write(&temporary, bytes).expect("written");
    std::fs::rename(&temporary, path).expect("renamed");
}
