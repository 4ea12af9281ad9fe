//! Several agents at once, each in the form of its own tool calls, against what was really done.
//!
//! Four agents work in lockstep: all brackets of a round stand before anybody writes, and nobody ends one before everybody
//! has written. So it is known of every write who may have made it. Three call `aft hook`, each call a process of its own:
//! Claude Code (Edit, Write, Bash), Codex (a patch of several files, a shell), Gemini (replace, write_file,
//! run_shell_command). The fourth talks to the socket itself.

use std::collections::BTreeMap;
use std::sync::{Barrier, Mutex};

use aft_testkit::daemon::{Connection, Socket};
use aft_testkit::sim::Rng;
use serde_json::{Value, json};

use super::rig::Rig;

const ROUNDS: usize = 10;
const AGENTS: usize = 4;
const NAMES: [&str; AGENTS] = ["claude-code", "codex", "gemini", "raw"];

/// What one agent does in a round.
#[derive(Clone, Debug)]
struct Call {
    /// Files it writes.
    writes: Vec<String>,
    /// Files it says it will write; none for a shell.
    claims: Option<Vec<String>>,
}

/// One write and who may have made it.
#[derive(Debug)]
struct Written {
    path: String,
    round: usize,
    by: usize,
    hash: String,
}

/// A file with room for a line of every round, far from each other.
fn blank() -> String {
    (0..ROUNDS * 8).map(|n| format!("line {n}\n")).collect()
}

fn mark(round: usize, by: usize) -> (String, String) {
    let at = round * 8 + 4;
    (
        format!("line {at}\n"),
        format!("{} in round {round}\n", NAMES[by]),
    )
}

fn own(agent: usize, n: usize) -> String {
    format!("work/{}-{n}.txt", NAMES[agent])
}

/// The rounds: all claim their own, all are in a shell, one shell beside claims, two claim the same.
fn plan(rng: &mut Rng) -> Vec<Vec<Call>> {
    let claimed = |agent: usize| {
        let n_files = if agent == 1 { 2 } else { 1 };
        let files: Vec<String> = (0..n_files).map(|n| own(agent, n)).collect();
        Call {
            writes: files.clone(),
            claims: Some(files),
        }
    };
    let shell = |agent: usize| Call {
        writes: vec![own(agent, 0)],
        claims: None,
    };
    (0..ROUNDS)
        .map(|round| {
            let odd_one = rng.index(AGENTS);
            (0..AGENTS)
                .map(|agent| match round % 4 {
                    0 => claimed(agent),
                    1 => shell(agent),
                    2 if agent == odd_one => shell(agent),
                    3 if agent == odd_one || agent == (odd_one + 1) % AGENTS => Call {
                        writes: if agent == odd_one {
                            vec!["work/shared.txt".to_owned()]
                        } else {
                            Vec::new()
                        },
                        claims: Some(vec!["work/shared.txt".to_owned()]),
                    },
                    _ => claimed(agent),
                })
                .collect()
        })
        .collect()
}

/// Who alone claims a path in a round; nobody where several do.
fn owner(calls: &[Call], path: &str) -> Option<usize> {
    let claims = |call: &Call| match &call.claims {
        None => true,
        Some(claims) => claims.iter().any(|claim| claim == path),
    };
    let mut claiming = calls.iter().enumerate().filter(|(_, call)| claims(call));
    match (claiming.next(), claiming.next()) {
        (Some((agent, _)), None) => Some(agent),
        _ => None,
    }
}

struct Player<'a> {
    agent: usize,
    rig: &'a Rig,
    /// The fourth agent's connection and session.
    raw: Option<(Connection, String)>,
}

impl Player<'_> {
    fn event(&self, before: bool) -> &'static str {
        match (self.agent, before) {
            (2, true) => "BeforeTool",
            (2, false) => "AfterTool",
            (_, true) => "PreToolUse",
            (_, false) => "PostToolUse",
        }
    }

    /// Name and parameters of the tool, as each agent has them.
    fn tool(&self, call: &Call, round: usize) -> (&'static str, Value) {
        let path = |relative: &String| format!("{}/{relative}", self.rig.root());
        let first = call.claims.as_ref().and_then(|claims| claims.first());
        match (self.agent, first) {
            (0, Some(file)) if round.is_multiple_of(2) => (
                "Edit",
                json!({"file_path": path(file), "old_string": "line", "new_string": "mark"}),
            ),
            (0, Some(file)) => ("Write", json!({"file_path": path(file), "content": "…"})),
            (2, Some(file)) if round.is_multiple_of(2) => (
                "replace",
                json!({"file_path": path(file), "old_string": "line", "new_string": "mark"}),
            ),
            (2, Some(file)) => (
                "write_file",
                json!({"file_path": path(file), "content": "…"}),
            ),
            (1, Some(_)) => {
                let files = call.claims.iter().flatten();
                let pieces: String = files
                    .map(|file| format!("*** Update File: {file}\n@@\n-line\n+mark\n"))
                    .collect();
                let patch = format!("*** Begin Patch\n{pieces}*** End Patch\n");
                ("apply_patch", json!({"command": patch}))
            }
            (2, None) => (
                "run_shell_command",
                json!({"command": "make", "description": "builds"}),
            ),
            (_, _) => ("Bash", json!({"command": "make"})),
        }
    }

    fn hook(&mut self, call: &Call, round: usize, before: bool) {
        if let Some((line, session)) = &mut self.raw {
            let params =
                json!({"session": session, "tool": "Edit", "tool_use_id": format!("raw-{round}")});
            let (method, mut params) = match before {
                true => ("edit.begin", params),
                false => ("edit.end", params),
            };
            if before && let Some(claims) = &call.claims {
                params["paths"] = json!(claims);
            }
            line.expect_call(method, &params);
            return;
        }
        let (tool, input) = self.tool(call, round);
        let mut payload = json!({
            "session_id": format!("run-of-{}", NAMES[self.agent]),
            "cwd": self.rig.root(),
            "hook_event_name": self.event(before),
            "tool_name": tool,
            "tool_input": input,
        });
        if self.agent != 2 {
            payload["tool_use_id"] = json!(format!("call-{round}"));
        }
        let budget = [NAMES[self.agent], "--budget", "60s"];
        self.rig.hook_with(&budget, &payload.to_string());
    }

    fn write(&self, call: &Call, round: usize, written: &Mutex<Vec<Written>>) {
        for path in &call.writes {
            let (old, new) = mark(round, self.agent);
            let text = self.rig.project.text(path).replace(&old, &new);
            self.rig.project.write(path, &text);
            written.lock().expect("a lock").push(Written {
                path: path.clone(),
                round,
                by: self.agent,
                hash: blake3::hash(text.as_bytes()).to_hex().to_string(),
            });
        }
    }
}

/// Plays the rounds; what was written.
fn play(rig: &Rig, rounds: &[Vec<Call>]) -> Vec<Written> {
    let written = Mutex::new(Vec::new());
    let together = Barrier::new(AGENTS);
    std::thread::scope(|scope| {
        for agent in 0..AGENTS {
            let (written, together) = (&written, &together);
            let raw = (agent == 3).then(|| {
                let mut line = rig.daemon.connect(Socket::Agent);
                let params = json!({"workspace": rig.root(), "agent": "raw", "session": "raw:session-of-the-trace"});
                line.expect_call("session.start", &params);
                (line, "raw:session-of-the-trace".to_owned())
            });
            scope.spawn(move || {
                let mut player = Player { agent, rig, raw };
                for (round, calls) in rounds.iter().enumerate() {
                    together.wait();
                    player.hook(&calls[agent], round, true);
                    together.wait();
                    player.write(&calls[agent], round, written);
                    together.wait();
                    player.hook(&calls[agent], round, false);
                }
            });
        }
    });
    written.into_inner().expect("a lock")
}

/// Author and note of every change in the history, by path and content.
fn recorded(rig: &Rig) -> BTreeMap<(String, String), (String, Value)> {
    let mut found = BTreeMap::new();
    for operation in rig.log().iter().skip(1) {
        for change in operation["changes"].as_array().expect("changes") {
            let path = change["path"].as_str().expect("a path").to_owned();
            let hash = change["after"]["hash"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            let author = operation["author"].as_str().expect("an author").to_owned();
            found.insert((path, hash), (author, operation.clone()));
        }
    }
    found
}

#[test]
fn every_write_of_four_agents_at_once_is_its_writers_or_nobodys() {
    let rig = Rig::unwatched();
    for agent in 0..AGENTS {
        rig.project.write(own(agent, 0), blank());
        rig.project.write(own(agent, 1), blank());
    }
    rig.project.write("work/shared.txt", blank());
    rig.daemon
        .aft_ok(rig.project.root(), &["watch", "--detach"]);
    let mut overlaps = rig.daemon.connect(Socket::Editor);
    let wish = json!({"workspace": rig.root(), "events": ["edit:overlap"]});
    overlaps.expect_call("events.subscribe", &wish);
    let mut rng = Rng::new(option_seed());
    let rounds = plan(&mut rng);
    let written = play(&rig, &rounds);
    let recorded = recorded(&rig);
    let mut n_shared = 0;
    for write in &written {
        let key = (write.path.clone(), write.hash.clone());
        let (author, operation) = recorded
            .get(&key)
            .unwrap_or_else(|| panic!("{write:?} is missing"));
        match owner(&rounds[write.round], &write.path) {
            Some(agent) => {
                assert_eq!(agent, write.by, "the test's own plan");
                assert_eq!(
                    *author,
                    format!("agent:{}", NAMES[agent]),
                    "{write:?} {operation}"
                );
                assert_eq!(operation["kind"], "edit", "{operation}");
            }
            None => {
                assert_eq!(author, "unknown", "{write:?} {operation}");
                let note = operation["note"].as_str().unwrap_or_default();
                assert!(note.starts_with("shared: "), "{operation}");
                n_shared += 1;
            }
        }
    }
    assert!(n_shared > AGENTS, "{n_shared} of {}", written.len());
    let event = overlaps.next_event().expect("an event")["params"].take();
    assert_eq!(event["event"], "edit:overlap", "{event}");
    take_each_back(&rig, &rounds, &written);
}

/// One agent after the other is taken back: its own lines go, everybody else's and what was nobody's stay.
fn take_each_back(rig: &Rig, rounds: &[Vec<Call>], written: &[Written]) {
    for (agent, name) in NAMES.iter().enumerate() {
        let session = match agent {
            3 => "raw:session-of-the-trace".to_owned(),
            _ => format!("{name}:run-of-{name}"),
        };
        rig.daemon
            .aft_ok(rig.project.root(), &["undo", "--session", &session]);
        for path in written.iter().map(|write| &write.path) {
            let stays = |write: &&Written| {
                let owner = owner(&rounds[write.round], &write.path);
                write.path == *path && owner.is_none_or(|owner| owner > agent)
            };
            let mut expected = blank();
            for write in written.iter().filter(stays) {
                let (old, new) = mark(write.round, write.by);
                expected = expected.replace(&old, &new);
            }
            assert_eq!(
                rig.project.text(path),
                expected,
                "{path} after {name} was taken back"
            );
        }
    }
}

fn option_seed() -> u64 {
    let seed = std::env::var("AFT_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or(1);
    println!("AFT_SEED={seed}");
    seed
}
