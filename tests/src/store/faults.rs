//! The disk under the store fails, once at some call or until somebody mends it: SQLite's two loops.
//!
//! `strace` makes the writer's calls fail. What is answered as durable meanwhile is durable, a handle whose sync
//! failed is never trusted again, the failure is shown, and when the disk is well again the daemon goes on by itself.
//! Short writes come from a disk that fills up; `full` has those.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aft_testkit::daemon::Connection;
use aft_testkit::sim::Rng;
use aft_testkit::workspace::wait_until;
use aft_testkit::{TestDaemon, Workspace};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::e2e_real::{heavy, seed};

/// The longest pause between two tries of the writer is 5 s.
const MENDED: Duration = Duration::from_secs(20);
/// Answers come within this, whatever they say.
const NO_HANG: Duration = Duration::from_secs(60);
/// The first pause between two tries is 1 s.
const TRIES_AGAIN: Duration = Duration::from_millis(1500);
/// Faults of one run; the nightly one takes all.
const SAMPLE: usize = 5;

/// Which call fails how.
#[derive(Clone, Copy, Debug)]
struct Fault {
    call: &'static str,
    error: &'static str,
    /// The n-th one, or all from the first.
    once_at: Option<u64>,
}

impl Fault {
    /// Every save makes these calls. The others follow a failed sync, which is made to happen.
    fn is_first(self) -> bool {
        self.call == "fdatasync"
    }

    /// No promise can be kept while it lasts: nothing is written, synced, or opened again after a failure.
    fn forbids_promises(self) -> bool {
        self.once_at.is_none() && (self.is_first() || self.call == "openat")
    }
}

/// Not `write`: the writer's thread wakes the sockets' threads by it as well, through a counter that cannot fail in any
/// of these ways. Appends that fail are `full`'s.
const CALLS: [(&str, &[&str]); 5] = [
    ("fdatasync", &["EIO", "ENOSPC"]),
    ("fsync", &["EIO"]),
    ("pwrite64", &["EIO", "ENOSPC"]),
    ("openat", &["EIO", "EMFILE", "ENOSPC"]),
    ("renameat", &["EIO"]),
];

fn faults() -> Vec<Fault> {
    let mut all = Vec::new();
    for (call, errors) in CALLS {
        for error in errors {
            for once_at in [None, Some(1), Some(2), Some(3), Some(5)] {
                all.push(Fault {
                    call,
                    error,
                    once_at,
                });
            }
        }
    }
    // What only follows a failure is not made often.
    all.retain(|fault| fault.is_first() || fault.once_at.is_none_or(|n| n == 1));
    all
}

/// `strace` on the writer's thread.
struct Failing {
    child: Child,
    log: PathBuf,
}

impl Failing {
    #[track_caller]
    fn attach(pid: i32, fault: Fault, log: PathBuf) -> Self {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the daemon runs");
        let is_writer = |task: &std::fs::DirEntry| {
            let name = std::fs::read_to_string(task.path().join("comm"));
            name.is_ok_and(|name| name.trim_end() == "aft-writer")
        };
        let writer = tasks.flatten().find(is_writer).expect("a writer");
        let when = fault.once_at.map_or("1+".to_owned(), |n| n.to_string());
        let mut child = Command::new("strace")
            .arg("-p")
            .arg(writer.file_name())
            .arg("-o")
            .arg(&log)
            .arg("--trace=openat,close,write,pwrite64,fsync,fdatasync,ftruncate,renameat")
            .arg(format!(
                "--inject={}:error={}:when={when}",
                fault.call, fault.error
            ))
            .args((!fault.is_first()).then_some("--inject=fdatasync:error=EIO:when=1"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace starts");
        let mut said = String::new();
        let mut errors = BufReader::new(child.stderr.take().expect("piped"));
        errors.read_line(&mut said).expect("strace says something");
        assert!(said.contains("attached"), "{said}");
        Self { child, log }
    }

    fn has_struck(&self, fault: Fault) -> bool {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let mut lines = text.lines();
        lines.any(|line| line.contains("INJECTED") && line.starts_with(fault.call))
    }

    /// Detaches; what was called.
    fn end(mut self) -> Vec<String> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a number"), Signal::TERM).unwrap_or_default();
        drop(self.child.wait());
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

/// A handle whose sync failed must be closed before a sync of that number counts again.
fn assert_no_retry_on_the_same_handle(log: &[String]) {
    let mut failed: BTreeMap<String, String> = BTreeMap::new();
    for line in log {
        let Some((call, rest)) = line.split_once('(') else {
            continue;
        };
        let handle = rest.split([',', ')']).next().unwrap_or_default().to_owned();
        match call {
            "close" => drop(failed.remove(&handle)),
            "fsync" | "fdatasync" if line.contains("INJECTED") => {
                failed.insert(handle, line.clone());
            }
            "fsync" | "fdatasync" => {
                let before = failed.get(&handle);
                assert!(
                    before.is_none(),
                    "{before:?}, and then on the same handle {line}"
                );
            }
            _ => {}
        }
    }
}

struct Rig {
    daemon: TestDaemon,
    project: Workspace,
    /// What was answered as durable: the head, and what the file was.
    durable: Vec<(u64, String)>,
}

impl Rig {
    fn status(&self) -> Value {
        self.daemon.aft_json(self.project.root(), &["status"])
    }

    /// Writes a new version and asks for durability; whether it was promised.
    fn save(&mut self, connection: &mut Connection, text: &str) -> bool {
        self.project.save("f", text);
        let workspace = self.project.root().to_str().expect("UTF-8");
        let start = Instant::now();
        let answer = connection.call("sync", &json!({"workspace": workspace, "durable": true}));
        assert!(
            start.elapsed() < NO_HANG,
            "an answer took {:?}",
            start.elapsed()
        );
        match answer {
            Ok(answer) if answer["durable"] == true => {
                let head = answer["head"].as_u64().expect("a head");
                self.durable.push((head, text.to_owned()));
                true
            }
            Ok(_) => false,
            Err(error) => {
                assert!(error["data"]["kind"].is_string(), "{error}");
                false
            }
        }
    }

    #[track_caller]
    fn one(&mut self, n: usize, fault: Fault, log: &Path) -> bool {
        let mut connection = self.daemon.control();
        let pid = self.daemon.pid().expect("a daemon");
        let failing = Failing::attach(pid, fault, log.join(format!("{n}.log")));
        for round in 0..3 {
            let promised = self.save(&mut connection, &format!("{n} {round}\n"));
            assert!(
                !(promised && fault.forbids_promises()),
                "{fault:?}: a promise nobody can keep"
            );
        }
        // What follows a failed sync comes when the writer tries again.
        let start = Instant::now();
        while !fault.is_first() && !failing.has_struck(fault) && start.elapsed() < TRIES_AGAIN {
            let promised = self.save(&mut connection, &format!("{n} more\n"));
            assert!(!(promised && fault.forbids_promises()), "{fault:?}: kept?");
        }
        if fault.forbids_promises() {
            wait_until(MENDED, "the error is shown", || {
                self.status()["sync"]["state"] == "error"
            });
            let root = self.project.root();
            let refused = self.daemon.aft_in(root, &["checkpoint", &format!("c{n}")]);
            assert_ne!(refused.status, 0, "{fault:?}: {}", refused.stdout);
        }
        let struck = failing.has_struck(fault);
        let calls = failing.end();
        wait_until(MENDED, "it goes on by itself", || {
            self.save(&mut connection, &format!("{n} well again\n"))
        });
        wait_until(MENDED, "it is saved", || {
            self.status()["sync"]["state"] == "saved"
        });
        assert_no_retry_on_the_same_handle(&calls);
        let check = self
            .daemon
            .aft_json(self.project.root(), &["check", "--read-data"]);
        assert_eq!(check["ok"], true, "{fault:?}: {check}");
        struck
    }

    /// Every promise is kept by the process that comes after a killed one.
    #[track_caller]
    fn assert_promises(&mut self) {
        self.daemon.kill();
        self.daemon.run();
        for (head, text) in &self.durable {
            let at = head.to_string();
            let output = self
                .daemon
                .aft_in(self.project.root(), &["cat", "f", "--at", &at]);
            assert_eq!(output.stdout, *text, "at {at}: {}", output.stderr);
        }
        let check = self
            .daemon
            .aft_json(self.project.root(), &["check", "--read-data"]);
        assert_eq!(check["ok"], true, "{check}");
        assert!(
            !self.daemon.printed().contains("panicked"),
            "{}",
            self.daemon.printed()
        );
    }
}

#[test]
fn a_failing_disk_is_told_and_nothing_false_is_promised() {
    if !crate::rollback::strace::is_there() {
        return;
    }
    let mut rng = Rng::new(seed("failing disk"));
    let mut all = faults();
    let mut chosen = vec![Fault {
        call: "fdatasync",
        error: "EIO",
        once_at: None,
    }];
    chosen.push(Fault {
        once_at: Some(1),
        ..chosen[0]
    });
    let sample = if heavy() { all.len() } else { SAMPLE };
    for _ in 0..sample {
        chosen.push(all.swap_remove(rng.index(all.len())));
    }
    let log = tempfile::tempdir().expect("a directory");
    let mut rig = Rig {
        daemon: TestDaemon::start(),
        project: Workspace::from_fixture("//- /f\n0\n"),
        durable: Vec::new(),
    };
    drop(
        rig.daemon
            .aft_in(rig.project.root(), &["watch", "--detach"])
            .ok(),
    );
    let mut struck = 0;
    for (n, fault) in chosen.into_iter().enumerate() {
        let start = Instant::now();
        let hit = rig.one(n, fault, log.path());
        println!("{fault:?}: struck {hit}, {:?}", start.elapsed());
        struck += usize::from(hit);
    }
    assert!(struck >= 2, "only {struck} faults struck");
    rig.assert_promises();
}
