//! Eight agents at once: checkpoints, fences and rollbacks on paths of their own and on shared ones.
//!
//! Does: let each know what its own files must hold, and check at the end that the history is one line of operations:
//! each change starts where the one before it on that path ended, everybody read the same, and a rollback changed
//! only paths it was asked for.
//! Does not: decide who wins on the shared paths; the order of the operations does.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aft_testkit::daemon::{Connection, Socket};
use aft_testkit::sim::Rng;
use serde_json::{Value, json};

use crate::e2e_real::rig::Rig;
use crate::e2e_real::{heavy, seed};
use crate::wire::wire_bytes;

use super::history::{self, Told};

const AGENTS: u64 = 8;
/// Files of each agent.
const OWN: u64 = 4;
const SHARED: u64 = 6;
/// Answers that say "not now" or "somebody else was there".
const REFUSALS: &[&str] = &["version_conflict", "edit_conflict", "busy"];

fn duration() -> Duration {
    Duration::from_secs(if heavy() { 600 } else { 8 })
}

/// A rollback that was answered: the operation and the paths it was asked for.
struct Claim {
    operation: u64,
    prefix: String,
}

/// One agent, its files as it left them, and the checkpoints of them.
struct Agent<'a> {
    rig: &'a Rig,
    name: String,
    rng: Rng,
    connection: Connection,
    own: BTreeMap<String, String>,
    points: Vec<(String, BTreeMap<String, String>)>,
    claims: Vec<Claim>,
    /// What it read of the history: an operation and its changes, as they were told.
    read: BTreeMap<u64, String>,
    refused: u64,
    serial: u64,
}

impl<'a> Agent<'a> {
    fn new(rig: &'a Rig, number: u64, rng: Rng) -> Self {
        let name = format!("a{number}");
        let own = (0..OWN).map(|file| (format!("{name}/f{file}"), "start\n".to_owned()));
        Self {
            rig,
            rng,
            connection: rig.daemon.connect(Socket::Agent),
            own: own.collect(),
            points: Vec::new(),
            claims: Vec::new(),
            read: BTreeMap::new(),
            refused: 0,
            serial: 0,
            name,
        }
    }

    fn about(&self, more: &Value) -> Value {
        let mut params = json!({"workspace": self.rig.root().to_str().expect("UTF-8")});
        if let (Some(params), Some(more)) = (params.as_object_mut(), more.as_object()) {
            params.extend(more.clone());
        }
        params
    }

    /// `None` where somebody else came first.
    fn call(&mut self, method: &str, more: &Value) -> Option<Value> {
        match self.connection.call(method, &self.about(more)) {
            Ok(answer) => Some(answer),
            Err(error) => {
                let kind = error["data"]["kind"].as_str().unwrap_or_default();
                assert!(REFUSALS.contains(&kind), "{method} {more}: {error}");
                self.refused += 1;
                None
            }
        }
    }

    fn text(&mut self) -> String {
        self.serial += 1;
        format!("{} wrote {}\n", self.name, self.serial)
    }

    fn step(&mut self) {
        match self.rng.below(10) {
            0..=2 => {
                let (file, text) = (self.rng.below(OWN), self.text());
                let path = format!("{}/f{file}", self.name);
                self.rig.project.write(&path, &text);
                self.own.insert(path, text);
            }
            3 => {
                let (file, text) = (self.rng.below(SHARED), self.text());
                self.rig.project.save(format!("shared/s{file}"), text);
            }
            4 => self.checkpoint(),
            5 | 6 => self.go_back_own(),
            7 => self.go_back_shared(),
            8 => self.look(),
            _ => {
                self.call("sync", &json!({"durable": true}));
            }
        }
        self.assert_own();
    }

    fn checkpoint(&mut self) {
        let name = format!("{}-{}", self.name, self.points.len());
        if self
            .call("checkpoint.create", &json!({"name": name}))
            .is_some()
        {
            self.points.push((name, self.own.clone()));
        }
    }

    /// Its own files to a checkpoint of its own: nobody else writes there, so nothing may stand in the way.
    fn go_back_own(&mut self) {
        if self.points.is_empty() {
            return;
        }
        let at = usize::try_from(self.rng.below(self.points.len() as u64)).expect("small");
        let (point, then) = self.points[at].clone();
        let prefix = self.name.clone();
        if self.roll_back(&point, &prefix) {
            self.own = then;
        }
    }

    fn go_back_shared(&mut self) {
        if let Some((point, _)) = self.points.last().cloned() {
            self.roll_back(&point, "shared");
        }
    }

    fn roll_back(&mut self, point: &str, prefix: &str) -> bool {
        let asked = json!({"point": point, "paths": [prefix], "on_conflict": "keep"});
        let Some(answer) = self.call("rollback.apply", &asked) else {
            return false;
        };
        if let Some(operation) = answer["operation"].as_u64() {
            self.claims.push(Claim {
                operation,
                prefix: prefix.to_owned(),
            });
        }
        true
    }

    /// Reads the newest operations, with their changes.
    fn look(&mut self) {
        let answer = self.call("history.list", &json!({"limit": 20}));
        let listed = answer.expect("a list is never refused");
        let mut last = u64::MAX;
        for operation in listed["operations"].as_array().expect("operations") {
            let number = operation["operation"].as_u64().expect("a number");
            assert!(number < last, "newest first: {listed}");
            last = number;
            let told = identity(operation);
            let known = self.read.insert(number, told.clone());
            assert!(
                known.as_ref().is_none_or(|known| *known == told),
                "operation {number} is told as {known:?} and as {told}"
            );
        }
    }

    /// Nobody else's rollback came over its files.
    fn assert_own(&self) {
        for (path, text) in &self.own {
            assert_eq!(
                &self.rig.project.text(path),
                text,
                "{} of {}",
                path,
                self.name
            );
        }
    }
}

/// What must never be told differently: everything of an operation that is not a figure about it.
fn identity(operation: &Value) -> String {
    format!(
        "{} {} {} {}",
        operation["kind"], operation["time"], operation["author"], operation["n_changes"]
    )
}

#[test]
fn eight_agents_work_at_once_and_the_history_is_one_line() {
    let rig = Rig::new();
    for agent in 0..AGENTS {
        for file in 0..OWN {
            rig.project.write(format!("a{agent}/f{file}"), "start\n");
        }
    }
    for file in 0..SHARED {
        rig.project.write(format!("shared/s{file}"), "start\n");
    }
    rig.project.write("nobody", "untouched\n");
    rig.watch();
    let nobody = rig.project.manifest_with_times().get("nobody").cloned();
    let baseline = rig.head();
    let seed = seed("concurrent");
    let end = Instant::now() + duration();
    let agents: Vec<Agent<'_>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..AGENTS)
            .map(|number| {
                let mut agent = Agent::new(&rig, number, Rng::new(seed ^ (number << 32)));
                scope.spawn(move || {
                    while Instant::now() < end {
                        agent.step();
                    }
                    agent
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("an agent"))
            .collect()
    });
    rig.assert_recorded("at the end");
    assert_eq!(
        rig.project.manifest_with_times().get("nobody").cloned(),
        nobody
    );
    let operations = history::since(&rig, baseline);
    assert_one_line(&operations);
    let (mut claims, mut refused) = (BTreeMap::new(), 0);
    for agent in &agents {
        agent.assert_own();
        refused += agent.refused;
        for (number, told) in agent.read.range(baseline + 1..) {
            let now = operations.get(number).map(|told| identity(&told.operation));
            assert_eq!(now.as_ref(), Some(told), "{} read {number}", agent.name);
        }
        for claim in &agent.claims {
            let twice = claims.insert(claim.operation, claim.prefix.clone());
            assert!(
                twice.is_none(),
                "two were told operation {}",
                claim.operation
            );
        }
    }
    println!(
        "{} operations, {} rollbacks, {refused} refused",
        operations.len(),
        claims.len()
    );
    assert!(claims.len() > 20, "too little happened");
    assert_claimed(&operations, &claims);
}

/// Each change starts where the one before it on that path ended.
#[track_caller]
fn assert_one_line(operations: &BTreeMap<u64, Told>) {
    let mut states: BTreeMap<Vec<u8>, (u64, Value)> = BTreeMap::new();
    for (number, told) in operations {
        for change in &told.changes {
            let path = wire_bytes(&change["path"]);
            if let Some((by, state)) = states.get(&path) {
                assert_eq!(
                    state,
                    &change["before"],
                    "{} after operation {by}, and before operation {number}",
                    String::from_utf8_lossy(&path)
                );
            }
            states.insert(path, (*number, change["after"].clone()));
        }
    }
}

/// Every operation that goes back was asked for by one agent, and changes only what that agent named.
#[track_caller]
fn assert_claimed(operations: &BTreeMap<u64, Told>, claims: &BTreeMap<u64, String>) {
    for (number, told) in operations {
        let operation = &told.operation;
        if ["observed", "baseline"].contains(&operation["kind"].as_str().unwrap_or_default()) {
            continue;
        }
        let prefix = claims
            .get(number)
            .unwrap_or_else(|| panic!("nobody asked for {operation}"));
        for change in &told.changes {
            let path = wire_bytes(&change["path"]);
            let path = String::from_utf8_lossy(&path);
            assert!(
                path.starts_with(prefix.as_str()),
                "{path} changed by operation {number}, which was asked for {prefix}"
            );
        }
    }
}
